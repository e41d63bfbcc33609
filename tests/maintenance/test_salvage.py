"""Saving what damage has left of a file into a new one, and saying what it has not."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import CorruptDatabaseError, ForeignDatabaseError, SessionRepository, StorageError
from paper_repo.maintenance.salvage.pages import find_rows
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.serialization import schemas
from paper_repo.storage.statements import sqlite_statements
from tests.builders import moment, new_fill, new_session
from tests.storage.sqlite.damage import content

FIXTURES = Path(__file__).parents[1] / "fixtures"


def fill(path: Path, sessions: int = 40) -> None:
    """Fill a new file with sessions that have a history, and close it."""
    with SessionRepository(path) as repository:
        for number in range(sessions):
            session = new_session(id=f"session-{number:02}", state={"text": "x" * 500})
            for each in range(30):
                session.apply_fill(new_fill(each))
                session.mark({"AAPL": each + 1}, at=moment(each))
            repository.save(session)


def pages(path: Path, name: str) -> int:
    """The root page of a table or an index."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name]).fetchone()[0])


def overwrite(path: Path, page: int) -> None:
    """Overwrite one page."""
    with path.open("rb+") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)


def test_a_sound_file_is_saved_whole(path: Path, tmp_path: Path) -> None:
    """Of a file without damage nothing is lost."""
    fill(path, 5)

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, saved.fills, saved.equity_points, saved.lost, saved.doubtful) == (5, 150, 150, [], [])
    with SessionRepository(path) as repository, SessionRepository(tmp_path / "new.db") as new:
        assert content(new) == content(repository)


def test_sessions_on_a_destroyed_page_are_named(path: Path, tmp_path: Path) -> None:
    """Those whose page is destroyed are lost by name, all others are saved, and the damaged file is not touched."""
    fill(path)
    data = path.read_bytes()
    leaf = 13  # the first byte of a page with rows of a table
    starts = range(4096, len(data), 4096)
    page = next(n for n in starts if data[n] == leaf and b"session-1" in data[n : n + 4096]) // 4096
    overwrite(path, page + 1)
    before = path.read_bytes()

    with SessionRepository(path) as repository:
        listed = repository.get_all(errors="report")
    saved = salvage(path, tmp_path / "new.db")

    assert 0 < saved.sessions < 40
    lost = [each for each in saved.lost if "damaged part" in each]
    assert saved.sessions + len(lost) == 40
    assert len(listed) == saved.sessions
    message = "session 'session-{:02}' is stored but cannot be read: it lies in a damaged part of the file"
    assert {str(error) for error in listed.errors[1:]} <= {message.format(number) for number in range(40)}
    assert len(listed.errors[1:]) == len(lost)
    assert path.read_bytes() == before
    with SessionRepository(tmp_path / "new.db") as new:
        assert new.count() == saved.sessions
        assert new.check().ok


@pytest.mark.parametrize("name", ["sessionrow_status_created_at_id", "paper_trading_fills", "paper_trading_equity"])
def test_any_destroyed_root_leaves_the_sessions(path: Path, tmp_path: Path, name: str) -> None:
    """Without an index, or without a whole table of histories, every session is saved and the loss is told."""
    fill(path)
    overwrite(path, pages(path, name))

    saved = salvage(path, tmp_path / "new.db")

    lost = sum(int(each.split(": ")[1].split(" of ")[0]) for each in saved.lost)
    assert saved.sessions == 40
    assert saved.fills + saved.equity_points + lost == 2400
    assert (saved.from_pages > 0) == name.startswith("paper")
    with SessionRepository(tmp_path / "new.db") as new:
        assert new.check().ok


def test_without_the_list_of_tables_everything_is_found_page_by_page(path: Path, tmp_path: Path) -> None:
    """Where the first page is destroyed, which tells what the others are, all sessions and histories come back."""
    fill(path)
    with SessionRepository(path) as repository:
        expected = content(repository)
    overwrite(path, 1)

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, saved.fills, saved.equity_points, saved.from_pages) == (40, 1200, 1200, 2440)
    assert saved.lost == []
    assert "what was deleted" in saved.doubtful[0]
    with SessionRepository(tmp_path / "new.db") as new:
        assert content(new) == expected
        assert new.check().ok


def test_without_the_root_of_the_sessions_all_of_them_are_found(path: Path, tmp_path: Path) -> None:
    """When the page is destroyed that leads to all sessions, they are found without it."""
    fill(path)
    with SessionRepository(path) as repository:
        expected = content(repository)
    overwrite(path, pages(path, "paper_trading_sessions"))

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, saved.from_pages, saved.lost, saved.doubtful) == (40, 40, [], [])
    with SessionRepository(tmp_path / "new.db") as new:
        assert content(new) == expected


@pytest.mark.parametrize("page", [1, "paper_trading_sessions"])
def test_what_was_deleted_does_not_come_back(path: Path, tmp_path: Path, page: str | int) -> None:
    """Neither whole sessions whose pages are unused now, nor the former history of an id that was used again."""
    fill(path)
    with SessionRepository(path) as repository:
        for number in range(5, 35):
            repository.delete(f"session-{number:02}")
        repository.save(new_session(id="session-20", name="again"))
        expected = [(each, repository.get_fills(each.id)) for each in repository.get_all()]
    overwrite(path, page if isinstance(page, int) else pages(path, page))

    salvage(path, tmp_path / "new.db")

    with SessionRepository(tmp_path / "new.db") as new:
        assert [(each, new.get_fills(each.id)) for each in new.get_all()] == expected


def test_a_session_without_its_own_record_is_named(path: Path, tmp_path: Path) -> None:
    """Where only its fills still know of a session it is told to be lost, and no other one."""
    fill(path, 3)
    data = bytearray(path.read_bytes())
    data[:4096] = bytes(4096)
    data[data.index(b"session-01crossover") + 12] ^= 1
    path.write_bytes(data)

    saved = salvage(path, tmp_path / "new.db")

    assert saved.sessions == 2
    assert saved.lost == ["session 'session-01': it lies in a damaged part of the file"]


def test_the_log_counts_as_far_as_it_is_committed(path: Path, tmp_path: Path) -> None:
    """What is in the -wal is found page by page too, up to its last whole commit."""
    fill(path, 3)
    copy, logs = tmp_path / "copy.db", []
    with SessionRepository(path) as repository:
        for each in ("late", "later"):
            repository.save(new_session(id=each))
            logs.append(Path(f"{path}-wal").read_bytes())
        shutil.copyfile(path, copy)
    first, both = logs
    flipped = bytearray(both)
    flipped[len(first) + 100] ^= 1
    overwrite(copy, 1)
    found = []

    for log in (both, both[:-1], flipped, first, first[:-1], b"", bytes(64)):
        Path(f"{copy}-wal").write_bytes(log)
        found.append(sorted(find_rows(copy, sqlite_statements()).sessions)[:2])

    assert found == [["late", "later"], *[["late", "session-00"]] * 3, *[["session-00", "session-01"]] * 3]


def test_a_damaged_file_of_an_older_schema(path: Path, tmp_path: Path) -> None:
    """What cannot be upgraded any more, because it is damaged, can still be salvaged."""
    shutil.copyfile(FIXTURES / "schema-1.db", path)
    overwrite(path, pages(path, "sessionrow_status_created_at_id"))

    with pytest.raises(CorruptDatabaseError, match=r"sessions\.db: the file is damaged, and stays at schema version 1"):
        SessionRepository(path).open()
    saved = salvage(path, tmp_path / "new.db")

    expected = json.loads((FIXTURES / "schema-1.json").read_text())
    assert saved.sessions == len(expected)
    assert saved.lost == []
    with SessionRepository(tmp_path / "new.db") as new:
        assert {each.id: schemas.dump(each) for each in new.get_all()} == {
            session_id: each["session"] for session_id, each in expected.items()
        }


def test_a_file_whose_end_is_missing(path: Path, tmp_path: Path) -> None:
    """What is in the first half comes back, and the report says how much of the file is missing."""
    fill(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 8192 * 4096])

    saved = salvage(path, tmp_path / "new.db")

    assert 0 < saved.sessions < 40
    assert f"{len(data) // 4096 - len(data) // 8192} of its pages" in saved.lost[0]


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    """There is nothing to be found in it, and nothing is written."""
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")

    with pytest.raises(ForeignDatabaseError, match="another program"):
        salvage(tmp_path / "theirs.db", tmp_path / "new.db")

    assert [each.name for each in tmp_path.iterdir()] == ["theirs.db"]


def test_what_has_a_wrong_checksum_is_saved_and_doubtful(path: Path, tmp_path: Path) -> None:
    """A record that was changed can be read, and is saved with a word of doubt; one that makes no sense is lost."""
    fill(path, 3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET name = 'changed' WHERE id = 'session-00'")
        connection.execute("UPDATE paper_trading_sessions SET cash = 'much' WHERE id = 'session-01'")
        connection.execute("DELETE FROM paper_trading_fills WHERE session_id = 'session-02' AND sequence = 5")
        connection.execute("UPDATE paper_trading_fills SET price = 7 WHERE session_id = 'session-02' AND sequence = 9")
        connection.execute("UPDATE paper_trading_equity SET cash = 7 WHERE session_id = 'session-02' AND sequence = 9")

    saved = salvage(path, tmp_path / "new.db")

    assert saved.sessions == 2
    assert [each.partition(" is stored but cannot be read: its checksum is wrong")[0] for each in saved.doubtful] == [
        "session: session 'session-00'",
        "session 'session-02': a fill: session 'session-02'",
        "session 'session-02': an equity point: session 'session-02'",
    ]
    assert len(saved.lost) == 2
    assert "session-01" in saved.lost[0]
    assert "1 of its fills" in saved.lost[1]
    with SessionRepository(tmp_path / "new.db") as new:
        assert len(new.get_fills("session-02")) == 29
        assert [fill.price for fill in new.get_fills("session-02")].count(7) == 1
        assert [point.cash for point in new.get_equity_curve("session-02")].count(7) == 1
        assert new.check().ok


def test_nothing_is_overwritten(path: Path, tmp_path: Path) -> None:
    """A target that is there, and a file that is not, are refused."""
    fill(path, 1)
    (tmp_path / "new.db").write_text("mine")

    with pytest.raises(StorageError, match="choose another name"):
        salvage(path, tmp_path / "new.db")
    with pytest.raises(StorageError, match="no such file"):
        salvage(tmp_path / "missing.db", tmp_path / "other.db")

    assert (tmp_path / "new.db").read_text() == "mine"


def sessions_of(path: Path, change: str, *, sealed: bool = True) -> None:
    """Change the rows of sessions, with checksums that fit when they are `sealed`."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(change)
        if not sealed:
            return
        statements = sqlite_statements()
        columns = statements.session_columns
        for row in connection.execute(f"SELECT {', '.join(columns)} FROM paper_trading_sessions").fetchall():
            stored = dict(zip(columns, row, strict=True))
            sums = statements.summary_checksum.of(stored), statements.session_checksum.of(stored), stored["id"]
            connection.execute(
                "UPDATE paper_trading_sessions SET summary_checksum = ?, checksum = ? WHERE id = ?", sums
            )


def test_what_cannot_be_stored_is_lost_with_its_reason(path: Path, tmp_path: Path) -> None:
    """A session that reads well and makes no sense is named with what is wrong; the others are saved."""
    fill(path, 3)
    sessions_of(path, "UPDATE paper_trading_sessions SET version = 0 WHERE id = 'session-01'")

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, len(saved.lost)) == (2, 1)
    assert saved.lost[0].startswith("session 'session-01': ")
    assert "version" in saved.lost[0]


def test_fills_that_are_newer_than_their_session_are_told(path: Path, tmp_path: Path) -> None:
    """Of a session that counts fewer than there are, as many are saved as it counts, and the rest is told as lost."""
    fill(path, 2)
    sessions_of(path, "UPDATE paper_trading_sessions SET fill_count = 20 WHERE id = 'session-01'")

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, saved.fills) == (2, 50)
    assert saved.lost == ["session 'session-01': 10 of its fills, which are newer than what is left of the session"]
    with SessionRepository(tmp_path / "new.db") as new:
        assert [place for place, _ in new.fill_history("session-01")] == list(range(1, 21))
        assert new.check().ok


@pytest.mark.parametrize(
    ("table", "told"), [("paper_trading_fills", "3 of its fills"), ("paper_trading_equity", "2 of its equity points")]
)
def test_how_much_of_a_history_is_lost_is_told(path: Path, tmp_path: Path, table: str, told: str) -> None:
    """By number, of each session by itself; what is left is closed up."""
    fill(path, 2)
    lost = "(4, 7, 30)" if table.endswith("fills") else "(1, 2)"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DELETE FROM {table} WHERE session_id = 'session-01' AND sequence IN {lost}")

    saved = salvage(path, tmp_path / "new.db")

    assert saved.lost == [f"session 'session-01': {told}"]
    with SessionRepository(tmp_path / "new.db") as new:
        assert new.check().ok


def test_a_fill_that_stands_twice_is_saved_once(path: Path, tmp_path: Path) -> None:
    """An index that is damaged lets SQLite read one fill at two places."""
    fill(path, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX fillrow_session_id_id_symbol")
        connection.execute("UPDATE paper_trading_fills SET id = 'fill-3' WHERE sequence = 5")

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, saved.fills) == (1, 29)
    assert saved.lost == ["session 'session-00': 1 of its fills"]


def test_progress_is_told_for_each_session(path: Path, tmp_path: Path) -> None:
    """How many are done, and how many there are."""
    fill(path, 3)
    steps: list[tuple[int, int]] = []

    salvage(path, tmp_path / "new.db", progress=lambda *step: steps.append(step))

    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_journal_beside_the_file_makes_what_is_saved_doubtful(path: Path, tmp_path: Path) -> None:
    """It shows that a program was killed while it wrote; an empty one shows nothing."""
    fill(path, 2)
    overwrite(path, 1)
    doubts = []
    for number, journal in enumerate([b"half", b""]):
        Path(f"{path}-journal").write_bytes(journal)
        doubts.append(" ".join(salvage(path, tmp_path / f"new {number}.db").doubtful))
        assert Path(f"{path}-journal").read_bytes() == journal

    assert ["a program was killed while it wrote" in each for each in doubts] == [True, False]


def test_the_list_of_unused_pages_is_read_whole(path: Path, tmp_path: Path) -> None:
    """Where it is sound there is no doubt about what was deleted, and nothing of that comes back or counts as lost."""
    fill(path)
    with SessionRepository(path) as repository:
        repository.delete_many()
        again = new_session(id="session-20", name="again")
        for number in range(100, 103):
            again.apply_fill(new_fill(number))
        repository.save_many([again, *(new_session(id=f"more-{each}", state={"text": "x" * 900}) for each in range(9))])
        expected = content(repository)
    overwrite(path, pages(path, "paper_trading_sessions"))
    assert len(path.read_bytes()) // 4096 > 10
    with path.open("rb") as file:
        assert int.from_bytes(file.read(40)[36:40], "big") > 10  # unused pages

    saved = salvage(path, tmp_path / "new.db")

    assert (saved.sessions, saved.fills, saved.lost, saved.doubtful) == (10, 3, [], [])
    with SessionRepository(tmp_path / "new.db") as new:
        assert content(new) == expected
    found = find_rows(path, sqlite_statements())
    assert found.knows_unused
    assert {*found.sessions, *found.fills, *found.equity} == set(expected)
