"""What the broker and the strategy's trades must be given back to go on as if nothing had happened.

A `Snapshot` is taken at the end of every bar, so it shares what it can; its JSON form is made when it is stored.
Besides cash and positions it has the orders that rest, those that are submitted and not yet accepted, which order is
the parent of which or cancels which, the notifications that wait for the next bar, and the trades that are open.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

from backtrader.order import OrderBase
from backtrader.trade import Trade

from paper_repo.engines.backtrader.encoding import (
    encode_order,
    frozen,
    frozen_order,
    json_part,
    order_text,
    plain_values,
)

FIGURES = (
    "startingcash",
    "cash",
    "_value",
    "_valuemkt",
    "_valuelever",
    "_valuemktlever",
    "_leverage",
    "_unrealized",
    "_fundval",
    "_fundshares",
)
"""The amounts of the broker, by the names of its attributes."""


class Snapshot(NamedTuple):
    """The state at the end of a bar. Orders are named by their reference."""

    figures: tuple[float, ...]
    positions: list[tuple[int, Any]]
    """By number of the feed, in the order in which the broker adds them up."""
    credits: dict[int, float]
    additions: tuple[float, ...]
    """Cash that the strategy has added or taken, and the broker has not counted yet."""
    orders: list[Any]
    queues: dict[str, list[int]]
    groups: dict[int, list[int]]
    """The orders of a parent with its children, by the parent."""
    leaders: dict[int, int]
    """The leader of each order's group of those that cancel each other."""
    members: dict[int, list[int]]
    notifications: list[Any]
    trades: list[tuple[int, Any, Any]]
    next_references: tuple[int, int]
    """Those that the next order and the next trade will have."""


class Follower:
    """Finds the orders and trades that are alive without looking at those that are not, whose number only grows."""

    def __init__(self, strategy: Any) -> None:
        self.strategy: Any = strategy
        self.broker: Any = strategy.broker
        self.feeds: dict[int, int] = {id(feed): number for number, feed in enumerate(strategy.datas)}
        self.groups: dict[int, None] = {}
        self.trades: dict[tuple[int, Any], None] = {}
        self.last_reference: int = 0
        self._copies: dict[int, tuple[tuple[Any, ...], Any]] = {}

    def resume(self, stored: dict[str, Any]) -> None:
        """Follow what an encoded snapshot has given the broker."""
        self.groups = {leader: None for leader, _ in stored["groups"]}
        self.trades = {(feed, identity): None for feed, identity, _ in stored["trades"]}
        self.last_reference = stored["next_references"][0] - 1

    def note_trade(self, trade: Any) -> None:
        """Remember a trade that has been opened, and forget one that has been closed."""
        key = (self.feeds[id(trade.data)], trade.tradeid)
        if trade.isclosed:
            self.trades.pop(key, None)
        else:
            self.trades[key] = None

    def alive(self) -> list[Any]:
        """The orders that are alive, also those that are not transmitted yet, the oldest first."""
        self._find_groups()
        found = {order.ref: order for order in itertools.chain(self.broker.pending, self.broker.submitted)}
        for leader in list(self.groups):
            members = [each for each in self.broker._pchildren.get(leader, ()) if each.alive()]
            if not members:
                del self.groups[leader]
            found.update((order.ref, order) for order in members)
        return [found[reference] for reference in sorted(found)]

    def _find_groups(self) -> None:
        """Note the groups that were made since the last bar: every order is a member of one."""
        new = []
        for leader in reversed(self.broker._pchildren):
            if leader <= self.last_reference:
                break
            new.append(leader)
        self.groups.update(dict.fromkeys(reversed(new)))
        self.last_reference = max((self.last_reference, *new))

    def _frozen(self, orders: dict[int, Any]) -> list[Any]:
        """Copies of the orders; those that nothing has happened to since the last bar have theirs."""
        before, self._copies = self._copies, {}
        for reference in sorted(orders):
            order = orders[reference]
            state = _moving_parts(order)
            known = before.get(reference)
            self._copies[reference] = known if known and known[0] == state else (state, frozen_order(order))
        return [copy for _, copy in self._copies.values()]

    def take(self, alive: Iterable[Any]) -> Snapshot:
        """The state now, at the end of a bar; `alive` are the orders that are."""
        broker, feeds = self.broker, self.feeds
        orders = {order.ref: order for order in alive}
        parents = [order.parent for order in orders.values() if order.parent is not None]
        known = {**{parent.ref: parent for parent in parents}, **orders}
        self.last_reference = max((self.last_reference, *known))
        leaders = {reference: broker._ocos[reference] for reference in orders}
        return Snapshot(
            tuple(getattr(broker, name) for name in FIGURES),
            [(feeds[id(feed)], frozen(position)) for feed, position in broker.positions.items()],
            {feeds[id(feed)]: amount for feed, amount in broker.d_credit.items()},
            tuple(broker._cash_addition),
            self._frozen(known),
            {
                "pending": [order.ref for order in broker.pending],
                "submitted": [order.ref for order in broker.submitted],
                "_toactivate": [order.ref for order in broker._toactivate],
            },
            {
                leader: [order.ref for order in broker._pchildren[leader] if order.ref in known]
                for leader in self.groups
            },
            leaders,
            {leader: list(broker._ocol[leader]) for leader in set(leaders.values()) if leader in broker._ocol},
            [frozen_order(order) for order in broker.notifs],
            [(*key, frozen(self.strategy._trades[self.strategy.datas[key[0]]][key[1]][-1])) for key in self.trades],
            (next_reference(OrderBase), next_reference(Trade)),
        )


def _moving_parts(order: Any) -> tuple[Any, ...]:
    """What the broker and the strategy change of an order while it rests."""
    created, executed = order.created, order.executed
    return (
        order.status,
        order._active,
        order.triggered,
        vars(order).get("pannotated"),
        vars(order).get("plen"),
        created.price,
        created.pricelimit,
        executed.p1,
        executed.p2,
        executed.dt,
        json_part(order.info) if order.info else None,
    )


def next_reference(kind: Any) -> int:
    """The reference that the next order or trade will have."""
    number: int = next(kind.refbasis)
    kind.refbasis = itertools.count(number)
    return number


class Encoder:
    """Makes snapshots JSON data. An order is a text, which is made once for as long as nothing happens to the order."""

    def __init__(self, feeds: dict[int, int]) -> None:
        self._feeds = feeds
        self._texts: dict[int, tuple[Any, str]] = {}

    def encode(self, snapshot: Snapshot) -> Generator[None, None, dict[str, Any]]:
        """The snapshot as JSON data, in steps of one order each."""
        before, self._texts = self._texts, {}
        for order in snapshot.orders:
            known = before.get(order.ref)
            if known is None or known[0] is not order:
                yield
                known = order, order_text(encode_order(order, self._feeds))
            self._texts[order.ref] = known
        yield
        return {
            "figures": dict(zip(FIGURES, map(float, snapshot.figures), strict=True)),
            "positions": [[feed, _position(position)] for feed, position in snapshot.positions],
            "credits": [[feed, float(amount)] for feed, amount in snapshot.credits.items()],
            "additions": [float(amount) for amount in snapshot.additions],
            "orders": [text for _, text in self._texts.values()],
            "queues": snapshot.queues,
            "groups": [[leader, members] for leader, members in snapshot.groups.items()],
            "leaders": [[order, leader] for order, leader in snapshot.leaders.items()],
            "members": [[leader, members] for leader, members in sorted(snapshot.members.items())],
            "notifications": [encode_order(order, self._feeds) for order in snapshot.notifications],
            "trades": [[feed, identity, plain_values(trade)] for feed, identity, trade in snapshot.trades],
            "next_references": list(snapshot.next_references),
        }


def _position(position: Any) -> dict[str, Any]:
    at = getattr(position, "datetime", None)
    return {"values": plain_values(position), "at": None if at is None else at.isoformat()}
