"""Every exception that leaves this library.

PaperRepoError
├── SessionNotFoundError (LookupError)
├── ConflictError
│   └── ClaimLostError
├── InvalidSessionError (ValueError)
│   └── DuplicateFillError
├── InvalidTransitionError
├── ArchiveError (ValueError)
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
    "StorageError",
    "TransactionError",
    "TransactionOwnershipError",
    "WrongPassphraseError",
]


class PaperRepoError(Exception):
    """The root of all errors of this library."""


class SessionNotFoundError(PaperRepoError, LookupError):
    """There is no session with this id."""

    def __init__(self, session_id: str, hint: str = "") -> None:
        self.session_id = session_id
        super().__init__(f"there is no session {session_id!r}{hint and '; ' + hint}")

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class ConflictError(PaperRepoError):
    """Someone else changed, deleted or created the session since it was loaded; nothing was written.

    `expected` is the version the session object has (0: never saved), `actual` the stored one (None: it is not
    there, or not any more).
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
                f"what it was loaded as has been rolled back or deleted since, and version {self.actual} is another "
                f"one now; {_LOAD_AGAIN}"
            )
        if self.expected == 0:
            return (
                f"a session with this id is already stored (version {self.actual}); "
                "load it with get_by_id, or choose another id"
            )
        return f"it was loaded at version {self.expected} and is at version {self.actual} now; {_LOAD_AGAIN}"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


_LOAD_AGAIN = (
    "load it again with get_by_id(), apply those of the new fills that get_unrecorded() gives, "
    "repeat what else has changed, and save it"
)


class ClaimLostError(ConflictError):
    """The claim on the session was lost: its time ran out and another worker took it, or it was released.

    `worker` is who had it, `owner` who has it now (None: nobody). Stop working on the session: it is theirs.
    """

    def __init__(
        self, session_id: str, worker: str, owner: str | None, expected: int = 0, actual: int | None = None
    ) -> None:
        self.worker = worker
        self.owner = owner
        super().__init__(session_id, expected, actual)

    def _what(self) -> str:
        now = "nobody has it now" if self.owner is None else f"{self.owner!r} has it now"
        return f"the claim of {self.worker!r} on it was lost, and {now}; stop working on it"


class InvalidSessionError(PaperRepoError, ValueError):
    """A value that a session cannot hold; `messages` tells what is wrong, by path (`strategy.parameters.window`)."""

    def __init__(self, messages: Mapping[str, Sequence[str]], session_id: str | None = None) -> None:
        self.messages = {path: list(texts) for path, texts in messages.items()}
        self.session_id = session_id
        where = "" if session_id is None else f"session {session_id!r}: "
        super().__init__(where + "; ".join(f"{path}: {' '.join(texts)}" for path, texts in self.messages.items()))

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class DuplicateFillError(InvalidSessionError):
    """Fills that `apply_fill` has booked are stored already: the session's cash and positions count them twice.

    Nothing was stored, and the session is as it was, which is wrong: load it again with `get_by_id`, take from the
    broker's fills those that `get_unrecorded` gives, apply these, and save. `fills` names them, each by its symbol and
    its id.
    """

    def __init__(self, session_id: str, fills: Sequence[tuple[str, str]]) -> None:
        self.fills = tuple(fills)
        super().__init__(
            {f"new_fills.{fill_id}": [_BOOKED_TWICE.format(symbol)] for symbol, fill_id in fills}, session_id
        )
        self.args = (f"{self.args[0]} {_NOT_AGAIN}",)


_BOOKED_TWICE = "this fill of {} is stored already and was booked again."
_NOT_AGAIN = (
    "Nothing was stored. Load the session again with get_by_id(), apply what get_unrecorded() gives of these fills, "
    "and save it."
)


class InvalidTransitionError(PaperRepoError):
    """The session's lifecycle does not allow this step from its present status."""


class ArchiveError(PaperRepoError, ValueError):
    """An archive cannot be read; `line` is the number of the line that is wrong, from 1. Nothing of it was stored."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {problem}")

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class TransactionError(PaperRepoError):
    """A transaction was used in a way that it does not allow."""


class TransactionOwnershipError(TransactionError):
    """Another task than the one that opened the transaction used the repository inside it."""


class RepositoryClosedError(PaperRepoError):
    """The repository was closed before this call."""


class StorageError(PaperRepoError):
    """The database could not do what was asked of it."""


class BusyError(StorageError, TimeoutError):
    """The database was in use by another writer for longer than the busy timeout; repeating the call is safe."""


class ReadOnlyError(StorageError):
    """The file or its folder cannot be written; reading works."""


class DiskFullError(StorageError):
    """There is no room left; nothing of this write is stored, and it can be repeated when there is room."""


class CorruptDatabaseError(StorageError):
    """The file is damaged."""


class CorruptRecordError(CorruptDatabaseError):
    """One stored session cannot be read; `session_id` names it. The others are not affected."""

    def __init__(self, message: str, session_id: str | None = None) -> None:
        self.session_id = session_id
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class SchemaVersionError(StorageError):
    """The file was written by a newer version of this library than the one that opens it."""


class ForeignDatabaseError(StorageError):
    """The file belongs to another program, or is no database; it was not touched."""


class WrongPassphraseError(StorageError):
    """The passphrase does not open the file: it is another one, or the file is not encrypted, or damaged at its start.

    SQLCipher cannot tell a wrong passphrase from a damaged first page. Damage behind that page is told as such.
    """


def _restore(kind: type[PaperRepoError], args: tuple[object, ...], state: dict[str, object]) -> PaperRepoError:
    """Unpickle an error whose constructor takes other arguments than its message (process pools send errors so)."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
