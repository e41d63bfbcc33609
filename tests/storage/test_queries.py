"""Lists of rows: what is found, and by which index."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_repo import SessionRepository, SessionStatus, Strategy
from paper_repo.domain.selection import Selection
from tests.builders import START, full_session, moment, new_session
from tests.facade.watching import Watch, connect
from tests.strategies import amounts, names, texts

FEW_NAMES = st.sampled_from(["sma", "rsi", 'quo"ted', "Ünïcode", "nul\0", "%", "_"]) | names(texts(max_size=3))
FEW_TIMES = st.integers(0, 3).map(moment)
SESSIONS = st.lists(
    st.builds(
        lambda strategy, **fields: new_session(strategy=Strategy(strategy), **fields),
        strategy=FEW_NAMES,
        id=names(texts(max_size=3)),
        name=FEW_NAMES,
        status=st.sampled_from(SessionStatus),
        symbols=st.lists(FEW_NAMES, max_size=3),
        cash=amounts(digits=3, exponents=3) | amounts(),
        realized_pnl=amounts(digits=3, exponents=3) | amounts(),
        created_at=FEW_TIMES,
    ),
    max_size=6,
    unique_by=lambda session: session.id,
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(SessionStatus) | st.lists(st.sampled_from(SessionStatus), max_size=3),
        "strategy": FEW_NAMES,
        "symbol": FEW_NAMES,
        "since": FEW_TIMES,
        "until": FEW_TIMES,
        "order_by": st.sampled_from(["created_at", "updated_at", "name", "equity", "net_pnl"]),
        "descending": st.booleans(),
        "limit": st.none() | st.integers(0, 7) | st.just(2**53),
        "offset": st.integers(0, 3) | st.just(2**53),
    },
)
FILTERS = ("status", "strategy", "symbol", "since", "until")


@settings(max_examples=60, deadline=None)
@given(SESSIONS, st.lists(QUERIES, min_size=1, max_size=5))
def test_the_database_finds_what_the_rules_say(sessions, queries):
    """Filters, orders, limits and offsets give the same in SQL as on the sessions themselves, in every kind of list."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SessionRepository(Path(folder) / "sessions.db", durability="normal") as repository,
    ):
        repository.save_many(sessions)
        for query in queries:
            expected = [session.id for session in Selection.of(**query).among(sessions)]
            filters = {name: query[name] for name in FILTERS if name in query}

            assert [session.id for session in repository.get_all(**query)] == expected
            assert [summary.id for summary in repository.get_summaries(**query)] == expected
            assert [session.id for session in repository.iterate(**query)] == expected
            assert repository.count(**filters) == len(Selection.of(**filters).among(sessions))


@settings(max_examples=30, deadline=None)
@given(SESSIONS, QUERIES)
def test_what_is_deleted_is_what_is_found(sessions, query):
    """`delete_many` removes exactly the sessions that the same filters list."""
    filters = {name: query[name] for name in FILTERS if name in query}
    doomed = {session.id for session in Selection.of(**filters).among(sessions)}

    with (
        tempfile.TemporaryDirectory() as folder,
        SessionRepository(Path(folder) / "sessions.db", durability="normal") as repository,
    ):
        repository.save_many(sessions)
        count = repository.delete_many(**filters)
        left = {session.id for session in repository.get_all()}

    assert count == len(doomed)
    assert left == {session.id for session in sessions} - doomed


@pytest.mark.parametrize("order_by", ["created_at", "updated_at", "name", "equity", "net_pnl"])
@pytest.mark.parametrize("descending", [False, True])
def test_long_lists_come_in_pages_without_a_gap(path, order_by, descending):
    """Iterating over several pages, with ties at their borders, gives every session once and in order."""
    with SessionRepository(path, durability="normal") as repository:
        repository.save_many(
            [
                new_session(id=f"{number:03}", name="same", cash=number % 3 - 1, created_at=START)
                for number in range(250)
            ]
        )

        query = {"order_by": order_by, "descending": descending, "offset": 7, "limit": 230}
        found = [session.id for session in repository.iterate(**query)]

        assert found == [session.id for session in repository.get_all(**query)]
        assert len(found) == len(set(found)) == 230


class TestPlans:
    """How SQLite goes about it (EXPLAIN QUERY PLAN)."""

    PRIMARY_KEY = "USING INDEX sqlite_autoindex_paper_trading_sessions_1 (id=?)"
    BY_STATUS = "sessionrow_status_created_at_id (status=?)"
    BY_TIME = "USING INDEX sessionrow_created_at_id"
    BY_EQUITY = "USING INDEX sessionrow_equity_order"
    BY_PLACE = "USING PRIMARY KEY (session_id=? AND sequence>?)"

    @pytest.mark.parametrize(
        ("call", "index"),
        [
            (lambda repository: repository.get_by_id("abc-123"), PRIMARY_KEY),
            (lambda repository: repository.exists("abc-123"), PRIMARY_KEY),
            (lambda repository: repository.delete("abc-123"), PRIMARY_KEY),
            (lambda repository: repository.get_active(), BY_STATUS),
            (lambda repository: repository.get_summaries(status="RUNNING"), BY_STATUS),
            (lambda repository: repository.count(status="RUNNING"), BY_STATUS),
            (lambda repository: repository.delete_many(status="STOPPED"), BY_STATUS),
            (lambda repository: repository.get_all(), BY_TIME),
            (lambda repository: repository.get_all(descending=True, limit=5), BY_TIME),
            (lambda repository: repository.get_all(since=START), f"{BY_TIME} (created_at>?)"),
            (lambda repository: list(repository.iterate()), BY_TIME),
            (lambda repository: repository.get_all(order_by="equity", limit=5), BY_EQUITY),
            (lambda repository: repository.get_all(order_by="equity", limit=5, descending=True), BY_EQUITY),
            (lambda repository: repository.get_fills("abc-123"), BY_PLACE),
            (lambda repository: repository.get_fills("abc-123", after=1, limit=3, symbol="AAPL"), BY_PLACE),
            (lambda repository: repository.get_equity_curve("abc-123"), BY_PLACE),
        ],
    )
    def test_lists_do_not_scan(self, path, monkeypatch, call, index):
        """Each of the usual questions is answered along an index, and nothing is sorted that is sorted already."""
        watch = Watch()
        watch.install(monkeypatch)
        with SessionRepository(path) as repository:
            repository.save(full_session(id="abc-123"))
            watch.seen.clear()

            call(repository)

            statements = [sql for sql in watch.seen if sql.startswith(("SELECT", "DELETE"))]
            plans = [plan(path, sql) for sql in statements]

        assert index in plans[0]
        assert all(self.PRIMARY_KEY in each for each in plans[1:])  # how many fills the session counts
        assert "USE TEMP B-TREE FOR ORDER BY" not in plans[0]

    def test_later_pages_begin_where_the_last_one_ended(self, path, monkeypatch):
        """The second page of a long list is found by the index, not by counting through the first."""
        watch = Watch()
        watch.install(monkeypatch)
        with SessionRepository(path) as repository:
            repository.save_many([new_session() for _ in range(101)])
            watch.seen.clear()

            assert len(list(repository.iterate())) == 101

            pages = [plan(path, sql) for sql in watch.seen if sql.startswith("SELECT")]

        assert len(pages) == 2
        assert f"SEARCH t1 {self.BY_TIME} ((created_at,id)>(?,?))" in pages[1]

    def test_the_place_of_a_new_point_is_found_by_the_primary_key(self, path, monkeypatch):
        """Adding to a history does not read it."""
        watch = Watch()
        watch.install(monkeypatch)
        with SessionRepository(path) as repository:
            repository.save(full_session())
            plans = [plan(path, sql) for sql in watch.seen if sql.startswith('INSERT INTO "paper_trading_equity"')]

        assert all("paper_trading_equity USING PRIMARY KEY (session_id=?)" in each for each in plans)
        assert len(plans) == 2


def plan(path, statement):
    """SQLite's plan for a statement, in one text."""
    connection = connect(path)
    try:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?")).fetchall()
    finally:
        connection.close()
    return "; ".join(step[3] for step in steps)
