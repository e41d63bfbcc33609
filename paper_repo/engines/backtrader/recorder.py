"""`SessionRecorder`, the analyzer that records a run and lets it go on."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import backtrader as bt
from backtrader.brokers import BackBroker

from paper_repo import PaperTradingSession, SessionRepository
from paper_repo.engines.backtrader.encoding import moment
from paper_repo.engines.backtrader.recording import Recording
from paper_repo.engines.backtrader.resuming import Resumption, not_restored, other_prices
from paper_repo.engines.backtrader.warming import Warming

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
    - `interval`: how many seconds may pass between two saves. By default seven times as long as the last transaction
      took, at most 0.2; and 0 (every bar, before the next one begins) where a feed is live.
    - `name`, `base_currency`: of the session.

    Every bar is an equity point with the broker's cash and value, every execution a fill with its commission. Orders
    have their life, with parents, groups and trailing stops; interest and added cash are cash flows. Symbols that need
    margin, or have a multiplier or leverage, have an `Instrument`. Whatever else the broker's value holds is
    `other_value`, and is logged.

    To resume, give the engine the same feeds from the beginning, or from where the indicators need them. The bars that
    are stored warm the indicators up: the strategy is not called for them, and the broker executes nothing. Then the
    broker has its cash, positions and orders again. `resumption` says what the run goes on without, and so does the
    log of "paper_repo.engines.backtrader".

    A save is done in steps, one at the end of each bar, so that no bar waits for a whole one; bars of more than 0.02
    seconds are saved before the next one begins. A run that ends or fails, as by Ctrl-C, is saved to its last complete
    bar. One that is killed has lost the bars since its last save began; they are computed again.
    """

    params: tuple[tuple[str, Any], ...] = (
        ("path", None),
        ("session_id", None),
        ("resume", False),
        ("keep", ()),
        ("interval", None),
        ("name", ""),
        ("base_currency", "USD"),
    )
    resumption: Resumption | None = None
    _recording: Recording | None = None
    _warming: Warming | None = None
    _bar: tuple[float | None, int] = None, 0
    """The time of the last bar, and how many bars the feeds had then."""
    _clocks: list[Any]
    _bars_at_once = _warm_up_bars = 0
    _stored: dict[str, Any]
    """What a stored session needs to go on, while the feeds repeat it."""

    @property
    def session(self) -> PaperTradingSession | None:
        """The session, from its first bar on."""
        return None if self._recording is None else self._recording.session

    @property
    def is_warming(self) -> bool:
        """Whether the feeds repeat bars that are stored, so that the strategy is not called."""
        return self._warming is not None

    def get_analysis(self) -> dict[str, Any]:
        """The session's id, how many bars it has and this run has added, and what a resumed run goes on without."""
        recording = self._recording
        return {
            "session_id": self.p.session_id,
            "bars": 0 if recording is None else recording.bars,
            "new_bars": 0 if recording is None else recording.new_bars,
            "resumption": self.resumption,
        }

    # What the engine calls

    def start(self) -> None:
        """Stand between the engine and its loop, which begins when everything has started."""
        self._require_recordable()
        cerebro, feeds = self.strategy.cerebro, self.strategy.datas
        self._clocks = [feed for feed in feeds if not feed.resampling] or feeds
        for name in LOOPS:
            loop = functools.partial(getattr(type(cerebro), name), cerebro)
            setattr(cerebro, name, functools.partial(self._record, loop))

    def notify_order(self, order: Any) -> None:
        """Note what has become of an order; it is booked when the bar is complete."""
        if self._recording is not None and self._warming is None:
            self._recording.books.note(order)

    def notify_trade(self, trade: Any) -> None:
        """Follow the trades that are open."""
        if self._recording is not None and self._warming is None:
            self._recording.follower.note_trade(trade)

    def next(self) -> None:
        """Record a bar that is complete; also called before the strategy's indicators are ready."""
        assert self._recording is not None
        now, length = self._now(), sum(map(len, self._clocks))
        if (now, length) == self._bar:
            return  # the engine has made a bar of others, as a week of days: it belongs to the next one
        self._bars_at_once = self._bars_at_once + 1 if now == self._bar[0] else 1
        self._bar = now, length
        if self._warming is None:
            self._recording.record_bar(now, self._bars_at_once)
            return
        self._warm_up_bars += 1
        if now == self._stored["bar"] and self._bars_at_once == self._stored["round"]:
            self._restore()

    # The run

    def _require_recordable(self) -> None:
        if self.p.path is None or not isinstance(self.p.session_id, str):
            raise ValueError("A SessionRecorder needs a path and a session_id, as path='s.db', session_id='a'.")
        broker = self.strategy.broker
        if not isinstance(broker, BackBroker):
            raise ValueError(
                f"A SessionRecorder records the simulated broker of backtrader, not a {type(broker).__name__}."
            )
        if len(self.strategy.cerebro.runningstrats) > 1:
            raise ValueError("A SessionRecorder records one strategy: run each in a Cerebro and a session of its own.")
        if sum(isinstance(each, SessionRecorder) for each in self.strategy.analyzers) > 1:
            raise ValueError("One run is one session: add one SessionRecorder, not several.")

    def _record(self, loop: Callable[[Any], None], strategies: Any) -> None:
        """Run the engine's loop, and save what is complete, however it ends."""
        for name in LOOPS:
            delattr(self.strategy.cerebro, name)
        with self._opened() as repository:
            self._recording = Recording(self.strategy, repository, self.p)
            with self._recording.listening(), self._warmed_up(self._recording):
                try:
                    loop(strategies)
                except Exception as error:
                    self._recording.end(f"{type(error).__name__}: {error}")
                    raise
                except BaseException:
                    self._recording.end()
                    raise
                self._recording.end()

    @contextmanager
    def _opened(self) -> Iterator[SessionRepository]:
        if isinstance(self.p.path, SessionRepository):
            yield self.p.path
        else:
            with SessionRepository(self.p.path) as repository:
                yield repository

    @contextmanager
    def _warmed_up(self, recording: Recording) -> Iterator[None]:
        """Hold the engine still in the block for the bars that are stored, if any are."""
        stored = recording.find()
        if stored is None:
            yield
            return
        self._stored = stored
        self._warming = Warming(self.strategy, lambda: self._now() > stored["bar"], self._restore)
        try:
            yield
        finally:
            if self._warming is not None:
                self._warming.end()
        if self._warming is not None:
            _log.warning(
                "Session %r: the feeds end before %s, its last bar, so nothing was recorded.",
                self.p.session_id,
                moment(stored["bar"]),
            )

    def _now(self) -> float:
        """The time of the bar, as the engine counts: a feed that another one is resampled to may be ahead."""
        now: float = max(feed.datetime[0] for feed in self._clocks if len(feed))
        return now

    def _restore(self) -> None:
        """Let the engine go on: the next bar is a new one."""
        assert self._warming is not None
        assert self._recording is not None
        self._warming.end()
        self._warming = None
        is_at_bar = self._now() == self._stored["bar"]
        others = tuple(other_prices(self._stored, self.strategy.datas)) if is_at_bar else ()
        self._recording.restore(self._stored)
        self.resumption = Resumption(
            moment(self._stored["bar"]),
            self._warm_up_bars,
            (*others, *not_restored(self._stored, self._warm_up_bars, self.strategy, self)),
        )
        level = logging.WARNING if self.resumption.not_restored else logging.INFO
        _log.log(level, "Session %r %s.", self.p.session_id, self.resumption)
