"""Replaying a history: the books rebuilt from what was booked, now or as they were at some time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo.domain import books, corporate_actions
from paper_repo.domain.history import Booked, in_force, time_of
from paper_repo.domain.holdings import Holdings
from paper_repo.domain.ledger import CashFlow, Split
from paper_repo.domain.positions import Position
from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import EXACT, instant

_BOOKED = ("cash", "realized_pnl", "fees_paid", "net_deposits", "income", "currency_pnl")
"""The amounts of a session that its history explains, beside its balances and positions."""


def replay(session: PaperTradingSession, history: Iterable[Booked]) -> PaperTradingSession:
    """A copy of the session whose books are rebuilt from its history alone.

    They begin with what the session began with (`initial_cash`, `opening_positions`, `opening_balances`), and every
    item of the history is booked at the rates that it notes. Last prices, `rates` and `other_value`, which no history
    tells, are those of the session, as all is that belongs to no books: orders, state, status.

    Args:
        session: whose history it is; it is left as it is.
        history: all of its fills, cash flows, splits and changes of symbols, in the order in which they were booked.
            A corrected fill does not count, what replaces it stands in its place.

    Raises:
        InvalidSessionError: an item cannot be booked, since its currency has no rate.
    """
    rebuilt = _as_it_began(session)
    for each in in_force(history):
        book_again(rebuilt, each)
    _take_prices(rebuilt, session)
    rebuilt.open_orders = dict(session.open_orders)
    return rebuilt


def as_of(session: PaperTradingSession, history: Iterable[Booked], at: datetime) -> PaperTradingSession:
    """The books of the session as they were at a time: a copy, in which what came later is not booked.

    Last prices and rates are those of the latest fill or cash flow before that time; a rate that none of them notes is
    that of the session. What no history tells is left out: orders, state, and `other_value`. The copy cannot be saved
    over the session.

    Args:
        session: whose history it is; it is left as it is.
        history: as for `replay`.
        at: an aware datetime; a fill counts by `executed_at`, a ledger entry by `at`, up to this moment.
    """
    moment = instant(at, "at")
    then = _as_it_began(session)
    then.version, then.state, then.other_value = 0, {}, Decimal(0)
    fills = entries = 0
    for each in in_force(history):
        if time_of(each) <= moment:
            book_again(then, each)
            fills += isinstance(each, Fill)
            entries += not isinstance(each, Fill)
    then.fill_count, then.ledger_count, then.closed_order_count = fills, entries, 0
    _balance(then)
    return then


def differences(session: PaperTradingSession, replayed: PaperTradingSession) -> list[str]:
    """What of the session's books its history does not explain, a line each; empty where all is right.

    Args:
        session: nothing of it is compared if it keeps its own accounts.
        replayed: what `replay` has made of it.
    """
    return [] if session.keeps_own_accounts else list(_differences(session, replayed))


def book_again(session: PaperTradingSession, item: Booked) -> None:
    """Book an item of a history in the amounts of a session, whose own history it does not join."""
    if isinstance(item, Fill):
        booking = books.fill(session, item)
    elif isinstance(item, CashFlow):
        booking = books.cash_flow(session, item)
    elif isinstance(item, Split):
        booking = corporate_actions.split(session, item)
    else:
        booking = corporate_actions.symbol_change(session, item)
    booking.change_amounts(session)  # the history is there already


def _as_it_began(session: PaperTradingSession) -> PaperTradingSession:
    nothing: dict[str, Any] = dict.fromkeys(_BOOKED[1:], Decimal(0))
    return dataclasses.replace(
        session,
        cash=None,
        positions=None,
        balances=None,
        open_orders={},
        new_fills=(),
        new_equity_points=(),
        new_ledger_entries=(),
        new_closed_orders=(),
        keeps_own_accounts=None,
        **nothing,
    )


def _take_prices(rebuilt: PaperTradingSession, session: PaperTradingSession) -> None:
    rebuilt.__dict__["rates"] = Holdings(session.rates)  # an assignment would make the accounts the program's own
    for key, position in list(rebuilt.positions.items()):
        if key in session.positions:
            rebuilt.__dict__["positions"].keep(key, position.marked(session.positions[key].last_price))
    _balance(rebuilt)


def _balance(session: PaperTradingSession) -> None:
    """Let `currency_pnl` be what nothing else explains: no history tells every rate that there was."""
    fields = session.__dict__
    fields["currency_pnl"] = Decimal(0)
    equity, net_pnl = books.figures(session)
    for explained in (session.initial_cash, session.opening_worth, session.net_deposits, net_pnl):
        equity = EXACT.subtract(equity, explained)
    fields["currency_pnl"] = equity


def _differences(session: PaperTradingSession, replayed: PaperTradingSession) -> Iterator[str]:
    for name in _BOOKED:
        yield from _compared(name, getattr(session, name), getattr(replayed, name))
    for currency in _keys(session.balances, replayed.balances):
        amounts = [each.balances.get(currency, Decimal(0)) for each in (session, replayed)]
        yield from _compared(f"balances.{currency}", *amounts)
    for key in _keys(session.positions, replayed.positions):
        yield from _compared_positions(f"positions.{key}", session.positions.get(key), replayed.positions.get(key))


def _keys(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return sorted({*one, *other})


def _compared_positions(path: str, held: Position | None, explained: Position | None) -> Iterator[str]:
    if held is None and explained is not None:
        yield f"{path}: nothing is held, its history gives {explained.quantity}"
    elif held is not None and explained is None:
        yield f"{path}: {held.quantity} is held, its history gives nothing"
    elif held is not None and explained is not None:
        for name in ("symbol", "quantity", "cost_basis", "realized_pnl"):
            yield from _compared(f"{path}.{name}", getattr(held, name), getattr(explained, name))


def _compared(path: str, kept: object, explained: object) -> Iterator[str]:
    if kept != explained:
        yield f"{path} is {kept}, its history gives {explained}"
