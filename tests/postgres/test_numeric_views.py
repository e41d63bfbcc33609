"""The views that give SQL tools numbers, on PostgreSQL: the same columns as in a file."""

from __future__ import annotations

from typing import Any

import psycopg
from hypothesis import HealthCheck, example, given, settings
from psycopg.rows import dict_row

from paper_repo import EquityPoint, PaperTradingSession, SessionRepository
from tests import strategies
from tests.builders import full_session, moment, new_session
from tests.numeric_views import require_equal


def query(url: str, sql: str) -> list[dict[str, Any]]:
    """What another program finds in the database."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        return connection.execute(sql).fetchall()


@example(full_session(name="name", state={}, id="abc 'quoted'"))
@given(session=strategies.sessions(strategies.texts(without="\0")))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_equal_to_the_entities(emptied_url: str, session: PaperTradingSession) -> None:
    """Of any session, every view says what the entities say."""
    with SessionRepository(emptied_url) as repository:
        repository.delete(session.id)
        repository.save(session)

        require_equal(lambda sql: query(emptied_url, sql), repository, session)


def test_amounts_beyond_floats(url: str) -> None:
    """One amount that no float holds does not make the whole query fail: it is infinite, or zero."""
    session = new_session(id="far")
    for number, equity in enumerate(("1E+1000", "-1E+1000", "1E-1000", "1E+300", "-1E-300", "0")):
        session.record_equity(EquityPoint(moment(number), None, equity))
    with SessionRepository(url) as repository:
        repository.save(session)

    rows = query(url, "SELECT equity FROM paper_trading_equity_numeric ORDER BY sequence")

    assert [row["equity"] for row in rows] == [float("inf"), -float("inf"), 0.0, 1e300, -1e-300, 0.0]


def test_numbers_and_times_have_their_types(url: str) -> None:
    """Amounts are 64-bit floats, with the exact number beside them; times are times."""
    found = {
        row["column_name"]: row["data_type"]
        for row in query(
            url,
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = 'paper_trading_equity_numeric'",
        )
    }

    assert (found["equity"], found["equity_exact"]) == ("double precision", "numeric")
    assert found["at"] == "timestamp with time zone"
