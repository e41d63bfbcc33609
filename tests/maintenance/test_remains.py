"""What is left of a damaged file: which rows are taken where SQLite's and those of the pages differ."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.maintenance.salvage.pages import FoundRows, find_rows
from paper_repo.maintenance.salvage.remains import Remains
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage.statements import sqlite_statements
from tests.builders import new_fill, new_session
from tests.maintenance.test_salvage import overwrite, pages


@pytest.fixture
def found(path: Path) -> FoundRows:
    """The rows of a sound file with one session of three fills."""
    session = new_session(id="one")
    for number in range(3):
        session.apply_fill(new_fill(number))
    with SessionRepository(path) as repository:
        repository.save(session)
    return find_rows(path, sqlite_statements())


def test_fills_of_deleted_sessions_are_no_loss(path: Path, found: FoundRows) -> None:
    """A session that is known to be deleted is not lost when fills of it are found; another one is."""
    found.fills |= {"deleted": found.fills["one"], "unknown": found.fills["one"]}
    found.deletions["deleted"] = 7
    with SessionRepository(path) as repository:
        storage: Any = internals_of(repository).storage
        tables = storage.statements.tables

        rows, from_pages, lost = Remains(storage, [tables.sessions], readable=True, pages=found).sessions()

    assert ([row[0] for row in rows], from_pages, lost) == (["one"], [], ["unknown"])


def test_fills_that_a_session_has_not_got_stay_away(path: Path, found: FoundRows) -> None:
    """Of the fills in the pages those behind the session's last one belong to what came to nothing."""
    with SessionRepository(path) as repository:
        storage: Any = internals_of(repository).storage
        remains = Remains(storage, [storage.statements.tables.fills], readable=False, pages=found)

        rows, from_pages = remains.fills("one", 2)

    assert ([row[1] for row in rows], from_pages) == ([1, 2], 2)


def test_a_sound_row_of_the_pages_takes_the_place_of_a_damaged_one(path: Path, found: FoundRows) -> None:
    """What SQLite reads with a wrong checksum is given up where the pages have the row as it was."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_fills SET price = '7' WHERE sequence = 2")
    with SessionRepository(path) as repository:
        storage: Any = internals_of(repository).storage
        remains = Remains(storage, [storage.statements.tables.fills], readable=True, pages=found)

        rows, from_pages = remains.fills("one", 3)

    assert [tuple(row) for row in rows] == [found.fills["one"][place] for place in (1, 2, 3)]
    assert from_pages == 1


def test_a_damaged_list_of_unused_pages_is_told(path: Path, tmp_path: Path) -> None:
    """What is found then may have been deleted, and the report says so."""
    with SessionRepository(path) as repository:
        repository.save_many([new_session(id=f"{number}", state={"text": "x" * 900}) for number in range(40)])
        for number in range(5, 40):
            repository.delete(f"{number}")
    data = bytearray(path.read_bytes())
    assert int.from_bytes(data[36:40], "big") > 2  # unused pages
    data[32:36] = (10**6).to_bytes(4, "big")  # where their list begins
    root = pages(path, "paper_trading_sessions")
    path.write_bytes(data)
    overwrite(path, root)

    assert not find_rows(path, sqlite_statements()).knows_unused
    saved = salvage(path, tmp_path / "new.db")

    assert any("the list of the file's unused pages is damaged" in each for each in saved.doubtful)
