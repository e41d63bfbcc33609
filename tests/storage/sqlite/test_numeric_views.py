"""The views that give SQL tools numbers: right in every tool that reads files, and harmless to everything else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from paper_repo import EquityPoint, PaperTradingSession, SessionRepository
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.maintenance.files import compact, restore_backup
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage import schema
from paper_repo.storage.sqlite import foreign_parts
from paper_repo.storage.sqlite.encryption import connect
from tests import strategies
from tests.builders import full_session, moment, new_fill, new_session
from tests.numeric_views import require_equal

VIEWS = {
    f"paper_trading_{name}_numeric"
    for name in ("sessions", "fills", "equity", "positions", "orders", "open_orders", "ledger")
}


def query(path: Path, sql: str) -> list[dict[str, Any]]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def views_of(connection: Any) -> dict[str, str]:
    """The views of a file, and the text of each."""
    return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall())


@pytest.fixture
def traded(path: Path) -> Path:
    """A file with a session whose amounts sort differently as texts and as numbers."""
    session = new_session(id="traded", initial_cash=100)
    for number, fee in enumerate(("9.5", "10.25", "100", "1E+2", "0.5")):
        session.apply_fill(new_fill(number, fee=fee))
    for number, equity in enumerate(("99.5", "1000", "1E+3", "9.75", "1000.25")):
        session.record_equity(EquityPoint(moment(number), None, equity))
    with SessionRepository(path) as repository:
        repository.save(session)
    return path


class TestNumbers:
    """What SQL computes is what it seems to compute."""

    def test_the_largest(self, traded: Path) -> None:
        """The maximum is the largest amount, and not the text that sorts last."""
        (row,) = query(traded, "SELECT max(equity) AS top, min(equity) AS low FROM paper_trading_equity_numeric")

        assert row == {"top": 1000.25, "low": 9.75}

    def test_a_condition(self, traded: Path) -> None:
        """A comparison with a number compares numbers."""
        rows = query(traded, "SELECT fee FROM paper_trading_fills_numeric WHERE fee > 9 ORDER BY fee")

        assert [row["fee"] for row in rows] == [9.5, 10.25, 100.0, 100.0]

    def test_times(self, traded: Path) -> None:
        """SQLite's own functions for times give texts that compare rightly with those of the views."""
        at = moment(2).strftime("%Y-%m-%d %H:%M:%S")
        condition = f"executed_at <= datetime('{at}')"
        rows = query(traded, f"SELECT count(*) AS count FROM paper_trading_fills_numeric WHERE executed_at < '{at}'")
        days = query(traded, "SELECT DISTINCT date(at) AS day FROM paper_trading_equity_numeric")

        assert rows == [{"count": 2}]
        assert query(traded, f"SELECT count(*) AS count FROM paper_trading_fills_numeric WHERE {condition}")
        assert days == [{"day": moment(0).date().isoformat()}]

    def test_a_history_is_found_by_its_key(self, traded: Path) -> None:
        """A condition on the session reads that session's rows alone, as it does in the table."""
        for view in ("fills", "equity", "orders", "ledger"):
            plan = query(
                traded, f"EXPLAIN QUERY PLAN SELECT * FROM paper_trading_{view}_numeric WHERE session_id = 'traded'"
            )
            assert [row["detail"].partition(" USING")[0] for row in plan] == [f"SEARCH paper_trading_{view}"]

    @example(full_session())
    @given(session=strategies.sessions(strategies.texts(without="\0")))
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    def test_equal_to_the_entities(
        self, tmp_path_factory: pytest.TempPathFactory, session: PaperTradingSession
    ) -> None:
        """Of any session, every view says what the entities say."""
        path = tmp_path_factory.mktemp("views") / "sessions.db"
        with SessionRepository(path, durability="normal") as repository:
            repository.save(session)

            require_equal(lambda sql: query(path, sql), repository, session)

    def test_in_duckdb(self, traded: Path) -> None:
        """DuckDB, which runs the text of a file's views itself, gets 64-bit floats and the same figures.

        Its extension for SQLite files is not installed here; its own tables stand for those of the file.
        """
        duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install '.[tests]'")
        with closing(sqlite3.connect(traded)) as connection, duckdb.connect() as other:
            for name in ("sessions", "fills", "equity", "orders", "ledger"):
                table = f"paper_trading_{name}"
                columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
                kinds = [f'"{each[1]}" {"BIGINT" if "INT" in each[2] else "VARCHAR"}' for each in columns]
                other.execute(f"CREATE TABLE {table} ({', '.join(kinds)})")
                marks = ", ".join("?" * len(columns))
                for row in connection.execute(f"SELECT * FROM {table}").fetchall():
                    other.execute(f"INSERT INTO {table} VALUES ({marks})", row)
                view = f"{table}_numeric"
                other.execute(views_of(connection)[view])
                expected = connection.execute(f"SELECT * FROM {view}").fetchall()
                assert other.execute(f"SELECT * FROM {view}").fetchall() == expected
            assert other.sql("SELECT max(equity) FROM paper_trading_equity_numeric").fetchall() == [(1000.25,)]
            assert other.sql("SELECT equity FROM paper_trading_equity_numeric").types == ["DOUBLE"]


def backed_up(path: Path) -> Path:
    """A backup."""
    with SessionRepository(path) as repository:
        repository.backup(path.with_name("backup.db"))
    return path.with_name("backup.db")


def restored(path: Path) -> Path:
    """What is restored from a backup."""
    restore_backup(backed_up(path), path.with_name("restored.db"))
    return path.with_name("restored.db")


def copied(path: Path) -> Path:
    """A copy of the sessions."""
    with SessionRepository(path) as source, SessionRepository(path.with_name("copy.db")) as target:
        assert copy_sessions(source, target).copied == ["traded"]
    return path.with_name("copy.db")


def salvaged(path: Path) -> Path:
    """What is salvaged."""
    found = salvage(path, path.with_name("salvaged.db"))
    assert (found.lost, found.doubtful) == ([], [])
    return path.with_name("salvaged.db")


def compacted(path: Path) -> Path:
    """The file itself, compacted."""
    compact(path)
    return path


def checked(path: Path) -> Path:
    """The file itself, checked."""
    with SessionRepository(path) as repository:
        assert repository.check().ok
    return path


class TestHarmless:
    """Whatever is done with a file, its views are there afterwards, and nothing trips over them."""

    @pytest.mark.parametrize("made", [backed_up, restored, copied, salvaged, compacted, checked])
    def test_they_stay(self, traded: Path, made: Callable[[Path], Path]) -> None:
        """Each new file has the same views, which say the same."""
        sql = "SELECT id, fee, fee_exact FROM paper_trading_fills_numeric ORDER BY sequence"
        before = query(traded, sql)

        path = made(traded)

        with closing(sqlite3.connect(path)) as connection:
            assert views_of(connection).keys() == VIEWS
        assert query(path, sql) == before

    def test_an_encrypted_file(self, path: Path) -> None:
        """It has them too, for a tool that knows the passphrase."""
        pytest.importorskip("sqlcipher3", reason="sqlcipher3 is not installed: pip install '.[encryption]'")
        with SessionRepository(path, passphrase="secret") as repository:
            repository.save(new_session(cash="1E+3"))
        with closing(connect(str(path), "secret")) as connection:
            assert connection.execute("SELECT cash FROM paper_trading_sessions_numeric").fetchall() == [(1000.0,)]
        with SessionRepository(path, passphrase="secret") as repository:
            assert repository.check().ok

    def test_they_are_known_without_a_look_at_the_scripts(self) -> None:
        """What a file of ours has is known by heart, so that opening one runs no scripts."""
        expected = foreign_parts.expected_parts(schema.newest_version(), schema.MIGRATIONS)

        assert foreign_parts.fingerprint(foreign_parts.running_parts(expected)) == foreign_parts.KNOWN

    def test_nobody_writes_through_them(self, traded: Path) -> None:
        """A view is only for reading."""
        with (
            closing(sqlite3.connect(traded)) as connection,
            pytest.raises(sqlite3.OperationalError, match="because it is a view"),
        ):
            connection.execute("UPDATE paper_trading_fills_numeric SET fee = 0")
