"""`SessionRecorder`, the analyzer that records a run and lets it go on."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import backtrader as bt
from backtrader.brokers import BackBroker

from paper_repo import EquityPoint, PaperTradingSession, SessionRepository, SessionStatus, Strategy
from paper_repo.engines.backtrader import attributes, restoring, snapshot
from paper_repo.engines.backtrader.booking import Books, instrument_of, symbols_of
from paper_repo.engines.backtrader.encoding import exact, json_part, moment
from paper_repo.engines.backtrader.resuming import Resumption, not_restored
from paper_repo.engines.backtrader.warming import Warming

HALF_A_CENT = Decimal("0.005")
INTERVAL = 0.1
KEY = "backtrader"
"""Where in a session's `state` the recorder keeps what it needs to resume."""

LOOPS = ("_runonce", "_runnext", "_runonce_old", "_runnext_old")
"""The methods of `Cerebro` of which each run calls one: nothing else tells an analyzer of an exception."""

_log = logging.getLogger("paper_repo.engines.backtrader")


class SessionRecorder(bt.Analyzer):  # type: ignore[misc]
    """An analyzer that records a run of backtrader as a session, bar by bar:

        cerebro.addanalyzer(SessionRecorder, path="sessions.db", session_id="sma-cross", resume=True)

    - `path`: of the file, the address of a server, or an open `SessionRepository`.
    - `session_id`: of the session.
    - `resume`: go on with the session if it is stored, after its last bar; without it, a stored id is refused.
    - `keep`: names of attributes of the strategy that are stored with every bar and put back: orders and JSON data.
    - `interval`: how many seconds may pass between two saves; bars that come more slowly are saved one by one. By
      default 0.1, and 0 (every bar, before the next one begins) where a feed is live.
    - `name`, `base_currency`: of the session.

    Every bar is an equity point with the broker's cash and value, every execution a fill with its commission. Orders
    have their life, with parents, groups and trailing stops; interest and added cash are cash flows. Symbols that need
    margin, or have a multiplier or leverage, have an `Instrument`. What the broker's value has beyond what these come
    to is `other_value`, and is logged.

    To resume, give the engine the same feeds from the beginning, or from where the indicators need them. The bars that
    are stored warm the indicators up: the strategy is not called for them, and the broker executes nothing. Then the
    broker has its cash, positions and orders again. `resumption` says what the run goes on without, and so does the
    log of "paper_repo.engines.backtrader".

    A run that ends or fails, as by Ctrl-C, is saved to its last complete bar. One that is killed has lost the bars
    since its last save; they are computed again.
    """

    params = (
        ("path", None),
        ("session_id", None),
        ("resume", False),
        ("keep", ()),
        ("interval", None),
        ("name", ""),
        ("base_currency", "USD"),
    )
    session: PaperTradingSession | None = None
    resumption: Resumption | None = None

    _loops: ClassVar[tuple[str, ...]] = LOOPS

    # What the engine calls

    def start(self) -> None:
        """Stand between the engine and its loop, which begins when everything has started."""
        self._require_recordable()
        cerebro = self.strategy.cerebro
        for name in self._loops:
            loop = functools.partial(getattr(type(cerebro), name), cerebro)
            setattr(cerebro, name, functools.partial(self._record, loop))

    def notify_order(self, order: Any) -> None:
        """Note what has become of an order; it is booked when the bar is complete."""
        if self._warming is None:
            self._books.note(order)

    def notify_trade(self, trade: Any) -> None:
        """Follow the trades that are open."""
        if self._warming is None:
            self._follower.note_trade(trade)

    def next(self) -> None:
        """Record a bar that is complete; also called before the strategy's indicators are ready."""
        now = self._now()
        self._round = self._round + 1 if now == self._bar else 1
        self._bar = now
        if self._warming is not None:
            self._warm_up_bars += 1
            if self._round == self._stored["round"] and now == self._stored["bar"]:
                self._restore()
            return
        self._record_bar(moment(now))
        if time.monotonic() >= self._due:
            self._save()

    def get_analysis(self) -> dict[str, Any]:
        """The id of the session, how many bars it has, and the `Resumption` of a run that went on."""
        return {"session_id": self.p.session_id, "bars": self._bars, "resumption": self.resumption}

    # The run

    def _require_recordable(self) -> None:
        if self.p.path is None or not isinstance(self.p.session_id, str):
            raise ValueError("A SessionRecorder needs a path and a session_id, as path='s.db', session_id='a'.")
        if not isinstance(self.strategy.broker, BackBroker):
            raise ValueError(
                f"A SessionRecorder records the simulated broker of backtrader, not a {type(self.strategy.broker)}."
            )
        if len(self.strategy.cerebro.runningstrats) > 1:
            raise ValueError("A SessionRecorder records one strategy: run each in a Cerebro and a session of its own.")
        if sum(isinstance(each, SessionRecorder) for each in self.strategy.analyzers) > 1:
            raise ValueError("One run is one session: add one SessionRecorder, not several.")

    def _record(self, loop: Callable[[Any], None], strategies: Any) -> None:
        """Run the engine's loop, and save what is complete, however it ends."""
        for name in self._loops:
            delattr(self.strategy.cerebro, name)
        with self._opened() as self._repository, self._prepared():
            try:
                loop(strategies)
            except Exception as error:
                self._end(f"{type(error).__name__}: {error}")
                raise
            except BaseException:
                self._end()
                raise
            self._end()

    @contextmanager
    def _opened(self) -> Iterator[SessionRepository]:
        if isinstance(self.p.path, SessionRepository):
            yield self.p.path
        else:
            with SessionRepository(self.p.path) as repository:
                yield repository

    @contextmanager
    def _prepared(self) -> Iterator[None]:
        strategy, broker = self.strategy, self.strategy.broker
        self._symbols = symbols_of(strategy.datas)
        self._books = Books(strategy, self._symbols)
        self._follower = snapshot.Follower(strategy)
        self._attributes = attributes.Attributes(strategy, self.p.keep)
        is_live = any(feed.islive() for feed in strategy.datas)
        self._interval = (0 if is_live else INTERVAL) if self.p.interval is None else self.p.interval
        self._due = time.monotonic()
        self._clocks = [each for each in strategy.datas if not each.resampling] or strategy.datas
        self._bars = self._new_bars = self._warm_up_bars = self._round = 0
        self._bar, self._warming, self._told = None, None, set[str]()
        self._find_session()
        broker.d_credit = self._books.interest
        broker.add_cash = self._books.noting_cash(broker.add_cash)
        try:
            yield
        finally:
            del broker.add_cash
            if self._warming is not None:
                self._warming.end()

    def _now(self) -> float:
        return max(feed.datetime[0] for feed in self._clocks if len(feed))

    def _find_session(self) -> None:
        """Load the session to go on with; a new one begins with its first bar."""
        session = self._repository.get_by_id(self.p.session_id)
        if session is None:
            return
        if not self.p.resume:
            raise ValueError(
                f"Session {session.id!r} is stored already: give resume=True to go on with it, or another session_id."
            )
        self._require_resumable(session)
        self.session, self._stored = session, session.state[KEY]
        self._warming = Warming(self.strategy, lambda: self._now() > self._stored["bar"], self._restore)

    def _require_resumable(self, session: PaperTradingSession) -> None:
        if KEY not in session.state:
            raise ValueError(f"Session {session.id!r} was not recorded by a SessionRecorder, so it cannot be resumed.")
        if list(session.symbols) != self._symbols:
            raise ValueError(
                f"Session {session.id!r} was recorded with the feeds {', '.join(session.symbols)}; this run has "
                f"{', '.join(self._symbols)}. Add the same ones, in the same order."
            )
        if self.strategy.broker._userhist or self.strategy.broker._fundhist:
            raise ValueError("A history of orders or of the fund would be executed again, so it cannot be resumed.")

    def _restore(self) -> None:
        """Give the engine back what is stored: the next bar is a new one."""
        stored, strategy = self._stored, self.strategy
        assert self._warming is not None and self.session is not None
        self._warming.end()
        self._warming = None
        orders = restoring.restore(strategy, stored["broker"])
        self._follower.resume(stored["broker"])
        self._books.resume(self.session, stored)
        self._attributes.put_back(
            stored["kept"],
            lambda data: orders.get(data["values"]["ref"]) or restoring.decode_order(data, strategy, orders),
        )
        self._bars = stored["bars"]
        self._tell(
            Resumption(
                moment(stored["bar"]),
                self._warm_up_bars,
                tuple(not_restored(stored, self._warm_up_bars, strategy, self)),
            )
        )

    def _tell(self, resumption: Resumption) -> None:
        self.resumption = resumption
        level = logging.WARNING if resumption.not_restored else logging.INFO
        _log.log(level, "Session %r %s.", self.p.session_id, resumption)

    # Recording

    def _record_bar(self, at: datetime) -> None:
        broker, books = self.strategy.broker, self._books
        if not self._new_bars:
            self._begin(at)
        assert self.session is not None
        alive = self._follower.alive()
        books.book(at, alive)
        self._point = EquityPoint(at, exact(broker.getcash()), exact(broker.getvalue()))
        self.session.record_equity(self._point)
        # An exception in the next bar is to leave what was here, so that all of it is taken now.
        self._snapshot = self._follower.take(alive)
        self._kept = self._attributes.take()
        self._closes = [feed.close[0] if len(feed) else None for feed in self.strategy.datas]
        self._place = {"bar": self._bar, "round": self._round}
        self._bars += 1
        self._new_bars += 1
        books.forget_closed(alive)

    def _begin(self, at: datetime) -> None:
        """Begin a new session, or start again the one that is resumed."""
        if self.session is None:
            self.session = self._new_session(at)
            self._books.session = self.session
        if self.session.status is SessionStatus.PAUSED:
            self.session.resume(at)
        elif self.session.status is not SessionStatus.RUNNING:
            self.session.start(at)

    def _new_session(self, at: datetime) -> PaperTradingSession:
        strategy = self.strategy
        found = [
            instrument_of(symbol, strategy.broker.getcommissioninfo(feed))
            for symbol, feed in zip(self._symbols, strategy.datas, strict=True)
        ]
        return PaperTradingSession(
            id=self.p.session_id,
            name=self.p.name,
            strategy=Strategy(type(strategy).__name__, parameters=json_part(strategy.p._getkwargs())),
            symbols=self._symbols,
            base_currency=self.p.base_currency,
            initial_cash=exact(strategy.broker.startingcash),
            instruments={each.symbol: each for each in found if each is not None},
            created_at=at,
        )

    def _save(self) -> None:
        """Store everything up to the last complete bar."""
        assert self.session is not None
        session = self.session
        self._value_positions(session)
        for order in self._snapshot.orders:
            if order.ref in self._books.numbers:
                self._books.follow(order)
        left_out = self._attributes.left_out()
        self._tell_left_out(left_out)
        feeds = self._follower.feeds
        session.state[KEY] = {
            **self._place,
            "bars": self._bars,
            "broker": snapshot.encode(self._snapshot, feeds),
            "kept": attributes.encode(self._kept, feeds),
            "left_out": left_out,
            **self._books.state(),
        }
        self._repository.save(session)
        self._due = time.monotonic() + self._interval

    def _value_positions(self, session: PaperTradingSession) -> None:
        """Give the positions the prices of the last bar, and let the session be worth what the broker says."""
        prices = zip(self._symbols, self._closes, strict=True)
        session.mark({symbol: exact(price) for symbol, price in prices if price is not None}, self._point.at)
        session.new_equity_points.pop()  # the broker's own has been recorded
        difference = self._point.equity - session.equity
        if abs(difference) >= HALF_A_CENT:
            session.other_value += difference
            self._tell_difference(session.other_value)

    def _tell_difference(self, amount: Decimal) -> None:
        if "difference" not in self._told:
            self._told.add("difference")
            _log.warning(
                "Session %r: at %s the broker's value is %s more than what has been booked comes to; it is kept in "
                "other_value.",
                self.p.session_id,
                self._point.at,
                amount,
            )

    def _tell_left_out(self, names: list[str]) -> None:
        new = [name for name in names if name not in self._told]
        if self.p.resume and new:
            self._told.update(new)
            _log.warning(
                "Session %r: a run that is resumed begins without what %s has in %s; name it in keep=.",
                self.p.session_id,
                type(self.strategy).__name__,
                ", ".join(new),
            )

    def _end(self, error: str | None = None) -> None:
        """Save what is complete; the session has stopped, or failed."""
        if self._warming is not None:
            _log.warning(
                "Session %r: the feeds end before %s, its last bar, so nothing was recorded.",
                self.p.session_id,
                moment(self._stored["bar"]),
            )
        if not self._new_bars:
            return
        assert self.session is not None
        if error is None:
            self.session.stop(self._point.at)
        else:
            self.session.fail(error, self._point.at)
        self._save()
