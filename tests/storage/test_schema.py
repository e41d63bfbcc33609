"""The schema of a database: its migrations, and the tables they make."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
from contextlib import closing

import peewee
import pytest
from playhouse.schema_diff import diff_models

from paper_repo import SchemaVersionError, SessionRepository, StorageError
from paper_repo.storage.schema import HISTORY_TABLE, MIGRATIONS, migrate, newest_version, refuse_newer, refuse_older
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES, make_tables


@pytest.fixture
def made(path):
    """A file with the schema that the migrations make, open in Peewee."""
    with SessionRepository(path):
        pass
    database = peewee.SqliteDatabase(path, field_types=SQLITE_COLUMN_TYPES)
    with database.connection_context():
        yield database


def columns(database, table):
    """Name, type, whether it must have a value, and the place in the primary key of each column."""
    return [(*row[1:4], row[5]) for row in database.execute_sql(f"PRAGMA table_info({table})").fetchall()]


def test_the_tables_are_those_of_the_models(made):
    """What the migrations make and what `tables.py` describes do not differ."""
    assert not diff_models(made, make_tables(made).all())


def test_a_difference_would_be_seen(made):
    """A column, an index or a table that the models do not know is found by the comparison."""
    made.execute_sql("ALTER TABLE paper_trading_fills ADD COLUMN note TEXT")

    assert diff_models(made, make_tables(made).all())


def test_money_and_times_are_text(made):
    """No amount goes through a number of 15 to 17 digits, no time through a number of seconds."""
    types = {name: kind for name, kind, _, _ in columns(made, "paper_trading_sessions")}

    assert {types[name] for name in ("initial_cash", "cash", "equity", "net_pnl", "fees_paid", "created_at")} == {
        "TEXT"
    }
    assert set(types.values()) <= {"TEXT", "INTEGER", "BIGINT"}


@pytest.mark.parametrize("table", ["paper_trading_fills", "paper_trading_equity"])
def test_history_is_kept_by_session_and_place(made, table):
    """The primary key is the session's id and the place in its history."""
    assert {name: key for name, _, _, key in columns(made, table) if key} == {"session_id": 1, "sequence": 2}


@pytest.mark.parametrize("table", ["paper_trading_fills", "paper_trading_equity"])
def test_history_goes_with_its_session(made, table):
    """A foreign key deletes the history of a session that is deleted."""
    (key,) = made.execute_sql(f"PRAGMA foreign_key_list({table})").fetchall()

    assert key[2:5] == ("paper_trading_sessions", "session_id", "id")
    assert key[6] == "CASCADE"
    assert [model.session.on_delete for model in make_tables(made).all()[1:3]] == ["CASCADE", "CASCADE"]


def test_fill_ids_are_unique_in_a_session_and_symbol(made):
    """A fill cannot be stored twice, whatever a program does; two symbols may number theirs alike."""
    unique = [
        [row[2] for row in made.execute_sql(f"PRAGMA index_info({index[1]!r})").fetchall()]
        for index in made.execute_sql("PRAGMA index_list(paper_trading_fills)").fetchall()
        if index[2]
    ]

    assert ["session_id", "id", "symbol"] in unique
    assert ["session_id", "id"] not in unique


def test_every_script_has_a_number_of_its_own():
    """The scripts are numbered from 1 without gaps; the last number is the schema version."""
    scripts = sorted(each.name for each in MIGRATIONS.glob("*.py"))

    assert [int(re.match(r"(\d{4})_\w+\.py$", each).group(1)) for each in scripts] == list(range(1, len(scripts) + 1))
    assert newest_version() == len(scripts)


def test_every_script_is_in_the_package():
    """Scripts are data of the installed package, which its own set-up names."""
    assert MIGRATIONS.is_dir()
    assert importlib.util.find_spec("paper_repo").submodule_search_locations[0] in str(MIGRATIONS)


def test_the_file_says_which_scripts_it_has_seen(made):
    """Peewee's own history of migrations lists every script once."""
    (count,) = made.execute_sql(f"SELECT count(*) FROM {HISTORY_TABLE}").fetchone()

    assert count == newest_version()


def test_migrating_again_changes_nothing(made):
    """A database that is up to date is left alone."""
    before = made.execute_sql("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()

    with made.atomic():
        migrate(made)

    assert made.execute_sql("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall() == before


def test_a_migration_that_fails_leaves_nothing(path):
    """Tables and their record are made in one transaction: a file whose migration fails is as it was."""
    database = peewee.SqliteDatabase(path)

    with database.connection_context():
        with pytest.raises(ZeroDivisionError), database.atomic():
            migrate(database) or 1 / 0
        left = database.execute_sql("SELECT name FROM sqlite_master").fetchall()

    assert left == []


@pytest.mark.parametrize("found", [0, 1])
def test_known_versions_are_fine(found):
    """An older or equal version is no reason to refuse."""
    refuse_newer(found, "sessions.db")


def test_an_older_version_that_must_not_be_upgraded_is_refused():
    """The message has both versions, and the way out."""
    with pytest.raises(SchemaVersionError) as refused:
        refuse_older(1, "sessions.db")

    assert str(refused.value).startswith(
        f"sessions.db: its schema has version 1, this paper_repo needs version {newest_version()}; it was not touched: "
    )


def test_scripts_that_were_left_behind_are_missed(tmp_path):
    """A frozen program without the scripts is told how to take them along."""
    with pytest.raises(StorageError, match=r"there are no migration scripts in .*must take them along as data files"):
        newest_version(tmp_path)


def test_newer_versions_are_refused():
    """The message has both versions, and says where a newer library is to be had."""
    with pytest.raises(SchemaVersionError) as refused:
        refuse_newer(newest_version() + 1, "sessions.db")

    assert str(refused.value) == (
        f"sessions.db: its schema has version {newest_version() + 1}, this paper_repo knows versions up to "
        f"{newest_version()}; it was not touched: open it with a newer paper_repo (pip install --upgrade paper_repo)"
    )


def test_foreign_keys_hold(path):
    """History without a session cannot be stored by a program that keeps foreign keys on."""
    with SessionRepository(path):
        pass

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = 1")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            connection.execute("INSERT INTO paper_trading_equity VALUES ('nobody', 1, '', '', '', 0)")
