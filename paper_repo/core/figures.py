"""The figures of a session with a history of any length, in constant memory and without an entity for each row.

A row whose checksum is right is what an entity was written as, and so needs no check of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from decimal import InvalidOperation
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias, cast

from paper_repo.core import history, history_rows
from paper_repo.core.chart_points import bulk_points
from paper_repo.domain import CashFlow, EquityPoint, LedgerEntry, PaperTradingSession
from paper_repo.domain.history import booking_order
from paper_repo.domain.performance import Performance, performance_of
from paper_repo.domain.round_trips import RoundTrip
from paper_repo.domain.time_weighted import OutOfOrderError, by_time, require_by_time
from paper_repo.domain.trade_figures import PlainFill, PlainTrades, TradeFigures
from paper_repo.domain.trades import Trade, closed_positions, total, trade_of
from paper_repo.storage.base import Storage

Watch: TypeAlias = Callable[[Iterable[EquityPoint]], Iterator[EquityPoint]]
"""Takes the points and yields them again; called anew, with all points, if their times turn out to go back."""

Advance: TypeAlias = Callable[[int], object]
"""Takes how many more fills have been read."""


class _NotPlainError(Exception):
    """A fill needs more than its amounts: it has a currency or a position of its own, or was corrected."""


def read_performance(
    storage: Storage,
    session: PaperTradingSession,
    *,
    trades: TradeFigures | None = None,
    watch: Watch = iter,
    advance: Advance = lambda number: None,
    **options: Any,
) -> Performance:
    """What `performance` returns for a stored session, in constant memory; inside a snapshot.

    Args:
        trades: those of the session, where they are counted already.
        watch: sees the points as they pass.
        advance: is told of the progress with the fills.
        **options: those of `performance_of`.
    """
    entries = list(history.read_entries(storage, session.id))
    flows = [entry for _, entry in entries if isinstance(entry, CashFlow)]
    if trades is None:
        trades = _trades_of_plain_fills(storage, session, [entry for _, entry in entries], advance)
    if trades is None:
        trades, _ = match_trades(storage, session)

    def points() -> Iterator[EquityPoint]:
        return cast("Iterator[EquityPoint]", bulk_points(storage, session.id))

    try:
        return performance_of(session, watch(require_by_time(points())), trades, flows, **options)
    except OutOfOrderError:
        return performance_of(session, watch(by_time(list(points()))), trades, flows, **options)


def match_trades(storage: Storage, session: PaperTradingSession, latest: int = 0) -> tuple[TradeFigures, list[Trade]]:
    """The figures of the trades, and the latest of them, with fills of any kind matched one by one."""
    figures, kept = TradeFigures(), deque[list[RoundTrip]](maxlen=latest)
    fills = (fill for _, fill in history.read_fills(storage, session.id, 0))
    booked = booking_order(fills, history.read_entries(storage, session.id))
    for slices in closed_positions(booked, session):
        figures.add(total(slices, lambda each: each.net_pnl))
        kept.append(slices)
    return figures, [trade_of(slices) for slices in kept]


def _trades_of_plain_fills(
    storage: Storage, session: PaperTradingSession, entries: Iterable[LedgerEntry], advance: Advance
) -> TradeFigures | None:
    """The figures of the trades; None where the amounts of the fills are not enough to compute them."""
    instruments = session.instruments.values()
    if session.opening_positions or any(each.currency is not None for each in instruments):
        return None
    if not all(isinstance(each, CashFlow) for each in entries):
        return None
    figures = TradeFigures()
    trades = PlainTrades({each.symbol: each.multiplier for each in instruments})
    try:
        for rows in _plain_fills(storage, session.id):
            for gain in trades.closed_by(rows):
                figures.add(gain)
            advance(len(rows))
    except _NotPlainError:
        return None
    except InvalidOperation as error:
        raise history_rows.corrupt(session.id, "an amount of a fill is not a number") from error
    return figures


def _plain_fills(storage: Storage, session_id: str) -> Iterator[list[tuple[str, str, str, str, str]]]:
    """Symbol, side, quantity, price and fee of each fill, many at a time.

    Raises:
        CorruptRecordError: a fill is missing, or was changed.
        _NotPlainError: a fill has a currency of its own or a position, or was corrected.
    """
    columns = storage.statements.fill_columns
    more = itemgetter(*map(columns.index, ("fee_currency", "position_id", "corrected_at", "replaces")))
    amounts = itemgetter(*map(columns.index, PlainFill._fields))
    rows = history.unchanged_fills(storage, session_id)
    while page := list(islice(rows, history.ROWS)):
        if any(more(row) != _NOTHING for row in page):
            raise _NotPlainError
        yield [amounts(row) for row in page]


_NOTHING = (None,) * 4
