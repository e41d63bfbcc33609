"""What one save writes, between the call and the writing."""

from __future__ import annotations

import copy
import weakref
from contextlib import nullcontext, suppress

import pytest

from paper_repo import BusyError, CashFlow, EquityPoint, Instrument, InvalidSessionError, SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.core.saves import Save
from paper_repo.core.tracking import Tracking, UndoLog
from tests.builders import full_session, moment, new_fill, new_session


@pytest.fixture
def repository(path):
    """An open, empty repository."""
    with SessionRepository(path) as opened:
        yield opened


class _Columns(dict):
    """Columns that can be referred to weakly."""


OTHER_FILL = (
    "another fill of this id and symbol is stored already, and differs; if it is the same execution, do not book "
    "it again (made anew, it needs the same executed_at); if not, give it an id of its own."
)


class TestSave:
    """A session as it was when the save was called, written later."""

    def test_later_changes_are_not_in_it(self, repository):
        """What the caller changes before the writing, inside of values too, is not stored; it stays in the object."""
        session = new_session(state={"window": [1]}, name="at the call")

        snapshot = Save.capture(session)
        session.name = "later"
        session.state["window"].append(2)
        session.cash = 1
        internals_of(repository).write([snapshot])

        stored = repository.get_by_id(session.id)
        assert (stored.name, stored.state, stored.cash) == ("at the call", {"window": [1]}, 10000)
        assert (session.name, session.state, session.cash, session.version) == ("later", {"window": [1, 2]}, 1, 1)

    @pytest.mark.parametrize("is_loaded", [True, False])
    def test_what_seldom_changes_is_stored_when_it_does(self, repository, is_loaded):
        """A session that uses more of an account from one save to the next, and less again, comes back each time."""
        changes = [
            lambda session: session.apply_cash_flow(CashFlow("d1", "DEPOSIT", 50, moment(1))),
            lambda session: session.update_rates({"EUR": "1.1"}),
            lambda session: session.apply_cash_flow(CashFlow("d2", "DIVIDEND", 5, moment(2), currency="EUR")),
            lambda session: session.apply_cash_flow(CashFlow("d3", "FEE", -5, moment(3), currency="EUR")),
            lambda session: setattr(session, "other_value", "0.00"),
            lambda session: session.apply_fill(new_fill(1)),
            lambda session: setattr(session, "instruments", {"X": Instrument("X", multiplier=50)}),
            lambda session: setattr(session, "instruments", {}),
            lambda session: session.record_fill(new_fill(2)),
        ]
        session = new_session()
        repository.save(session)
        for change in changes:
            if is_loaded:
                session = repository.get_by_id(session.id)
            change(session)
            repository.save(session)

            stored = repository.get_by_id(session.id)
            assert stored == session
            assert str(stored.other_value) == str(session.other_value)
        assert not repository.check().problems

    def test_later_history_waits_for_the_next_save(self, repository):
        """Fills and points recorded before the writing wait on, and are stored in their order by the next save."""
        session = new_session()
        session.record_fill(new_fill(1))
        session.record_equity(EquityPoint(moment(1), 1, 1))

        snapshot = Save.capture(session)
        session.record_fill(new_fill(2))
        session.record_equity(EquityPoint(moment(2), 2, 2))
        internals_of(repository).write([snapshot])
        first = repository.get_by_id(session.id).fill_count, list(session.new_fills), list(session.new_equity_points)
        repository.save(session)

        assert first == (1, [new_fill(2)], [EquityPoint(moment(2), 2, 2)])
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2)]
        assert [point.cash for point in repository.get_equity_curve(session.id)] == [1, 2]
        assert repository.get_by_id(session.id) == session

    def test_what_was_stored_is_held_only_once_a_save_was_left_out(self, repository):
        """An object whose saves are done as they are asked for does not hold on to what they have stored."""
        session = new_session()
        for _ in range(3):
            repository.save(session)
        in_turn = Tracking.of(session).newest

        left_out, later = Save.capture(session), Save.capture(session)
        internals_of(repository).write([later])
        internals_of(repository).write([left_out])
        repository.save(session)

        assert in_turn is None
        assert Tracking.of(session).newest.columns["name"] == session.name

    @pytest.mark.parametrize("fills", [[], [new_fill(1)]])
    def test_undoing_a_save_needs_nothing_of_what_it_wrote(self, fills):
        """A transaction of any number of saves does not hold on to their columns until it ends; history comes back."""
        session = new_session()
        for fill in fills:
            session.record_fill(fill)
        save = Save.capture(session)
        save.bind(lambda columns, generation, resting: None)
        save.columns = _Columns(save.columns)
        held = weakref.ref(save.columns)

        before = save.before()
        save.apply(0)
        del save
        freed, stored = held() is None, (session.version, list(session.new_fills))
        before.restore()

        assert freed
        assert stored == (1, [])
        assert (session.version, session.new_fills) == (0, fills)

    def test_saves_of_one_object_follow_each_other(self, repository):
        """Two saves called one after the other and written later store the history once, each at its own version."""
        session = full_session()

        first = Save.capture(session)
        session.record_fill(new_fill(7))
        session.name = "second"
        second = Save.capture(session)
        internals_of(repository).write([first])
        internals_of(repository).write([second])

        assert session.version == 2
        assert repository.get_by_id(session.id) == session
        assert len(repository.get_fills(session.id)) == session.fill_count == 3
        assert len(repository.get_equity_curve(session.id)) == 2

    def test_a_save_may_fail_between_two_of_one_object(self, repository):
        """When the first of two saves is rolled back, the second stores the whole history."""
        session = new_session()
        session.record_fill(new_fill(1))
        first = Save.capture(session)
        session.record_fill(new_fill(2))
        second = Save.capture(session)

        def fail():
            with repository.atomic():
                internals_of(repository).write([first])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        internals_of(repository).write([second])

        assert (session.version, session.new_fills) == (1, [])
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2)]

    def test_saves_follow_each_other_after_others_too(self, repository):
        """What was stored, and met again, before two saves of one object were called is no part of either."""
        session = new_session()
        for number in (1, 2):
            session.record_fill(new_fill(1))
            session.record_equity(EquityPoint(moment(number), number, number))
            repository.save(session)

        session.record_fill(new_fill(2))
        session.record_equity(EquityPoint(moment(3), 3, 3))
        first = Save.capture(session)
        session.record_fill(new_fill(3))
        session.record_equity(EquityPoint(moment(4), 4, 4))
        second = Save.capture(session)
        internals_of(repository).write([first])
        internals_of(repository).write([second])

        assert (session.version, session.fill_count) == (4, 3)
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2), new_fill(3)]
        assert [point.cash for point in repository.get_equity_curve(session.id)] == [1, 2, 3, 4]
        assert repository.get_by_id(session.id) == session

    def test_a_save_waits_while_another_of_its_object_is_rolled_back(self, repository):
        """It stores the history that the other one had taken, and has given back."""
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        session.record_fill(new_fill(1))
        session.record_fill(new_fill(2))
        session.record_equity(EquityPoint(moment(1), 1, 1))

        waiting = Save.capture(session)
        with suppress(ZeroDivisionError), repository.atomic():
            repository.save(session)
            raise ZeroDivisionError
        internals_of(repository).write([waiting])

        assert (session.version, session.fill_count) == (2, 2)
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2)]
        assert len(repository.get_equity_curve(session.id)) == 1
        assert repository.get_by_id(session.id) == session

    def test_a_save_called_inside_a_block_that_fails_is_whole_later(self, repository):
        """A save called while its object's history was thought stored gets it back with the rollback."""
        session = new_session()
        session.record_fill(new_fill(1))
        called = []

        def fail():
            with repository.atomic():
                repository.save(session)
                session.record_fill(new_fill(2))
                session.record_fill(new_fill(3))
                called.append(Save.capture(session))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        internals_of(repository).write(called)

        assert (session.version, session.new_fills, session.fill_count) == (1, [], 3)
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2), new_fill(3)]

    def test_a_fill_that_is_stored_already_is_not_counted(self, repository):
        """A fill met again between two saves of one object is counted once."""
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        session.record_fill(new_fill(1))
        first = Save.capture(session)
        session.record_fill(new_fill(2))
        second = Save.capture(session)

        internals_of(repository).write([first])
        internals_of(repository).write([second])

        assert session.fill_count == 2
        assert repository.get_by_id(session.id) == session
        assert repository.get_fills(session.id) == [new_fill(1), new_fill(2)]

    def test_a_fill_that_waits_is_booked_once_after_saves_too(self, repository):
        """What a save has taken waits no more, and what was recorded since waits, whatever its ids."""
        session = new_session()
        session.apply_fill(new_fill(1))
        session.apply_fill(new_fill(2))
        repository.save(session)
        session.record_fill(new_fill(3))
        session.record_fill(new_fill(2))
        before = copy.deepcopy(session)

        session.apply_fill(new_fill(3))
        unchanged = session == before
        session.apply_fill(new_fill(1, price=7))

        assert unchanged
        assert session.new_fills == [new_fill(3), new_fill(2), new_fill(1, price=7)]

    def test_a_fill_that_a_rollback_gave_back_is_booked_once(self, repository):
        """What waits again after a failed block is known to wait."""
        session = new_session()
        session.apply_fill(new_fill(1))

        def fail():
            with repository.atomic():
                repository.save(session)
                session.apply_fill(new_fill(2))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        before = copy.deepcopy(session)
        session.apply_fill(new_fill(1))
        session.apply_fill(new_fill(2))

        assert session == before
        assert session.new_fills == [new_fill(1), new_fill(2)]

    def test_taking_one_changes_nothing(self):
        """A snapshot that is never written leaves its object as it was."""
        session = full_session()
        before = copy.deepcopy(session)

        assert Save.capture(session).has_history
        assert not Save.capture(new_session()).has_history

        assert session == before

    @pytest.mark.parametrize("session", [None, {}, "abc-123"])
    def test_what_is_no_session_is_refused(self, session):
        """The message says what is wanted."""
        with pytest.raises(InvalidSessionError, match="session: must be a PaperTradingSession, not"):
            Save.capture(session)

    def test_the_error_names_the_session(self):
        """Whoever saves many at once learns which one it is."""
        session = new_session(id="abc-123", state={"a": {1}})

        with pytest.raises(InvalidSessionError, match=r"session 'abc-123': state\.a: a set cannot be kept") as refused:
            Save.capture(session)

        assert refused.value.session_id == "abc-123"
        assert list(refused.value.messages) == ["state.a"]

    def test_history_that_was_appended_by_hand_is_stored(self, repository):
        """A fill that was put among the waiting ones by hand counts as every other."""
        session = new_session(id="abc-123")
        session.new_fills.append(new_fill(1))

        repository.save(session)

        assert (session.fill_count, session.new_fills) == (1, [])
        assert repository.get_by_id("abc-123") == session
        assert repository.get_fills("abc-123") == [new_fill(1)]

    def test_one_session_is_not_several(self, repository):
        """The message tells which call takes what was given."""
        with pytest.raises(InvalidSessionError, match=r"session: must be a PaperTradingSession.*save_many\(\) takes"):
            repository.save([new_session()])
        with pytest.raises(InvalidSessionError, match=r"sessions: must be several.*save\(\) takes one"):
            repository.save_many(new_session())
        assert repository.count() == 0

    def test_a_handler_that_interrupts_a_save_of_its_object_is_refused(self, repository):
        """A signal handler that saves the very object whose save it has interrupted half-way would store it wrongly."""
        session = new_session()
        Tracking.of(session).is_moving = True

        with pytest.raises(BusyError, match="save it when the handler has returned"):
            repository.save(session)

    def test_another_fill_of_a_stored_id_is_refused_by_its_place(self, repository):
        """Whoever counts fills anew in every run learns what is wrong with that."""
        session = new_session()
        session.record_fill(new_fill(1))
        repository.save(session)
        session.record_fill(new_fill(1, price=7))

        with pytest.raises(InvalidSessionError) as refused:
            repository.save(session)

        assert refused.value.messages == {"new_fills.fill-1": [OTHER_FILL]}


class TestUndoLog:
    """How objects are given back as they were."""

    def test_the_latest_change_is_undone_first(self):
        """Rewinding undoes in reverse order, down to the place asked for."""
        undone = []
        log = UndoLog()
        for number in range(4):
            log.append(lambda number=number: undone.append(number))

        log.rewind(2)
        halfway = list(undone), len(log)
        log.rewind(0)

        assert halfway == ([3, 2], 2)
        assert (undone, len(log)) == ([3, 2, 1, 0], 0)


@pytest.mark.parametrize("nested", [False, True])
def test_a_rollback_gives_back_what_is_there_twice(path, nested):
    """The same object may be recorded twice, for two saves; each of them gives it back."""
    session, point = new_session(), EquityPoint(moment(1), 1, 2)
    with SessionRepository(path) as repository:
        with suppress(ZeroDivisionError), repository.atomic():
            for _ in range(2):
                session.record_equity(point)
                with repository.atomic() if nested else nullcontext():
                    repository.save(session)
            raise ZeroDivisionError

        assert session.new_equity_points == [point, point]
        repository.save(session)
        assert repository.get_equity_curve(session.id) == [point, point]
