"""Random steps with a repository and with a model of plain dictionaries: what they return is equal at every step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from paper_repo import (
    ConflictError,
    EquityPoint,
    Fill,
    InvalidSessionError,
    PaperRepoError,
    Position,
    SessionNotFoundError,
    SessionStatus,
    Strategy,
)
from paper_repo.domain.selection import ORDERS
from paper_repo.testing.examples import START, moment, new_fill, new_session
from paper_repo.testing.model.driving import Driver, PlannedError
from paper_repo.testing.model.events import EVENTS, INSTRUMENTS, RATES, Event
from paper_repo.testing.model.reference import Held, Model, plain

DEEPEST = 4
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None  # in memory: nothing here depends on a disk
STEPS = 40
"""How many steps a program takes at most."""

IDS = ["a", "B", "\N{SNOWMAN}'\"%"]
LONG = "12345678901234567890.1234567890123456789"
AMOUNTS = ["-2", "0", "9", "10", "1E-30", LONG, f"{LONG}1"]
TIMES = [moment(number).astimezone(timezone(timedelta(hours=number))) for number in range(4)]


def some_of(*values: tuple[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A few keyword arguments, each with one of its values."""
    pairs = [(name, value) for name, several in values for value in several]
    return st.lists(st.sampled_from(pairs), max_size=4).map(dict)


ids: st.SearchStrategy[str] = st.sampled_from(IDS)
fields: st.SearchStrategy[dict[str, Any]] = some_of(
    ("name", ["", "a", "B", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{CHART WITH UPWARDS TREND}"]),
    ("status", list(SessionStatus)),
    ("strategy", [Strategy("", "2"), Strategy("sma", parameters={"window": 0.1}), Strategy("SMA")]),
    ("symbols", [(), ("A",), ("AA", "A"), ('"', "A")]),
    ("created_at", TIMES),
    ("stopped_at", [None, *TIMES]),
    ("cash", AMOUNTS),
    ("realized_pnl", AMOUNTS),
    ("error", [None, "it's"]),
    ("positions", [{"A": Position("A", "-0.1", amount, amount, opened_at=START)} for amount in AMOUNTS]),
)
filters: st.SearchStrategy[dict[str, Any]] = some_of(
    ("status", [None, "RUNNING", ["CREATED", SessionStatus.PAUSED], []]),
    ("strategy", [None, "sma", "sm_"]),
    ("symbol", [None, "A", '"']),
    ("since", [None, *TIMES]),
    ("until", [None, *TIMES]),
)
orders: st.SearchStrategy[dict[str, Any]] = some_of(
    ("order_by", [*ORDERS]), ("descending", [False, True]), ("limit", [None, 0, 1, 2]), ("offset", [0, 1, 2])
)
pages: st.SearchStrategy[dict[str, Any]] = some_of(
    ("symbol", [None, "AAPL", "IBM"]),
    ("since", [None, *TIMES]),
    ("until", [None, *TIMES]),
    ("after", [0, 1, 2, 9, "fill-0", "fill-1", "fill-9"]),
    ("limit", [None, 0, 1, 2]),
)
history: st.SearchStrategy[list[Fill]] = st.lists(
    st.sampled_from([*(new_fill(number) for number in range(6)), new_fill(1, symbol="IBM"), new_fill(2, price=7)]),
    max_size=3,
)
points: list[EquityPoint] = [EquityPoint(at, "-0.5", equity) for at, equity in zip(TIMES, AMOUNTS, strict=False)]
curve: st.SearchStrategy[list[EquityPoint]] = st.lists(st.sampled_from(points), max_size=2)


class Machine(RuleBasedStateMachine):
    """One random program, taken step by step by a repository and by the model.

    Args:
        implementation: makes what drives the repository, on an empty database, which may be a file at this path.
        keeps: whether what is stored is there when it is opened again.
    """

    sessions: Bundle[Any] = Bundle("sessions")

    def __init__(self, implementation: Callable[[Path], Driver], keeps: bool) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(dir=FOLDER)
        self._driver = implementation(Path(self._folder.name) / "sessions.db")
        self._keeps = keeps
        self._model = Model()
        self._held: list[Held] = []
        self._booked = 0

    def teardown(self) -> None:
        """Leave every block, and close."""
        try:
            while self._depth:
                self.roll_back()
        finally:
            self._driver.close()
            self._folder.cleanup()

    @property
    def _depth(self) -> int:
        return len(self._model.levels) - 1

    def _both(self, method: str, *args: Any, **kwargs: Any) -> None:
        found = _outcome(lambda: self._driver.call(method, *args, **kwargs))
        assert found == _outcome(lambda: getattr(self._model, method)(*args, **kwargs)), (method, args, kwargs)

    # Session objects

    @initialize(target=sessions, changes=fields)
    def begin_with_some(self, changes: dict[str, Any]) -> Any:
        """Every id but one is stored, with history."""
        for session_id in IDS[1:]:
            self.make(session_id, changes, [new_fill(number) for number in range(3)], [])
        return multiple(*self._held)

    @rule(target=sessions, session_id=ids, changes=fields, new_fills=history, new_points=curve)
    def make(self, session_id: str, changes: dict[str, Any], new_fills: list[Fill], new_points: list[Any]) -> Held:
        """A new session object with history is saved, unless its id is taken."""
        account = {"initial_cash": LONG, "instruments": INSTRUMENTS, "rates": RATES}  # which no float keeps
        held = Held(new_session(id=session_id, **account | changes))
        self._held.append(held)
        self.save(held, new_fills, new_points)
        return held

    @rule(target=sessions, session_id=ids)
    def load(self, session_id: str) -> Any:
        """A stored session as a new object."""
        session = self._driver.call("get_by_id", session_id)
        assert (session and plain(session)) == self._model.get_by_id(session_id)
        if session is None:
            return multiple()
        self._held.append(self._model.load(session))
        return self._held[-1]

    @rule(held=sessions, changes=fields, number=st.integers(0, 9))
    def change(self, held: Held, changes: dict[str, Any], number: int) -> None:
        """A program assigns fields, and changes what they hold in place."""
        for name, value in changes.items():
            setattr(held.session, name, value)
        held.session.state.setdefault("deep", {}).setdefault("er", []).append(number)
        held.session.metadata["number"] = number

    def _record(self, held: Held, new_fills: list[Fill], new_points: list[EquityPoint]) -> None:
        for fill in new_fills:
            held.session.record_fill(fill)
        for point in new_points:
            held.session.record_equity(point)
        held.fills, held.points = held.fills + new_fills, held.points + new_points
        held.fill_count += len(new_fills)

    @rule(held=sessions, events=st.lists(st.sampled_from(EVENTS), min_size=1, max_size=6), saves=st.booleans())
    def book(self, held: Held, events: list[Event], saves: bool) -> None:
        """A program books what an account knows beside plain fills, each as a whole or not at all, and may save it."""
        for event in events:
            self._booked += 1
            try:
                event(held.session, self._booked)
            except PaperRepoError:
                held.check()
            else:
                held.booked()
        if saves:
            self.save(held, [], [])

    # Writing

    @rule(held=sessions, new_fills=history, new_points=curve)
    def save(self, held: Held, new_fills: list[Fill], new_points: list[EquityPoint]) -> None:
        """A save with new history, of which some may be known already, or contradict what is; or a conflict."""
        self._record(held, new_fills, new_points)
        if self._model.has_lost_track(held):
            return
        found = _outcome(lambda: self._driver.call("save", held.session))
        assert found == _outcome(lambda: self._model.save_many([held]))

    @rule(several=st.lists(sessions, max_size=3))
    def save_many(self, several: list[Held]) -> None:
        """Several saves, all or none; the same object may be among them twice."""
        objects = {id(held) for held in several}
        if any(map(self._model.has_lost_track, several)) or len(objects) > len({held.session.id for held in several}):
            return  # of two objects with one id, the first may bring about the version that the second has by chance
        found = _outcome(lambda: self._driver.call("save_many", [held.session for held in several]))
        assert found == _outcome(lambda: self._model.save_many(several))

    @rule(session_id=ids)
    def delete(self, session_id: str) -> None:
        """A deletion."""
        self._both("delete", session_id)

    @rule(chosen=filters.filter(bool))
    def delete_many(self, chosen: dict[str, Any]) -> None:
        """Many deletions."""
        self._both("delete_many", **chosen)

    @precondition(lambda self: self._depth < DEEPEST)
    @rule()
    def begin(self) -> None:
        """A block, perhaps inside another."""
        self._driver.begin()
        self._model.begin()

    @precondition(lambda self: self._depth)
    @rule()
    def commit(self) -> None:
        """The innermost block ends well."""
        self._driver.end(None)
        self._model.commit()

    @precondition(lambda self: self._depth)
    @rule()
    def roll_back(self) -> None:
        """The innermost block fails."""
        self._driver.end(PlannedError())
        self._model.roll_back()

    @precondition(lambda self: self._keeps and not self._depth)
    @rule()
    def reopen(self) -> None:
        """The program ends, and another one begins with the objects of the first."""
        self._driver.reopen()

    # Reading

    @rule(chosen=filters, order=orders)
    def read_lists(self, chosen: dict[str, Any], order: dict[str, Any]) -> None:
        """Every kind of list."""
        expected = self._model.get_all(**chosen, **order)
        assert [plain(each) for each in self._driver.call("get_all", **chosen, **order)] == expected
        assert [plain(each) for each in self._driver.call("iterate", **chosen, **order)] == expected
        summaries = self._driver.call("get_summaries", **chosen, **order)
        assert [dataclasses.asdict(each) for each in summaries] == self._model.get_summaries(**chosen, **order)
        self._both("count", **chosen)

    @rule(session_id=ids, page=pages)
    def read_history(self, session_id: str, page: dict[str, Any]) -> None:
        """Parts of a history."""
        span = {name: page[name] for name in ("since", "until") if name in page}
        self._both("get_fills", session_id, **page)
        self._both("get_equity_curve", session_id, **span)
        self._both("exists", session_id)

    @rule()
    def look_from_outside(self) -> None:
        """Whoever the block does not belong to sees what is committed, and nothing else."""
        committed = Model()
        committed.levels = self._model.levels[:1]
        assert [plain(each) for each in self._driver.call_outside("get_all")] == committed.get_all()
        assert [plain(each) for each in self._driver.call_outside("get_active")] == committed.get_active()

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        """Whatever happened has made of every object and of everything stored what it is to, and nothing else."""
        for held in self._held:
            held.check()
        assert [plain(each) for each in self._driver.call("get_all")] == self._model.get_all()
        summaries = self._driver.call("get_summaries", order_by="net_pnl")
        assert [dataclasses.asdict(each) for each in summaries] == self._model.get_summaries(order_by="net_pnl")
        for session_id in self._model.store:
            self._both("get_fills", session_id)
            self._both("get_equity_curve", session_id)
            self._both("get_ledger", session_id)
            self._both("get_orders", session_id)


def _outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or what its error says."""
    try:
        return call()
    except ConflictError as error:
        return ConflictError, error.session_id, error.expected, error.actual
    except InvalidSessionError as error:
        return InvalidSessionError, error.session_id
    except (ValueError, SessionNotFoundError) as error:
        return type(error)


def check(
    implementation: Callable[[Path], Driver], keeps: bool = True, *, examples: int = 20, shorten: bool = False
) -> None:
    """Run random programs, and fail at the first step at which repository and model differ.

    Args:
        implementation: as for `Machine`; so is `keeps`.
        examples: how many programs.
        shorten: whether one that fails is made shorter before it is shown, which takes minutes.
    """
    unhurried = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        phases=[each for each in Phase if shorten or each is not Phase.shrink],
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )

    class Chosen(Machine):
        def __init__(self) -> None:
            super().__init__(implementation, keeps)

    run_state_machine_as_test(Chosen, settings=unhurried)
