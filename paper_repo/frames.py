"""Stored sessions as Arrow tables, for pandas, polars, DuckDB and all that reads Arrow.

Each function gives a `pyarrow.Table` (`pip install 'paper_repo[frames]'`):

    from paper_repo import SessionRepository, frames

    with SessionRepository("sessions.db") as repository:
        curve = frames.equity(repository, session_id).to_pandas()

Amounts are 64-bit floats, which is what plots and statistics want; with `exact=True` they are decimals with every digit
(`decimal128` up to 38 digits, beyond that `decimal256`). An amount that no float holds, beyond 1E+308, is infinite as a
float. Times are timestamps in UTC, to the microsecond.

The tables are read in bulk, without making an entity of each row, and so without comparing the checksum of each:
`repository.check()` does that. A history with a part missing is refused, as the repository itself refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

try:
    import pyarrow as pa
    from pyarrow import csv
except ImportError as _error:
    raise ImportError("paper_repo.frames needs pyarrow: pip install 'paper_repo[frames]'") from _error

from paper_repo.core import history, history_rows
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import CashFlowKind, Order, PaperTradingSession
from paper_repo.domain.selection import Selection, StatusFilter, WhichOrders, check_which, resting
from paper_repo.errors import InvalidSessionError, SessionNotFoundError
from paper_repo.facade.repository import AsyncSessionRepository
from paper_repo.serialization.fields import instant_text
from paper_repo.storage import queries
from paper_repo.storage.base import Storage

Repository: TypeAlias = SessionRepository | AsyncSessionRepository
"""Either repository on a database. Reading blocks: in async code, call these functions in a thread."""

_TIME = pa.timestamp("us", "UTC")
_EQUITY_TYPES = (_TIME, pa.float64(), pa.float64())
_LARGEST_PRECISION, _USUAL_PRECISION = 76, 38

_Convert = Callable[[Sequence[Any]], "pa.Array"]


def sessions(
    repository: Repository,
    *,
    exact: bool = False,
    status: StatusFilter = None,
    strategy: str | None = None,
    symbol: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> pa.Table:
    """One row a session, the oldest first: what a list shows of it, and its books.

    Args:
        repository: where the sessions are.
        exact: amounts as decimals with every digit, not as floats.
        status, strategy, symbol, since, until: which sessions, as for `get_summaries`.
    """
    storage = internals_of(_core(repository)).storage
    kinds = _kinds(_SESSION_COLUMNS, exact)
    selection = Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until)
    query = queries.select_sessions(storage.statements.tables, selection, kinds)
    rows = storage.fetch_all(query)
    table = _table(kinds, [rows] if rows else [], "")
    return table.rename_columns({"position_count": "open_positions"})


def fills(repository: Repository, session_id: str, *, exact: bool = False) -> pa.Table:
    """The fills of a session in the order in which they were booked; `sequence` is the place of each.

    A fill with a time in `corrected_at` was taken out of the books and no longer counts; `replaces` names the fill that
    one stands for.

    Raises:
        SessionNotFoundError: there is no such session. (So do the functions below.)
    """
    storage = internals_of(_core(repository)).storage
    with storage.snapshot():
        table = _history(storage, storage.statements.tables.fills, _FILL_COLUMNS, session_id, exact)
        places = table["sequence"]
        ends = (places[0].as_py(), places[-1].as_py()) if len(places) else (0, 0)
        stored = storage.fetch_one(storage.statements.select_fill_count, {"id": session_id})
        if stored is None:
            raise SessionNotFoundError(session_id)
        if not history.are_all(storage, session_id, 0, ends, stored[0]):
            raise history.incomplete(session_id, ends, stored[0])
    return table


def equity(repository: Repository, session_id: str, *, exact: bool = False) -> pa.Table:
    """The equity curve of a session, in the order in which it was recorded: `at`, `cash` and `equity` of each point."""
    core = _core(repository)
    storage = internals_of(core).storage
    with core.reading():
        table = None if exact or not storage.keeps_text else _parsed_equity(storage, session_id)
        if table is not None:
            return table
        table = _history(storage, storage.statements.tables.equity, _EQUITY_COLUMNS, session_id, exact)
        if not len(table) and not core.exists(session_id):
            raise SessionNotFoundError(session_id)
    if len(table) and table["sequence"][0].as_py() != 1:
        raise history_rows.corrupt(session_id, f"{history.INCOMPLETE}: equity point 1 is not there")
    return table.drop_columns("sequence")


def _parsed_equity(storage: Storage, session_id: str) -> pa.Table | None:
    """The equity curve out of lines of text, in a third of the time; None where the other way is needed to read it."""
    columns = tuple(_EQUITY_COLUMNS)
    lines = list(history.read_lines(storage, storage.statements.tables.equity, session_id, columns))
    try:
        table = csv.read_csv(
            pa.BufferReader("\n".join(lines).encode()),
            csv.ReadOptions(column_names=list(columns[1:]), use_threads=False),
            csv.ParseOptions(quote_char=False),
            csv.ConvertOptions(column_types=dict(zip(columns[1:], _EQUITY_TYPES, strict=True)), null_values=[""]),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None  # there is no point, or one that is damaged
    return None if table["at"].null_count or table["equity"].null_count else table


def trades(repository: Repository, session_id: str, *, exact: bool = False) -> pa.Table:
    """The closed trades of a session (see `paper_repo.trades`); `slices` is how many round trips each is made of."""
    return _table_of(_core(repository).get_trades(session_id), _TRADE_COLUMNS, exact, session_id)


def orders(repository: Repository, session_id: str, *, which: WhichOrders = "all", exact: bool = False) -> pa.Table:
    """The orders of a session, as `get_orders` gives them: first the closed ones, then the open ones.

    Args:
        repository: where the session is.
        session_id: the session.
        which: "all" (the default), "closed" or "open".
        exact: amounts as decimals with every digit, not as floats.
    """
    check_which(which)
    core = _core(repository)
    storage = internals_of(core).storage
    with core.reading():
        session = _found(core, session_id)
        pages: list[list[tuple[Any, ...]]] = []
        if which != "open":
            table = storage.statements.tables.orders
            pages = _pages(storage, table, _ORDER_COLUMNS, session_id, session.closed_order_count)
        if which != "closed" and session.open_orders:
            pages.append([_open_order(each) for each in resting(session)])
    return _table(_kinds(_ORDER_COLUMNS, exact), pages, session_id).drop_columns("sequence")


def cash_flows(repository: Repository, session_id: str, *, exact: bool = False) -> pa.Table:
    """The cash flows of a session in the order in which they were booked.

    Money that came in is above zero. Without a `currency` it is in the base currency of the session; `rate` is the
    price of one unit of another currency.
    """
    core = _core(repository)
    storage = internals_of(core).storage
    with core.reading():
        session = _found(core, session_id)
        table = storage.statements.tables.ledger
        pages = _pages(storage, table, _CASH_FLOW_COLUMNS, session_id, session.ledger_count)
    flows = [found for rows in pages if (found := [row for row in rows if row[_KIND] in _FLOW_KINDS])]
    return _table(_kinds(_CASH_FLOW_COLUMNS, exact), flows, session_id).drop_columns("sequence")


def _found(core: SessionRepository, session_id: str) -> PaperTradingSession:
    session = core.get_by_id(session_id)
    if session is None:
        raise SessionNotFoundError(session_id)
    return session


def _core(repository: Repository) -> SessionRepository:
    if isinstance(repository, AsyncSessionRepository):
        return repository.core
    if isinstance(repository, SessionRepository):
        return repository
    raise TypeError(f"frames are read from a SessionRepository or its async facade, not from {repository!r}")


# Columns, each with what is made of the values in the rows


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string())


def _counts(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.int64())


def _times(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string()).cast(_TIME)


def _moments(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, _TIME)


def _spans(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.duration("us"))


def _lists(values: Sequence[Any]) -> pa.Array:
    return pa.array([json.loads(each) for each in values], pa.list_(pa.string()))


def _flags(values: Sequence[Any]) -> pa.Array:
    return pa.array([bool(each) for each in values], pa.bool_())


def _floats(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string()).cast(pa.float64())


def _decimals(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if each is None else Decimal(each) for each in values])


def _amounts(values: Sequence[Any]) -> pa.Array:
    """Stands for one of the two above."""
    raise NotImplementedError


_SESSION_COLUMNS: dict[str, _Convert] = {
    **dict.fromkeys(("id", "name", "strategy_name", "status", "base_currency"), _texts),
    "symbols": _lists,
    **dict.fromkeys(("initial_cash", "cash", "equity", "net_pnl", "realized_pnl", "fees_paid"), _amounts),
    **dict.fromkeys(("position_count", "fill_count", "version"), _counts),
    **dict.fromkeys(("created_at", "started_at", "stopped_at", "updated_at"), _times),
    "error": _texts,
}
_FILL_COLUMNS: dict[str, _Convert] = {
    "sequence": _counts,
    **dict.fromkeys(("id", "symbol", "side"), _texts),
    **dict.fromkeys(("quantity", "price", "fee"), _amounts),
    "executed_at": _times,
    **dict.fromkeys(("order_id", "fee_currency", "position_id"), _texts),
    "corrected_at": _times,
    "replaces": _texts,
}
_EQUITY_COLUMNS: dict[str, _Convert] = {"sequence": _counts, "at": _times, "cash": _amounts, "equity": _amounts}
_TRADE_COLUMNS: dict[str, _Convert] = {
    **dict.fromkeys(("symbol", "side"), _texts),
    **dict.fromkeys(("quantity", "entry_price", "exit_price"), _amounts),
    **dict.fromkeys(("entry_at", "exit_at"), _moments),
    "duration": _spans,
    **dict.fromkeys(("pnl", "fees", "net_pnl"), _amounts),
    "slices": lambda values: _counts([len(each) for each in values]),
    "currency": _texts,
    "multiplier": _amounts,
    "position_id": _texts,
}
_ORDER_COLUMNS: dict[str, _Convert] = {
    "sequence": _counts,
    **dict.fromkeys(("id", "symbol", "side", "type", "status"), _texts),
    **dict.fromkeys(("quantity", "filled_quantity", "limit_price", "stop_price"), _amounts),
    **dict.fromkeys(("trail_amount", "trail_percent"), _amounts),
    "time_in_force": _texts,
    **dict.fromkeys(("created_at", "expires_at", "closed_at"), _times),
    **dict.fromkeys(("reduce_only", "post_only"), _flags),
    **dict.fromkeys(("parent_id", "oco_group", "position_id"), _texts),
}
_CASH_FLOW_COLUMNS: dict[str, _Convert] = {
    "sequence": _counts,
    **dict.fromkeys(("id", "kind"), _texts),
    "amount": _amounts,
    "at": _times,
    **dict.fromkeys(("currency", "symbol"), _texts),
    "rate": _amounts,
}
_KIND = list(_CASH_FLOW_COLUMNS).index("kind")
_FLOW_KINDS = frozenset(CashFlowKind)
"""The others in the ledger are splits and changes of symbols."""


def _kinds(columns: dict[str, _Convert], exact: bool) -> dict[str, _Convert]:
    amounts = _decimals if exact else _floats
    return {name: amounts if convert is _amounts else convert for name, convert in columns.items()}


# Tables


def _history(storage: Storage, table: Any, columns: dict[str, _Convert], session_id: str, exact: bool) -> pa.Table:
    kinds = _kinds(columns, exact)
    return _table(kinds, history.read_rows(storage, table, session_id, tuple(kinds)), session_id)


def _pages(
    storage: Storage, table: Any, columns: Iterable[str], session_id: str, count: int
) -> list[list[tuple[Any, ...]]]:
    """The plain rows of a history of which the session has this number, if none of them is missing."""
    pages = list(history.read_rows(storage, table, session_id, tuple(columns)))
    places = (pages[0][0][0], pages[-1][-1][0]) if pages else (1, 0)
    if places != (1, count):
        name = table._meta.table_name
        raise history_rows.corrupt(session_id, f"{history.INCOMPLETE}: it counts {count} rows of {name}")
    return pages


def _open_order(order: Order) -> tuple[Any, ...]:
    """The row that an order would have among the closed ones."""
    values = (getattr(order, name, None) for name in _ORDER_COLUMNS)
    return tuple(instant_text(each) if isinstance(each, datetime) else _plain(each) for each in values)


def _table_of(found: Sequence[Any], columns: dict[str, _Convert], exact: bool, session_id: str) -> pa.Table:
    """One row for each of these entities."""
    kinds = _kinds(columns, exact)
    rows = [tuple(_plain(getattr(each, name)) for name in kinds) for each in found]
    return _table(kinds, [rows] if rows else [], session_id)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _table(kinds: dict[str, _Convert], pages: Iterable[list[tuple[Any, ...]]], session_id: str) -> pa.Table:
    chunks: dict[str, list[pa.Array]] = {name: [] for name in kinds}
    for rows in pages:
        for (name, convert), values in zip(kinds.items(), zip(*rows, strict=True), strict=True):
            try:
                chunks[name].append(convert(values))
            except (ValueError, InvalidOperation) as error:
                raise _unreadable(convert, name, session_id, error) from error
    columns = {name: _column(chunks[name], convert, name, session_id) for name, convert in kinds.items()}
    return pa.table(columns).combine_chunks()


def _unreadable(convert: _Convert, name: str, session_id: str, error: Exception) -> Exception:
    """What is said of values that are no column: they are too long for a decimal, or not what they should be."""
    if convert is _decimals and isinstance(error, pa.ArrowInvalid):
        return _too_long(name, session_id)
    return history_rows.corrupt(session_id, f"{name}: {error}")


def _column(chunks: list[pa.Array], convert: _Convert, name: str, session_id: str) -> pa.ChunkedArray:
    if not chunks:
        chunks = [convert([])]
    if convert is _decimals:
        kind = _decimal_type([chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)], name, session_id)
        chunks = [chunk.cast(kind) for chunk in chunks]
    return pa.chunked_array(chunks)


def _decimal_type(found: Sequence[Any], name: str, session_id: str) -> pa.DataType:
    """The decimals that hold all that these do."""
    scale = max((each.scale for each in found), default=0)
    precision = scale + max((each.precision - each.scale for each in found), default=0)
    if precision <= _USUAL_PRECISION:
        return pa.decimal128(_USUAL_PRECISION, scale)
    if precision <= _LARGEST_PRECISION:
        return pa.decimal256(_LARGEST_PRECISION, scale)
    raise _too_long(name, session_id)


def _too_long(name: str, session_id: str) -> InvalidSessionError:
    message = (
        f"the column needs more than {_LARGEST_PRECISION} digits, more than Arrow keeps; take floats (exact=False), "
        "or the entities from the repository."
    )
    return InvalidSessionError({name: [message]}, session_id or None)
