"""How runs of the real backtrader are stopped, fail and go on, and what the recorder says of it."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("backtrader")

import backtrader as bt

from paper_repo import (
    CashFlowKind,
    OrderStatus,
    OrderType,
    PaperTradingSession,
    SessionRepository,
    SessionStatus,
    Strategy,
)
from paper_repo.engines.backtrader import SessionRecorder
from tests.engines.backtrader_runs import PRICES, Anything, Journal, run
from tests.engines.test_backtrader import CENT, exact, same, stored

# The engine calls what Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning:backtrader")

NEVER = {"interval": 1e9}
"""Save the first bar, and then at the end alone."""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The folder of an uninterrupted run, beside those of a test."""
    folder = tmp_path / "whole"
    folder.mkdir()
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The folder of a run that goes on."""
    folder = tmp_path / "parts"
    folder.mkdir()
    return folder


def recorder_of(ran: Any) -> Any:
    """The recorder of a run."""
    return ran.analyzers.sessionrecorder


def assert_equal_runs(parts: Path, whole: Path) -> None:
    """The two sessions have the same history, and the same in all that people read; references are the engine's."""
    session, history = stored(parts / "s.db")
    expected, expected_history = stored(whole / "s.db")
    assert history == expected_history
    assert {**same(session), "state": None} == {**same(expected), "state": None}
    assert session.state["backtrader"]["kept"].keys() == expected.state["backtrader"]["kept"].keys()


class Fragile(Anything):
    """Raises in the middle of a bar, after it has traded."""

    error: BaseException | None = None
    at = 120

    def next(self) -> None:
        super().next()
        if self.error is not None and self.bars == self.at:
            raise self.error


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (RuntimeError("no more"), SessionStatus.FAILED, "RuntimeError: no more"),
        (KeyboardInterrupt(), SessionStatus.STOPPED, None),
    ],
)
def test_a_run_that_raises_is_saved_to_its_last_complete_bar_and_goes_on(
    whole: Path,
    parts: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: SessionStatus,
    text: str | None,
) -> None:
    """The bar in which it raises has not been; the next run does it again, and ends as if nothing had happened."""
    run(whole, "spot", 1, strategy=Fragile)
    monkeypatch.setattr(Fragile, "error", error)
    with pytest.raises(type(error)):
        run(parts, "spot", 1, strategy=Fragile, recorder=NEVER)

    session, history = stored(parts / "s.db")
    assert len(history["equity"]) == 119
    assert (session.status, session.error) == (status, text)
    assert abs(session.equity - history["equity"][-1].equity) < CENT
    monkeypatch.setattr(Fragile, "error", None)
    ran = run(parts, "spot", 1, strategy=Fragile)
    assert recorder_of(ran).resumption.warm_up_bars == 119
    assert_equal_runs(parts, whole)


def test_a_run_that_raises_in_its_first_bar_leaves_no_session(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is complete, so nothing is stored; the next run begins."""
    monkeypatch.setattr(Fragile, "error", RuntimeError("no more"))
    monkeypatch.setattr(Fragile, "at", 1)
    with pytest.raises(RuntimeError):
        run(parts, "spot", 1, strategy=Fragile)
    with SessionRepository(parts / "s.db") as repository:
        assert repository.count() == 0


OPTIONS: dict[str, dict[str, Any]] = {
    "as usual": {},
    "bar by bar": {"runonce": False},
    "not preloaded": {"preload": False},
    "little memory": {"exactbars": 1},
    "told at once": {"quicknotify": True},
    "old clock": {"oldsync": True},
    "before the open": {"cheat_on_open": True},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_feeds_that_grow_go_on_whatever_the_engines_mode(whole: Path, parts: Path, options: dict[str, Any]) -> None:
    """Run for 90 bars, for 91, for 91 again and for all: the session is that of one run."""
    # With little memory, the engine mistakes the time of a feed that has fewer bars than another.
    broker = "spot" if "exactbars" in options else "slipping"
    run(whole, broker, 3, options=options)
    for bars, new in ((90, 90), (91, 1), (91, 0), (None, None)):
        ran = run(parts, broker, 3, bars=bars, options=options)
        assert new is None or recorder_of(ran).get_analysis()["new_bars"] == new
    assert_equal_runs(parts, whole)


class Opening(Anything):
    """Trades before the broker looks at the bar."""

    def next_open(self) -> None:
        if not self.getposition().size and len(self) % 10 == 0:
            self.buy(size=2)


def test_orders_before_the_open_of_the_first_new_bar_are_those_of_the_resumed_broker(whole: Path, parts: Path) -> None:
    """The broker is given back what is stored before the strategy looks at it."""
    options = {"cheat_on_open": True}
    run(whole, "spot", 2, strategy=Opening, options=options)
    for bars in (89, 90, 101, None):
        run(parts, "spot", 2, strategy=Opening, options=options, bars=bars)
    assert_equal_runs(parts, whole)


def test_feeds_that_begin_after_the_last_bar_go_on_and_it_is_said(
    parts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker has its cash, positions and orders; indicators begin anew, which the recorder says."""
    ran = run(parts, "spot", 1, bars=120)
    cash, held = ran.broker.getcash(), ran.position.size
    resting = [order.ref for order in (*ran.broker.pending, *ran.broker.submitted)]
    assert held
    assert resting

    class Looking(Anything):
        """Looks at the broker before the first new bar."""

        seen: Any = None

        def notify_cashvalue(self, cash: float, value: float) -> None:
            if Looking.seen is None:
                Looking.seen = self.broker.startingcash, len(self)

    later = {"AAPL": PRICES["AAPL"].iloc[120:]}
    ran = run(parts, "spot", 1, strategy=Looking, feeds=later)
    resumption = recorder_of(ran).resumption
    assert resumption.warm_up_bars == 0
    assert any("indicators that look further back" in each for each in resumption.not_restored)
    assert "indicators that look further back" in caplog.text
    session, history = stored(parts / "s.db")
    assert len(history["equity"]) == 251
    assert history["equity"][119].cash == exact(cash)
    assert abs(session.equity - exact(ran.broker.getvalue())) < CENT


def test_feeds_that_end_before_the_last_bar_change_nothing(parts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The recorder says so; the session stays as it was."""
    run(parts, "spot", 1)
    before = stored(parts / "s.db")
    run(parts, "spot", 1, bars=100)
    assert "the feeds end before 2013-03-01" in caplog.text
    assert stored(parts / "s.db") == before


def test_what_is_not_restored_is_said_when_a_run_resumes(parts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Attributes that have changed and are not kept are named at once and again later; so are other analyzers."""
    run(parts, "spot", 1, bars=50, recorder={"keep": ("bars",)})
    assert "begins without what Anything has in traded" in caplog.text
    caplog.clear()
    ran = run(parts, "spot", 1, recorder={"keep": ("bars",)})
    said = recorder_of(ran).resumption.not_restored
    assert any("not named in keep=: " in each and "traded" in each and "bars" not in each for each in said[:1])
    assert any("journal" in each for each in said)
    assert all(each in caplog.text for each in said)
    assert "goes on after 2012-05-10" in caplog.text


def test_a_run_that_is_restored_in_full_says_nothing_that_alarms(
    parts: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With all attributes kept and no other analyzer, nothing is left to say."""
    add = bt.Cerebro.addanalyzer
    monkeypatch.setattr(
        bt.Cerebro, "addanalyzer", lambda self, kind, **options: None if kind is Journal else add(self, kind, **options)
    )
    run(parts, "spot", 1, bars=50)
    ran = run(parts, "spot", 1)
    assert recorder_of(ran).resumption.not_restored == ()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def other_session(path: Path) -> None:
    """A session that no recorder has made."""
    with SessionRepository(path) as repository:
        repository.save(PaperTradingSession(id="a", strategy=Strategy("other"), initial_cash=1))


@pytest.mark.parametrize(
    ("recorder", "message"),
    [
        ({"resume": False}, "give resume=True to go on with it"),
        ({"session_id": None}, "needs a path and a session_id"),
        ({"path": None}, "needs a path and a session_id"),
        ({"keep": ("bars", "missing")}, "keep= names missing, which Anything does not have"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_the_first_bar(
    parts: Path, recorder: dict[str, Any], message: str
) -> None:
    """The message names the way out; what is stored stays."""
    run(parts, "spot", 1, bars=20)
    before = stored(parts / "s.db")
    with pytest.raises(ValueError, match=message):
        run(parts, "spot", 1, recorder=recorder)
    assert stored(parts / "s.db") == before


def test_a_session_of_another_program_is_refused(parts: Path) -> None:
    """A session of the id that no recorder has made is not touched."""
    other_session(parts / "s.db")
    with pytest.raises(ValueError, match="was not recorded by a SessionRecorder"):
        run(parts, "spot", 1)


def test_other_feeds_are_refused(parts: Path) -> None:
    """Feeds are known by their place, so they must be the same."""
    run(parts, "spot", 1, bars=20)
    with pytest.raises(ValueError, match=r"recorded with the feeds AAPL; this run has AAPL, GOOG, IBM, MSFT"):
        run(parts, "several", 1)


def test_other_prices_are_said(parts: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A feed of the same name with other prices, as after an adjustment for a split, is no other feed; it is named."""
    run(parts, "spot", 1, bars=20)
    adjusted = {"AAPL": PRICES["AAPL"] / 7}

    ran = run(parts, "spot", 1, feeds=adjusted)

    then, now = (str(table["close"].iloc[19]) for table in (PRICES["AAPL"], adjusted["AAPL"]))
    said = f"feeds with other prices at that bar than those that were recorded: AAPL ({then}, now {now})"
    assert recorder_of(ran).resumption.not_restored[0] == said
    assert said in caplog.text


class Secretive(Anything):
    """Has an attribute that is not JSON data."""

    def __init__(self) -> None:
        super().__init__()
        self.last = {1, 2}  # type: ignore[assignment]


def test_an_attribute_that_cannot_be_kept_is_named(parts: Path) -> None:
    """A set would come back as something else."""
    with pytest.raises(TypeError, match=r"Secretive\.last cannot be kept: \{1, 2\} is a set\."):
        run(parts, "spot", 1, strategy=Secretive, recorder={"keep": ("last",)})


class Saver(bt.Strategy):  # type: ignore[misc]
    """Adds and takes cash, and trades between."""

    def __init__(self) -> None:
        self.bars, self.traded, self.last = 0, {}, None

    def next(self) -> None:
        self.bars += 1
        if self.bars in (10, 30):
            self.broker.add_cash(1000.5 if self.bars == 10 else -250)
        if self.bars % 7 == 0:
            self.order_target_size(target=(self.bars // 7) % 3 * 5)


def test_added_cash_is_a_cash_flow_and_waits_with_the_broker(whole: Path, parts: Path) -> None:
    """The broker counts it on the next bar, also if the run was stopped between."""
    run(whole, "spot", 1, strategy=Saver)
    for bars in (10, 30, None):
        ran = run(parts, "spot", 1, strategy=Saver, bars=bars)
    assert_equal_runs(parts, whole)
    session, history = stored(parts / "s.db")
    assert [(flow.kind, flow.amount) for flow in history["ledger"]] == [
        (CashFlowKind.DEPOSIT, Decimal("1000.5")),
        (CashFlowKind.WITHDRAWAL, Decimal(-250)),
    ]
    assert session.net_deposits == Decimal("750.5")
    assert session.other_value == 0
    assert abs(session.equity - exact(ran.broker.getvalue())) < CENT


class Orders(bt.Strategy):  # type: ignore[misc]
    """Gives one order of each type, and lets them rest."""

    def __init__(self) -> None:
        self.bars, self.traded, self.last = 0, {}, None

    def next(self) -> None:
        self.bars += 1
        if self.bars != 3:
            return
        low, high = self.data.close[0] * 0.5, self.data.close[0] * 2
        kinds = bt.Order
        self.buy(exectype=kinds.Limit, price=low, why="cheap", tradeid=7)
        self.buy(exectype=kinds.Stop, price=high)
        self.buy(exectype=kinds.StopLimit, price=high, plimit=high + 1)
        self.sell(exectype=kinds.StopTrail, trailpercent=0.5)
        self.buy(exectype=kinds.StopTrailLimit, price=high, plimit=high + 1, trailamount=high)
        self.sell(exectype=kinds.Limit, price=high, valid=bt.datetime.timedelta(days=5))
        first = self.sell(exectype=kinds.Limit, price=high)
        self.sell(exectype=kinds.Stop, price=low, oco=first)
        self.buy_bracket(price=low, limitprice=high, stopprice=low / 2)
        self.buy(size=10**6)


def test_orders_rest_as_what_they_are(parts: Path) -> None:
    """Types, prices, trails, parents, groups and keywords are stored; so is why an order was refused."""
    run(parts, "spot", 1, strategy=Orders, bars=5)
    session, _ = stored(parts / "s.db")
    by_type: dict[OrderType, list[Any]] = {}
    for order in session.open_orders.values():
        by_type.setdefault(order.type, []).append(order)
    assert by_type[OrderType.LIMIT][0].metadata == {"why": "cheap", "tradeid": 7}
    assert by_type[OrderType.STOP_LIMIT][0].limit_price == by_type[OrderType.STOP_LIMIT][0].stop_price + 1
    assert by_type[OrderType.TRAILING_STOP][0].trail_percent == 50
    assert by_type[OrderType.TRAILING_STOP_LIMIT][0].trail_amount is not None
    assert [each.expires_at for each in by_type[OrderType.LIMIT]].count(None) == len(by_type[OrderType.LIMIT]) - 1
    assert len([each for each in session.open_orders.values() if each.oco_group]) == 2
    children = [each for each in session.open_orders.values() if each.parent_id]
    assert [each.status for each in children] == [OrderStatus.PENDING] * 2

    run(parts, "spot", 1, strategy=Orders, bars=20)
    session, history = stored(parts / "s.db")
    assert {(each.status, each.metadata.get("reason")) for each in history["orders"]} == {
        (OrderStatus.EXPIRED, None),
        (OrderStatus.REJECTED, "margin"),
    }


class Held(bt.Strategy):  # type: ignore[misc]
    """Holds a contract whose margin follows the price: the engine's value does not."""

    def __init__(self) -> None:
        self.bars, self.traded, self.last = 0, {}, None

    def next(self) -> None:
        self.bars += 1
        if self.bars == 2:
            self.buy(size=3)


def test_what_the_books_cannot_say_is_other_value_and_is_logged(
    parts: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With `automargin` the engine counts the margin of today for what was paid: its value is stored all the same."""
    monkeypatch.setitem(
        __import__("tests.engines.backtrader_runs", fromlist=["BROKERS"]).BROKERS,
        "automargin",
        (("AAPL",), 1, lambda cerebro: cerebro.broker.setcommission(margin=1.0, mult=10.0, automargin=-1.0)),
    )
    ran = run(parts, "automargin", 1, strategy=Held)
    session, _ = stored(parts / "s.db")
    assert session.other_value != 0
    assert abs(session.equity - exact(ran.broker.getvalue())) < CENT
    assert "it is kept in other_value" in caplog.text


def test_an_open_repository_is_used_and_left_open(parts: Path) -> None:
    """So other options, or a server, can be had."""
    with SessionRepository(parts / "s.db", durability="normal") as repository:
        run(parts, "spot", 1, recorder={"path": repository})
        assert repository.exists("a")


def test_two_strategies_in_one_run_are_refused(parts: Path) -> None:
    """They share a broker, whose session would be that of both."""
    cerebro = bt.Cerebro()
    cerebro.adddata(bt.feeds.PandasData(dataname=PRICES["AAPL"]))
    cerebro.addstrategy(Saver)
    cerebro.addstrategy(Held)
    cerebro.addanalyzer(SessionRecorder, path=parts / "s.db", session_id="a")
    with pytest.raises(ValueError, match="records one strategy"):
        cerebro.run()
    assert not (parts / "s.db").exists()


def test_a_broker_that_is_not_simulated_is_refused(parts: Path) -> None:
    """Its state is not the engine's to give back."""

    class Remote(bt.BrokerBase):  # type: ignore[misc]
        getcash = getvalue = get_notification = lambda self, *_: None

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.setbroker(Remote())
    cerebro.adddata(bt.feeds.PandasData(dataname=PRICES["AAPL"]), name="AAPL")
    cerebro.addstrategy(Remembering)
    cerebro.addanalyzer(SessionRecorder, path=parts / "s.db", session_id="a")
    with pytest.raises(ValueError, match=r"the simulated broker of backtrader, not a Remote\."):
        cerebro.run()
    assert list(parts.iterdir()) == []


def test_a_resampled_feed_resumes(whole: Path, parts: Path) -> None:
    """Weekly bars beside daily ones: the recorder counts by the daily ones."""

    class Weekly(Saver):
        """Trades by the average of the weeks."""

        def __init__(self) -> None:
            super().__init__()
            self.average = bt.ind.SMA(self.datas[1], period=3)

        def next(self) -> None:
            self.bars += 1
            self.order_target_size(self.data0, target=5 if self.data0.close[0] > self.average[0] else -5)

    for folder, runs in ((whole, (None,)), (parts, (33, 34, 100, 101, 102, None))):
        for bars in runs:
            cerebro = bt.Cerebro(stdstats=False)
            feed = bt.feeds.PandasData(dataname=PRICES["AAPL"].iloc[:bars])
            cerebro.adddata(feed, name="AAPL")
            cerebro.resampledata(feed, name="weekly", timeframe=bt.TimeFrame.Weeks)
            cerebro.addstrategy(Weekly)
            cerebro.addanalyzer(SessionRecorder, path=folder / "s.db", session_id="a", resume=True, keep=("bars",))
            (ran,) = cerebro.run()
    session, history = stored(parts / "s.db")
    expected, expected_history = stored(whole / "s.db")
    assert history["fills"] == expected_history["fills"]
    assert session.equity == expected.equity
    assert abs(session.equity - exact(ran.broker.getvalue())) < CENT


class Remembering(bt.Strategy):  # type: ignore[misc]
    """Keeps an order that it has given, and what it was first told of it."""

    def __init__(self) -> None:
        self.bars, self.traded, self.last = 0, {}, None
        self.given: Any = None
        self.told: Any = None

    def notify_order(self, order: Any) -> None:
        self.told = self.told or order

    def next(self) -> None:
        self.bars += 1
        if self.bars == 5:
            close = self.data.close[0]
            days = bt.datetime.timedelta(days=60)
            self.given = self.buy(exectype=bt.Order.StopLimit, price=close * 0.9, plimit=close * 0.5, valid=days)


def test_kept_orders_are_the_brokers_own_or_what_was_told(whole: Path, parts: Path) -> None:
    """An order that was given follows the broker's; one that was told of stays as it was then, as without a stop.

    All that is stored of them is the same, too, although the date until which they are valid is restored as a number.
    """
    keep = {"keep": ("bars", "given", "told")}
    for folder, ends in ((whole, (20,)), (parts, (5, 8, 20))):
        for bars in ends:
            ran = run(folder, "spot", 1, strategy=Remembering, recorder=keep, bars=bars)
        assert (ran.given.triggered, ran.told.triggered) == (True, False)
        assert ran.given is ran.broker.pending[0]
        assert ran.told.status == bt.Order.Submitted
    assert_equal_runs(parts, whole)
    first, again = (stored(folder / "s.db")[0].state["backtrader"] for folder in (whole, parts))
    assert first["kept"]["told"]["__order__"]["values"]["status"] == bt.Order.Submitted
    for kept in (first["kept"], again["kept"]):
        kept.update({name: without_reference(kept[name]["__order__"]) for name in ("given", "told")})
    assert again["kept"] == first["kept"]
    texts = [state["broker"]["orders"] for state in (first, again)]
    resting = [[without_reference(json.loads(each)) for each in orders] for orders in texts]
    assert resting[0] == resting[1] != []


def without_reference(order: dict[str, Any]) -> dict[str, Any]:
    """An order as it is stored, without the engine's number of it: runs of one process share its counter."""
    return {**order, "values": {name: each for name, each in order["values"].items() if name != "ref"}}
