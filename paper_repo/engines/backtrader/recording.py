"""One run of one strategy, stored bar by bar."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo import EquityPoint, PaperTradingSession, SessionRepository, SessionStatus, Strategy
from paper_repo.core.repository import internals_of
from paper_repo.engines.backtrader import attributes, frames, restoring, snapshot
from paper_repo.engines.backtrader.booking import Books, closes_of, instrument_of, symbols_of
from paper_repo.engines.backtrader.encoding import json_part, moment
from paper_repo.engines.backtrader.saving import Saving
from paper_repo.engines.broker_data import without_noise

HALF_A_CENT = Decimal("0.005")
KEY = "backtrader"
"""Where in a session's `state` is what must be known to resume it."""

_log = logging.getLogger("paper_repo.engines.backtrader")


class Recording:
    """Books what the engine tells in a session, and saves it now and then; see `SessionRecorder` for the options."""

    session: PaperTradingSession | None = None
    _frame: PaperTradingSession | None = None
    """What the last save has stored, or was to store."""

    def __init__(self, strategy: Any, repository: SessionRepository, options: Any) -> None:
        self.strategy: Any = strategy
        self.options: Any = options
        self._repository = repository
        self.symbols: list[str] = symbols_of(strategy.datas)
        self.books: Books = Books(strategy, self.symbols)
        self.follower: snapshot.Follower = snapshot.Follower(strategy)
        self.bars: int = 0
        self.new_bars: int = 0
        self._attributes = attributes.Attributes(strategy, options.keep)
        is_live = any(feed.islive() for feed in strategy.datas)
        self._saving = Saving(self._save, 0 if is_live and options.interval is None else options.interval)
        self._told: set[str] = set()
        self._encoder = snapshot.Encoder(self.follower.feeds)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Be told of interest and of added cash in the block."""
        broker = self.strategy.broker
        broker.d_credit = self.books.interest
        broker.add_cash = self.books.noting_cash(broker.add_cash)
        try:
            yield
        finally:
            del broker.add_cash

    # Resuming

    def find(self) -> dict[str, Any] | None:
        """Load the session to go on with, and return what it needs for that; None where none is stored."""
        session = self._repository.get_by_id(self.options.session_id)
        if session is None:
            return None
        if not self.options.resume:
            raise ValueError(
                f"Session {session.id!r} is stored already: give resume=True to go on with it, or another session_id."
            )
        self._require_resumable(session)
        self.session = session
        stored: dict[str, Any] = session.state[KEY]
        return stored

    def _require_resumable(self, session: PaperTradingSession) -> None:
        if KEY not in session.state:
            raise ValueError(f"Session {session.id!r} was not recorded by a SessionRecorder, so it cannot be resumed.")
        if list(session.symbols) != self.symbols:
            raise ValueError(
                f"Session {session.id!r} was recorded with the feeds {', '.join(session.symbols)}; this run has "
                f"{', '.join(self.symbols)}. Add the same ones, in the same order."
            )
        if self.strategy.broker._userhist or self.strategy.broker._fundhist:
            raise ValueError("A history of orders or of the fund would be executed again, so it cannot be resumed.")

    def restore(self, stored: dict[str, Any]) -> None:
        """Give the engine back what is stored: the next bar is a new one."""
        assert self.session is not None
        strategy = self.strategy
        with restoring.references(stored["broker"]):
            orders = restoring.restore(strategy, stored["broker"])
            self._attributes.put_back(stored["kept"], orders)
        self.follower.resume(stored["broker"])
        self.books.resume(self.session, stored)
        self.bars = stored["bars"]

    # Recording

    def record_bar(self, day: float, number: int) -> None:
        """Book a bar that is complete, the one of this number at its time, and save it if that is due."""
        at, broker, books = moment(day), self.strategy.broker, self.books
        if not self.new_bars:
            self._begin(at)
        assert self.session is not None
        alive = self.follower.alive()
        books.book(at, alive)
        self._point = EquityPoint(at, without_noise(broker.getcash()), without_noise(broker.getvalue()))
        self.session.record_equity(self._point)
        # An exception in the next bar is to leave what was here, so that all of it is taken now.
        self._snapshot = self.follower.take(alive)
        self._kept = self._attributes.take(alive)
        self._closes = closes_of(self.strategy.datas)
        self._place = {"bar": day, "round": number}
        self.bars += 1
        self.new_bars += 1
        if len(books.numbers) > len(alive):
            books.forget_closed(alive)
        self._saving.end_bar()

    def _begin(self, at: datetime) -> None:
        """Begin a new session, or start again the one that is resumed."""
        if self.session is None:
            self.session = self._new_session(at)
            self.books.session = self.session
        if self.session.status is SessionStatus.PAUSED:
            self.session.resume(at)
        elif self.session.status is not SessionStatus.RUNNING:
            self.session.start(at)

    def _new_session(self, at: datetime) -> PaperTradingSession:
        strategy = self.strategy
        found = [
            instrument_of(symbol, strategy.broker.getcommissioninfo(feed))
            for symbol, feed in zip(self.symbols, strategy.datas, strict=True)
        ]
        return PaperTradingSession(
            id=self.options.session_id,
            name=self.options.name,
            strategy=Strategy(type(strategy).__name__, parameters=json_part(strategy.p._getkwargs())),
            symbols=self.symbols,
            base_currency=self.options.base_currency,
            initial_cash=without_noise(strategy.broker.startingcash),
            instruments={each.symbol: each for each in found if each is not None},
            created_at=at,
        )

    def _save(self) -> Iterator[None]:
        """Store all that is complete now, in short steps, between which the engine may go on."""
        assert self.session is not None
        session, feeds = self.session, self.follower.feeds
        if self._frame is not None:  # Ctrl-C may have come before an earlier save has done it
            frames.give_back(session, self._frame)
        self._value_positions(session)
        for order in self._snapshot.orders:
            if order.ref in self.books.numbers:
                self.books.follow(order)
        state = {**self._place, "bars": self.bars, "closes": list(map(str, self._closes)), **self.books.state()}
        broker, kept = self._snapshot, self._kept
        self._frame = frame = frames.frame_of(session)
        try:
            frames.leave_history(session)
            yield
            state["left_out"] = self._attributes.left_out()
            self._tell_left_out(state["left_out"])
            state["broker"] = yield from self._encoder.encode(broker)
            state["kept"] = attributes.encode(kept, feeds)
            frame.state[KEY] = session.state[KEY] = state
            yield
            yield from internals_of(self._repository).write_in_steps(frame)
        finally:
            frames.give_back(session, frame)

    def _value_positions(self, session: PaperTradingSession) -> None:
        """Give the positions the prices of the last bar, and let the session be worth what the broker says."""
        prices = zip(self.symbols, self._closes, strict=True)
        session.mark({symbol: without_noise(price) for symbol, price in prices if price is not None}, self._point.at)
        session.new_equity_points.pop()  # the broker's own has been recorded
        difference = self._point.equity - session.equity
        if abs(difference) >= HALF_A_CENT:
            session.other_value += difference
            self._tell_difference(session.other_value)

    def _tell_difference(self, amount: Decimal) -> None:
        if "difference" not in self._told:
            self._told.add("difference")
            _log.warning(
                "Session %r: at %s the broker's value is %s more than what has been booked adds up to; it is kept in "
                "other_value.",
                self.options.session_id,
                self._point.at,
                amount,
            )

    def _tell_left_out(self, names: list[str]) -> None:
        new = [name for name in names if name not in self._told]
        if self.options.resume and new:
            self._told.update(new)
            _log.warning(
                "Session %r: a run that is resumed begins without what %s has in %s; name it in keep=.",
                self.options.session_id,
                type(self.strategy).__name__,
                ", ".join(new),
            )

    def end(self, error: str | None = None) -> None:
        """Save what is complete; the session has stopped, or failed."""
        if not self.new_bars:
            return
        assert self.session is not None
        if error is None:
            self.session.stop(self._point.at)
        else:
            self.session.fail(error, self._point.at)
        self._saving.finish()
