"""The views that give SQL tools numbers, on PostgreSQL: the same columns as in a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from psycopg.rows import dict_row

from paper_repo import EquityPoint, PaperTradingSession, SessionRepository
from tests import strategies
from tests.builders import full_session, moment, new_session
from tests.numeric_views import require_equal

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "sql.md"


def query(url: str, sql: str) -> list[dict[str, Any]]:
    """What another program finds in the database."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


@example(full_session(name="name", state={}, id="abc 'quoted'"))
@given(session=strategies.sessions(strategies.texts(without="\0")))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_equal_to_the_entities(emptied_url: str, session: PaperTradingSession) -> None:
    """Of any session, every view says what the entities say."""
    with SessionRepository(emptied_url) as repository:
        repository.delete_many()
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


def test_somebody_who_only_reads(url: str, administrator: psycopg.Connection[Any]) -> None:
    """A user with the grants of docs/howto/sql.md reads every view, and no table."""
    found = re.search(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    administrator.execute("CREATE USER analyst LOGIN")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(found[1].encode())
        theirs = url.replace("postgres@", "analyst@")
        for view in re.findall(r"\w+_numeric", found[1]):
            assert query(theirs, f"SELECT * FROM {view}") == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(theirs, "SELECT * FROM paper_trading_fills")
    finally:
        query(url, "DROP OWNED BY analyst")
        administrator.execute("DROP USER analyst")
