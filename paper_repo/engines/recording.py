"""A run of an engine that is stored while it goes on, and goes on where it was stored.

For nautilus_trader and freqtrade, which cannot be given back what they keep themselves. An engine that is started again
may begin from the beginning, as a backtest does, or go on, as live trading does. Both work: what is stored already is
known by its id and not booked again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from os import PathLike
from types import TracebackType
from typing import Self

from paper_repo import (
    Durability,
    EquityPoint,
    Fill,
    InvalidSessionError,
    Order,
    OrderStatus,
    PaperTradingSession,
    SessionRepository,
    SessionStatus,
)
from paper_repo.engines.closing import close_like


class Recording:
    """A session that an engine's events are booked in, and its repository.

    Args:
        path: of the database.
        session_id: under which the run is stored.
        new_session: makes it where it is not stored yet.
        resume: go on with a session that is stored; otherwise one is refused.
        durability: as for `SessionRepository`.

    Raises:
        ValueError: the session is stored already, and `resume` is False.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        session_id: str,
        new_session: Callable[[], PaperTradingSession],
        *,
        resume: bool = False,
        durability: Durability = "full",
    ) -> None:
        self._repository = SessionRepository(path, durability=durability)
        try:
            stored = self._repository.get_by_id(session_id)
            if stored is not None and not resume:
                raise ValueError(
                    f"session {session_id!r} is stored in {path} already: resume=True goes on with it, or choose "
                    "another id"
                )
            self.session: PaperTradingSession = new_session() if stored is None else stored
            self.is_resumed: bool = stored is not None
            self._fills: dict[tuple[str, str], Fill] = {}
            self._closed: set[str] = set()
            self._early: dict[str, Decimal] = {}  # by order that was not placed yet, what was filled of it
            points: list[EquityPoint] = []
            if self.is_resumed:
                self._fills = {(each.symbol, each.id): each for each in self._repository.get_fills(session_id)}
                self._closed = {each.id for each in self._repository.get_orders(session_id, which="closed")}
                for each in self._fills.values():
                    self._note_early(each)
                points = self._repository.get_equity_curve(session_id, max_points=4)  # the last one is among them
        except BaseException:
            self._repository.close()
            raise
        self._last_point = max((each.at for each in points), default=None)
        self._last_fill = max((each.executed_at for each in self._fills.values()), default=None)
        self.stored_until: datetime | None = self.last_moment
        self._unseen = set(self._fills)
        self._is_rerun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self, at: datetime) -> None:
        """Run, or run again after a stop; an engine that stands where the session began begins from the beginning."""
        self._is_rerun = self.is_resumed and at <= self.session.created_at
        if self.session.status is SessionStatus.CREATED:
            self.session.start(at)
        elif self.session.status is not SessionStatus.RUNNING:
            self.session.resume(at)

    @property
    def is_behind(self) -> bool:
        """Whether an engine that has begun from the beginning has not yet repeated every fill that is stored."""
        return self._is_rerun and bool(self._unseen)

    @property
    def last_moment(self) -> datetime | None:
        """The time of the last equity point or fill."""
        return max(filter(None, (self._last_point, self._last_fill)), default=None)

    def is_point_stored(self, at: datetime) -> bool:
        """Whether an equity point of this time or later is stored."""
        return self._last_point is not None and at <= self._last_point

    def fill(self, fill: Fill) -> bool:
        """Book a fill with its order; False where it is stored already.

        Raises:
            ValueError: another fill is stored under its id, so this is not the run that was recorded.
        """
        stored = self._fills.get((fill.symbol, fill.id))
        if stored is not None:
            _require_same(stored, fill)
            self._unseen.discard((fill.symbol, fill.id))
            return False
        if self.is_behind and self._last_fill is not None and fill.executed_at < self._last_fill:
            raise ValueError(
                f"fill {fill.id} of {fill.symbol}, {_shown(fill)}, is not among those stored: {_OTHER_RUN}"
            )
        if fill.order_id in self._closed:
            fill = dataclasses.replace(fill, order_id=None, metadata={**fill.metadata, "order_id": fill.order_id})
        self.session.apply_fill(fill)
        self._note_early(fill)
        self._fills[fill.symbol, fill.id] = fill
        self._last_fill = max(fill.executed_at, self._last_fill or fill.executed_at)
        return True

    def order(self, order: Order, reason: str | None = None) -> None:
        """Place an order that is new, or make the one that rests what it is now; fills alone change what is filled."""
        self.place(order)
        resting = self.session.open_orders.get(order.id)
        if resting is None:  # closed
            return
        if order.status.is_closed:
            close_like(self.session, resting, order, reason)
        else:
            self._amend(resting, order)

    def place(self, order: Order) -> None:
        """Place an order that is new, as it was before any of it was filled."""
        session = self.session
        is_closed = order.id in self._closed or session.new_closed_orders.find(order.id) is not None
        if is_closed or order.id in session.open_orders:
            return
        status = OrderStatus.PENDING if order.status is OrderStatus.PENDING else OrderStatus.OPEN
        early = self._stored_early(order.id)
        if early >= order.quantity:
            closed_at = order.closed_at or self._last_fill
            filled = dataclasses.replace(order, filled_quantity=order.quantity, closed_at=closed_at)
            session.new_closed_orders.append(dataclasses.replace(filled, status=OrderStatus.FILLED))
            return
        fresh = dataclasses.replace(order, status=status, filled_quantity=early, closed_at=None)
        try:
            session.place_order(fresh)
        except InvalidSessionError:
            # An engine has its own rules about parents; what the order is stays in its metadata.
            if fresh.parent_id is None:
                raise
            kept = {**fresh.metadata, "parent_id": fresh.parent_id}
            session.place_order(dataclasses.replace(fresh, parent_id=None, metadata=kept))

    def _stored_early(self, order_id: str) -> Decimal:
        """What was filled of an order before it is placed, unless all of that still waits: placing it counts that."""
        early = self._early.pop(order_id, Decimal(0))
        waiting = sum((each.quantity for each in self.session.new_fills.booked_for(order_id)), Decimal(0))
        return Decimal(0) if early == waiting else early

    def _note_early(self, fill: Fill) -> None:
        """Remember a fill that comes before its order, which counts it when it is placed."""
        order_id, session = fill.order_id, self.session
        if order_id is None or order_id in session.open_orders or order_id in self._closed:
            return
        if session.new_closed_orders.find(order_id) is None:
            self._early[order_id] = self._early.get(order_id, Decimal(0)) + fill.quantity

    def _amend(self, resting: Order, order: Order) -> None:
        changed = {
            name: getattr(order, name)
            for name in ("quantity", "limit_price", "stop_price")
            if getattr(order, name) not in (None, getattr(resting, name))
        }
        if changed.get("quantity", resting.quantity) <= resting.filled_quantity:
            changed.pop("quantity", None)  # as it was in an earlier run
        if resting.status is OrderStatus.PENDING and order.status is not OrderStatus.PENDING:
            changed["status"] = OrderStatus.OPEN
        if changed:
            self.session.amend_order(order.id, **changed)

    def mark(self, prices: Mapping[str, Decimal], at: datetime) -> bool:
        """Record what the session is worth at these prices; False where a point of this time or later is stored."""
        if self.is_point_stored(at):
            return False
        self.session.mark(prices, at)
        self._last_point = at
        return True

    def save(self) -> None:
        """Store what has come since the last time, in one transaction; nothing while the engine is behind."""
        if self.is_behind:
            return
        closed = [each.id for each in self.session.new_closed_orders]
        self._repository.save(self.session)
        self._closed.update(closed)

    def close(self) -> None:
        """Close the repository, without a save."""
        self._repository.close()


def _require_same(stored: Fill, fill: Fill) -> None:
    ours = (stored.side, stored.quantity, stored.price, stored.executed_at)
    theirs = (fill.side, fill.quantity, fill.price, fill.executed_at)
    if ours != theirs:
        raise ValueError(
            f"fill {fill.id} of {fill.symbol} is stored as {_shown(stored)}, and the engine says {_shown(fill)}: "
            f"{_OTHER_RUN}"
        )


_OTHER_RUN = "this is not the run that was recorded. Choose another session_id for it"


def _shown(fill: Fill) -> str:
    return f"{fill.side} {fill.quantity} at {fill.price}, {fill.executed_at}"
