"""What the engine tells about a bar, booked in a session.

What is told during a bar is noted, and booked at its end: a bar that an exception cuts short has not been.

The engine's own numbers are floats, and the session books them to 15 digits, without the error that the engine's
arithmetic leaves in the digits after these. What the session computes from them is exact, and so differs from what the
engine computes, by far less than a cent. Commissions are fees; interest that the broker takes for positions, and cash
that the strategy adds or takes, are cash flows.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from backtrader.order import Order as EngineOrder

from paper_repo import CashFlow, CashFlowKind, Fill, Instrument, PaperTradingSession, Settlement, Side
from paper_repo.engines.backtrader.encoding import frozen_order, moment
from paper_repo.engines.backtrader.orders import TRAILING, prices_of, translated
from paper_repo.engines.broker_data import without_noise

DUST = Decimal("1e-9")
"""The part of an order that is no quantity, but what is left of 0.3 after 0.1 and 0.2, as floats."""


def symbols_of(feeds: Iterable[Any]) -> list[str]:
    """A symbol for each feed: its name where it has one of its own."""
    found: list[str] = []
    for number, feed in enumerate(feeds):
        name = getattr(feed, "_name", "") or f"data{number}"
        found.append(name if name not in found else f"{name}#{number}")
    return found


def closes_of(feeds: Iterable[Any]) -> list[float | None]:
    """The last price of each feed; None where it has not begun."""
    return [feed.close[0] if len(feed) else None for feed in feeds]


def instrument_of(symbol: str, commission: Any) -> Instrument | None:
    """What a symbol stands for by the engine's commission scheme; None where that is a share paid in full."""
    scheme = commission.p
    if commission.stocklike and scheme.mult == 1 and scheme.leverage == 1:
        return None
    margin = {} if commission.stocklike else {"margin": float(commission.margin)}
    leverage = {} if scheme.leverage == 1 else {"leverage": float(scheme.leverage)}
    return Instrument(
        symbol, multiplier=without_noise(scheme.mult), settlement=Settlement.MARGIN, metadata={**margin, **leverage}
    )


class Interest(defaultdict[Any, float]):
    """The broker's account of the interest for each feed: it grows as interest is paid, and is emptied into a fee."""

    def __init__(self) -> None:
        super().__init__(float)
        self.paid: list[tuple[Any, float]] = []
        self.in_fees: dict[Any, list[float]] = {}

    def __setitem__(self, feed: Any, amount: float) -> None:
        paid = amount - self.get(feed, 0.0)
        if paid:
            self.paid.append((feed, paid))
        super().__setitem__(feed, amount)

    def pop(self, feed: Any, *default: Any) -> Any:
        amount = super().pop(feed, *default)
        self.in_fees.setdefault(feed, []).append(amount)
        return amount

    def clear_bar(self) -> None:
        """Forget what has been booked."""
        self.paid, self.in_fees = [], {}


class Books:
    """Books the bars of one broker in one session."""

    session: PaperTradingSession
    """Given before the first bar is booked."""

    def __init__(self, strategy: Any, symbols: list[str]) -> None:
        self.broker: Any = strategy.broker
        self.symbols: dict[int, str] = {id(feed): symbol for feed, symbol in zip(strategy.datas, symbols, strict=True)}
        self.numbers: dict[int, str] = {}
        """The ids of orders by the engine's reference."""
        self.next_number: int = 1
        self.noted: list[Any] = []
        self.interest: Interest = Interest()
        self.added: list[float] = list(self.broker._cash_addition)

    def state(self) -> dict[str, Any]:
        """What must be known of the bars before, as JSON data."""
        return {
            "numbers": [[reference, number] for reference, number in self.numbers.items()],
            "next": self.next_number,
        }

    def resume(self, session: PaperTradingSession, state: dict[str, Any]) -> None:
        """Go on with a session and the `state` that was stored."""
        self.session = session
        self.numbers, self.next_number = dict(state["numbers"]), state["next"]
        self.added = list(self.broker._cash_addition)
        self.interest.clear_bar()

    def noting_cash(self, add_cash: Callable[[float], None]) -> Callable[[float], None]:
        """The broker's `add_cash`, with what is added noted."""

        def noted(cash: float) -> None:
            self.added.append(cash)
            add_cash(cash)

        return noted

    def note(self, order: Any) -> None:
        """Note an order as it is told now: the strategy cancels it by what it was told, which that changes."""
        self.noted.append(frozen_order(order))

    def book(self, at: datetime, alive: list[Any]) -> None:
        """Book what was noted since the last bar; `alive` are the orders that rest now."""
        # A rejected child is told after its parent, whose end would make it a cancelled one.
        for order in sorted(self.noted, key=lambda order: order.status != EngineOrder.Rejected):
            self._book_order(order, at)
        for order in alive:
            if order.ref not in self.numbers:
                self._place(order)
        for order in self.broker.notifs:  # what the strategy has just cancelled, and is told on the next bar
            if not order.alive():
                self._book_end(order, at)
        if self.interest.paid:
            self._book_interest(at)
        if self.added and not self.broker._cash_addition:
            self._book_added(at)
        self.noted = []
        self.interest.clear_bar()

    def _book_order(self, order: Any, at: datetime) -> None:
        if order.ref not in self.numbers:
            self._place(order)
        for number, bit in enumerate(order.executed.exbits, 1):
            if order.executed.p1 < number <= order.executed.p2:
                self._fill(order, number, bit)
        if not order.alive():
            self._book_end(order, at)

    def _place(self, order: Any) -> None:
        """Give the order an id and its place among those that rest."""
        number = str(self.next_number)
        self.next_number += 1
        self.numbers[order.ref] = number
        group = self._group(order)
        self.session.place_order(translated(order, number, self._symbol(order), self._parent(order), group))

    def _parent(self, order: Any) -> str | None:
        """The id of its parent, which may have been filled by now, but not closed in another way."""
        if order.parent is None:
            return None
        number = self.numbers.get(order.parent.ref)
        is_possible = number in self.session.open_orders or order.parent.status == EngineOrder.Completed
        return number if is_possible else None

    def _group(self, order: Any) -> str | None:
        """The group of those that cancel each other; its leader is told when another one joins."""
        leader = self.broker._ocos.get(order.ref)
        if leader is None or len(self.broker._ocol.get(leader, ())) < 2:
            return None
        group = f"oco-{self.numbers.get(leader, leader)}"
        first = self.session.open_orders.get(self.numbers.get(leader, ""))
        if first is not None and first.oco_group is None:
            self.session.open_orders[first.id] = dataclasses.replace(first, oco_group=group)
        return group

    def _symbol(self, order: Any) -> str:
        """That of the feed whose position an execution changes, which another feed may stand in for."""
        feed = order.data if order.data._compensate is None else order.data._compensate
        return self.symbols[id(feed)]

    def _fill(self, order: Any, number: int, bit: Any) -> None:
        order_id = self.numbers[order.ref]
        self.follow(order)
        quantity = without_noise(abs(bit.size))
        resting = self.session.open_orders.get(order_id)
        if resting is not None and abs(resting.remaining_quantity - quantity) <= quantity * DUST:
            quantity = resting.remaining_quantity
        is_its_own = resting is not None and quantity <= resting.remaining_quantity
        self.session.apply_fill(
            Fill(
                id=f"{order_id}-{number}",
                symbol=self._symbol(order),
                side=Side.BUY if bit.size > 0 else Side.SELL,
                quantity=quantity,
                price=without_noise(bit.price),
                fee=without_noise(bit.comm) - self._interest_in(order, bit),
                executed_at=moment(bit.dt),
                order_id=order_id if is_its_own else None,
                metadata={} if is_its_own else {"order": order_id},
            )
        )

    def _interest_in(self, order: Any, bit: Any) -> Decimal:
        """What of the commission is interest: the cash was taken before, on the bars that it is for."""
        feed = order.data if order.data._compensate is None else order.data._compensate
        amounts = self.interest.in_fees.get(feed) if bit.closed else None
        return without_noise(amounts.pop(0)) if amounts else Decimal(0)

    def follow(self, order: Any) -> None:
        """Give a trailing order that rests the stop that it has by now."""
        resting = self.session.open_orders.get(self.numbers[order.ref]) if order.exectype in TRAILING else None
        if resting is not None:
            limit, stop = prices_of(order)
            if (resting.limit_price, resting.stop_price) != (limit, stop):
                self.session.amend_order(resting.id, limit_price=limit, stop_price=stop)

    def _book_end(self, order: Any, at: datetime) -> None:
        """Close it in the session too, unless its last fill or its group has."""
        if order.ref not in self.numbers:
            self._place(order)
        number = self.numbers[order.ref]
        self.follow(order)
        resting = self.session.open_orders.get(number)
        if resting is not None and order.status == EngineOrder.Expired and resting.expires_at is not None:
            self.session.expire_orders(resting.expires_at)
        elif resting is not None and order.status in (EngineOrder.Margin, EngineOrder.Rejected):
            self.session.reject_order(number, at, reason=order.getstatusname().lower())
        if number in self.session.open_orders:
            self.session.cancel_order(number, at)

    def forget_closed(self, alive: Iterable[Any]) -> None:
        """Keep the ids of no orders but those that are alive or yet to be told of, and their parents."""
        orders = [*alive, *self.broker.notifs]
        kept = {order.ref for order in orders} | {order.parent.ref for order in orders if order.parent is not None}
        self.numbers = {reference: number for reference, number in self.numbers.items() if reference in kept}

    def _book_interest(self, at: datetime) -> None:
        for number, (feed, amount) in enumerate(self.interest.paid, 1):
            flow_id = f"interest-{at.isoformat()}-{self.session.ledger_count}-{number}"
            symbol = self.symbols[id(feed)]
            self.session.apply_cash_flow(
                CashFlow(flow_id, CashFlowKind.INTEREST, -without_noise(amount), at, symbol=symbol)
            )

    def _book_added(self, at: datetime) -> None:
        for number, amount in enumerate(self.added, 1):
            kind = CashFlowKind.DEPOSIT if amount > 0 else CashFlowKind.WITHDRAWAL
            flow_id = f"cash-{at.isoformat()}-{self.session.ledger_count}-{number}"
            self.session.apply_cash_flow(CashFlow(flow_id, kind, without_noise(amount), at))
        self.added = []
