"""Which sessions a list shows, in which order, and what it shows of each."""

from __future__ import annotations

import decimal
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import CorruptDatabaseError, InvalidSessionError, Position, SessionStatus, SessionSummary, Strategy
from paper_repo.domain.selection import ORDERS, Loaded, Selection, check_page
from tests.builders import START, full_session, moment, new_fill, new_session
from tests.strategies import amounts, hostile_contexts, instants, names, texts

RSI = Strategy("rsi")
NAIVE = datetime(2026, 1, 5)  # noqa: DTZ001


plain = st.builds(
    new_session, id=names(), name=texts(max_size=2), cash=amounts(), realized_pnl=amounts(), created_at=instants()
)


def listed(several, **query):
    """The ids that this query finds among these sessions, in its order."""
    return [session.id for session in Selection.of(**query).among(several)]


class TestQuery:
    """What may be asked."""

    def test_nothing_asked_is_everything(self):
        """Without arguments every session is meant, oldest first."""
        newer, older = new_session(id="1", created_at=moment(2)), new_session(id="2", created_at=moment(1))

        assert Selection.of() == Selection()
        assert listed([newer, older]) == ["2", "1"]

    def test_none_does_not_filter(self):
        """A filter that is None is the same as none."""
        filters = dict.fromkeys(["status", "strategy", "symbol", "since", "until", "limit"])

        assert Selection.of(**filters) == Selection()

    @pytest.mark.parametrize(
        "status",
        ["running", SessionStatus.RUNNING, ["RUNNING"], {SessionStatus.RUNNING}, iter(["running", "RUNNING"])],
    )
    def test_one_status_or_several(self, status):
        """A status is given as a member or its name, alone or among others."""
        assert Selection.of(status=status).statuses == {SessionStatus.RUNNING}

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"order_by": "cash"}, "order_by must be one of created_at, updated_at, name, equity, net_pnl, not 'cash'"),
            ({"order_by": None}, "not None"),
            ({"limit": -1}, "limit must be a whole number from 0, or None for all, not -1"),
            ({"limit": 1.5}, "not 1.5"),
            ({"limit": True}, "not True"),
            ({"limit": 2**64}, "limit must be a whole number"),
            ({"offset": -1}, "offset must be a whole number from 0, not -1"),
            ({"offset": None}, "not None"),
            ({"offset": 2**64}, "offset must be a whole number"),
            ({"errors": "ignore"}, "errors must be 'raise' or 'report', not 'ignore'"),
            ({"status": "IDLE"}, "status: must be one of CREATED, RUNNING, PAUSED, STOPPED, FAILED, not 'IDLE'"),
            ({"status": ["RUNNING", None]}, "must be one of .*, not None"),
            ({"status": 5}, "must be one of .*, not 5"),
            ({"since": NAIVE}, "since: .* has no time zone"),
            ({"until": "today"}, "until: must be a datetime"),
        ],
    )
    def test_values_that_make_no_sense_are_refused(self, query, message):
        """Each refusal is a ValueError that names the argument and lists what is possible."""
        with pytest.raises(ValueError, match=message):
            Selection.of(**query)

    def test_a_wrong_value_is_also_one_of_our_errors(self):
        """Values that sessions check too are refused with the same kind of error."""
        with pytest.raises(InvalidSessionError):
            Selection.of(status="IDLE")

    @pytest.mark.parametrize("errors", ["raise", "report"])
    def test_damage_is_raised_or_reported(self, errors):
        """There are two ways to ask what is done about damage."""
        assert Selection.of(errors=errors).errors == errors


class TestLoaded:
    """What was loaded, and what could not be."""

    def test_a_list_with_errors(self):
        """It is a list of what was found, and knows the errors."""
        error = CorruptDatabaseError("damaged")

        loaded = Loaded(["a", "b"], iter([error]))

        assert loaded == ["a", "b"]
        assert loaded.errors == [error]
        assert Loaded() == Loaded().errors == []


class TestPage:
    """Which part of a history may be asked for."""

    @pytest.mark.parametrize(("after", "limit"), [(0, None), (7, 0), ("fill-3", 5), ("", 2**53)])
    def test_what_makes_sense(self, after, limit):
        """A fill is named by its id or its place; a limit is a whole number, or None."""
        check_page(after, limit)

    @pytest.mark.parametrize(
        ("after", "limit", "message"),
        [
            (-1, None, "after must be a fill, its id or its number in the history"),
            (1.5, None, "not 1.5"),
            (True, None, "not True"),
            (None, None, "not None"),
            (2**64, None, "after must be"),
            (0, -1, "limit must be a whole number from 0, or None for all, not -1"),
            (0, "5", "not '5'"),
            (0, 2**64, "limit must be"),
        ],
    )
    def test_what_makes_none(self, after, limit, message):
        """Each refusal is a ValueError that names the argument."""
        with pytest.raises(ValueError, match=message):
            check_page(after, limit)


class TestAmong:
    """Filtering and sorting sessions at hand, as the in-memory repository does."""

    several = (
        new_session(id="1", status="RUNNING", created_at=moment(1), name="b", cash=3, fees_paid=1),
        new_session(id="2", status="STOPPED", created_at=moment(2), name="a", cash=1, symbols=["IBM"]),
        new_session(id="3", status="FAILED", created_at=moment(3), name="b", cash=2, fees_paid=-1, strategy=RSI),
    )

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"status": "RUNNING"}, ["1"]),
            ({"status": ["STOPPED", "FAILED"]}, ["2", "3"]),
            ({"status": []}, []),
            ({"strategy": "sma"}, ["1", "2"]),
            ({"strategy": ""}, []),
            ({"symbol": "IBM"}, ["2"]),
            ({"symbol": "IB"}, []),
            ({"since": moment(2)}, ["2", "3"]),
            ({"until": moment(2)}, ["1"]),
            ({"since": moment(1), "until": moment(3), "strategy": "sma", "status": "STOPPED"}, ["2"]),
            ({"order_by": "name"}, ["2", "1", "3"]),
            ({"order_by": "name", "descending": True}, ["3", "1", "2"]),
            ({"order_by": "equity"}, ["2", "3", "1"]),
            ({"order_by": "net_pnl", "descending": True}, ["3", "2", "1"]),
            ({"limit": 2}, ["1", "2"]),
            ({"limit": 0}, []),
            ({"offset": 1}, ["2", "3"]),
            ({"limit": 1, "offset": 2, "descending": True}, ["1"]),
            ({"offset": 5}, []),
        ],
    )
    def test_what_is_found(self, query, found):
        """Filters must all hold; ties are broken by id; limit and offset cut after sorting."""
        assert listed(self.several, **query) == found

    @given(st.lists(plain, max_size=5), st.sampled_from([each for each in ORDERS if each != "updated_at"]))
    def test_descending_is_the_other_way_round(self, several, order_by):
        """Either direction holds the same sessions, the last of one being the first of the other."""
        ascending = Selection.of(order_by=order_by).among(several)

        descending = Selection.of(order_by=order_by, descending=True).among(reversed(several))

        keys = [(getattr(each, order_by), each.id) for each in ascending]
        assert keys == sorted(keys)
        assert [(getattr(each, order_by), each.id) for each in descending] == keys[::-1]


class TestSummary:
    """What a list shows of a session."""

    def test_it_shows_the_session(self):
        """Every field of a summary is that of the session, equity and net P&L included."""
        session = full_session(version=3)

        summary = SessionSummary.of(session)

        for name in ("id", "name", "status", "symbols", "base_currency", "initial_cash", "equity", "net_pnl",
                     "fill_count", "created_at", "started_at", "stopped_at", "updated_at", "version"):  # fmt: skip
            assert getattr(summary, name) == getattr(session, name)
        assert (summary.strategy_name, summary.open_positions) == (session.strategy.name, 2)

    def test_total_return_is_a_fraction(self):
        """A tenth more than the start is 0.1."""
        session = new_session(
            initial_cash=1000, positions={"A": Position("A", 10, 1000, "110.5", START)}, cash=0, fees_paid=5
        )

        assert SessionSummary.of(session).total_return == 0.1

    def test_nothing_has_no_return(self):
        """Where nothing was put in there is no fraction of it."""
        assert SessionSummary.of(new_session(initial_cash=0)).total_return is None

    @given(hostile_contexts())
    def test_the_callers_context_changes_nothing(self, context):
        """The total return is the same in any decimal context."""
        session = new_session(initial_cash="12345.67", cash="12345.67")
        session.apply_fill(new_fill(1, price="0.0001234567"))

        with decimal.localcontext(context):
            seen = SessionSummary.of(session).total_return

        assert seen == float(Decimal("-0.5") / Decimal("12345.67"))
