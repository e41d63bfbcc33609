"""What a broker says, and where it differs from a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from paper_repo import Fill, LedgerEntry, Order, PaperTradingSession, Settlement


@dataclass
class Statement:
    """What a source answers.

    - `orders`: those that rest at the broker, and as they are now those of ours that no longer do.
    - `positions`: quantities by symbol, below zero for short ones; None where the broker has no positions.
    - `balances`: amounts by currency; None where they were not asked for.
    - `balances_hold_coins`: what the session holds as CASH positions is in the balances, as on a spot exchange.
    - `left_out`: what was received and could not be expressed, each with its reason.
    """

    fills: Sequence[Fill] = ()
    entries: Sequence[LedgerEntry] = ()
    orders: Sequence[Order] = ()
    positions: Mapping[str, Decimal] | None = None
    balances: Mapping[str, Decimal] | None = None
    balances_hold_coins: bool = False
    left_out: Sequence[str] = ()


def unnamed(resting: Iterable[Order], found: Mapping[str, Order]) -> list[Order]:
    """The orders of a session that none of those found is, by the broker's id or by the client's."""
    names = found.keys() | {each.metadata.get("client_order_id") for each in found.values()}
    return [each for each in resting if names.isdisjoint((each.id, each.metadata.get("broker_id", each.id)))]


class Difference(NamedTuple):
    """What the session and the broker do not agree on: "cash", "position" or "order", its name, and both values."""

    kind: str
    name: str
    ours: Decimal | str | None
    theirs: Decimal | str | None

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {_shown(self.ours)} in the session, {_shown(self.theirs)} at the broker"


def differences(session: PaperTradingSession, statement: Statement, own: Mapping[str, str]) -> Iterator[Difference]:
    """Where the orders, positions and balances of a statement differ from those of the session.

    Args:
        session: after everything was booked.
        statement: what the broker says.
        own: by the broker's id of an order, the id under which it rests in the session.
    """
    yield from _of_orders(session, statement.orders, own)
    if statement.positions is not None:
        yield from _of_positions(session, statement, statement.positions)
    if statement.balances is not None:
        yield from _of_balances(session, statement, statement.balances)


def _of_orders(session: PaperTradingSession, orders: Iterable[Order], own: Mapping[str, str]) -> Iterator[Difference]:
    for order in orders:
        order_id = own.get(order.id, order.id)
        ours = session.open_orders.get(order_id)
        if ours is None:
            if not order.status.is_closed:
                yield Difference("order", order_id, None, order.status)
        elif order.status.is_closed:
            yield Difference("order", order_id, ours.status, order.status)
        else:
            for name in ("quantity", "filled_quantity", "limit_price", "stop_price"):
                mine, theirs = getattr(ours, name), getattr(order, name)
                if mine != theirs:
                    yield Difference("order", f"{order_id} {name}", mine, theirs)
    named = {own.get(order.id, order.id) for order in orders}
    yield from (
        Difference("order", each.id, each.status, None) for each in session.open_orders.values() if each.id not in named
    )


def _of_positions(
    session: PaperTradingSession, statement: Statement, theirs: Mapping[str, Decimal]
) -> Iterator[Difference]:
    ours: dict[str, Decimal] = {}
    for each in session.positions.values():
        if not (statement.balances_hold_coins and each.settlement is Settlement.CASH):
            ours[each.symbol] = ours.get(each.symbol, Decimal(0)) + each.quantity
    yield from _unequal("position", ours, theirs)


def _of_balances(
    session: PaperTradingSession, statement: Statement, theirs: Mapping[str, Decimal]
) -> Iterator[Difference]:
    ours = {session.base_currency: session.cash, **session.balances}
    if statement.balances_hold_coins:
        for each in session.positions.values():
            if each.settlement is Settlement.CASH:
                instrument = session.instruments.get(each.symbol)
                coin = (instrument and instrument.asset) or each.symbol.replace("-", "/").partition("/")[0]
                ours[coin] = ours.get(coin, Decimal(0)) + each.quantity
    yield from _unequal("cash", ours, theirs)


def _unequal(kind: str, ours: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> Iterator[Difference]:
    for name in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(name, Decimal(0)), theirs.get(name, Decimal(0))
        if mine != other:
            yield Difference(kind, name, mine, other)


def _shown(value: Decimal | str | None) -> str:
    return "none" if value is None else str(value)
