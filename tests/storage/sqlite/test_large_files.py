"""Damage that opening a large file does not look for: it is met when it is read or written, and never answered."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import CorruptDatabaseError, CorruptRecordError, PaperRepoError, PaperTradingSession, SessionRepository
from paper_repo.domain import EquityPoint
from paper_repo.storage.sqlite import integrity
from tests.builders import moment, new_fill, new_session
from tests.storage.sqlite.damage import Past, of_session, write_past

SESSIONS = 6
PAGE = 4096


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of more than 8 MB, most of it histories."""
    path = tmp_path_factory.mktemp("large") / "sessions.db"
    with SessionRepository(path, durability="normal") as repository:
        for number in range(SESSIONS):
            session = new_session(id=f"session-{number}", state={"text": "x" * 100_000})
            fills = ((each, new_fill(each, order_id="o" * 800)) for each in range(1, 1501))
            points = (EquityPoint(moment(each), 1, each) for each in range(1, 501))
            session.version, session.fill_count = 1, 1500
            session.updated_at = session.created_at
            repository.restore(session, fills, points)
    assert path.stat().st_size > integrity.CHECKED_WHOLE
    return path


@pytest.fixture(scope="module")
def truth(large: Path) -> dict[str, Any]:
    """What it holds."""
    with SessionRepository(large) as repository:
        return {each.id: of_session(repository, each) for each in repository.get_all()}


@pytest.fixture
def harm(large: Path, path: Path) -> Callable[..., bytes]:
    """Copies the file, overwrites pages of a table or an index, and says what the copy holds then."""

    def harm(name: str, *, which: Callable[[int], bool] = lambda number: True) -> bytes:
        shutil.copyfile(large, path)
        pages = sorted(pages_of(path, name))
        with path.open("rb+") as file:
            for number in (each for place, each in enumerate(pages) if which(place)):
                file.seek((number - 1) * PAGE)
                file.write(b"\xa5" * PAGE)
        return path.read_bytes()

    return harm


def pages_of(path: Path, name: str) -> Iterator[int]:
    """The numbers of the pages of a table or an index; found in one that is sound, by its entries."""
    with closing(sqlite3.connect(path)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name]).fetchone()[0]
    data, waiting = path.read_bytes(), [root]
    while waiting:
        number = waiting.pop()
        yield number
        page = data[(number - 1) * PAGE : number * PAGE]
        if page[0] in (2, 5):
            count = int.from_bytes(page[3:5], "big")
            cells = [int.from_bytes(page[n : n + 2], "big") for n in range(12, 12 + 2 * count, 2)]
            waiting += [int.from_bytes(page[n : n + 4], "big") for n in (8, *cells)]


def test_histories_of_a_large_file_are_read_whole_or_not_at_all(
    harm: Callable[..., bytes], path: Path, truth: dict[str, Any]
) -> None:
    """Opening succeeds; the history that is hit is an error, however it is read, and all others are right."""
    before = harm("paper_trading_fills", which=lambda place: place == 700)
    refused = []

    with SessionRepository(path) as repository:
        assert not repository.is_damaged
        assert {each.id for each in repository.get_active()} == set()
        for session_id, (session, fills, points) in truth.items():
            assert repository.get_by_id(session_id) == session
            assert repository.get_equity_curve(session_id) == points
            ways: list[Callable[[], Any]] = [
                lambda each=session_id: repository.get_fills(each),
                lambda each=session_id: [fill for _, fill in repository.fill_history(each)],
            ]
            for way in ways:
                try:
                    assert way() == fills
                except CorruptDatabaseError:
                    refused.append(session_id)
        report = repository.check()

    assert len(refused) == 2
    assert len(set(refused)) == 1
    assert not report.ok
    assert path.read_bytes() == before


def test_a_save_that_meets_damage_stores_nothing(harm: Callable[..., bytes], path: Path, truth: dict[str, Any]) -> None:
    """The whole save is undone, with the session's own row, the object is as before; others can still be saved."""
    harm("paper_trading_fills", which=lambda place: place % 3 == 1)
    refused, saved = [], []

    with SessionRepository(path) as repository:
        for session_id in truth:
            session = repository.get_by_id(session_id)
            assert session is not None
            session.name = "changed"
            for number in (2000, 500):
                session.record_fill(new_fill(number))
            try:
                repository.save(session)
                saved.append(session_id)
            except CorruptDatabaseError:
                refused.append(session_id)
                assert (session.version, len(session.new_fills)) == (1, 2)
                assert repository.get_by_id(session_id) == truth[session_id][0]
        sound = new_session(id="sound")
        repository.save(sound)
        assert repository.get_by_id("sound") == sound

    assert refused
    assert sorted(saved + refused) == sorted(truth)


def test_a_deletion_that_meets_damage_deletes_nothing(
    harm: Callable[..., bytes], path: Path, truth: dict[str, Any]
) -> None:
    """A history that cannot be deleted whole stays whole, with its session."""
    harm("paper_trading_fills", which=lambda place: place > 0 and place % 2 == 0)

    with SessionRepository(path) as repository:
        for session_id in truth:
            with pytest.raises(CorruptDatabaseError):
                repository.delete(session_id)
        with pytest.raises(CorruptDatabaseError):
            repository.delete_many()

        assert {each.id: each for each in repository.get_all()} == {each: found[0] for each, found in truth.items()}
        assert {each: repository.get_equity_curve(each) for each in truth} == {each: truth[each][2] for each in truth}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_few_sessions_are_checked_in_a_file_of_any_size(
    harm: Callable[..., bytes], path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """A file that is large because of its histories is checked as far as its sessions go: nothing is written to it."""
    monkeypatch.setattr(integrity, "CHECKED_IN_PART", integrity.CHECKED_WHOLE)
    before = harm("paper_trading_sessions", which=lambda number: number == place)

    with SessionRepository(path) as repository:
        assert repository.is_damaged
        with pytest.raises(CorruptDatabaseError):
            repository.save(new_session())

    assert path.read_bytes() == before


def test_sessions_of_a_very_large_file(
    harm: Callable[..., bytes], path: Path, truth: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even the sessions are looked at when it is opened, each is an error by name or what was stored."""
    monkeypatch.setattr(integrity, "CHECKED_IN_PART", integrity.CHECKED_WHOLE)
    monkeypatch.setattr(integrity, "FEW_SESSIONS", 0)
    harm("paper_trading_sessions", which=lambda place: place == 2)
    answers: list[PaperTradingSession | None] = []
    refused = []

    with SessionRepository(path) as repository:
        assert not repository.is_damaged
        for session_id in truth:
            try:
                answers.append(repository.get_by_id(session_id))
            except CorruptDatabaseError as error:
                refused.append(getattr(error, "session_id", None))
        with pytest.raises(CorruptDatabaseError):
            repository.get_all()
        reported = repository.get_all(errors="report")

    assert refused
    assert answers == [truth[each][0] for each in truth if each not in refused]
    assert list(reported) == answers
    assert {getattr(error, "session_id", None) for error in reported.errors} >= set(refused)


@pytest.mark.parametrize(
    ("table", "first", "last"), [("fills", 0, 3), ("fills", 0, 9), ("fills", 17, 20), ("equity", 0, 3)]
)
def test_a_history_without_its_beginning_or_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, table: str, first: int, last: int
) -> None:
    """Rows that a page has lost at the beginning or the end of a history, or all of them, are missed by a reader."""
    with SessionRepository(path) as repository:
        for session_id in ("one", "two"):
            session = new_session(id=session_id)
            for number in range(10 - (session_id == "one")):
                session.record_fill(new_fill(number))
                session.record_equity(EquityPoint(moment(number), 1, number))
            repository.save(session)
    (number,) = pages_of(path, f"paper_trading_{table}")
    data = bytearray(path.read_bytes())
    start = (number - 1) * PAGE
    cells = data[start + 8 : start + 8 + 2 * 19]
    del cells[2 * first : 2 * last]
    data[start + 3 : start + 5] = (len(cells) // 2).to_bytes(2, "big")
    data[start + 8 : start + 8 + len(cells)] = cells
    path.write_bytes(data)
    monkeypatch.setattr(integrity, "CHECKED_WHOLE", 0)
    hit, other = ("one", "two") if not first else ("two", "one")

    with SessionRepository(path) as repository:
        for read in (
            [repository.get_fills, lambda each: list(repository.fill_history(each))]
            if table == "fills"
            else [repository.get_equity_curve, lambda each: list(repository.equity_history(each))]
        ):
            assert len(read(other)) in (9, 10)
            with pytest.raises(CorruptRecordError, match=f"{hit!r}.*a part of its history is missing"):
                read(hit)
        if table == "fills" and not first:
            with pytest.raises(CorruptRecordError):
                repository.get_fills(hit, limit=2)


random_damage = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """A folder with a small file, and every state that it has had."""
    folder = tmp_path_factory.mktemp("past")
    return Past(folder, write_past(folder / "sessions.db", folder))


@random_damage
@given(
    flips=st.lists(st.tuples(st.integers(0, 2**30), st.integers(0, 4095), st.integers(0, 7)), max_size=3),
    stretch=st.none() | st.tuples(st.integers(0, 2**30), st.integers(0, 2**30), st.sampled_from([16, 512, 4096])),
)
def test_only_the_end_of_a_curve_can_be_missing_unnoticed(past: Past, tmp_path: Path, flips: Any, stretch: Any) -> None:
    """Unchecked when opened, whatever is damaged: a history is right or refused; a curve may lack its last points."""
    truth = past.states[-1]
    data = bytearray((past.folder / "closed.db").read_bytes())
    if stretch is not None:
        start, to, length = stretch
        start, to = (each % len(data) // length * length for each in (start, to))
        data[to : to + length] = data[start : start + length]
    for page, place, bit in flips:
        data[(page % (len(data) // PAGE)) * PAGE + min(place, 7 * place % 120)] ^= 1 << bit
    (tmp_path / "sessions.db").write_bytes(data)

    with pytest.MonkeyPatch.context() as patch, closing(SessionRepository(tmp_path / "sessions.db")) as repository:
        patch.setattr(integrity, "CHECKED_WHOLE", 0)
        for session_id, (session, fills, points) in truth.items():
            for expected, way in [
                (session, lambda each=session_id: repository.get_by_id(each)),
                (fills, lambda each=session_id: repository.get_fills(each)),
                (fills[1:3], lambda each=session_id: repository.get_fills(each, after=1, limit=2)),
                (fills, lambda each=session_id: [fill for _, fill in repository.fill_history(each)]),
            ]:
                with suppress(PaperRepoError):
                    assert way() == expected
            for curve in (
                lambda each=session_id: repository.get_equity_curve(each),
                lambda each=session_id: list(repository.equity_history(each)),
            ):
                with suppress(PaperRepoError):
                    found = curve()
                    assert found == points[: len(found)]
