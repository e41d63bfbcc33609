"""The rows of a session's history, and the entities that they describe; each row has a checksum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from paper_repo.domain import CashFlow, EquityPoint, Fill, LedgerEntry, Order, Split, SymbolChange
from paper_repo.errors import CorruptRecordError, InvalidSessionError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data
from paper_repo.storage.base import Storage
from paper_repo.storage.checksums import Checksum
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import LATER_FILL_COLUMNS, Row

T = TypeVar("T")


def sealing(checksum: Callable[[Sequence[Any]], int], place: int) -> Callable[[list[Any]], list[Any]]:
    """A function that puts the checksum of a row at its place in it."""

    def seal(row: list[Any]) -> list[Any]:
        row[place] = checksum(row)
        return row

    return seal


def fill_values(session_id: str, sequence: int, data: Data) -> list[Any]:
    """The row of a fill without its checksum, in the order of the columns of its table."""
    if len(data) == len(_FILL_NAMES):
        return [session_id, sequence, *data.values(), None, *_NOTHING_LATER]
    row = {"session_id": session_id, "sequence": sequence, "checksum": None, **_NO_MORE, **data}
    if row["metadata"] is not None:
        row["metadata"] = fast.to_json(row["metadata"])
    return [session_id, sequence, *_fill_values_of(row), None, *_fill_later(row)]


def fill_row(storage: Storage, session_id: str, sequence: int, data: Data) -> Row:
    """The row of a fill at this place in the history."""
    row = {"session_id": session_id, "sequence": sequence, **data}
    if len(data) == len(_FILL_NAMES):
        row["checksum"] = storage.statements.fill_checksum.of_plain(row)
        return row
    row = {**_NO_MORE, **row}
    return _sealed(row, storage.statements.fill_checksum)


def insert_fill(statements: Statements, row: Row) -> Statement:
    """The statement that inserts this row of a fill."""
    return statements.insert_fill if "metadata" in row else statements.insert_plain_fill


def point_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of an equity point, whose place the database finds."""
    row = {"session_id": session_id, **data}
    row["checksum"] = storage.statements.equity_checksum.of(row)
    return row


def entry_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of a ledger entry, whose place the database finds."""
    row = {"session_id": session_id, **_NO_ENTRY, **data}
    if row["kind"] is None:
        row["kind"] = "SPLIT" if row["ratio"] is not None else "SYMBOL_CHANGE"
    return _sealed(row, storage.statements.ledger_checksum)


def order_row(storage: Storage, session_id: str, data: Data) -> Row:
    """The row of a closed order, whose place the database finds."""
    row = {"session_id": session_id, **_NO_ORDER, **data}
    for flag in ("reduce_only", "post_only"):
        row[flag] = row[flag] and int(row[flag])
    return _sealed(row, storage.statements.order_checksum)


def _sealed(row: Row, checksum: Checksum) -> Row:
    if row["metadata"] is not None:
        row["metadata"] = fast.to_json(row["metadata"])
    row["checksum"] = checksum.of(row)
    return row


_NO_MORE: Row = dict.fromkeys(LATER_FILL_COLUMNS)
_NO_ENTRY: Row = dict.fromkeys(
    ("kind", "amount", "currency", "symbol", "rate", "ratio", "per", "new_symbol", "metadata")
)
_NO_ORDER: Row = dict.fromkeys(schemas.defaults_of(Order)) | {"status": "OPEN"}
_ENTRY_KINDS: dict[str, type[Any]] = {"SPLIT": Split, "SYMBOL_CHANGE": SymbolChange}


def entry(storage: Storage, row: Sequence[Any], checked: bool = True) -> tuple[int, LedgerEntry]:
    """The ledger entry that a whole row describes, and the number of fills that were booked before it."""
    stored = dict(zip(storage.statements.ledger_columns, row, strict=True))
    kind = _ENTRY_KINDS.get(stored["kind"], CashFlow)
    found: LedgerEntry = load(kind, _plain(kind, stored), row[0])
    if checked:
        require_unchanged(storage, stored, storage.statements.ledger_checksum, stored["checksum"], row[0])
    return stored["after_fill"], found


def order(storage: Storage, row: Sequence[Any], checked: bool = True) -> Order:
    """The closed order that a whole row describes."""
    stored = dict(zip(storage.statements.order_columns, row, strict=True))
    for flag in ("reduce_only", "post_only"):
        stored[flag] = True if stored[flag] == 1 else stored[flag]
    found = load(Order, _plain(Order, stored), row[0])
    stored |= {flag: stored[flag] and int(stored[flag]) for flag in ("reduce_only", "post_only")}
    if checked:
        require_unchanged(storage, stored, storage.statements.order_checksum, stored["checksum"], row[0])
    return found


def _plain(kind: type[Any], stored: Row) -> Data:
    """The plain data of an entity whose columns are `stored`: what is NULL is left out where it may be."""
    optional = schemas.defaults_of(kind)
    names = schemas.fields_of(kind)
    data = {name: stored[name] for name in names if name not in optional or stored[name] is not None}
    return _with_metadata(data, stored["session_id"])


def _with_metadata(data: Data, session_id: str) -> Data:
    """The same data, in which the metadata is no text any more."""
    if "metadata" in data:
        try:
            data["metadata"] = fast.from_json(data["metadata"])
        except (TypeError, ValueError) as error:
            raise corrupt(session_id, f"metadata: {error}") from error
    return data


def fill(storage: Storage, row: Sequence[Any], checked: bool = True) -> Fill:
    """The fill that a whole row describes; not `checked`: whatever its checksum is.

    Raises:
        CorruptRecordError: it does not describe one, or its checksum is wrong; so for `point`.
    """
    data = dict(zip(_FILL_NAMES, row[FILL_DATA], strict=True))
    later = tuple(row[FILL_CHECKSUM + 1 :])
    if later != _NOTHING_LATER:
        pairs = zip(LATER_FILL_COLUMNS, later, strict=True)
        data |= _with_metadata({name: value for name, value in pairs if value is not None}, row[0])
    found = load(Fill, data, row[0])
    if checked and storage.keeps_text and storage.statements.checksum_of_fill(row) != row[FILL_CHECKSUM]:
        raise changed(row[0])
    return found


def point(storage: Storage, row: Sequence[Any], checked: bool = True) -> EquityPoint:
    """The equity point that a whole row describes."""
    found = load(EquityPoint, dict(zip(_POINT_NAMES, row[POINT_DATA], strict=True)), row[0])
    if checked and storage.keeps_text and storage.statements.checksum_of_point(row) != row[POINT_CHECKSUM]:
        raise changed(row[0])
    return found


def plain_fill(storage: Storage, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The data of a fill without rarely used fields, in order; None for others, and where the checksum is wrong."""
    if not storage.keeps_text or row[FILL_CHECKSUM + 1 :] != _NOTHING_LATER:
        return None
    return row[FILL_DATA] if row[FILL_CHECKSUM] == storage.statements.checksum_of_fill(row) else None


def plain_point(storage: Storage, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The same for an equity point."""
    is_as_written = storage.keeps_text and row[POINT_CHECKSUM] == storage.statements.checksum_of_point(row)
    return row[POINT_DATA] if is_as_written else None


_FILL_NAMES = tuple(name for name in schemas.fields_of(Fill) if name not in LATER_FILL_COLUMNS)
_fill_values_of = itemgetter(*_FILL_NAMES)
_fill_later = itemgetter(*LATER_FILL_COLUMNS)
_NOTHING_LATER = (None,) * len(LATER_FILL_COLUMNS)
_POINT_NAMES = tuple(schemas.fields_of(EquityPoint))
# In a whole row the session's id and the place come first, then the data, the checksum, and what came later.
FILL_CHECKSUM, POINT_CHECKSUM = 2 + len(_FILL_NAMES), 2 + len(_POINT_NAMES)
FILL_DATA, POINT_DATA = slice(2, FILL_CHECKSUM), slice(2, POINT_CHECKSUM)


def require_unchanged(storage: Storage, row: Row, checksum: Checksum, expected: object, session_id: str) -> None:
    """Raise a `CorruptRecordError` where a row is not what was written; only where rows come back as they were."""
    if storage.keeps_text and checksum.of(row) != expected:
        raise changed(session_id)


def changed(session_id: str) -> CorruptRecordError:
    """The error of a row that is not what was written."""
    return corrupt(session_id, "its checksum is wrong: it is damaged, or was changed by another program")


def load(kind: type[T], data: Data, session_id: str) -> T:
    """The entity that a row of this session describes.

    Raises:
        CorruptRecordError: it does not describe one.
    """
    try:
        return fast.load(kind, data)
    except InvalidSessionError as error:
        raise corrupt(session_id, str(error)) from error


def corrupt(session_id: str, problem: str) -> CorruptRecordError:
    """The error of a session that is stored and cannot be read."""
    return CorruptRecordError(f"session {session_id!r} is stored but cannot be read: {problem}", session_id)
