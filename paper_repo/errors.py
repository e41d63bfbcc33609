"""The exceptions that this library raises.

PaperRepoError
├── SessionNotFoundError (LookupError)
├── ConflictError
│   └── ClaimLostError
├── InvalidSessionError (ValueError)
│   └── DuplicateFillError
├── InvalidTransitionError
├── ArchiveError (ValueError)
├── SourceFileError (ValueError)
├── TransactionError
│   └── TransactionOwnershipError
├── RepositoryClosedError
└── StorageError
    ├── BusyError (TimeoutError)
    ├── ReadOnlyError
    ├── DiskFullError
    ├── CorruptDatabaseError
    │   └── CorruptRecordError
    ├── SchemaVersionError
    ├── ForeignDatabaseError
    └── WrongPassphraseError
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

__all__ = [
    "ArchiveError",
    "BusyError",
    "ClaimLostError",
    "ConflictError",
    "CorruptDatabaseError",
    "CorruptRecordError",
    "DiskFullError",
    "DuplicateFillError",
    "ForeignDatabaseError",
    "InvalidSessionError",
    "InvalidTransitionError",
    "PaperRepoError",
    "ReadOnlyError",
    "RepositoryClosedError",
    "SchemaVersionError",
    "SessionNotFoundError",
    "SourceFileError",
    "StorageError",
    "TransactionError",
    "TransactionOwnershipError",
    "WrongPassphraseError",
]


class PaperRepoError(Exception):
    """The root of all errors of this library."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class SessionNotFoundError(PaperRepoError, LookupError):
    """No session has this id."""

    def __init__(self, session_id: str, hint: str = "") -> None:
        self.session_id = session_id
        super().__init__(f"there is no session {session_id!r}{hint and '; ' + hint}")


class ConflictError(PaperRepoError):
    """The session was changed, deleted or created by someone else since it was loaded; nothing was written.

    `expected` is the version of the session object (0 if it was never saved), `actual` the stored version (None if no
    such session is stored).
    """

    def __init__(self, session_id: str, expected: int, actual: int | None) -> None:
        self.session_id = session_id
        self.expected = expected
        self.actual = actual
        super().__init__(f"session {session_id!r} was not saved: {self._what()}")

    def _what(self) -> str:
        if self.actual is None:
            return (
                f"it was loaded at version {self.expected} and has been deleted since; "
                "to store it again, save it under a new id (fresh_copy) or set its version to 0"
            )
        if self.expected == self.actual:
            return (
                "the version that it was loaded as has been rolled back or deleted since, and a different version "
                f"{self.actual} is stored now; {_LOAD_AGAIN}"
            )
        if self.expected == 0:
            return (
                f"a session with this id is already stored (version {self.actual}); "
                "load it with get_by_id, or choose another id"
            )
        return f"it was loaded at version {self.expected} and is at version {self.actual} now; {_LOAD_AGAIN}"


_LOAD_AGAIN = (
    "load it again with get_by_id(), book the new fills and payments that get_unrecorded() returns, "
    "repeat your other changes, and save it"
)


class ClaimLostError(ConflictError):
    """The claim on the session was lost: it expired and another worker took the session, or it was released.

    `worker` had the claim, `owner` has it now (None if nobody has). Stop working on the session.
    """

    def __init__(
        self, session_id: str, worker: str, owner: str | None, expected: int = 0, actual: int | None = None
    ) -> None:
        self.worker = worker
        self.owner = owner
        super().__init__(session_id, expected, actual)

    def _what(self) -> str:
        now = "nobody has it now" if self.owner is None else f"{self.owner!r} has it now"
        return f"worker {self.worker!r} has lost its claim on it, and {now}; stop working on it"


class InvalidSessionError(PaperRepoError, ValueError):
    """A session holds a value that is not allowed; `messages` has the reasons by path (`strategy.parameters.fast`)."""

    def __init__(self, messages: Mapping[str, Sequence[str]], session_id: str | None = None) -> None:
        self.messages: dict[str, list[str]] = {path: list(texts) for path, texts in messages.items()}
        self.session_id = session_id
        where = "" if session_id is None else f"session {session_id!r}: "
        super().__init__(where + "; ".join(f"{path}: {' '.join(texts)}" for path, texts in self.messages.items()))

    def within(self, part: str) -> Self:
        """This error, with a message that names the part of a session that was to be made, such as a fill."""
        self.args: tuple[object, ...] = (f"{part}: {self}",)
        return self


class DuplicateFillError(InvalidSessionError):
    """Fills, or ledger entries, that the session has booked are stored already, so its books count them twice.

    Nothing was stored. Discard the session object, load the session again with `get_by_id`, book what `get_unrecorded`
    returns, and save it. `fills` has the symbol and the id of each fill, `entries` the ids of cash flows, splits and
    changes of symbols.
    """

    def __init__(self, session_id: str, fills: Sequence[tuple[str, str]], entries: Sequence[str] = ()) -> None:
        self.fills: tuple[tuple[str, str], ...] = tuple(fills)
        self.entries: tuple[str, ...] = tuple(entries)
        messages = {f"new_fills.{fill_id}": [_BOOKED_TWICE.format(symbol)] for symbol, fill_id in fills}
        messages |= {f"new_ledger_entries.{entry_id}": [_ENTRY_BOOKED_TWICE] for entry_id in entries}
        super().__init__(messages, session_id)
        self.args: tuple[object, ...] = (f"{self.args[0]} {_NOT_AGAIN}",)


_BOOKED_TWICE = "a fill of {} with this id is stored already, and another was booked."
_ENTRY_BOOKED_TWICE = "a ledger entry with this id is stored already, and another was booked."
_NOT_AGAIN = (
    "Nothing was stored. Load the session again with get_by_id(), book what get_unrecorded() returns of the broker's "
    "report, and save it."
)


class InvalidTransitionError(PaperRepoError):
    """The session's present status does not allow this step."""


class ArchiveError(PaperRepoError, ValueError):
    """An archive cannot be read; `line` is the number of the faulty line, from 1. Nothing was stored."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {problem}")


class SourceFileError(PaperRepoError, ValueError):
    """A file of another program cannot be imported as it is; nothing was stored.

    The message says what to do. `file`, `row` (from 1), `column` and `fill_id` say where it is, as far as they are
    known; `option` names the refused case that `allow` would let through, if there is one.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
        fill_id: str | None = None,
        option: str | None = None,
    ) -> None:
        self.problem = problem
        self.file: str | None = file
        self.row: int | None = row
        self.column: str | None = column
        self.fill_id: str | None = fill_id
        self.option: str | None = option
        named = [file] if file else []
        named += [f"row {row}"] if row is not None else []
        named += [f"column {column!r}"] if column else []
        named += [f"fill {fill_id!r}"] if fill_id else []
        super().__init__(f"{', '.join(named)}: {problem}" if named else problem)


class TransactionError(PaperRepoError):
    """A transaction was used in a way that is not possible."""


class TransactionOwnershipError(TransactionError):
    """A task that was started inside another task's transaction used the repository before it ended."""


class RepositoryClosedError(PaperRepoError):
    """The repository was closed before this call."""


class StorageError(PaperRepoError):
    """The database could not do what was asked."""


class BusyError(StorageError, TimeoutError):
    """Another writer held the database for longer than the busy timeout; repeating the call is safe."""


class ReadOnlyError(StorageError):
    """The file or its folder cannot be written; reading still works."""


class DiskFullError(StorageError):
    """The disk has no room; nothing was written, and the call can be repeated when there is room."""


class CorruptDatabaseError(StorageError):
    """The file is damaged."""


class CorruptRecordError(CorruptDatabaseError):
    """One stored session cannot be read; `session_id` names it. Other sessions are not affected."""

    def __init__(self, message: str, session_id: str | None = None) -> None:
        self.session_id = session_id
        super().__init__(message)


class SchemaVersionError(StorageError):
    """The file was written by a newer version of this library than the one that opens it."""


class ForeignDatabaseError(StorageError):
    """The file belongs to another program, or is not a database; it was not touched."""


class WrongPassphraseError(StorageError):
    """The passphrase does not open the file: it is wrong, the file is not encrypted, or its first page is damaged.

    SQLCipher cannot tell a wrong passphrase from a damaged first page. Damage elsewhere is a `CorruptDatabaseError`.
    """


def _restore(kind: type[PaperRepoError], args: tuple[object, ...], state: dict[str, object]) -> PaperRepoError:
    """Unpickle an error whose constructor does not take its message: process pools send errors this way."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
