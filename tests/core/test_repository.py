"""`SessionRepository`, the synchronous core, on real files."""

from __future__ import annotations

import copy
import dataclasses
import decimal
import math
import sqlite3
import sys
import tempfile
import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import peewee
import pytest
from hypothesis import given, settings

from paper_repo import (
    ConflictError,
    CorruptRecordError,
    EquityPoint,
    Fill,
    InvalidSessionError,
    PaperTradingSession,
    Position,
    SessionRepository,
    Strategy,
)
from tests.builders import START, full_session, moment, new_fill, new_session
from tests.facade.watching import Watch
from tests.spelling import spelled
from tests.strategies import hostile_contexts, sessions


@pytest.fixture
def repository(path):
    """An open, empty repository."""
    with SessionRepository(path) as opened:
        yield opened


def in_threads(*calls):
    """Run these calls at once, each in a thread of its own; the exceptions they raised, None for none."""
    barrier, outcomes = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place, call):
        try:
            barrier.wait(60)
            call()
        except Exception as error:
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return outcomes


def refusal(call):
    """The `InvalidSessionError` that `call` raises."""
    with pytest.raises(InvalidSessionError) as refused:
        call()
    return refused.value


class TestExactness:
    """Whatever is saved comes back equal, to the last digit and character."""

    @settings(max_examples=60, deadline=None)
    @given(sessions())
    def test_any_session_comes_back(self, session):
        """Every field comes back with the same value, type and spelling, and so does the history."""
        waiting = list(session.new_fills), list(session.new_equity_points)

        with temporary() as repository:
            repository.save(session)
            loaded = repository.get_by_id(session.id)
            history = repository.get_fills(session.id), repository.get_equity_curve(session.id)
            listed, (summary,) = repository.get_all(), repository.get_summaries()

        assert loaded == session
        assert spelled(loaded) == spelled(session)
        assert spelled(history) == spelled(waiting)
        assert spelled(listed) == spelled([session])
        assert (summary.equity, summary.net_pnl) == (session.equity, session.net_pnl)

    @settings(max_examples=30, deadline=None)
    @given(sessions(), hostile_contexts())
    def test_the_callers_decimal_context_changes_nothing(self, session, context):
        """Saving and loading do not round in any decimal context."""
        with temporary() as repository, decimal.localcontext(context):
            repository.save(session)
            loaded = repository.get_by_id(session.id)
            summary = repository.get_summaries()[0]
            ordered = repository.get_all(order_by="equity")

        assert loaded == session
        assert ordered == [session]
        assert (summary.equity, summary.net_pnl) == (session.equity, session.net_pnl)

    @settings(max_examples=25, deadline=None)
    @given(sessions(), sessions(), sessions())
    def test_every_later_save_replaces_every_field(self, first, second, third):
        """Saving other values under the same id, once and again, leaves nothing of the earlier ones."""
        with temporary() as repository:
            first.new_closed_orders.clear()  # their ids cannot be used by the others
            repository.save(first)
            for later in (second, third):
                later = with_values(repository.get_by_id(first.id), later)
                repository.save(later)
                assert spelled(repository.get_by_id(first.id)) == spelled(later)

    def test_a_session_with_everything(self, repository):
        """The session that has an unusual value in every field comes back, from another repository too."""
        session = full_session()

        repository.save(session)

        assert repository.get_by_id(session.id) == session
        with SessionRepository(repository.describe()["database"]) as another:
            assert another.get_by_id(session.id) == session

    def test_kinds_of_the_callers_own(self, repository):
        """Entities of subclasses are stored as what they are kinds of, and refused by the path as those are."""
        own = {kind: type(f"Own{kind.__name__}", (kind,), {}) for kind in (Fill, EquityPoint, Position, Strategy)}
        session = type("OwnSession", (PaperTradingSession,), {})(strategy=own[Strategy]("sma"), initial_cash=1)
        session.record_fill(as_kind(own[Fill], new_fill(1)))
        session.record_equity(as_kind(own[EquityPoint], EquityPoint(START, 1, 2)))
        session.positions = {"AAPL": as_kind(own[Position], Position.open("AAPL", 1, 2, START))}

        repository.save(session)
        session.state["a"] = math.nan
        error = refusal(lambda: repository.save(session))

        loaded = repository.get_by_id(session.id)
        assert loaded.positions == {"AAPL": Position.open("AAPL", 1, 2, START)}
        assert (loaded.strategy, loaded.initial_cash) == (Strategy("sma"), 1)
        assert repository.get_fills(session.id) == [new_fill(1)]
        assert repository.get_equity_curve(session.id) == [EquityPoint(START, 1, 2)]
        assert list(error.messages) == ["state.a"]

    @pytest.mark.parametrize("depth", [1, 100, 199, 200, 500, *range(850, 1050, 20), 1500, 5000, 50_000])
    def test_deep_data_comes_back_or_is_refused(self, path, depth):
        """Data nested up to 200 levels comes back, the outermost counted; deeper is refused, and nothing is stored."""
        value = 1
        for _ in range(depth):
            value = [value]
        session = new_session(state={"deep": value})

        with SessionRepository(path, durability="normal") as repository:
            try:
                repository.save(session)
            except InvalidSessionError as error:
                outcome = error.messages
            else:
                outcome = None
            loaded = repository.get_by_id(session.id)

        if depth < 200:
            assert loaded.state == {"deep": value}
        else:
            assert outcome == {"state": ["is nested too deeply, more than 200 levels, or holds itself."]}
            assert (loaded, session.version) == (None, 0)


class TestRefused:
    """What cannot be stored is refused by its path, and nothing is written or changed."""

    CIRCULAR: dict[str, object] = {}
    CIRCULAR["me"] = CIRCULAR

    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"state": {"a": [1, math.nan]}}, "state.a[1]"),
            ({"state": {"a": math.inf}}, "state.a"),
            ({"metadata": {"a": {"b": (1, 2)}}}, "metadata.a.b"),
            ({"metadata": {"a": {1, 2}}}, "metadata.a"),
            ({"state": {"a": Decimal("0.1")}}, "state.a"),
            ({"state": {"a": b"bytes"}}, "state.a"),
            ({"state": {"a": START}}, "state.a"),
            ({"state": {1: "a"}}, "state.1"),
            ({"state": {"a": {None: 1}}}, "state.a.None"),
            ({"state": {"a": 10**5000}}, "state.a"),
            ({"state": {"a": "\ud800"}}, "state.a"),
            ({"state": CIRCULAR}, "state"),
            ({"strategy": Strategy("sma", "", {"window": math.nan})}, "strategy.parameters.window"),
            ({"strategy": Strategy("sma", "", {"window": [{"n": object()}]})}, "strategy.parameters.window[0].n"),
            ({"positions": {"AAPL": "long"}}, "positions.AAPL"),
            ({"positions": {"AAPL": Position.open("MSFT", 1, 2, START)}}, "positions.AAPL"),
            ({"open_orders": {"o-1": new_fill(1)}}, "open_orders.o-1"),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )
    def test_a_wrong_value(self, repository, changes, place):
        """The error names the path and the session; neither a new session nor the change of a stored one is written."""
        stored = full_session(id="stored")
        repository.save(stored)
        before = spelled(stored)
        new, changed = new_session(id="new", **changes), repository.get_by_id("stored")
        new.record_fill(new_fill(7))
        for name, value in changes.items():
            setattr(changed, name, value)
        looked = repr_of(new), repr_of(changed)

        errors = [refusal(lambda each=each: repository.save(each)) for each in (new, changed)]

        assert [list(error.messages) for error in errors] == [[place], [place]]
        assert [error.session_id for error in errors] == ["new", "stored"]
        assert [str(error).startswith(f"session {error.session_id!r}: {place}: ") for error in errors] == [True, True]
        assert (repr_of(new), repr_of(changed)) == looked
        assert [spelled(each) for each in repository.get_all()] == [before]
        assert len(repository.get_fills("stored")) == 2

    @pytest.mark.parametrize(
        ("name", "place"), [("new_fills", "new_fills[1]"), ("new_equity_points", "new_equity_points[0]")]
    )
    def test_wrong_history(self, repository, name, place):
        """What is put among the history and is none is refused by its place."""
        session = new_session()
        session.record_fill(new_fill(1))
        getattr(session, name).append("no history")

        error = refusal(lambda: repository.save(session))

        assert list(error.messages) == [place]
        assert (session.version, session.new_fills[0], repository.count()) == (0, new_fill(1), 0)

    @pytest.mark.parametrize("session", [None, {"id": "abc-123"}, "abc-123", Strategy("sma")])
    def test_what_is_no_session(self, repository, session):
        """Only sessions are saved, alone or among others."""
        assert list(refusal(lambda: repository.save(session)).messages) == ["session"]
        assert list(refusal(lambda: repository.save_many([new_session(), session])).messages) == ["session"]
        assert repository.count() == 0

    def test_one_wrong_session_among_several(self, repository):
        """Of several sessions none is stored when one cannot be, and the good ones can be saved then."""
        good, bad = new_session(), new_session(state={"a": math.nan})

        refusal(lambda: repository.save_many([good, bad]))

        assert (good.version, repository.count()) == (0, 0)
        repository.save(good)
        assert repository.exists(good.id)

    def test_a_corrected_session_can_be_saved(self, repository):
        """After the wrong value has been put right the same object is saved whole."""
        session = new_session(state={"a": math.nan})
        session.record_fill(new_fill(1))
        refusal(lambda: repository.save(session))

        session.state["a"] = None
        repository.save(session)

        assert repository.get_by_id(session.id) == session
        assert repository.get_fills(session.id) == [new_fill(1)]


class TestCorruptRecords:
    """A stored session that somebody has damaged is named, and harms no other."""

    @pytest.fixture
    def damage(self, path):
        """Change a column of the session "broken", beside the sound session "sound", behind the library's back."""
        with SessionRepository(path) as repository:
            repository.save_many(
                [full_session(id="broken", status="RUNNING"), full_session(id="sound", status="RUNNING")]
            )

        def change(table, column, value):
            key = "id" if table == "paper_trading_sessions" else "session_id"
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = 'broken'", [value])
                connection.commit()

        return change

    @pytest.mark.parametrize(
        ("column", "value", "words"),
        [
            ("state", "{broken", "state: is not JSON"),
            ("state", "[1]", "state: must be a JSON object, not a list"),
            ("state", "{} {}", "state: is not JSON"),
            ("positions", '{"AAPL": 1}', "positions.AAPL: "),
            ("positions", '{"AAPL": {"symbol": "AAPL"}}', "positions.AAPL.quantity: "),
            ("open_orders", "null", "open_orders: "),
            ("strategy", '{"name": "sma"}', "strategy.version: "),
            ("symbols", '["AAPL", 5]', "symbols[1]: "),
            ("cash", "12.3.4", "cash: '12.3.4' is not a decimal number"),
            ("cash", "NaN", "cash: "),
            ("cash", b"\xff", "cash: "),
            ("status", "IDLE", "status: Must be one of"),
            ("status", "running", "status: Must be one of"),
            ("created_at", "yesterday", "created_at: 'yesterday' is no time in UTC"),
            ("created_at", "2026-01-05 14:30:00", "created_at: "),
            ("version", -1, "version: "),
            ("version", "two", "version: "),
            ("base_currency", "", "base_currency: "),
            ("metadata", "[" * 100_000, "metadata: "),
        ],
        ids=lambda value: "bytes" if isinstance(value, bytes) else str(value)[:20],
    )
    def test_a_damaged_session(self, path, damage, column, value, words):
        """The error names the session, the path and the problem; other sessions load, and so does a summary list."""
        damage("paper_trading_sessions", column, value)

        with SessionRepository(path) as repository:
            for read in (
                lambda: repository.get_by_id("broken"),
                repository.get_all,
                lambda: list(repository.iterate()),
            ):
                with pytest.raises(CorruptRecordError) as corrupt:
                    read()
                assert corrupt.value.session_id == "broken"
                assert str(corrupt.value).startswith("session 'broken' is stored but cannot be read: ")
                assert words in str(corrupt.value)
            assert repository.get_by_id("sound").id == "sound"
            assert repository.exists("broken")

    @pytest.mark.parametrize(
        ("column", "value", "words"),
        [
            ("equity", "much", "ConversionSyntax"),
            ("net_pnl", None, "ConversionSyntax"),
            ("created_at", "yesterday", "Invalid isoformat string: 'yesterday'"),
            ("status", "IDLE", "'IDLE' is not a valid SessionStatus"),
            ("symbols", "AAPL", "Expecting value"),
            ("initial_cash", b"\xff", ""),
        ],
        ids=["equity", "net_pnl", "created_at", "status", "symbols", "initial_cash"],
    )
    def test_a_damaged_summary(self, path, damage, column, value, words):
        """A list of summaries names the session that cannot be shown, and says what is wrong with it."""
        try:
            damage("paper_trading_sessions", column, value)
        except sqlite3.IntegrityError:
            damage("paper_trading_sessions", column, "")

        with SessionRepository(path) as repository, pytest.raises(CorruptRecordError) as corrupt:
            repository.get_summaries()

        assert corrupt.value.session_id == "broken"
        assert str(corrupt.value).startswith("session 'broken' is stored but cannot be read: ")
        assert words in str(corrupt.value)

    def test_lists_report_what_they_leave_out(self, path, damage):
        """With errors="report" the sound sessions are listed, and the error of the other one beside them."""
        damage("paper_trading_sessions", "symbols", "AAPL")

        with SessionRepository(path) as repository:
            for read in (repository.get_all, repository.get_active, repository.get_summaries):
                found = read(errors="report")

                assert [each.id for each in found] == ["sound"]
                assert [error.session_id for error in found.errors] == ["broken"]

    def test_iterate_gives_what_comes_before_a_damaged_session(self, path, damage):
        """The error is raised when it is the turn of the session."""
        damage("paper_trading_sessions", "symbols", "AAPL")

        with SessionRepository(path) as repository:
            sessions = repository.iterate(descending=True)

            assert next(sessions).id == "sound"
            with pytest.raises(CorruptRecordError, match="broken"):
                next(sessions)

    def test_iterate_reports_nothing(self, repository):
        """One session after the other, there is no place for errors; who asks for them is told where they are."""
        complaint = "iterate has no place to report errors; use get_all or get_summaries with errors='report'"

        with pytest.raises(ValueError, match=f"^{complaint}$"):
            list(repository.iterate(errors="report"))

    @pytest.mark.parametrize(
        ("table", "column", "value", "read"),
        [
            ("paper_trading_fills", "price", "high", SessionRepository.get_fills),
            ("paper_trading_fills", "quantity", "-1", SessionRepository.get_fills),
            ("paper_trading_fills", "side", "HOLD", SessionRepository.get_fills),
            ("paper_trading_fills", "executed_at", "", SessionRepository.get_fills),
            ("paper_trading_equity", "equity", "Infinity", SessionRepository.get_equity_curve),
            ("paper_trading_equity", "at", "2026-01-05T14:30:00", SessionRepository.get_equity_curve),
        ],
    )
    def test_damaged_history(self, path, damage, table, column, value, read):
        """Damaged history names its session; the session itself and other histories load."""
        damage(table, column, value)

        with SessionRepository(path) as repository:
            with pytest.raises(
                CorruptRecordError, match=f"session 'broken' is stored but cannot be read: {column}: "
            ) as e:
                read(repository, "broken")
            assert e.value.session_id == "broken"
            assert len(read(repository, "sound")) == 2
            assert repository.get_by_id("broken").id == "broken"

    def test_a_damaged_session_can_be_deleted(self, path, damage):
        """What cannot be read can still be removed."""
        damage("paper_trading_sessions", "state", "{broken")

        with SessionRepository(path) as repository:
            assert repository.delete("broken")
            assert [session.id for session in repository.get_all()] == ["sound"]


class TestConflicts:
    """Several threads that change one session lose no update."""

    THREADS, ROUNDS = 6, 8

    @pytest.mark.parametrize("shared", [True, False], ids=["one repository", "a repository each"])
    def test_no_update_is_lost(self, path, shared):
        """Every save succeeds or is a conflict; the final version and contents count the successes."""
        with SessionRepository(path, durability="normal", busy_timeout=60) as repository:
            repository.save(new_session(id="abc-123", state={"count": 0}))
            successes, conflicts = [], []

            def work(number):
                mine = repository if shared else SessionRepository(path, durability="normal", busy_timeout=60)
                for round_number in range(self.ROUNDS):
                    while True:
                        session = mine.get_by_id("abc-123")
                        session.state["count"] += 1
                        session.record_fill(new_fill(1, id=f"{number}/{round_number}"))
                        try:
                            mine.save(session)
                        except ConflictError as conflict:
                            conflicts.append((session.version, conflict.expected, conflict.actual))
                        else:
                            successes.append(number)
                            break
                if not shared:
                    mine.close()

            outcomes = in_threads(*(lambda number=number: work(number) for number in range(self.THREADS)))
            final = repository.get_by_id("abc-123")
            history = [fill.id for fill in repository.get_fills("abc-123")]

        assert outcomes == [None] * self.THREADS
        assert len(successes) == self.THREADS * self.ROUNDS
        assert all(mine == expected < actual for mine, expected, actual in conflicts)
        assert final.version == 1 + len(successes)
        assert final.state["count"] == final.fill_count == len(history) == len(set(history)) == len(successes)

    def test_one_of_many_creates_a_session(self, path):
        """Of several that insert one id, one succeeds; the others are told that it is there."""
        with SessionRepository(path, busy_timeout=60) as repository:
            mine = [new_session(id="abc-123", name=str(number)) for number in range(6)]

            outcomes = in_threads(*(lambda session=session: repository.save(session) for session in mine))
            stored = repository.get_by_id("abc-123")

        conflicts = [each for each in outcomes if each is not None]
        assert [(type(each), each.expected, each.actual) for each in conflicts] == [(ConflictError, 0, 1)] * 5
        assert [session.version for session in mine if session.name != stored.name] == [0] * 5

    def test_a_deleted_session_stays_deleted(self, path):
        """Threads that save and one that deletes: once it is gone it does not come back."""
        with SessionRepository(path, durability="normal", busy_timeout=60) as repository:
            repository.save(new_session(id="abc-123"))
            gone = threading.Event()

            def save_until_gone():
                while True:
                    session = repository.get_by_id("abc-123")
                    if session is None:
                        return
                    session.record_fill(new_fill(session.version))
                    try:
                        repository.save(session)
                    except ConflictError as conflict:
                        if conflict.actual is None:
                            return

            def delete():
                assert repository.delete("abc-123")
                gone.set()

            outcomes = in_threads(*[save_until_gone] * 4, delete)

            assert outcomes == [None] * 5
            assert gone.is_set()
            assert repository.count() == 0
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM paper_trading_fills").fetchone() == (0,)

    def test_whoever_takes_the_stored_version_has_the_last_word(self, repository):
        """An object whose version is set to the stored one is stored whole, also where it has not changed itself."""
        repository.save(new_session(id="abc-123", name="mine"))
        mine, theirs = repository.get_by_id("abc-123"), repository.get_by_id("abc-123")
        theirs.name = "theirs"
        repository.save(theirs)

        mine.version = theirs.version
        repository.save(mine)

        assert repository.get_by_id("abc-123") == mine

    def test_a_session_stored_anew_under_an_old_id_is_not_overwritten_by_the_old_one(self, repository):
        """An object of a deleted session that meets its version in a new one of the same id is in conflict with it."""
        old, new = new_session(id="abc-123", name="old"), new_session(id="abc-123", name="new")
        repository.save(old)
        repository.delete("abc-123")
        repository.save(new)

        old.cash = 1
        with pytest.raises(ConflictError, match="a different version 1 is stored now"):
            repository.save(old)

        assert repository.get_by_id("abc-123") == new

    def test_one_object_saved_by_many_threads(self, path):
        """An object that threads share is stored whole at every save: no conflict, and each of its fills once."""
        with SessionRepository(path, durability="normal", busy_timeout=60) as repository:
            session = new_session()
            for number in range(10):
                session.record_fill(new_fill(number))

            outcomes = in_threads(*[lambda: repository.save(session)] * 8)

            assert outcomes == [None] * 8
            assert session.version == 8
            assert repository.get_by_id(session.id) == session
            assert len(repository.get_fills(session.id)) == session.fill_count == 10

    @pytest.mark.parametrize("attempt", range(10))
    def test_a_rollback_is_over_when_the_next_writer_begins(self, path, attempt):
        """A thread that waits to save an object which a block of another saved and rolls back finds it as before."""
        session = new_session()
        inside, waiting = threading.Event(), threading.Event()
        switch = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)

        def fail():
            try:
                with repository.atomic():
                    repository.save(session)
                    inside.set()
                    waiting.wait(60)
                    raise ZeroDivisionError
            except ZeroDivisionError:
                pass

        def save():
            inside.wait(60)
            waiting.set()
            repository.save(session)

        try:
            with SessionRepository(path, durability="normal", busy_timeout=60) as repository:
                repository.open()
                outcomes = in_threads(fail, save)
                stored = repository.get_by_id(session.id)
        finally:
            sys.setswitchinterval(switch)

        assert outcomes == [None, None]
        assert (session.version, stored) == (1, session)


class TestAtomic:
    """Transactions by threads, and what leaves them."""

    @pytest.mark.parametrize(
        "error",
        [
            sqlite3.OperationalError("the caller's own"),
            sqlite3.IntegrityError("the caller's own"),
            peewee.IntegrityError("the caller's own"),
            peewee.DoesNotExist("the caller's own"),
            ValueError("the caller's own"),
            KeyboardInterrupt(),
            SystemExit(3),
        ],
        ids=lambda error: type(error).__name__,
    )
    @pytest.mark.parametrize("nested", [False, True])
    def test_the_callers_own_exception_leaves_as_it_is(self, repository, error, nested):
        """An exception of the caller's, even one of a database's, is not taken for ours; the block is rolled back."""
        session = new_session()
        session.record_fill(new_fill(1))
        before = copy.deepcopy(session)

        with pytest.raises(type(error)) as left:
            fail_in_block(repository, session, error, nested)

        assert left.value is error
        assert left.value.__cause__ is None
        assert session == before
        assert repository.count() == 0

    def test_an_inner_rollback_keeps_the_outer_work(self, repository):
        """What was saved before and after a failed inner block is stored, and nothing of it."""
        outer, inner, after = new_session(), new_session(), new_session()

        with repository.atomic():
            repository.save(outer)
            with pytest.raises(ZeroDivisionError):
                fail_in_block(repository, inner, ZeroDivisionError(), nested=False)
            outer.name = "changed after"
            repository.save(outer)
            repository.save(after)

        assert {each.id for each in repository.get_all()} == {outer.id, after.id}
        assert repository.get_by_id(outer.id) == outer
        assert (outer.version, inner.version) == (2, 0)

    def test_a_conflict_that_is_caught_takes_nothing_else_with_it(self, repository):
        """Inside a block a refused save can be caught; the rest of the block is stored."""
        stale, other = new_session(), new_session()
        repository.save(stale)
        repository.save(repository.get_by_id(stale.id))
        stale.record_fill(new_fill(1))

        with repository.atomic():
            repository.save(other)
            with pytest.raises(ConflictError):
                repository.save(stale)

        assert repository.exists(other.id)
        assert (stale.version, stale.new_fills) == (1, [new_fill(1)])
        assert repository.get_fills(stale.id) == []

    def test_several_sessions_in_a_block(self, repository):
        """All of them are stored, or none when one is refused and the rest of the block is not."""
        stored, two, others = new_session(), [new_session(), new_session()], [new_session(), new_session()]
        repository.save(stored)

        with repository.atomic():
            repository.save_many(two)
            with pytest.raises(ConflictError):
                repository.save_many([*others, new_session(id=stored.id)])

        assert {each.id for each in repository.get_all()} == {each.id for each in (stored, *two)}

    def test_a_history_that_is_refused_leaves_nothing_of_it(self, repository):
        """Inside a block the fills before the one that is refused go with it, when the rest of the block is stored."""
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        session.record_fill(new_fill(2))
        session.record_fill(new_fill(1, price=1))

        with repository.atomic(), pytest.raises(InvalidSessionError):
            repository.save(session)

        assert repository.get_fills(session.id) == [new_fill(1)]
        assert repository.get_by_id(session.id).version == session.version == 1

    def test_readers_of_other_threads(self, repository):
        """Others see nothing of an open block, without waiting; the block sees its own writes."""
        session = new_session()
        seen = []

        with repository.atomic():
            repository.save(session)
            seen.append(repository.exists(session.id))
            (outcome,) = in_threads(lambda: seen.append(repository.exists(session.id)))
        (later,) = in_threads(lambda: seen.append(repository.exists(session.id)))

        assert (outcome, later) == (None, None)
        assert seen == [True, False, True]

    def test_blocks_of_threads_take_turns(self, path):
        """Blocks that read and then write are never mixed: what they read is still so when they write."""
        with SessionRepository(path, durability="normal", busy_timeout=60) as repository:
            repository.save(new_session(id="abc-123", state={"count": 0}))

            def count():
                for _ in range(10):
                    with repository.atomic():
                        session = repository.get_by_id("abc-123")
                        session.state["count"] += 1
                        repository.save(session)

            outcomes = in_threads(*[count] * 6)

            assert outcomes == [None] * 6
            assert repository.get_by_id("abc-123").state == {"count": 60}

    @pytest.mark.parametrize("nested", [False, True])
    def test_a_deletion_is_rolled_back_with_its_history(self, repository, nested):
        """A session deleted in a block that fails is there again, with all that belongs to it."""
        session = full_session()
        repository.save(session)

        def delete_and_fail():
            with repository.atomic():
                if nested:
                    with repository.atomic():
                        assert repository.delete(session.id)
                else:
                    assert repository.delete_many() == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            delete_and_fail()

        assert repository.get_by_id(session.id) == session
        assert (len(repository.get_fills(session.id)), len(repository.get_equity_curve(session.id))) == (2, 2)

    def test_saved_twice_and_rolled_back(self, repository):
        """After two saves in a block that fails the object has its first version and all its history, in order."""
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        session.record_fill(new_fill(2))
        updated_at = session.updated_at

        def save_twice_and_fail():
            with repository.atomic():
                repository.save(session)
                session.record_fill(new_fill(3))
                repository.save(session)
                session.record_fill(new_fill(4))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            save_twice_and_fail()

        assert (session.version, session.updated_at, session.fill_count) == (1, updated_at, 4)
        assert session.new_fills == [new_fill(2), new_fill(3), new_fill(4)]
        repository.save(session)
        assert repository.get_fills(session.id) == [new_fill(number) for number in (1, 2, 3, 4)]

    def test_a_commit_that_fails_is_a_rollback(self, path, monkeypatch):
        """When the COMMIT itself fails nothing is stored, the objects are as they were, and saving again works."""
        watch = Watch()
        watch.install(monkeypatch)
        session = new_session()
        session.record_fill(new_fill(1))
        before = copy.deepcopy(session)

        def fail(sql):
            if sql == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")

        with SessionRepository(path) as repository:
            repository.open()
            watch.before = fail
            with pytest.raises(Exception, match="disk I/O error"):
                repository.save(session)
            watch.before = lambda sql: None

            assert session == before
            assert repository.count() == 0
            repository.save(session)
            assert repository.get_by_id(session.id) == session


class TestTicks:
    """What stays as it is from tick to tick is not written again, except where it may be otherwise in the database."""

    def test_a_tick_writes_what_ticks_change(self, path, monkeypatch):
        """A save that changes cash alone does not name the strategy's columns; one that changes the strategy does."""
        watch = Watch()
        watch.install(monkeypatch)
        session = new_session(cash=4)  # of a program that keeps its own accounts

        with SessionRepository(path) as repository:
            repository.save(session)
            session.cash = 5
            repository.save(session)
            tick = [sql for sql in watch.seen if sql.startswith("UPDATE")][-1]
            session.strategy = Strategy("other", "1")
            repository.save(session)
            whole = [sql for sql in watch.seen if sql.startswith("UPDATE")][-1]

            assert repository.get_by_id(session.id) == session
        assert ('"strategy" =' in tick, '"cash" =' in tick) == (False, True)
        assert ('"strategy" =' in whole, '"cash" =' in whole) == (True, True)

    def test_what_another_database_has_is_not_taken_for_this_ones(self, path, tmp_path):
        """A session of the same version in another database is stored there whole, whatever it was there."""
        with SessionRepository(path) as here, SessionRepository(tmp_path / "elsewhere.db") as elsewhere:
            here.save(new_session(id="s", name="here"))
            other = here.get_by_id("s")
            other.name = "elsewhere"
            elsewhere.restore(other)
            session = here.get_by_id("s")

            elsewhere.save(session)

            assert elsewhere.get_by_id("s") == session
            assert session.name == "here"


class TestHistory:
    """Fills and equity points, appended and read by parts."""

    def test_the_same_fill_is_stored_once(self, repository):
        """A fill recorded again, now or in an earlier save, is skipped and not counted, and keeps its place."""
        session = new_session()
        for number in (1, 2, 1):
            session.record_fill(new_fill(number))
        repository.save(session)
        for number in (2, 3, 1):
            session.record_fill(new_fill(number))

        repository.save(session)

        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2), new_fill(3)]
        assert session.fill_count == repository.get_by_id(session.id).fill_count == 3

    def test_an_equal_fill_may_be_written_otherwise(self, repository):
        """Amounts that are equal are the same content, whatever their spelling."""
        session = new_session()
        session.record_fill(new_fill(1, price="100.250"))
        repository.save(session)
        session.record_fill(new_fill(1, price="1.0025E+2"))

        repository.save(session)

        assert session.fill_count == 1

    @pytest.mark.parametrize("change", [{"price": 1}, {"side": "SELL"}, {"order_id": "o"}, {"executed_at": moment(5)}])
    def test_another_fill_of_a_stored_id(self, repository, change):
        """Other content under a stored id is refused by its path; nothing is written, and without it the save works."""
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        session.record_fill(new_fill(2))
        session.record_fill(new_fill(1, **change))
        before = copy.deepcopy(session)

        error = refusal(lambda: repository.save(session))

        assert list(error.messages) == ["new_fills.fill-1"]
        assert session == before
        assert repository.get_fills(session.id) == [new_fill(1)]
        session.new_fills.pop()
        repository.save(session)
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2)]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, [1, 2, 3, 4, 5]),
            ({"after": 0}, [1, 2, 3, 4, 5]),
            ({"after": 3}, [4, 5]),
            ({"after": "fill-3"}, [4, 5]),
            ({"after": 5}, []),
            ({"after": 99}, []),
            ({"limit": 2}, [1, 2]),
            ({"limit": 0}, []),
            ({"limit": 2, "after": 2}, [3, 4]),
            ({"symbol": "MSFT"}, [2, 4]),
            ({"symbol": "MSFT", "after": 2}, [4]),
            ({"since": moment(3)}, [3, 4, 5]),
            ({"until": moment(3)}, [1, 2]),
            ({"since": moment(2), "until": moment(5), "symbol": "AAPL", "limit": 9}, [3]),
        ],
    )
    def test_parts_of_a_history(self, repository, query, found):
        """Fills are found by symbol, time and place, in the order in which they were recorded."""
        session = new_session()
        for number in range(1, 6):
            session.record_fill(new_fill(number, symbol="AAPL" if number % 2 else "MSFT"))
        repository.save(session)

        assert [fill.id for fill in repository.get_fills(session.id, **query)] == [f"fill-{each}" for each in found]

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"after": "nobody"}, "after='nobody': session 'abc-123' has no fill of this id"),
            ({"after": -1}, "after must be a fill, its id or its number"),
            ({"limit": 2**64}, "limit must be a whole number"),
            ({"since": moment(1).replace(tzinfo=None)}, "since: .* has no time zone"),
            ({"until": "today"}, "until: must be a datetime"),
        ],
    )
    def test_parts_that_make_no_sense(self, repository, query, message):
        """What names no part of a history is a ValueError that says why."""
        repository.save(new_session(id="abc-123"))

        with pytest.raises(ValueError, match=message):
            repository.get_fills("abc-123", **query)

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"since": moment(1).replace(tzinfo=None)}, "since: .* has no time zone"),
            ({"until": "today"}, "until: must be a datetime"),
        ],
    )
    def test_parts_of_a_curve_that_make_no_sense(self, repository, query, message):
        """What is no time is a ValueError that names the argument."""
        with pytest.raises(ValueError, match=message):
            repository.get_equity_curve("abc-123", **query)

    def test_the_cost_of_a_save_does_not_grow(self, path, monkeypatch):
        """However long the history is, the same addition takes SQLite about the same number of steps."""
        watch, steps = Watch(), []
        watch.install(monkeypatch)

        def add(number):
            session.apply_fill(new_fill(number, side="BUY" if number % 2 else "SELL"))
            session.mark({"AAPL": 101}, moment(number))
            repository.save(session)

        with SessionRepository(path, durability="normal") as repository:
            session = new_session()
            add(1)
            add(2)
            watch.before = lambda sql: watch.connection.set_progress_handler(lambda: steps.append(1), 1)
            add(3)
            early = len(steps)
            watch.before = lambda sql: watch.connection.set_progress_handler(None, 1)
            for number in range(4, 3004):
                session.record_fill(new_fill(number))
                session.record_equity(EquityPoint(moment(number), 1, 1))
            repository.save(session)
            steps.clear()
            watch.before = lambda sql: watch.connection.set_progress_handler(lambda: steps.append(1), 1)
            add(3005)

        assert early > 0
        assert len(steps) < 2 * early


def temporary():
    """A repository on a new file, which goes away with it."""
    return Temporary()


class Temporary:
    """A repository in a folder of its own, for as long as the block lasts."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.repository = SessionRepository(Path(self.folder.name) / "sessions.db", durability="normal")
        return self.repository.__enter__()

    def __exit__(self, *error):
        self.repository.close()
        self.folder.cleanup()


def as_kind(kind, entity):
    """An entity of type `kind` with the values of this one."""
    return kind(**{field.name: getattr(entity, field.name) for field in dataclasses.fields(entity)})


def with_values(session, other):
    """`session`, which is stored, with all that it may change taken from `other`."""
    for name in ("name", "strategy", "symbols", "base_currency", "status", "initial_cash", "cash", "positions",
                 "open_orders", "realized_pnl", "fees_paid", "state", "metadata", "error", "created_at", "started_at",
                 "stopped_at", "instruments", "rates", "balances", "net_deposits", "income", "currency_pnl",
                 "other_value"):  # fmt: skip
        setattr(session, name, getattr(other, name))
    return session


def fail_in_block(repository, session, error, nested):
    """Save the session in a block, and raise the error there."""
    with repository.atomic():
        repository.save(session)
        if nested:
            with repository.atomic():
                raise error
        raise error


def repr_of(session):
    """How a session looks, where it may hold NaN, circles, or a number that is too long to be written."""
    names = [field.name for field in dataclasses.fields(session) if field.name != "state"]
    return [spelled(getattr(session, name)) for name in names], id(session.state), list(session.state)
