"""What a broker has done while nobody listened, booked once:

    report = reconcile(repository, session, source)     # async_reconcile with an awaitable repository
    print(report)

A source is asked for everything since shortly before the last stored fill. What is stored already is found in one
query; the rest is booked in the order of time and saved in one transaction. What cannot be booked, and where the
broker's orders, positions or cash differ from the session's, is in the report.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import anyio.to_thread

from paper_repo import (
    CashFlow,
    Fill,
    InvalidSessionError,
    IPaperTradingSessionRepository,
    LedgerEntry,
    Order,
    PaperTradingSession,
    SessionRepository,
    Split,
    SyncInMemorySessionRepository,
)
from paper_repo.engines.closing import close_like
from paper_repo.engines.statement import Difference, Statement, differences

OVERLAP = timedelta(days=3)
"""How long before the last stored fill the question begins: brokers report some fills and fees late."""


class Source(Protocol):
    """A broker to ask, by blocking calls."""

    def ask(self, since: datetime, resting: Sequence[Order]) -> Statement:
        """Everything since this time, and the state of the orders that rest in the session."""


class AsyncSource(Protocol):
    """A broker to ask, by awaitable calls."""

    async def ask(self, since: datetime, resting: Sequence[Order]) -> Statement:
        """Everything since this time, and the state of the orders that rest in the session."""


@dataclass
class Reconciliation:
    """What a reconciliation has booked (`fills`, `entries`, `closed_orders`), and what it has not.

    - `stored`: how many of the fills and entries were stored already.
    - `left_out`: what was not booked, each with its reason.
    - `differences`: where the broker's orders, positions or cash differ from the session's, afterwards.
    """

    since: datetime | None = None
    fills: list[Fill] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    closed_orders: list[Order] = field(default_factory=list)
    stored: int = 0
    left_out: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether all that was received is booked, and the broker's orders, positions and cash are the session's."""
        return not self.left_out and not self.differences

    def __str__(self) -> str:
        booked = f"fills booked: {len(self.fills)}, payments booked: {len(self.entries)}, stored already: {self.stored}"
        lines = [f"{booked}, orders closed: {len(self.closed_orders)}"]
        lines += [f"left out: {each}" for each in self.left_out]
        lines += [f"differs: {each}" for each in self.differences]
        return "\n".join(lines)


SyncRepository = SessionRepository | SyncInMemorySessionRepository


def reconcile(
    repository: SyncRepository,
    session: PaperTradingSession,
    source: Source,
    *,
    overlap: timedelta = OVERLAP,
    since: datetime | None = None,
) -> Reconciliation:
    """Book what the broker has done since the last stored fill, once, and save the session.

    Fills of orders that rest update them; orders that the broker has closed are closed. All of it is saved in one
    transaction, or nothing: an error while booking leaves `session` as it was. When the save fails, the new fills wait
    in `session.new_fills`, and calling this again is right; after a `ConflictError` load the session first.

    Args:
        repository: where the session is stored.
        session: as it was loaded or saved last; what waits in it is saved too.
        source: the broker.
        overlap: how long before the last stored fill to begin.
        since: when to begin instead. What happened before the session began is never booked, unless this says so.

    Raises:
        ConflictError: the session was changed since it was loaded; nothing was written.
        InvalidSessionError: something cannot be booked, as a fee in a currency without a rate.
        ValueError: the broker has sent something that is no fill, order or payment.
    """
    own = _start_of(session, since)
    last = repository.get_fills(session.id, after=_before_last(session)) if session.version else []
    begin = since or _begin(session, last, overlap)
    statement = source.ask(begin, list(session.open_orders.values()))
    report = Reconciliation(begin, left_out=list(statement.left_out))
    statement = _since(statement, own, report)
    return _book_and_save(repository, session, statement, report)


async def async_reconcile(
    repository: IPaperTradingSessionRepository,
    session: PaperTradingSession,
    source: AsyncSource | Source,
    *,
    overlap: timedelta = OVERLAP,
    since: datetime | None = None,
) -> Reconciliation:
    """`reconcile` for awaitable repositories; a source with blocking calls is asked in a worker thread."""
    own = _start_of(session, since)
    last = await repository.get_fills(session.id, after=_before_last(session)) if session.version else []
    begin = since or _begin(session, last, overlap)
    statement = await _ask(source, begin, list(session.open_orders.values()))
    report = Reconciliation(begin, left_out=list(statement.left_out))
    statement = _since(statement, own, report)
    return await _async_book_and_save(repository, session, statement, report)


def book_once(
    repository: SyncRepository,
    session: PaperTradingSession,
    *,
    fills: Iterable[Fill] = (),
    entries: Iterable[LedgerEntry] = (),
    orders: Iterable[Order] = (),
) -> Reconciliation:
    """Book and save what a stream has sent; what is stored already, since a stream may repeat itself, is passed over.

    Like `reconcile`, without a question to the broker.
    """
    statement = Statement(list(fills), list(entries), list(orders))
    return _book_and_save(repository, session, statement, Reconciliation())


async def async_book_once(
    repository: IPaperTradingSessionRepository,
    session: PaperTradingSession,
    *,
    fills: Iterable[Fill] = (),
    entries: Iterable[LedgerEntry] = (),
    orders: Iterable[Order] = (),
) -> Reconciliation:
    """`book_once` for awaitable repositories."""
    statement = Statement(list(fills), list(entries), list(orders))
    return await _async_book_and_save(repository, session, statement, Reconciliation())


# The question


async def _ask(source: AsyncSource | Source, since: datetime, resting: list[Order]) -> Statement:
    if inspect.iscoroutinefunction(source.ask):
        answered: Statement = await source.ask(since, resting)
        return answered
    blocking: Statement = await anyio.to_thread.run_sync(source.ask, since, resting)  # type: ignore[arg-type]
    return blocking


def _before_last(session: PaperTradingSession) -> int:
    return max(session.fill_count - len(session.new_fills) - 1, 0)


def _start_of(session: PaperTradingSession, since: datetime | None) -> datetime:
    """From when on things are the session's own."""
    if since is not None and since.tzinfo is None:
        raise ValueError(f"since={since} has no time zone: give an aware datetime")
    return _began(session) if since is None else since


def _began(session: PaperTradingSession) -> datetime:
    return min(session.created_at, session.started_at or session.created_at)


def _begin(session: PaperTradingSession, last: list[Fill], overlap: timedelta) -> datetime:
    began = _began(session)
    return max(began, last[0].executed_at - overlap) if last else began


def _since(statement: Statement, began: datetime, report: Reconciliation) -> Statement:
    """The statement without what happened before the session began, which is not its own."""
    fills = [each for each in statement.fills if each.executed_at >= began]
    entries = [each for each in statement.entries if each.at >= began]
    early = len(statement.fills) - len(fills) + len(statement.entries) - len(entries)
    if early:
        report.left_out.append(f"from before the session began at {began}: {early} of the fills and payments")
    return dataclasses.replace(statement, fills=fills, entries=entries)


# The booking


def _book_and_save(
    repository: SyncRepository, session: PaperTradingSession, statement: Statement, report: Reconciliation
) -> Reconciliation:
    unrecorded = repository.get_unrecorded(session.id, statement.fills)
    if _names_other_orders(session, unrecorded):
        closed = repository.get_orders(session.id, which="closed")
        unrecorded = _without_closed(unrecorded, {each.id for each in closed}, report)
    entries = repository.get_unrecorded(session.id, statement.entries)
    if _book(session, statement, unrecorded, entries, report):
        repository.save(session)
    return report


async def _async_book_and_save(
    repository: IPaperTradingSessionRepository,
    session: PaperTradingSession,
    statement: Statement,
    report: Reconciliation,
) -> Reconciliation:
    unrecorded = await repository.get_unrecorded(session.id, statement.fills)
    if _names_other_orders(session, unrecorded):
        closed = await repository.get_orders(session.id, which="closed")
        unrecorded = _without_closed(unrecorded, {each.id for each in closed}, report)
    entries = await repository.get_unrecorded(session.id, statement.entries)
    if _book(session, statement, unrecorded, entries, report):
        await repository.save(session)
    return report


def _names_other_orders(session: PaperTradingSession, fills: list[Fill]) -> bool:
    """Whether a fill names an order that does not rest in the session, and may have been closed there before."""
    ids = (each.order_id for each in fills if each.order_id is not None)
    return bool(session.version) and any(order_id not in session.open_orders for order_id in ids)


def _without_closed(fills: list[Fill], closed: set[str], report: Reconciliation) -> list[Fill]:
    """The fills, without the orders that were closed before; what has happened late has happened all the same."""
    late = [each for each in fills if each.order_id in closed]
    report.left_out += [
        f"the order of fill {each.id} of {each.symbol}, which was booked without it: {each.order_id} was closed before"
        for each in late
    ]
    return [
        dataclasses.replace(each, order_id=None, metadata=_with_id(each)) if each.order_id in closed else each
        for each in fills
    ]


def _book(
    session: PaperTradingSession,
    statement: Statement,
    unrecorded: list[Fill],
    entries: list[LedgerEntry],
    report: Reconciliation,
) -> bool:
    """Book what is new, and say in the report what was; False if there was nothing to save."""
    report.stored = len({(each.symbol, each.id) for each in statement.fills}) - len(unrecorded)
    report.stored += len({each.id for each in statement.entries}) - len(entries)
    own = _own_ids(session, statement.orders)
    # Tried on a copy first, so that an error in the middle leaves the session as it was.
    _apply(copy.copy(session), statement, unrecorded, entries, own, Reconciliation())
    _apply(session, statement, unrecorded, entries, own, report)
    report.differences += differences(session, statement, own)
    return bool(report.fills or report.entries or report.closed_orders or not session.version)


def _own_ids(session: PaperTradingSession, orders: Iterable[Order]) -> dict[str, str]:
    """By the broker's id, the id under which an order rests in the session: the client's, or what it has noted."""
    own = {each.metadata["broker_id"]: each.id for each in session.open_orders.values() if "broker_id" in each.metadata}
    for order in orders:
        client = order.metadata.get("client_order_id")
        if client in session.open_orders:
            own[order.id] = client
    return own


def _apply(
    session: PaperTradingSession,
    statement: Statement,
    unrecorded: list[Fill],
    entries: list[LedgerEntry],
    own: Mapping[str, str],
    report: Reconciliation,
) -> None:
    for each in _in_order_of_time(unrecorded, entries):
        if isinstance(each, Fill):
            report.fills.append(_apply_fill(session, each, own, report))
        else:
            _apply_entry(session, each)
            report.entries.append(each)
    # By time: one that expires takes along those whose own time has come by then.
    for order in sorted(statement.orders, key=lambda each: each.closed_at or each.created_at):
        report.closed_orders += _close(session, order, own.get(order.id, order.id))


def _in_order_of_time(fills: list[Fill], entries: list[LedgerEntry]) -> Iterator[Fill | LedgerEntry]:
    placed: list[tuple[datetime, Fill | LedgerEntry]] = [(each.at, each) for each in entries]
    placed += [(each.executed_at, each) for each in fills]
    yield from (each for _, each in sorted(placed, key=lambda place: place[0]))


def _apply_fill(session: PaperTradingSession, fill: Fill, own: Mapping[str, str], report: Reconciliation) -> Fill:
    """Book a fill with its order; one that its order has no room for has happened all the same."""
    if fill.order_id is not None and fill.order_id in own:
        fill = dataclasses.replace(fill, order_id=own[fill.order_id], metadata=_with_id(fill))
    try:
        session.apply_fill(fill)
    except InvalidSessionError as error:
        if fill.order_id is None:
            raise
        report.left_out.append(f"the order of fill {fill.id} of {fill.symbol}, which was booked without it: {error}")
        fill = dataclasses.replace(fill, order_id=None, metadata=_with_id(fill))
        session.apply_fill(fill)
    return fill


def _with_id(fill: Fill) -> dict[str, object]:
    return {**fill.metadata, "broker_order_id": fill.order_id}


def _apply_entry(session: PaperTradingSession, entry: LedgerEntry) -> None:
    if isinstance(entry, CashFlow):
        session.apply_cash_flow(entry)
    elif isinstance(entry, Split):
        session.apply_split(entry)
    else:
        session.apply_symbol_change(entry)


def _close(session: PaperTradingSession, order: Order, order_id: str) -> list[Order]:
    """Close what rests in the session and is closed at the broker."""
    resting = session.open_orders.get(order_id)
    if resting is None or not order.status.is_closed:
        return []
    return close_like(session, resting, order, order.metadata.get("reason"))
