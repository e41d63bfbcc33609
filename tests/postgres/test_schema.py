"""The schema on PostgreSQL: who makes it, when, and with which rights."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paper_repo import (
    ForeignDatabaseError,
    ReadOnlyError,
    SchemaVersionError,
    SessionRepository,
    StorageError,
)
from paper_repo.core.repository import internals_of
from paper_repo.storage.schema import MIGRATIONS, newest_version
from tests.builders import new_fill, new_session

SERVERS = Path(__file__).parents[2] / "docs" / "servers.md"


def _run(url: str, sql: str, *params: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


def test_columns_have_the_types_that_keep_them(url: str) -> None:
    """Amounts are NUMERIC, times TIMESTAMPTZ, JSON data JSONB, counts BIGINT; text sorts by its characters' numbers."""
    found = dict(
        _run(
            url,
            "SELECT column_name, data_type || coalesce(' ' || collation_name, '') FROM information_schema.columns "
            "WHERE table_name = 'paper_trading_sessions'",
        )
    )

    assert {found[name] for name in ("cash", "initial_cash", "equity", "realized_pnl")} == {"numeric"}
    assert {found[name] for name in ("created_at", "updated_at")} == {"timestamp with time zone"}
    assert {found[name] for name in ("state", "positions", "symbols", "open_orders")} == {"jsonb"}
    assert {found[name] for name in ("version", "fill_count")} == {"bigint"}
    assert {found[name] for name in ("id", "name", "equity_order")} == {"text C"}


def test_others_find_plain_sql_values(url: str) -> None:
    """A report in SQL can add amounts, compare times and look into JSON."""
    session = new_session(cash="1E+3", state={"ema": 1.5})
    session.record_fill(new_fill(1, quantity="2.5", price="10.10"))
    with SessionRepository(url) as repository:
        repository.save(session)

    rows = _run(
        url,
        "SELECT s.cash + 1, (s.state ->> 'ema')::float, sum(f.quantity * f.price) FROM paper_trading_sessions s "
        "JOIN paper_trading_fills f ON f.session_id = s.id WHERE s.created_at < now() AND s.symbols @> '[\"AAPL\"]' "
        "GROUP BY s.id",
    )

    assert [tuple(map(float, row)) for row in rows] == [(1001.0, 1.5, 25.25)]


def test_ten_programs_that_start_at_once_upgrade_once(bare_url: str) -> None:
    """All of them can use the database at the end, and each script has run once."""
    program = (
        "import sys; from paper_repo import SessionRepository, PaperTradingSession, Strategy\n"
        "sys.stdin.readline()\n"
        "with SessionRepository(sys.argv[1], busy_timeout=30) as repository:\n"
        "    repository.save(PaperTradingSession(strategy=Strategy('s'), initial_cash=1))\n"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", program, bare_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(10)
    ]
    for each in programs:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()

    errors = [each.communicate()[1] for each in programs]

    assert errors == [b""] * 10
    assert _run(bare_url, "SELECT count(*) FROM paper_trading_sessions") == [(10,)]
    assert [name for (name,) in _run(bare_url, "SELECT name FROM paper_trading_migrations ORDER BY name")] == [
        script.stem for script in sorted(MIGRATIONS.glob("[0-9]*.py"))
    ]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_who_waits_for_the_upgrade_sees_it(bare_url: str, level: str) -> None:
    """At any level of isolation a program that had to wait for another one's upgrade finds it done."""
    url = f"{bare_url}?options=-c%20default_transaction_isolation={level.replace(' ', '%5C%20')}"
    repositories = [SessionRepository(url) for _ in range(3)]

    for repository in repositories:
        with repository:
            assert repository.count() == 0


def test_a_newer_schema_is_refused(url: str) -> None:
    """A database that a newer version has upgraded is not touched; the message names both versions."""
    _run(url, "INSERT INTO paper_trading_migrations (name, applied) VALUES ('9999_future', now())")

    with pytest.raises(SchemaVersionError, match=rf"version 9999.*up to {newest_version()}"):
        SessionRepository(url).open()


def test_tables_of_somebody_else_are_refused(bare_url: str) -> None:
    """A database with a table of one of our names that we did not make is left as it is."""
    _run(bare_url, "CREATE TABLE paper_trading_fills (mine int)")

    with pytest.raises(ForeignDatabaseError):
        SessionRepository(bare_url).open()

    assert _run(bare_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def test_a_database_in_another_encoding_is_refused(server_url: str, administrator: psycopg.Connection[Any]) -> None:
    """A database that cannot keep every character is refused when it is opened, and not at some save."""
    administrator.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StorageError, match="UTF8"):
            SessionRepository(server_url.rpartition("/")[0] + "/latin").open()
    finally:
        administrator.execute("DROP DATABASE latin WITH (FORCE)")


def test_the_encoding_of_an_address_does_not_matter(url: str) -> None:
    """Text is sent as UTF-8, so that every character can be saved."""
    session = new_session(name="日本 €")
    with SessionRepository(f"{url}?client_encoding=latin1") as repository:
        repository.save(session)
        assert repository.get_by_id(session.id) == session


def test_never_upgrading_refuses_an_empty_database(bare_url: str) -> None:
    """With upgrade="never" nothing is created; the message says who has to do what."""
    with pytest.raises(SchemaVersionError, match="without upgrade='never'"):
        SessionRepository(bare_url, upgrade="never").open()

    assert _run(bare_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_an_application_needs_only_the_documented_grants(
    url: str, server_url: str, administrator: psycopg.Connection[Any]
) -> None:
    """A user with those grants can do everything with sessions, and cannot change the schema."""
    found = re.search(r"```sql\n(.*?)```", SERVERS.read_text(), flags=re.DOTALL)
    assert found is not None
    administrator.execute("CREATE USER bot LOGIN")
    try:
        _run(url, found[1])
        with SessionRepository(url.replace("postgres@", "bot@"), upgrade="never") as repository:
            session = new_session()
            session.record_fill(new_fill(1))
            session.mark({}, session.created_at)
            repository.save(session)
            repository.save(session)

            assert repository.get_by_id(session.id) == session
            assert len(repository.get_fills(session.id)) == 1
            with pytest.raises(ReadOnlyError, match="grant"), internals_of(repository).storage.connection():
                internals_of(repository).storage.execute("ALTER TABLE paper_trading_sessions ADD COLUMN mine int")
            assert repository.delete(session.id)
            assert repository.delete_many() == 0
    finally:
        _run(url, "DROP OWNED BY bot")
        administrator.execute("DROP USER bot")


def test_a_schema_of_its_own_in_a_shared_database(url: str) -> None:
    """With `search_path` in the address the tables lie in that schema, apart from others in the same database."""
    _run(url, "CREATE SCHEMA team")
    with SessionRepository(f"{url}?options=-csearch_path%3Dteam") as ours, SessionRepository(url) as theirs:
        ours.save(new_session(id="ours"))

        assert [each.id for each in ours.get_all()] == ["ours"]
        assert theirs.count() == 0


@pytest.mark.parametrize(("durability", "setting"), [("full", "on"), ("normal", "off")])
def test_durability_is_the_servers(url: str, durability: str, setting: str) -> None:
    """With durability="normal" a COMMIT is answered before it is on the server's disk; else its own setting holds."""
    with SessionRepository(url, durability=durability) as repository, repository.atomic():
        (found,) = internals_of(repository).storage.execute("SHOW synchronous_commit").fetchone()

    assert found == setting
