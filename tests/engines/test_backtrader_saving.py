"""When a run of the real backtrader is saved: in steps, of which a bar does one, and what that leaves to be lost."""

from __future__ import annotations

import copy
import itertools
import pickle
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

pytest.importorskip("backtrader")

from paper_repo import ConflictError, EquityPoint, Position, SessionRepository, StorageError
from paper_repo.engines.backtrader import frames, recording, saving
from tests.builders import full_session, moment
from tests.engines.backtrader_runs import Anything, run

# The engine calls what Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning:backtrader")


TRACED = ("_save", "frame_of", "leave_history", "give_back", "_joined")
LINES = 30
"""How many lines of the saves of a run are tried."""


class Clock:
    """A clock that stands still, but for what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which bars are saved."""
    found = Clock()
    monkeypatch.setattr(saving, "time", found)
    return found


class Steps:
    """Saves of some steps each, the last of which takes a while."""

    def __init__(self, clock: Clock, count: int, seconds: float) -> None:
        self.clock, self.count, self.seconds = clock, count, seconds
        self.begun = self.done = 0

    def __call__(self) -> Iterator[None]:
        self.begun += 1
        for _ in range(self.count - 1):
            self.done += 1
            yield
        self.done += 1
        self.clock.now += self.seconds


def test_a_bar_does_one_step(clock: Clock) -> None:
    """The first bar is saved whole; then each does a step of a save, and the next one begins when it is time."""
    steps = Steps(clock, 4, 0.001)
    saves = saving.Saving(steps, None)
    saves.end_bar()
    assert (steps.begun, steps.done) == (1, 4)

    done = []
    for _ in range(24):
        clock.now += 0.0011
        saves.end_bar()
        done.append(steps.done - 4)
    waited = [0] * 6  # seven times as long as the last step has taken
    assert done == [*waited, 1, 2, 3, 4, *[4] * 6, 5, 6, 7, 8, *[8] * 4]


@pytest.mark.parametrize(
    ("seconds", "interval", "bars"), [(0.001, None, 7), (0.01, None, 70), (1, None, 200), (1, 0.05, 50), (1, 0, 1)]
)
def test_how_often_it_saves(clock: Clock, seconds: float, interval: float | None, bars: int) -> None:
    """Where a save takes long the next one is later, but never more than a fifth of a second."""
    steps = Steps(clock, 1, seconds)
    saves = saving.Saving(steps, interval)
    began = []
    for number in range(1000):
        before = steps.begun
        saves.end_bar()
        if steps.begun > before:
            began.append(number)
        clock.now += 0.001
    assert began[1] - began[0] in (bars, bars + 1)
    assert len({after - before for before, after in itertools.pairwise(began)}) <= 2


def test_a_slow_bar_is_saved_before_the_next_one(clock: Clock) -> None:
    """So that what a kill may lose stays less than a second, however long bars take."""
    steps = Steps(clock, 4, 0.001)
    saves = saving.Saving(steps, None)
    saves.end_bar()
    for number in range(2, 10):
        clock.now += 0.03
        saves.end_bar()
        assert (steps.begun, steps.done) == (number, 4 * number)


def test_slow_bars_are_saved_as_seldom_as_was_asked_for(clock: Clock) -> None:
    """An interval holds for them, too."""
    steps = Steps(clock, 4, 0.001)
    saves = saving.Saving(steps, 1)
    for _ in range(81):
        clock.now += 0.05
        saves.end_bar()
    assert (steps.begun, steps.done) == (4, 16)


def test_a_step_that_fails_ends_its_save(clock: Clock) -> None:
    """The next one is another, which tries it all again."""
    fails = iter([ZeroDivisionError])

    def save() -> Iterator[None]:
        for error in fails:
            raise error
        yield

    saves = saving.Saving(save, None)
    with pytest.raises(ZeroDivisionError):
        saves.finish()
    saves.finish()


class Watched(Anything):
    """Lets a test look, or do something, at every bar."""

    look: Callable[[Any], None] = print

    def next(self) -> None:
        super().next()
        Watched.look(self)


def test_a_kill_loses_few_bars(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is never far behind, is always whole, and says itself up to which bar it goes."""
    behind = []
    with SessionRepository(tmp_path / "s.db", durability="normal") as repository:

        def look(strategy: Any) -> None:
            stored = repository.get_by_id("a")
            if stored is not None:
                points = repository.get_equity_curve("a")
                assert stored.state["backtrader"]["bars"] == len(points)
                assert stored.fill_count == len(repository.get_fills("a"))
                behind.append(len(strategy) - 1 - len(points))

        monkeypatch.setattr(Watched, "look", look)
        ran = run(tmp_path, "several", 1, strategy=Watched)
        assert len(repository.get_equity_curve("a")) == len(ran)
    assert 5 < max(behind) < 100


def test_an_error_of_a_save_ends_the_run_and_loses_nothing(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes out of a bar soon after; the session has all that was not stored, and can be saved when that works."""

    def look(strategy: Any) -> None:
        if len(strategy) == 100:
            with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
                connection.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON paper_trading_equity WHEN NEW.sequence > 110 "
                    "BEGIN SELECT RAISE(ABORT, 'no room'); END"
                )
        seen.append(strategy)

    seen: list[Any] = []
    monkeypatch.setattr(Watched, "look", look)
    with SessionRepository(tmp_path / "s.db", durability="normal") as repository:
        with pytest.raises(StorageError, match="no room"):
            run(tmp_path, "spot", 1, strategy=Watched, recorder={"path": repository})
        bars = len(seen)
        assert 100 < bars < 200
        session = seen[-1].analyzers.sessionrecorder.session
        stored = len(repository.get_equity_curve("a"))
        assert stored <= 110
        assert stored + len(session.new_equity_points) == bars

        with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
            connection.execute("DROP TRIGGER full")
        repository.save(session)
        assert len(repository.get_equity_curve("a")) == bars
        assert len(repository.get_fills("a")) == session.fill_count > 10


@pytest.mark.parametrize("module", [frames, recording])
def test_ctrl_c_at_any_line_of_a_save_loses_nothing(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    """What was complete is stored, once, and the run goes on there."""
    lines = 0

    def interrupted(at: int) -> Any:
        """The strategy of a run that is interrupted before this line, counted over its saves but the first."""
        seen, strategies = 0, list[Any]()

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal seen, lines
            is_ours = frame.f_code.co_filename == module.__file__ and frame.f_code.co_name in TRACED
            if not (is_ours and strategies and len(strategies[-1]) > 1):
                return None if event == "call" and not is_ours else trace
            if event == "line":
                seen += 1
                lines = max(lines, seen)
                if seen == at:
                    raise KeyboardInterrupt
            return trace

        monkeypatch.setattr(Watched, "look", strategies.append)
        path = tmp_path / f"{at}.db"
        previous = sys.gettrace()
        sys.settrace(trace)
        try:
            run(tmp_path, "several", 1, bars=40, strategy=Watched, recorder={"path": path})
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(previous)
        return strategies[-1], path

    at = 0
    while at <= min(lines, LINES):
        strategy, path = interrupted(at)
        with SessionRepository(path) as repository:
            bars = strategy.analyzers.sessionrecorder.get_analysis()["bars"]
            session = repository.get_by_id("a")
            assert len(repository.get_equity_curve("a")) == session.state["backtrader"]["bars"] == bars
            assert len(repository.get_fills("a")) == session.fill_count
            assert at == 0 or bars < 40
        at += 1
    assert lines > 15


def test_a_run_that_somebody_else_has_saved_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not write over what another program has changed."""

    def look(strategy: Any) -> None:
        if len(strategy) == 100:
            with SessionRepository(tmp_path / "s.db") as other:
                theirs = other.get_by_id("a")
                theirs.name = "theirs"
                other.save(theirs)

    monkeypatch.setattr(Watched, "look", look)
    with pytest.raises(ConflictError):
        run(tmp_path, "spot", 1, strategy=Watched)
    with SessionRepository(tmp_path / "s.db") as repository:
        assert repository.get_by_id("a").name == "theirs"


def test_a_frame_is_the_session_and_gives_back_what_was_not_stored() -> None:
    """Whatever waits in it, before what has come since; what was changed by hand counts as such in both."""
    session = full_session()
    session.positions["NEW"] = Position("NEW", 1, 10, 10, moment(1))
    expected, waiting = copy.copy(session), pickle.dumps(session.new_fills)

    frame = frames.frame_of(session)
    frames.leave_history(session)
    assert frame == expected
    assert frame.keeps_own_accounts
    assert (session.new_fills, session.new_equity_points, session.new_ledger_entries) == ([], [], [])
    assert (session.fill_count, session.ledger_count, session.closed_order_count) == (
        expected.fill_count, expected.ledger_count, expected.closed_order_count
    )  # fmt: skip

    session.record_equity(EquityPoint(moment(9), 1, 2))
    frames.give_back(session, frame)
    frames.give_back(session, frame)
    assert session.new_equity_points.pop() == EquityPoint(moment(9), 1, 2)
    assert session == expected
    assert pickle.dumps(session.new_fills) == waiting
