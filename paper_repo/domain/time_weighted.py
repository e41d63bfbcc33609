"""An equity curve as growth: by time, from what the session began with, and without what was paid in or out.

The growth from one point to the next is the gain over what was there to gain with. Money that came or went between the
two counts for the share of the period in which it was there (P. O. Dietz, "Pension Funds: Measuring Investment
Performance", 1966, in the form called Modified Dietz), and the periods are linked (time-weighted return, as the Global
Investment Performance Standards ask for). A point at the moment of the payment makes this exact: what remains to be
weighted is what nobody has valued.
"""

from __future__ import annotations

import decimal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from itertools import chain, pairwise, takewhile
from typing import NamedTuple

from paper_repo.domain.books import rate_of
from paper_repo.domain.ledger import CashFlow, CashFlowKind
from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.trading import EquityPoint
from paper_repo.domain.values import EXACT

QUOTIENT = decimal.Context(
    50,
    decimal.ROUND_HALF_EVEN,
    decimal.MIN_EMIN,
    decimal.MAX_EMAX,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
"""For quotients of amounts, which have no exact decimal form: far finer than what they are rounded to in the end."""


class Level(NamedTuple):
    """How far the session has come at one moment, in units of the base currency that it began with.

    It is the equity itself until money is first paid in or out. None where growth has no meaning any more, because
    money was paid into or out of an account that was not worth anything.
    """

    at: datetime
    level: Decimal | None


def starting_point(session: PaperTradingSession, first: EquityPoint) -> EquityPoint | None:
    """What the session was worth before `first`, the earliest of its points; None where `first` says the same."""
    worth = EXACT.add(session.initial_cash, session.opening_worth)
    if first.equity == worth:
        return None
    began = session.created_at if session.started_at is None else session.started_at
    return EquityPoint(min(began, first.at), session.initial_cash, worth)


def by_time(points: Iterable[EquityPoint]) -> Sequence[EquityPoint]:
    """The points in the order of their times; those of one moment in the order in which they come."""
    found = points if isinstance(points, Sequence) else list(points)
    if all(one.at <= other.at for one, other in pairwise(found)):
        return found
    return sorted(found, key=lambda point: point.at)


class OutOfOrderError(ValueError):
    """A point is earlier than the one before."""


def require_by_time(points: Iterable[EquityPoint]) -> Iterator[EquityPoint]:
    """The points one by one, which must come in the order of their times.

    Raises:
        OutOfOrderError: one of them is earlier than the one before.
    """
    before: EquityPoint | None = None
    for point in points:
        if before is not None and point.at < before.at:
            raise OutOfOrderError(
                f"the equity curve is not in order: a point at {before.at} is followed by one at {point.at}; "
                "leave in_order out to have it sorted"
            )
        yield point
        before = point


def levels(
    session: PaperTradingSession, points: Iterable[EquityPoint], flows: Iterable[CashFlow] = ()
) -> Iterator[Level]:
    """The level at the start of the session, and at each of its points.

    A session that began with nothing starts when money is first paid in.

    Args:
        session: what it began with comes first, unless the first point says the same.
        points: by time; read once, one by one.
        flows: cash flows in any order, of which deposits and withdrawals count. One at the moment of a point is part of
            its equity; of several points of that moment the last one counts. One after the last point is not looked at.
    """
    following = iter(points)
    first = next(following, None)
    if first is None:
        return
    start = starting_point(session, first)
    if start is not None:
        following = chain([first], following)
    before = start or first
    level: Decimal | None = before.equity
    payments = sorted(_paid(session, flows))
    if not level and payments and payments[0].amount > 0:
        before, following, payments = _from_first_payment(before, following, payments)
        level = before.equity
    yield Level(before.at, level)
    if not payments:  # as with most: the level is the equity, and nothing needs to be looked at beside it
        for point in following:
            yield Level(point.at, point.equity)
        return
    linked = False
    for point, paid in _with_flows(following, payments):
        if linked or paid:
            linked = True
            level = None if level is None else _linked(level, before, point, paid)
        else:
            level = point.equity
        yield Level(point.at, level)
        before = point


class _Paid(NamedTuple):
    """A deposit, or below zero a withdrawal, in the base currency."""

    at: datetime
    amount: Decimal


def _paid(session: PaperTradingSession, flows: Iterable[CashFlow]) -> Iterator[_Paid]:
    for flow in flows:
        if flow.kind in _EXTERNAL:
            rate = flow.rate or rate_of(session, flow.currency, f"history.{flow.id}")
            yield _Paid(flow.at, EXACT.multiply(flow.amount, rate))


def _from_first_payment(
    start: EquityPoint, points: Iterator[EquityPoint], payments: list[_Paid]
) -> tuple[EquityPoint, Iterator[EquityPoint], list[_Paid]]:
    """Where a session starts that began with nothing, what follows, and what is paid later.

    It starts with what is paid in at the first moment at which any is, and with what it was worth just before.
    """
    at = max(payments[0].at, start.at)
    together = [each for each in payments if each.at <= at]
    worth, following = start.equity, list[EquityPoint]()
    for point in points:
        if point.at > at:
            following.append(point)
            break
        if point.at == at:
            following = [point]  # of several the last one, in which the payment is
        else:
            worth = point.equity
    paid_in = EXACT.add(worth, _total(each.amount for each in together))
    if following and following[0].at == at and following[0].equity == paid_in:
        following.pop(0)  # it says the same as the start
    return EquityPoint(at, None, paid_in), chain(following, points), payments[len(together) :]


_EXTERNAL = {CashFlowKind.DEPOSIT, CashFlowKind.WITHDRAWAL}
"""The cash flows that are neither gain nor loss; a dividend, interest or a fee is one."""


def _with_flows(points: Iterable[EquityPoint], flows: Sequence[_Paid]) -> Iterator[tuple[EquityPoint, Sequence[_Paid]]]:
    """Each point that counts, with what was paid since the one before."""
    waiting = deque(flows)
    for point, later in _with_next(points):
        due = list(takewhile(lambda flow, at=point.at: flow.at <= at, waiting))  # type: ignore[misc]
        if due and due[-1].at == point.at and later is not None and later.at == point.at:
            continue
        for _ in due:
            waiting.popleft()
        yield point, due


def _with_next(points: Iterable[EquityPoint]) -> Iterator[tuple[EquityPoint, EquityPoint | None]]:
    """Each point with the one after it."""
    following = iter(points)
    point = next(following, None)
    while point is not None:
        later = next(following, None)
        yield point, later
        point = later


def _linked(level: Decimal, before: EquityPoint, point: EquityPoint, paid: Sequence[_Paid]) -> Decimal | None:
    """The level at `point`, from that at the point before; None where there was nothing to gain with."""
    gain = EXACT.subtract(EXACT.subtract(point.equity, before.equity), _total(flow.amount for flow in paid))
    if not gain:
        return level
    invested = _total([before.equity, *(_weighted(flow, before, point) for flow in paid)])
    if invested <= 0:
        return None
    return QUOTIENT.multiply(level, QUOTIENT.add(1, QUOTIENT.divide(gain, invested)))


def _weighted(flow: _Paid, before: EquityPoint, point: EquityPoint) -> Decimal:
    """The amount, for the share of the period in which it was there; all of it where nothing was there before."""
    span = point.at - before.at
    if not before.equity:
        return flow.amount
    if not span:
        return Decimal(0)
    share = QUOTIENT.divide(_microseconds(point.at - max(flow.at, before.at)), _microseconds(span))
    return QUOTIENT.multiply(flow.amount, share)


def _microseconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1))


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, amounts, Decimal(0))
