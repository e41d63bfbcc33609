"""A change is reported when no transaction is open that may have taken a number before it: else that one is missed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from peewee import PostgresqlDatabase

from paper_repo import SessionRepository
from paper_repo.storage.schema import MIGRATIONS, migrate
from paper_repo.storage.tables import POSTGRES_COLUMN_TYPES
from tests.builders import new_session

Change = Callable[[SessionRepository], object]

CHANGES: dict[str, Change] = {
    "save": lambda repository: repository.save(new_session(id="second")),
    "deletion": lambda repository: repository.delete("second"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("begins", ["before", "meanwhile"])
def test_what_was_begun_earlier_is_not_missed(url: str, change: str, begins: str) -> None:
    """A change that is committed while an earlier one is not is reported after that, and both are."""
    with SessionRepository(url) as one, SessionRepository(url) as other:
        if change == "deletion":
            one.save(new_session(id="second"))
        changes = one.watch()
        if begins == "before":
            changes.begin()
        with other.atomic():
            other.save(new_session(id="first"))
            CHANGES[change](one)
            changes.begin()
            assert not changes.look()
        with changes:
            assert changes.look()
            found = [changes.take(), changes.take()]

    assert [each and (each.session_id, each.deleted) for each in found] == [
        ("first", False),
        ("second", change == "deletion"),
    ]


def scripts(folder: Path, last: int) -> Path:
    """A folder with the migration scripts up to this one."""
    folder.mkdir()
    for number in range(1, last + 1):
        (script,) = MIGRATIONS.glob(f"{number:04}_*.py")
        shutil.copy(script, folder)
    return folder


def test_numbers_go_on_behind_those_of_an_upgrade(bare_url: str, tmp_path: Path) -> None:
    """Sessions that were there get numbers, and the next change a higher one: else no watch would see it."""
    values = {"text": "'x'", "numeric": "0", "timestamp with time zone": "now()", "jsonb": "'{}'", "bigint": "1"}
    with psycopg.connect(bare_url, autocommit=True) as connection:
        database = PostgresqlDatabase(bare_url, field_types=POSTGRES_COLUMN_TYPES)
        with closing(database):
            migrate(database, scripts(tmp_path / "two", 2))
            columns = connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_name = 'paper_trading_sessions' AND is_nullable = 'NO' AND column_name <> 'id'"
            ).fetchall()
            names = ", ".join(f'"{name}"' for name, _ in columns)
            row = ", ".join(values.get(kind, "'1'") for _, kind in columns)
            for number in range(3):
                connection.execute(f"INSERT INTO paper_trading_sessions (id, {names}) VALUES ('{number}', {row})")
            migrate(database, scripts(tmp_path / "three", 3))
        numbers = connection.execute("SELECT change_number FROM paper_trading_sessions ORDER BY 1").fetchall()
        following = connection.execute("SELECT nextval('paper_trading_changes')").fetchone()

    assert (numbers, following) == ([(1,), (2,), (3,)], (4,))
