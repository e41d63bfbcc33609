"""What the core adds for looking at a database, and for carrying sessions from one to another."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from paper_repo import (
    ConflictError,
    DuplicateFillError,
    InvalidSessionError,
    PaperTradingSession,
    SessionNotFoundError,
    SessionRepository,
    TransactionError,
    copy_sessions,
)
from paper_repo.maintenance.archive import export_archive, import_archive
from paper_repo.maintenance.copy import histories
from paper_repo.serialization import schemas
from tests.builders import full_session, moment, new_fill, new_session
from tests.strategies import sessions


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """An open, empty repository."""
    with SessionRepository(path) as opened:
        yield opened


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[SessionRepository]:
    """Another one."""
    with SessionRepository(tmp_path / "elsewhere.db") as opened:
        yield opened


def saved(repository: SessionRepository, **changes: Any) -> PaperTradingSession:
    """A session with every field filled and some history, saved twice."""
    session = full_session(**changes)
    repository.save(session)
    session.record_fill(new_fill(3))
    repository.save(session)
    return session


class TestHistory:
    """`fill_history` and `equity_history`."""

    def test_fills_come_in_order_with_their_places(self, repository: SessionRepository) -> None:
        """They are what `get_fills` returns, numbered from 1."""
        session = saved(repository)

        history = list(repository.fill_history(session.id))

        assert [fill for _, fill in history] == repository.get_fills(session.id)
        assert [place for place, _ in history] == [1, 2, 3]

    def test_reading_can_begin_behind_a_place(self, repository: SessionRepository) -> None:
        """Only later fills come, and none when there are none yet."""
        session = saved(repository)

        assert [place for place, _ in repository.fill_history(session.id, after=2)] == [3]
        assert list(repository.fill_history(session.id, after=3)) == []

    def test_equity_points_come_in_order(self, repository: SessionRepository) -> None:
        """They are what `get_equity_curve` returns."""
        session = saved(repository)

        assert list(repository.equity_history(session.id)) == repository.get_equity_curve(session.id)

    @pytest.mark.parametrize("number", [0, 1, 999, 1000, 1001, 2000])
    def test_a_history_of_any_length_comes_whole(self, repository: SessionRepository, number: int) -> None:
        """It makes no difference where the pages end."""
        session = new_session()
        for each in range(number):
            session.record_fill(new_fill(each))
            session.mark({}, at=moment(each))
        repository.save(session)

        assert [place for place, _ in repository.fill_history(session.id)] == list(range(1, number + 1))
        assert len(list(repository.equity_history(session.id))) == number

    def test_a_session_that_is_not_there_has_none(self, repository: SessionRepository) -> None:
        """Reading it says so, as `get_fills` does."""
        for history in (repository.fill_history, repository.equity_history):
            with pytest.raises(SessionNotFoundError, match="nobody"):
                list(history("nobody"))


class TestRestore:
    """`restore`, which stores a session under its own version and times."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(session=sessions())
    def test_everything_is_as_it_was(
        self, session: PaperTradingSession, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """The session and its history are equal in both databases: version, `updated_at` and places included."""
        folder = tmp_path_factory.mktemp("restore")
        with SessionRepository(folder / "a.db") as one, SessionRepository(folder / "b.db") as other:
            session.version = 0
            one.save(session)
            stored = one.get_by_id(session.id)
            assert stored is not None

            other.restore(stored, *histories(one, session.id))

            assert other.get_by_id(session.id) == stored
            assert list(other.fill_history(session.id)) == list(one.fill_history(session.id))
            assert list(other.equity_history(session.id)) == list(one.equity_history(session.id))
            assert list(other.ledger_history(session.id)) == list(one.ledger_history(session.id))
            assert list(other.order_history(session.id)) == list(one.order_history(session.id))
            assert other.get_summaries() == one.get_summaries()

    def test_fills_of_two_symbols_may_have_one_id(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """A history in which symbols number their fills by themselves is carried over as it is, on every way."""
        fills = [new_fill(1), new_fill(1, symbol="MSFT"), new_fill(2, symbol="MSFT")]
        session = new_session(id="s")
        for fill in fills:
            session.apply_fill(fill)
        repository.save(session)
        archive = BytesIO()
        export_archive(repository, archive)

        copied = copy_sessions(repository, elsewhere)
        found = [elsewhere.get_fills("s")]
        elsewhere.delete("s")
        import_archive(elsewhere, archive.getvalue().splitlines(keepends=True))
        found.append(elsewhere.get_fills("s"))
        elsewhere.save(dataclasses.replace(session, version=1, name="goes on"))
        refused = elsewhere.get_by_id("s")
        assert refused is not None
        refused.apply_fill(fills[1])
        with pytest.raises(DuplicateFillError):
            elsewhere.save(refused)

        assert copied.copied == ["s"]
        assert found == [fills, fills]
        assert elsewhere.get_fills("s") == fills

    def test_places_with_gaps_are_kept(self, repository: SessionRepository, elsewhere: SessionRepository) -> None:
        """A session that counted fills before its history begins keeps its numbers, and can be traded and saved on."""
        saved(repository, id="s", fill_count=40)
        stored = repository.get_by_id("s")
        assert stored is not None

        elsewhere.restore(stored, repository.fill_history("s"))
        stored.record_fill(new_fill(9))
        elsewhere.save(stored)

        assert [place for place, _ in elsewhere.fill_history("s")] == [41, 42, 43, 44]

    def test_the_callers_object_is_left_alone(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """What was restored can be saved on, in either place."""
        session = saved(repository)
        before = schemas.dump(session)

        elsewhere.restore(session, repository.fill_history(session.id))

        assert schemas.dump(session) == before

    def test_a_taken_id_is_a_conflict(self, repository: SessionRepository) -> None:
        """A session that is stored already is not overwritten."""
        session = saved(repository)

        with pytest.raises(ConflictError, match=r"already stored \(version 2\)"):
            repository.restore(session)

    @pytest.mark.parametrize("never", [new_session(), new_session(version=3), full_session(version=1)])
    def test_only_what_was_loaded_can_be_restored(
        self, repository: SessionRepository, never: PaperTradingSession
    ) -> None:
        """One without a version, without the time of its save, or with history that waits, is for `save`."""
        with pytest.raises(InvalidSessionError) as refused:
            repository.restore(never)

        complaint = "only a session as it was loaded can be restored; store this one with save()."
        assert refused.value.messages == {"version": [complaint]}
        assert refused.value.session_id == never.id

    @pytest.mark.parametrize(
        ("history", "place", "complaint"),
        [
            (
                [(1, new_fill(1)), (2, new_fill(1)), (3, new_fill(2))],
                "fills.fill-1",
                "comes twice for AAPL; ids must be unique in a session and symbol.",
            ),
            (
                [(2, new_fill(1)), (2, new_fill(2))],
                "fills.fill-2",
                "stands at place 2 of the history, after place 2; no place may be left out.",
            ),
            (
                [(0, new_fill(1))],
                "fills.fill-1",
                "stands at place 0 of the history, after place 0; no place may be left out.",
            ),
            (
                [(1, new_fill(1)), (3, new_fill(2))],
                "fills.fill-2",
                "stands at place 3 of the history, after place 1; no place may be left out.",
            ),
            (
                [(1, new_fill(1))],
                "fill_count",
                "counts 3 fills, but the last one of the history stands at place 1.",
            ),
        ],
    )
    def test_a_history_out_of_order_is_refused_whole(
        self, repository: SessionRepository, history: list[tuple[int, Any]], place: str, complaint: str
    ) -> None:
        """Ids must be unique, and places without a gap up to the session's count; else nothing is stored."""
        session = new_session(version=1, updated_at=moment(1), fill_count=3)

        with pytest.raises(InvalidSessionError) as refused:
            repository.restore(session, history)

        assert (refused.value.session_id, refused.value.messages) == (session.id, {place: [complaint]})
        assert not repository.exists(session.id)

    def test_it_is_part_of_the_transaction_around_it(self, repository: SessionRepository) -> None:
        """When the block is rolled back, the session is not there."""
        session = new_session(version=1, updated_at=moment(1), fill_count=1)

        def restore_and_fail() -> None:
            with repository.atomic():
                repository.restore(session, [(1, new_fill(1))])
                raise RuntimeError

        with pytest.raises(RuntimeError):
            restore_and_fail()

        assert not repository.exists(session.id)


class TestReading:
    """`reading`, a block that sees one moment."""

    def test_what_others_write_meanwhile_is_not_seen(self, repository: SessionRepository) -> None:
        """Another thread can save at once; the block goes on seeing what there was, and the next read sees it all."""
        repository.save(new_session(id="first"))
        writer = threading.Thread(target=repository.save, args=[new_session(id="second")])

        with repository.reading():
            before = repository.count()
            writer.start()
            writer.join()
            during = repository.count()

        assert (before, during, repository.count()) == (1, 1, 2)

    def test_inside_a_transaction_it_sees_the_transaction(self, repository: SessionRepository) -> None:
        """A transaction is one moment already."""
        with repository.atomic():
            repository.save(new_session())
            with repository.reading():
                assert repository.count() == 1

        assert repository.count() == 1

    def test_it_is_for_reading_only(self, repository: SessionRepository) -> None:
        """To write inside is an error, after which reading and the repository can be used as before."""
        with repository.reading():
            with pytest.raises(TransactionError, match="for reading only"):
                repository.save(new_session())
            assert repository.count() == 0

        repository.save(new_session())
        assert repository.count() == 1


class TestFindIds:
    """`find_ids`, for ids that were shortened."""

    @pytest.mark.parametrize(
        ("beginning", "found"),
        [
            ("ab", ["ab", "abc", "abd"]),
            ("abc", ["abc"]),
            ("", ["AB", "ab", "abc", "abd", "b", "ü%"]),
            ("A", ["AB"]),
            ("ü", ["ü%"]),
            ("%", []),
            ("z", []),
        ],
    )
    def test_ids_with_a_common_beginning(self, repository: SessionRepository, beginning: str, found: list[str]) -> None:
        """They come in order; letters count as they are, and nothing is a wildcard."""
        repository.save_many(new_session(id=each) for each in ("b", "abd", "ab", "abc", "AB", "ü%"))

        assert repository.find_ids(beginning) == found

    def test_no_more_than_asked_for(self, repository: SessionRepository) -> None:
        """The limit holds, and other ids do not count."""
        repository.save_many(new_session(id=f"{letter}{number}") for number in range(5) for letter in "rst")

        assert repository.find_ids("s", limit=2) == ["s0", "s1"]

    def test_ten_unless_asked_otherwise(self, repository: SessionRepository) -> None:
        """Without a limit of the caller's there are ten at most; None is no limit."""
        repository.save_many(new_session(id=f"s{number:02}") for number in range(11))

        assert repository.find_ids("s") == [f"s{number:02}" for number in range(10)]
        assert len(repository.find_ids("s", limit=None)) == 11


def test_describe_counts_and_tells_the_settings(repository: SessionRepository, path: Path) -> None:
    """The file, its size, its pragmas, and how many sessions, fills and equity points it has."""
    saved(repository)

    facts = repository.describe()

    assert facts["database"] == str(path)
    assert facts["bytes"] > 0
    assert (facts["sessions"], facts["fills"], facts["equity_points"]) == (1, 3, 2)
    assert facts["pragmas"]["journal_mode"] == "wal"
    assert facts["pragmas"]["foreign_keys"] == 1
