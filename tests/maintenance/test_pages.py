"""Rows found in the pages of a file without SQLite: all of them where it is sound, and never one that nobody wrote."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paper_repo import PaperRepoError, SessionRepository
from paper_repo.core import history_rows
from paper_repo.core.repository import internals_of
from paper_repo.maintenance.salvage.pages import FoundRows, find_rows
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage.statements import sqlite_statements
from tests.builders import full_session, new_fill, new_session
from tests.storage.sqlite.damage import Past, content, copy, write_past

States = list[dict[str, Any]]

random_damage: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """A folder with a closed file and an open one with its -wal, and every state that they have had."""
    folder = tmp_path_factory.mktemp("past")
    return Past(folder, write_past(folder / "sessions.db", folder))


def found_in(path: Path) -> FoundRows:
    """What the pages of the file hold."""
    return find_rows(path, sqlite_statements())


def entities(found: FoundRows, place: Path) -> dict[str, tuple[Any, list[Any], list[Any]]]:
    """The sessions, fills and equity points that the rows say, by session id."""
    internals = internals_of(SessionRepository(place))  # which knows how to read a row, and is never opened
    return {
        session_id: (
            internals.records.session(row),
            [history_rows.fill(internals.storage, each) for _, each in sorted(found.fills.get(session_id, {}).items())],
            [
                history_rows.point(internals.storage, each)
                for _, each in sorted(found.equity.get(session_id, {}).items())
            ],
        )
        for session_id, row in found.sessions.items()
    }


@pytest.mark.parametrize("name", ["closed.db", "open.db"])
def test_all_rows_of_a_sound_file_are_found(past: Past, tmp_path: Path, name: str) -> None:
    """Page by page a file says what it says by SQLite, what stands in its log included; nothing of it is changed."""
    copy(past.folder / name, tmp_path / "sessions.db")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    found = found_in(tmp_path / "sessions.db")

    assert entities(found, tmp_path / "any.db") == past.states[-1]
    assert found.knows_unused
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("size", [512, 1024, 65536])
def test_pages_of_any_size(path: Path, size: int) -> None:
    """The file says how large its pages are; long values go through chains of pages."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size = {size}")
        connection.execute("VACUUM")
    with SessionRepository(path) as repository:
        assert repository.describe()["pragmas"]["page_size"] == size
        repository.save_many([full_session(), new_session(id="long", state={"text": "x" * 200_000})])
        expected = content(repository)

    assert entities(found_in(path), path) == expected


def test_files_of_older_schemas(tmp_path: Path) -> None:
    """A row that was written before it had a change number is found as well."""
    for fixture in sorted((Path(__file__).parents[1] / "fixtures").glob("*.db")):
        path = tmp_path / fixture.name
        shutil.copyfile(fixture, path)
        found = entities(found_in(path), path)
        with SessionRepository(path) as repository:
            assert found == content(repository)


def test_of_two_rows_at_one_place_neither_is_taken(path: Path, tmp_path: Path) -> None:
    """Either of two different fills at one place in a history may have been deleted before."""
    for each, price in ((path, "1"), (tmp_path / "other.db", "2")):
        session = new_session(id="one")
        session.record_fill(new_fill(1, price=price))
        session.record_fill(new_fill(2))
        with SessionRepository(each) as repository:
            repository.save(session)
    data = (tmp_path / "other.db").read_bytes()
    with path.open("ab") as file:
        file.write(b"".join(data[n : n + 4096] for n in range(0, len(data), 4096) if b"fill-" in data[n : n + 4096]))

    found = found_in(path)

    assert list(found.fills["one"]) == [2]


def require_truth(found: dict[str, Any], states: States) -> None:
    """Every session was stored so once, and so was every fill and equity point of it."""
    for session_id, (session, fills, points) in found.items():
        stored = [state[session_id] for state in states if session_id in state]
        assert session in [each[0] for each in stored]
        assert all(fill in stored[-1][1] for fill in fills)
        assert all(point in stored[-1][2] for point in points)


NAMES = st.sampled_from(["closed.db", "open.db"])
BYTES = st.lists(st.tuples(st.integers(0, 2**30), st.integers(0, 255)), max_size=12)
STRETCHES = st.lists(
    st.tuples(st.integers(0, 2**30), st.sampled_from([16, 512, 4096]), st.none() | st.integers(0, 2**30)), max_size=3
)
ENDS = st.none() | st.integers(0, 2**30)


def damage(past: Path, name: str, path: Path, log: bool, flips: Any, stretches: Any, end: int | None) -> None:
    """Write a copy of the file in which bytes are changed, stretches overwritten by others, and the end cut off."""
    copy(past / name, path)
    damaged = Path(f"{path}-wal") if log and name == "open.db" else path
    data = bytearray(damaged.read_bytes())
    for to, length, start in stretches:
        to, start = to % len(data) // 512 * 512, None if start is None else start % len(data) // 512 * 512
        data[to : to + length] = bytes(length) if start is None else data[start : start + length]
    for place, value in flips:
        data[place % len(data)] = value
    damaged.write_bytes(data if end is None else data[: end % len(data)])


@settings(max_examples=80, **random_damage)
@example(name="closed.db", log=False, flips=[], stretches=[], end=0)
@example(name="closed.db", log=False, flips=[], stretches=[], end=16)
@example(name="closed.db", log=False, flips=[], stretches=[], end=21)
@example(name="closed.db", log=False, flips=[], stretches=[], end=100)
@example(name="open.db", log=True, flips=[], stretches=[], end=30)
@given(name=NAMES, log=st.booleans(), flips=BYTES, stretches=STRETCHES, end=ENDS)
def test_no_row_is_invented(
    past: Past, tmp_path: Path, name: str, log: bool, flips: Any, stretches: Any, end: int | None
) -> None:
    """Whatever the damage, looking through the pages ends, and every row was stored once."""
    damage(past.folder, name, tmp_path / "sessions.db", log, flips, stretches, end)

    found = entities(found_in(tmp_path / "sessions.db"), tmp_path / "any.db")

    require_truth(found, past.states)


@settings(max_examples=12, **random_damage)
@given(name=NAMES, log=st.booleans(), flips=BYTES, stretches=STRETCHES, end=ENDS)
def test_salvaging_whatever_is_left(
    past: Past, tmp_path: Path, name: str, log: bool, flips: Any, stretches: Any, end: int | None
) -> None:
    """A file with any damage is salvaged or refused, and what is not called doubtful was stored so once."""
    path, target = tmp_path / "sessions.db", tmp_path / "new.db"
    target.unlink(missing_ok=True)
    damage(past.folder, name, path, log, flips, stretches, end)

    try:
        saved = salvage(path, target)
    except PaperRepoError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert not target.exists()
        return

    doubts = " ".join(saved.doubtful)
    with SessionRepository(target) as repository:
        assert repository.count() == saved.sessions
        assert not repository.check().problems
        sound = {name: each for name, each in content(repository).items() if f"session {name!r}" not in doubts}
    require_truth(sound, past.states)


@pytest.mark.parametrize("reserved", [8, 32, 255])
def test_pages_with_room_for_others_at_their_ends(path: Path, reserved: int) -> None:
    """Extensions of SQLite keep some bytes of each page for themselves; what is longer than a page is found, too."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("VACUUM")
    header = bytearray(path.read_bytes())
    header[20] = reserved
    header[105:107] = (4096 - reserved).to_bytes(2, "big")
    path.write_bytes(header)
    session = new_session(id="long", state={"text": "x" * 50_000})
    for number in range(200):
        session.apply_fill(new_fill(number, order_id="o" * 1500))
    with SessionRepository(path) as repository:
        repository.save(session)
        assert repository.check().ok
    with path.open("rb") as file:
        assert file.read(21)[20] == reserved

    found = found_in(path)

    assert list(found.sessions) == ["long"]
    assert len(found.fills["long"]) == 200


@pytest.mark.parametrize("bits", [7, 8, 15, 23, 31, 33, 47, 49, 62])
def test_whole_numbers_of_every_length(path: Path, bits: int) -> None:
    """SQLite writes a number in one to eight bytes; the number of a change may need any of them."""
    with SessionRepository(path) as repository:
        repository.save(new_session(id="one"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE paper_trading_sessions SET change_number = ?", [2**bits + 5])

    record = found_in(path).sessions["one"]

    assert record[sqlite_statements().session_columns.index("change_number")] == 2**bits + 5
