"""The statements that run at every save and load."""

from __future__ import annotations

import peewee
import pytest

from paper_repo import SessionRepository
from paper_repo.storage.placeholders import value
from paper_repo.storage.statements import Statement, Statements, sqlite_statements
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES
from tests.builders import full_session
from tests.facade.watching import Watch

MEMORY = peewee.SqliteDatabase(":memory:")


class Note(peewee.Model):
    """A table of no importance."""

    word = peewee.TextField()
    number = peewee.IntegerField()

    class Meta:
        database = MEMORY


@pytest.fixture
def notes():
    """A database with an empty table of notes."""
    with MEMORY.connection_context():
        MEMORY.create_tables([Note])
        yield MEMORY


def test_a_statement_takes_its_values_from_the_row(notes):
    """Values go to their places by name, in whatever order the row has them, and what else is in it is left out."""
    insert = Statement(Note.insert({Note.word: value("word"), Note.number: value("number")}))

    insert.run(notes.execute_sql, {"number": 1, "other": "x", "word": "one"})
    insert.run(notes.execute_sql, {"word": "two", "number": 2})

    assert notes.execute_sql("SELECT word, number FROM note").fetchall() == [("one", 1), ("two", 2)]


def test_constants_stay_in_their_places(notes):
    """Values of the query itself are the same at every run, between those of the row too."""
    insert = Statement(Note.insert({Note.word: value("word"), Note.number: peewee.Value(7)}))
    select = Statement(Note.select(Note.word).where(Note.number == 7, Note.word == value("word"), Note.number < 9))

    insert.run(notes.execute_sql, {"word": "seven"})

    assert select.run(notes.execute_sql, {"word": "seven"}).fetchall() == [("seven",)]
    assert select.run(notes.execute_sql, {"word": "eight"}).fetchall() == []


def test_one_value_is_enough(notes):
    """A statement with a single value runs like any other."""
    notes.execute_sql("INSERT INTO note (word, number) VALUES ('one', 1)")

    assert Statement(Note.select(Note.word).where(Note.number == value("number"))).run(
        notes.execute_sql, {"number": 1}
    ).fetchall() == [("one",)]


def test_text_that_looks_like_a_placeholder_is_a_value(notes):
    """A constant that is called like a value of the row is not mistaken for it."""
    notes.execute_sql("INSERT INTO note (word, number) VALUES ('word', 1)")

    select = Statement(Note.select(value("word"), peewee.Value("word")))

    assert select.run(notes.execute_sql, {"word": "given"}).fetchall() == [("given", "word")]


def test_they_are_built_once():
    """There is one set of statements for SQLite, and each of it is built at its first use only."""
    statements = sqlite_statements()

    assert sqlite_statements() is statements
    assert statements.select_session is statements.select_session


def test_the_columns_are_those_of_the_file(path):
    """Rows come in the order in which the columns are declared."""
    statements = Statements(peewee.SqliteDatabase(None, field_types=SQLITE_COLUMN_TYPES))
    with SessionRepository(path):
        pass
    database = peewee.SqliteDatabase(path)

    with database.connection_context():
        found = {
            table: tuple(row[1] for row in database.execute_sql(f"PRAGMA table_info({table})").fetchall())
            for table in ("paper_trading_sessions", "paper_trading_fills", "paper_trading_equity")
        }

    assert found == {
        "paper_trading_sessions": statements.session_columns,
        "paper_trading_fills": statements.fill_columns,
        "paper_trading_equity": statements.equity_columns,
    }


def test_no_value_is_part_of_a_statement(path, monkeypatch):
    """Whatever a session holds, the text of the statements is the same: nothing in it can be taken for SQL."""
    watch = Watch()
    watch.install(monkeypatch)

    def use(name):
        watch.seen.clear()
        session = full_session(id=name, name=name, status="RUNNING")
        repository.save(session)
        assert repository.get_by_id(name) == session
        assert repository.get_active() == [session]
        assert repository.get_all(strategy=name, symbol=name) == []
        assert len(repository.get_fills(name, symbol="BTC/USDT")) == 1
        assert repository.delete(name)
        return list(watch.seen)

    with SessionRepository(path) as repository:
        use("first, which opens the file")

        assert use("plain") == use("'); DROP TABLE paper_trading_sessions; --")
