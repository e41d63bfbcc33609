"""Damaged files: an error of ours or a state that the file once had, and nothing written to what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import (
    CorruptDatabaseError,
    CorruptRecordError,
    EquityPoint,
    PaperRepoError,
    SessionRepository,
    SessionSummary,
    SQLiteSessionRepository,
)
from paper_repo.core import history
from tests.builders import full_session, moment, new_fill, new_session
from tests.facade.watching import Watch, nothing
from tests.storage.sqlite.damage import Past, answers, content, copy, of_session, write_past

real_file = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The past that all tests here look at."""
    folder = tmp_path_factory.mktemp("past")
    return Past(folder, write_past(folder / "sessions.db", folder))


def require_truth(found: dict[str, Any], states: list[dict[str, Any]]) -> None:
    """Every answer is one that was true once; what is reported as sound, is."""
    sessions = [session for state in states for session, *_ in state.values()]
    truths = {
        "all": states,
        "active": [[each for each in state if state[each][0].status == "RUNNING"] for state in states],
        "summaries": [{each: SessionSummary.of(state[each][0]) for each in state} for state in states],
        "count": [len(state) for state in states],
        "one": [state["running"][0] if "running" in state else None for state in states],
        "fills": [state["running"][1] if "running" in state else [] for state in states],
        "points": [state["running"][2] if "running" in state else [] for state in states],
    }
    for way, true in truths.items():
        assert isinstance(found[way], PaperRepoError) or found[way] in true, f"{way}: {found[way]!r}"
    if not isinstance(found["reported"], PaperRepoError):
        assert all(each in sessions for each in found["reported"][0])
        if not found["reported"][1]:
            assert {each.id: each for each in found["reported"][0]} in [
                {each: state[each][0] for each in state} for state in states
            ]


def damaged(past: Past, name: str, target: Path) -> dict[str, bytearray]:
    """A fresh copy of one of the files of the past, and of its -wal, to be damaged."""
    copy(past.folder / name, target)
    suffixes = ["", "-wal"] if Path(f"{target}-wal").exists() else [""]
    return {suffix: bytearray(Path(f"{target}{suffix}").read_bytes()) for suffix in suffixes}


def read(target: Path, files: dict[str, bytearray], states: list[dict[str, Any]]) -> dict[str, Any]:
    """Write the damaged files, read them in every way, and require the truth, and no writing after a refusal."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    for suffix, data in files.items():
        Path(f"{target}{suffix}").write_bytes(data)

    found = answers(target)

    require_truth(found, states)
    if isinstance(found["all"], PaperRepoError) and not isinstance(found["all"], CorruptRecordError):
        assert all(Path(f"{target}{suffix}").read_bytes() == data for suffix, data in files.items())
    return found


NAMES = st.sampled_from(["closed.db", "open.db"])
PLACES = st.tuples(st.sampled_from(["", "-wal"]), st.integers(0, 2**30))
"""The file or its -wal, and a place in it, counted round and round."""


@real_file
@given(name=NAMES, flips=st.lists(st.tuples(PLACES, st.integers(0, 7)), min_size=1, max_size=3))
def test_flipped_bits(past: Past, tmp_path: Path, name: str, flips: list[Any]) -> None:
    """Whatever bits are flipped in the file or its -wal, no answer is wrong, and every error is one of ours."""
    files = damaged(past, name, tmp_path / "sessions.db")

    for (suffix, place), bit in flips:
        data = files.get(suffix, files[""])
        data[place % len(data)] ^= 1 << bit

    read(tmp_path / "sessions.db", files, past.states)


@real_file
@given(name=NAMES, place=PLACES, length=st.sampled_from([16, 512, 4096, 8192]), other=st.none() | PLACES)
def test_overwritten_stretches(past: Past, tmp_path: Path, name: str, place: Any, length: int, other: Any) -> None:
    """Nor when a stretch of the file is overwritten, with zeros or another part of it, as by a failing disk."""
    files = damaged(past, name, tmp_path / "sessions.db")
    data = files.get(place[0], files[""])
    source = bytes(length) if other is None else files.get(other[0], files[""])

    to, start = (each % max(1, len(data) - length) // 16 * 16 for each in (place[1], other[1] if other else 0))
    data[to : to + length] = source[start : start + length] if other else source

    read(tmp_path / "sessions.db", files, past.states)


@real_file
@given(name=NAMES, cut=PLACES, wal=st.booleans())
def test_truncated_and_half_copied_files(past: Past, tmp_path: Path, name: str, cut: Any, wal: bool) -> None:
    """Nor when the end of the file, or of its -wal, is missing, or the -wal as a whole."""
    files = damaged(past, name, tmp_path / "sessions.db")

    data = files.get(cut[0], files[""])
    del data[cut[1] % len(data) :]
    if not wal:
        files.pop("-wal", None)

    read(tmp_path / "sessions.db", files, past.states)


@pytest.mark.parametrize("name", ["cash", "state", "name", "status", "version", "checksum"])
def test_a_changed_record_is_named_and_the_others_load(path: Path, name: str) -> None:
    """A session changed by something else than this library is refused by name; the others are loaded beside it."""
    with SessionRepository(path) as repository:
        repository.save_many([new_session(id="one"), new_session(id="other")])
    change(path, f"UPDATE paper_trading_sessions SET {name} = {CHANGES[name]} WHERE id = 'one'")

    with SessionRepository(path) as repository:
        found = repository.get_all(errors="report")

        with pytest.raises(CorruptRecordError, match="'one'"):
            repository.get_by_id("one")
        with pytest.raises(CorruptRecordError, match="'one'"):
            repository.get_all()
    assert [each.id for each in found] == ["other"]
    assert [error.session_id for error in found.errors] == ["one"]


CHANGES = {
    "cash": "'10001'",
    "state": "'{\"x\":1}'",
    "name": "'\N{SNOWMAN}'",
    "status": "'PAUSED'",
    "version": "7",
    "checksum": "checksum + 1",
}


def test_a_damaged_session_cannot_be_claimed(path: Path) -> None:
    """A claim changes the row, and does not give what is damaged a checksum that fits it."""
    with SessionRepository(path) as repository:
        repository.save(new_session(id="bad", name="before"))
    change(path, "UPDATE paper_trading_sessions SET name = 'after'")

    with SessionRepository(path) as repository:
        with pytest.raises(CorruptRecordError, match="'bad'"):
            repository.claim("bad", "worker", 60)

        with pytest.raises(CorruptRecordError, match="'bad'"):
            repository.get_by_id("bad")


def test_text_that_is_no_utf8_is_named_and_never_shown(path: Path) -> None:
    """A record whose text cannot be decoded is named, without the text itself in the message."""
    with SessionRepository(path) as repository:
        repository.save_many([new_session(id="one"), new_session(id="other")])
    change(path, "UPDATE paper_trading_sessions SET state = CAST(x'7b2273656372657422ff' AS TEXT) WHERE id = 'one'")

    with SessionRepository(path) as repository:
        found = repository.get_all(errors="report")

        with pytest.raises(CorruptRecordError, match="'one'") as of_one:
            repository.get_by_id("one")
        with pytest.raises(CorruptRecordError, match="'one'") as of_all:
            repository.get_all()
    assert [each.id for each in found] == ["other"]
    assert "a text in it cannot be read" in str(of_one.value)
    assert "secret" not in f"{of_one.value}{of_all.value}{found.errors}"


def test_a_history_with_a_gap_is_refused(path: Path) -> None:
    """Fills and equity points of which one is missing are an error that names the session, not a shorter list."""
    with SessionRepository(path) as repository:
        repository.save(full_session(id="one"))
    change(path, "DELETE FROM paper_trading_fills WHERE sequence = 2")
    change(path, "UPDATE paper_trading_equity SET sequence = 3 WHERE sequence = 2")

    fills = "session 'one' .* missing: it counts 2 fills, and numbers 1 to 1 are there"
    with SessionRepository(path) as repository:
        with pytest.raises(CorruptRecordError, match=fills):
            repository.get_fills("one")
        with pytest.raises(CorruptRecordError, match=fills):
            list(repository.fill_history("one"))
        with pytest.raises(CorruptRecordError, match="'one'"):
            repository.get_equity_curve("one")


def test_a_gap_before_the_first_fill_of_a_page_is_refused(path: Path) -> None:
    """A page of fills that does not begin behind the place that was asked for is an error, however full it is."""
    session = new_session(id="one")
    for number in range(1, 7):
        session.record_fill(new_fill(number))
    with SessionRepository(path) as repository:
        repository.save(session)
    change(path, "DELETE FROM paper_trading_fills WHERE sequence = 3")

    with SessionRepository(path) as repository:
        assert len(repository.get_fills("one", limit=2)) == 2
        with pytest.raises(CorruptRecordError, match="a part of its history is missing"):
            repository.get_fills("one", after=2, limit=2)


def test_a_curve_without_its_beginning_is_refused(path: Path) -> None:
    """The equity point that was recorded first is missed too, whether the curve is read at once or bit by bit."""
    with SessionRepository(path) as repository:
        repository.save(full_session(id="one"))
    change(path, "DELETE FROM paper_trading_equity WHERE sequence = 1")

    with SessionRepository(path) as repository:
        for read in (repository.get_equity_curve, lambda session_id: list(repository.equity_history(session_id))):
            with pytest.raises(CorruptRecordError, match=r"session 'one' .* a part of its history is missing"):
                read("one")


def test_a_history_without_its_end_is_refused(path: Path) -> None:
    """Whoever asks for what came last is told that it is missing, also where nothing is left of it."""
    with SessionRepository(path) as repository:
        repository.save(full_session(id="one"))
    change(path, "DELETE FROM paper_trading_fills WHERE sequence = 2")

    with SessionRepository(path) as repository:
        for read in (repository.get_fills, lambda session_id, after: list(repository.fill_history(session_id, after))):
            with pytest.raises(CorruptRecordError, match=r"missing: it counts 2 fills, and none is there$"):
                read("one", after=1)


def test_histories_are_read_page_by_page(path: Path) -> None:
    """What lies behind the page that is being read is looked at when it is come to, and not kept in memory before."""
    session = new_session(id="one")
    for number in range(history.PAGE + 2):
        session.record_fill(new_fill(number))
        session.record_equity(EquityPoint(moment(number), 1, 1))

    with SessionRepository(path) as repository:
        repository.save(session)
        fills, points = repository.fill_history("one"), repository.equity_history("one")
        next(fills)
        next(points)
        change(path, f"DELETE FROM paper_trading_fills WHERE sequence = {history.PAGE + 1}")
        change(path, f"UPDATE paper_trading_equity SET cash = '2' WHERE sequence = {history.PAGE + 1}")

        with pytest.raises(CorruptRecordError, match=r"session 'one' .* a part of its history is missing"):
            list(fills)
        with pytest.raises(CorruptRecordError, match=r"session 'one' .* its checksum is wrong"):
            list(points)


@pytest.mark.parametrize("table", ["fills", "equity"])
def test_a_changed_history_is_refused(path: Path, table: str) -> None:
    """A fill or equity point whose checksum is wrong is an error that names the session, and says what may be."""
    with SessionRepository(path) as repository:
        repository.save(full_session(id="one"))
    column = {"fills": "price", "equity": "cash"}[table]
    change(path, f"UPDATE paper_trading_{table} SET {column} = '1' WHERE sequence = 2")

    reason = "'one' .* read: its checksum is wrong: it is damaged, or was changed by another program$"
    with SessionRepository(path) as repository, pytest.raises(CorruptRecordError, match=reason):
        repository.get_fills("one") if table == "fills" else repository.get_equity_curve("one")


def test_a_session_stored_again_after_deletion_has_a_sound_history(path: Path) -> None:
    """A history that begins behind fills that were deleted with the session is no damage."""
    session = full_session(id="one")
    with SessionRepository(path) as repository:
        repository.save(session)
        repository.delete("one")
        session.version = 0
        repository.save(session)
        assert repository.get_fills("one") == []
        for number in range(1, 4):
            session.record_fill(new_fill(number))
        repository.save(session)

        assert repository.get_fills("one") == [new_fill(1), new_fill(2), new_fill(3)]
        assert repository.get_fills("one", limit=2) == [new_fill(1), new_fill(2)]
        assert [place for place, _ in repository.fill_history("one")] == [3, 4, 5]


def test_a_fill_that_comes_between_two_readings_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save between the reading of the fills and that of their count is seen, and not taken for a gap."""
    watch = Watch()
    watch.install(monkeypatch)
    session = full_session(id="one")
    numbers = iter(range(5, 9))
    with SessionRepository(path) as repository, SessionRepository(path) as other:
        other.save(session)

        def save(sql: str) -> None:
            if sql.startswith("SELECT") and "fill_count" in sql and "LIMIT" not in sql:
                watch.before = nothing
                session.record_fill(new_fill(next(numbers)))
                other.save(session)

        for read in (repository.get_fills, lambda session_id: list(repository.fill_history(session_id))):
            count = session.fill_count
            watch.before = save
            found = read("one")

            assert len(found) == session.fill_count == count + 1


def test_nothing_is_written_to_a_damaged_file(past: Past, tmp_path: Path) -> None:
    """Of a file with a damaged index what is sound can be read, the rest and every write are refused."""
    files = damaged(past, "closed.db", tmp_path / "sessions.db")
    break_index(files[""])

    found = read(tmp_path / "sessions.db", files, past.states)

    sound, errors = found["reported"]
    assert len(sound) == 3
    assert type(errors[0]) is CorruptDatabaseError
    assert isinstance(found["active"], CorruptDatabaseError)
    assert found["one"] == past.states[-1]["running"][0]
    with SessionRepository(tmp_path / "sessions.db") as repository:
        with pytest.raises(CorruptDatabaseError, match="salvage"):
            repository.save(new_session())
        with pytest.raises(CorruptDatabaseError):
            repository.get_by_id("nobody")
        assert len(repository.get_summaries(errors="report")) == 3
    assert (tmp_path / "sessions.db").read_bytes() == files[""]


def test_a_damaged_record_in_a_damaged_file_is_reported_beside_the_damage(past: Past, tmp_path: Path) -> None:
    """Lists that report name both; the error of those that do not is the file's, which is the greater harm."""
    files = damaged(past, "closed.db", tmp_path / "sessions.db")
    change(tmp_path / "sessions.db", "UPDATE paper_trading_sessions SET cash = '1' WHERE id = 'created'")
    files[""][:] = (tmp_path / "sessions.db").read_bytes()
    break_index(files[""])
    (tmp_path / "sessions.db").write_bytes(files[""])

    with SessionRepository(tmp_path / "sessions.db") as repository:
        with pytest.raises(CorruptDatabaseError) as caught:
            repository.get_all()
        found = repository.get_all(errors="report")

    assert type(caught.value) is CorruptDatabaseError
    assert len(found) == 2
    assert [type(error) for error in found.errors] == [CorruptDatabaseError, CorruptRecordError]
    assert str(found.errors[1]).startswith("session 'created' is stored but cannot be read: its checksum is wrong")


@pytest.mark.anyio
async def test_the_facade_reports_the_same(path: Path) -> None:
    """The async repository reports what is not sound as the synchronous one does."""
    async with SQLiteSessionRepository(path) as repository:
        running = new_session(id="one")
        running.start()
        await repository.save_many([running, new_session(id="other")])
    change(path, "UPDATE paper_trading_sessions SET cash = '1' WHERE id = 'one'")

    async with SQLiteSessionRepository(path) as repository:
        active = await repository.get_active(errors="report")
        summaries = await repository.get_summaries(errors="report")

        with pytest.raises(ValueError, match="no place"):
            [each async for each in repository.iterate(errors="report")]
    assert active == []
    assert [error.session_id for error in active.errors] == ["one"]
    assert len(summaries) == 2  # a summary does not show the cash
    assert summaries.errors == []


def test_wrong_bytes_in_the_schema_are_damage(past: Past, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 in the text of the schema, which messages of SQLite quote, are told like other damage."""
    files = damaged(past, "closed.db", tmp_path / "sessions.db")
    place = files[""].index(b"paper_trading_claims")
    files[""][place + 3] |= 0x80

    found = read(tmp_path / "sessions.db", files, past.states)

    assert isinstance(found["all"], CorruptDatabaseError)


@pytest.mark.parametrize("harm", ["cut off", "zeros", "a flipped bit"])
def test_a_damaged_end_of_the_log_gives_an_earlier_state(past: Past, tmp_path: Path, harm: str) -> None:
    """Whatever is wrong from some place on in the -wal, the file is sound and stands as it did after some commit."""
    found = []
    size = len(damaged(past, "open.db", tmp_path / "sessions.db")["-wal"])
    for place in range(size - 1, 0, -size // 12):
        path = tmp_path / f"{place}.db"
        log = damaged(past, "open.db", path)["-wal"]
        if harm == "a flipped bit":
            log[place] ^= 4
        else:
            log[place:] = bytes(size - place) if harm == "zeros" else b""
        Path(f"{path}-wal").write_bytes(log)

        with SessionRepository(path) as repository:
            found.append(past.states.index(content(repository)))
            assert repository.check().ok

    assert found == sorted(found, reverse=True)
    assert len(set(found)) > 4


@pytest.mark.parametrize("length", [3996, 8])
def test_a_destroyed_schema_is_damage(past: Past, tmp_path: Path, length: int) -> None:
    """A first page of which only the start is left is told as damage, not as what SQLite says afterwards."""
    files = damaged(past, "closed.db", tmp_path / "sessions.db")
    files[""][100 : 100 + length] = b"\xa5" * length

    found = read(tmp_path / "sessions.db", files, past.states)

    for error in found.values():
        assert isinstance(error, CorruptDatabaseError)
        assert "damaged" in str(error)


def test_a_good_file_gives_what_was_written(past: Past, tmp_path: Path) -> None:
    """Without damage the copies, with and without their -wal, give the last state."""
    for name in ("closed.db", "open.db"):
        copy(past.folder / name, tmp_path / name)
        with SessionRepository(tmp_path / name) as repository:
            assert content(repository) == past.states[-1]
            assert of_session(repository, repository.get_all()[0])[0].id == next(iter(past.states[-1]))


def change(path: Path, sql: str) -> None:
    """Change the file by something else than this library."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(sql)
    connection.close()


def break_index(data: bytearray) -> None:
    """Change a status in an index alone: the entry that stands beside the creation time without any other column."""
    place = data.index(b"RUNNING2026-01-05T14:30:00.000000+00:00running")
    data[place : place + 7] = b"STOPPED"
