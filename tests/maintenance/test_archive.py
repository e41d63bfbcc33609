"""Archives: what is written, what comes back, and what is refused."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import (
    ArchiveError,
    ConflictError,
    EquityPoint,
    Fill,
    Order,
    PaperTradingSession,
    Position,
    SessionNotFoundError,
    SessionRepository,
    StorageError,
    Strategy,
)
from paper_repo.domain import CashFlow, Instrument, Split, SymbolChange
from paper_repo.domain.nesting import DEEPEST
from paper_repo.maintenance.archive import Imported, export_archive, import_archive, import_into_new_file
from paper_repo.maintenance.archive_reader import Contents
from paper_repo.serialization import schemas
from tests.builders import full_session, moment, new_fill, new_session
from tests.strategies import sessions

UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""An example creates two databases, which takes as long as the disk takes."""


@pytest.fixture
def repository(path: Path) -> Iterator[SessionRepository]:
    """Three sessions: a full one, a plain one, and one with a longer history."""
    with SessionRepository(path) as opened:
        opened.save(full_session(id="full", created_at=moment(1)))
        opened.save(new_session(id="plain", created_at=moment(2)))
        traded = new_session(id="traded", created_at=moment(3), status="RUNNING")
        for number in range(5):
            traded.apply_fill(new_fill(number))
            traded.mark({"AAPL": 101}, at=moment(number))
            opened.save(traded)
        yield opened


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[SessionRepository]:
    """An empty database."""
    with SessionRepository(tmp_path / "elsewhere.db") as opened:
        yield opened


def exported(repository: SessionRepository, **arguments: Any) -> bytes:
    """The archive of `repository`."""
    file = io.BytesIO()
    export_archive(repository, file, **arguments)
    return file.getvalue()


def imported(repository: SessionRepository, archive: bytes, **arguments: Any) -> Imported:
    """What importing `archive` did."""
    return import_archive(repository, io.BytesIO(archive), **arguments)


def changed(archive: bytes, line: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The archive with one line (from 1) changed."""
    lines = archive.splitlines()
    data = json.loads(lines[line - 1])
    change(data)
    lines[line - 1] = json.dumps(data).encode()
    return b"\n".join(lines) + b"\n"


class TestExport:
    """`export_archive`."""

    def test_the_first_line_has_the_version_and_the_last_the_counts(self, repository: SessionRepository) -> None:
        """A reader knows at once what it has before it, and at the end whether that was all."""
        lines = [json.loads(line) for line in exported(repository).splitlines()]

        assert lines[0] == {"format": "paper_repo archive", "version": 2}
        assert lines[-1] == {
            "type": "end", "sessions": 3, "fills": 7, "equity_points": 7, "ledger_entries": 0, "closed_orders": 0
        }  # fmt: skip

    def test_sessions_come_oldest_first_each_with_its_history_behind_it(self, repository: SessionRepository) -> None:
        """The lines of a session stand together: the session, its fills, its equity points."""
        kinds = [json.loads(line).get("type") for line in exported(repository).splitlines()[1:]]

        full, plain, traded = ["session", "fill", "fill", "equity", "equity"], ["session"], ["session"]
        assert kinds == [*full, *plain, *traded, *["fill"] * 5, *["equity"] * 5, "end"]

    def test_it_is_plain_ascii(self, repository: SessionRepository) -> None:
        """No mail program or old editor can damage it; the unusual texts of the full session are escaped."""
        assert exported(repository).isascii()

    def test_what_was_written_is_counted(self, repository: SessionRepository) -> None:
        """The caller can say how much it was."""
        counts = export_archive(repository, io.BytesIO())

        assert counts == Contents(sessions=3, fills=7, equity_points=7)

    def test_filters_choose(self, repository: SessionRepository) -> None:
        """Only what the filters name is written."""
        archive = exported(repository, status="RUNNING")

        assert [json.loads(line)["id"] for line in archive.splitlines() if b'"session"' in line] == ["traded"]

    def test_ids_choose_in_their_order(self, repository: SessionRepository) -> None:
        """Named sessions come in the order in which they were named."""
        archive = exported(repository, ids=["traded", "plain"])

        found = [json.loads(line)["id"] for line in archive.splitlines() if b'"session"' in line]
        assert found == ["traded", "plain"]

    def test_an_unknown_id_is_an_error(self, repository: SessionRepository) -> None:
        """It is named."""
        with pytest.raises(SessionNotFoundError, match="'nobody'"):
            exported(repository, ids=["nobody"])

    def test_the_archive_is_of_one_moment(self, repository: SessionRepository) -> None:
        """What another thread saves while the archive is written is not in it, not even half of it."""
        before = exported(repository)
        traded = repository.get_by_id("traded")
        assert traded is not None
        traded.apply_fill(new_fill(99))

        class Meddling(io.BytesIO):
            """A file whose first write makes another thread save."""

            meddler = threading.Thread(target=repository.save, args=[traded])

            def write(self, data: Any) -> int:
                if self.meddler.ident is None:
                    self.meddler.start()
                    self.meddler.join()
                return super().write(data)

        file = Meddling()
        export_archive(repository, file)

        # The snapshot is taken by the first read, which comes before the first session is written, not before line 1.
        assert file.getvalue() in (before, exported(repository))
        assert repository.get_fills("traded")[-1].id == "fill-99"

    def test_a_history_is_of_the_moment_of_its_session(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """What another thread saves when the sessions were read, and their histories not yet, is not in the archive."""
        before = exported(repository)

        class Meddling(io.BytesIO):
            """A file at whose first session another thread adds to the last one."""

            def write(self, data: Any) -> int:
                if b'"id":"full"' in data:
                    meddler = threading.Thread(target=self.meddle)
                    meddler.start()
                    meddler.join()
                return super().write(data)

            def meddle(self) -> None:
                traded = repository.get_by_id("traded")
                assert traded is not None
                traded.apply_fill(new_fill(99))
                traded.mark({"AAPL": 1}, at=moment(9))
                repository.save(traded)
                repository.delete("plain")

        file = Meddling()
        export_archive(repository, file)

        assert file.getvalue() == before
        assert repository.get_fills("traded")[-1].id == "fill-99"
        imported(elsewhere, file.getvalue())

    def test_progress_is_told_in_lines(self, repository: SessionRepository) -> None:
        """The last step says that all lines are written, out of as many; with a filter nobody counts them before."""
        steps: list[tuple[int, int]] = []

        archive = exported(repository, progress=lambda *step: steps.append(step))
        part = exported(repository, status="RUNNING", progress=lambda *step: steps.append(step))

        assert steps[0] == (len(archive.splitlines()),) * 2
        assert steps[-1] == (len(part.splitlines()), 0)


class TestRoundTrip:
    """Export, import, export."""

    def test_everything_comes_back(self, repository: SessionRepository, elsewhere: SessionRepository) -> None:
        """Sessions are equal with versions and times, and so is their history."""
        imported(elsewhere, exported(repository))

        assert elsewhere.get_all() == repository.get_all()
        for session in repository.iterate():
            assert list(elsewhere.fill_history(session.id)) == list(repository.fill_history(session.id))
            assert elsewhere.get_equity_curve(session.id) == repository.get_equity_curve(session.id)

    @settings(max_examples=25, **UNHURRIED)
    @given(first=sessions(), second=sessions())
    def test_the_second_archive_is_the_first_byte_for_byte(
        self, first: PaperTradingSession, second: PaperTradingSession, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Whatever the sessions hold, nothing is lost, added, rounded, reordered or written another way."""
        folder = tmp_path_factory.mktemp("archive")
        second.id = first.id + "'"
        first.version = second.version = 0
        with SessionRepository(folder / "a.db") as one, SessionRepository(folder / "b.db") as other:
            one.save_many([first, second])

            archive = exported(one)
            imported(other, archive)

            assert exported(other) == archive

    def test_data_nested_as_deep_as_can_be_comes_back(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """What can be saved can be exported and imported; one level more is refused, with the line."""
        value: Any = {}
        for _ in range(DEEPEST - 1):
            value = {"a": value}
        repository.save(new_session(id="deep", state=value, strategy=Strategy("x", "1", value), created_at=moment(0)))
        archive = exported(repository)

        imported(elsewhere, archive)

        assert exported(elsewhere) == archive
        elsewhere.delete_many()
        deeper = archive.replace(b'"state":{', b'"state":{"b":[],"a":{', 1).replace(
            b'},"metadata"', b'}},"metadata"', 1
        )
        with pytest.raises(ArchiveError, match=r"^line 2: .*state: is nested too deeply, more than 200 levels"):
            imported(elsewhere, deeper)

    def test_an_imported_session_can_be_traded_and_saved_on(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """Its version and its history go on where they were."""
        imported(elsewhere, exported(repository))
        session = elsewhere.get_by_id("traded")
        assert session is not None

        session.apply_fill(new_fill(99))
        elsewhere.save(session)

        assert session.version == 6
        assert [place for place, _ in elsewhere.fill_history("traded")] == [1, 2, 3, 4, 5, 6]

    def test_an_empty_database_is_an_archive_too(self, elsewhere: SessionRepository) -> None:
        """It has its first line and its last."""
        archive = exported(elsewhere)

        assert len(archive.splitlines()) == 2
        assert imported(elsewhere, archive) == Imported()

    def test_lines_that_end_as_on_windows_are_read(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """An editor that changed the line ends has changed nothing that counts."""
        archive = exported(repository)

        imported(elsewhere, archive.replace(b"\n", b"\r\n"))

        assert exported(elsewhere) == archive


class TestConflicts:
    """Sessions that are stored already."""

    def test_a_stored_session_is_refused_and_nothing_is_imported(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """The error names the session and the line; sessions before it are not stored either."""
        elsewhere.save(new_session(id="traded", name="mine"))
        archive = exported(repository)

        with pytest.raises(ConflictError, match="'traded'") as caught:
            imported(elsewhere, archive)

        number = next(at for at, line in enumerate(archive.splitlines(), 1) if b'"id":"traded"' in line)
        assert caught.value.__notes__ == [f"It is in line {number} of the archive; nothing was imported."]
        assert [each.name for each in elsewhere.get_summaries()] == ["mine"]

    def test_skip_leaves_the_stored_one(self, repository: SessionRepository, elsewhere: SessionRepository) -> None:
        """The others are added."""
        elsewhere.save(new_session(id="traded", name="mine"))

        done = imported(elsewhere, exported(repository), on_conflict="skip")

        assert done == Imported(added=2, skipped=1)
        kept = elsewhere.get_by_id("traded")
        assert kept is not None
        assert (kept.name, elsewhere.get_fills("traded")) == ("mine", [])

    def test_replace_takes_the_archives_one(self, repository: SessionRepository, elsewhere: SessionRepository) -> None:
        """The stored one goes with its history; what was not in the archive stays."""
        mine = new_session(id="traded", name="mine")
        mine.record_fill(new_fill(50))
        elsewhere.save_many([mine, new_session(id="other")])

        done = imported(elsewhere, exported(repository), on_conflict="replace")

        assert done == Imported(added=2, replaced=1)
        assert elsewhere.get_by_id("traded") == repository.get_by_id("traded")
        assert elsewhere.get_fills("traded") == repository.get_fills("traded")
        assert elsewhere.exists("other")

    def test_another_choice_is_refused(self, elsewhere: SessionRepository) -> None:
        """The message lists what there is."""
        with pytest.raises(ValueError, match="'error', 'skip' or 'replace', not 'merge'"):
            imported(elsewhere, b"", on_conflict="merge")


class TestWrongArchives:
    """What is no archive, or a damaged one: refused whole, and the line is named."""

    # Lines of the archive: 1 header, 2 session full, 3-4 fills, 5-6 equity, 7 session plain, 8 session traded,
    # 9-13 fills, 14-18 equity, 19 end.
    @pytest.mark.parametrize(
        ("line", "change", "complaint"),
        [
            (1, lambda data: data.update(format="something"), "not a paper_repo archive"),
            (1, lambda data: data.update(version=3), r"version 3, this paper_repo reads versions up to 2.*upgrade"),
            (1, lambda data: data.update(version="1"), "'1' is not an archive version"),
            (2, lambda data: data.pop("cash"), "cash: Missing data"),
            (2, lambda data: data.update(colour="red"), "colour: Unknown field"),
            (2, lambda data: data.update(version=0), r"version: only a session as it was loaded"),
            (2, lambda data: data.update(status="ASLEEP"), "status: "),
            (3, lambda data: data.update(quantity="ten"), "quantity: 'ten' is not a decimal number"),
            (3, lambda data: data.update(quantity=10), "quantity: 10 is not a decimal number"),
            (3, lambda data: data.update(executed_at="2026-01-05"), "executed_at: '2026-01-05' is no time"),
            (3, lambda data: data.update(sequence=0), "sequence: 0 is not a place among the 2 fills"),
            (3, lambda data: data.update(sequence=True), "sequence: True is not a place"),
            (3, lambda data: data.pop("sequence"), "sequence: None is not a place"),
            (4, lambda data: data.update(sequence=1), "stands at place 1 of the history, after place 1"),
            (4, lambda data: data.update(id="f \N{SNOWMAN}", symbol="AAPL"), "comes twice"),
            (6, lambda data: data.update(equity="NaN"), "equity: NaN is not an amount"),
            (6, lambda data: data.update(type="note"), "a line of type 'note' cannot stand here"),
            (6, lambda data: data.pop("type"), "a line of type '' cannot stand here"),
            (8, lambda data: data.update(id="full"), "session 'full' comes twice"),
            (19, lambda data: data.update(fills=8), "should hold .*'fills': 8.* but it holds .*'fills': 7"),
        ],
    )
    def test_a_wrong_line_is_named_and_nothing_is_stored(
        self,
        repository: SessionRepository,
        elsewhere: SessionRepository,
        line: int,
        change: Callable[[dict[str, Any]], object],
        complaint: str,
    ) -> None:
        """The message says which line and what is wrong with it, by path."""
        archive = changed(exported(repository), line, change)

        with pytest.raises(ArchiveError, match=rf"(?s)^line {line}: .*{complaint}") as caught:
            imported(elsewhere, archive)

        assert caught.value.line == line
        assert elsewhere.count() == 0

    @pytest.mark.parametrize("on_conflict", ["error", "skip", "replace"])
    @pytest.mark.parametrize(
        ("line", "fields", "complaint"),
        [
            (8, {"fill_count": 6}, "line 13: .*fill_count: counts 6 fills, but the last one .* at place 5"),
            (10, {"sequence": 3}, "line 10: .*stands at place 3 of the history, after place 1"),
            (13, {"sequence": 4}, "line 13: .*stands at place 4 of the history, after place 4"),
            (10, {"id": "fill-0"}, "line 10: .*comes twice"),
            (8, {"cash": "1_000"}, "line 8: cash: '1_000' is written '1000' in an archive"),
            (9, {"price": " 1 "}, "line 9: price: ' 1 ' is written '1' in an archive"),
            (9, {"price": "\N{ARABIC-INDIC DIGIT ONE}"}, "line 9: price: .* is written '1' in an archive"),
            (9, {"price": "1e3"}, "line 9: price: '1e3' is written '1E\\+3' in an archive"),
            (14, {"equity": "+1"}, r"line 14: equity: '\+1' is written '1' in an archive"),
            (8, {"version": True}, "line 8: version: Not a valid integer"),
            (1, {"colour": "red"}, "line 1: colour: unknown key"),
            (19, {"colour": "red"}, "line 19: colour: unknown key"),
            (19, {"sessions": 3.0}, "line 19: sessions: 3.0 is written 3 in an archive"),
            (19, {"type": "\x1b[2Jend"}, r"line 19: type: a line of type '\\x1b\[2Jend' cannot stand here"),
            (8, {"\u202e\x1b": 1}, r"line 8: \\u202e\\x1b: Unknown field"),
        ],
    )
    def test_what_does_not_add_up_is_refused_whole(
        self,
        repository: SessionRepository,
        elsewhere: SessionRepository,
        line: int,
        fields: dict[str, Any],
        complaint: str,
        on_conflict: str,
    ) -> None:
        """Counts, gaps, values in another form: line and key are named, also where the session is skipped."""
        archive = changed(exported(repository), line, lambda data: data.update(fields))
        kept = new_session(id="traded", name="mine")
        if on_conflict != "error":
            elsewhere.save(kept)

        with pytest.raises(ArchiveError, match=rf"^{complaint}"):
            imported(elsewhere, archive, on_conflict=on_conflict)

        assert [each.name for each in elsewhere.get_summaries()] == ([] if on_conflict == "error" else ["mine"])

    @pytest.mark.parametrize(
        ("text", "instead", "complaint"),
        [
            (b'"cash":', b'"cash":"1","cash":', "the key 'cash' stands in it twice"),
            (b'"state":{', b'"state":{"a":{"b":1,"b":1},', "the key 'b' stands in it twice"),
            (b'"state":{', b'"state":{"a":1e5,', "the number 1e5 is written 100000.0 in an archive"),
            (b'"state":{', b'"state":{"a":1e999,', "the number 1e999 is written inf in an archive"),
            (b'"state":{', b'"state":{"a":0.10,', "the number 0.10 is written 0.1 in an archive"),
            (b'"state":{', b'"state":{"a":-0,', "the number -0 is written 0 in an archive"),
            (b'"state":{', b'"state":{"a":-Infinity,', "-Infinity is not JSON"),
            (b'"state":{', b'"state":{"a":' + b"[" * 100_000 + b",", "is not JSON"),
            (b'"state":{', b'"state":{"a":"' + b"x" * 3_000_000 + b"\x1b", "is not JSON"),
        ],
        ids=lambda value: repr(value[:24]),
    )
    def test_json_that_others_read_in_another_way_is_refused(
        self, repository: SessionRepository, elsewhere: SessionRepository, text: bytes, instead: bytes, complaint: str
    ) -> None:
        """A key that comes twice and a number in another form than ours are refused in a message of one screen."""
        archive = exported(repository).replace(text, instead, 1)

        with pytest.raises(ArchiveError, match=f"^line 2: {complaint}|^line 2: is not JSON: .*{complaint}") as caught:
            imported(elsewhere, archive)

        assert elsewhere.count() == 0
        assert len(str(caught.value)) < 600
        assert str(caught.value).isprintable()

    def test_a_history_that_begins_later_is_whole(
        self, repository: SessionRepository, elsewhere: SessionRepository
    ) -> None:
        """A session that was deleted and stored again counts on, with fills or without: its archive comes back."""
        for session_id in ("traded", "full"):
            session = repository.get_by_id(session_id)
            assert session is not None
            repository.delete(session_id)
            session.version = 0
            if session_id == "traded":
                session.apply_fill(new_fill(99))
            repository.save(session)
        archive = exported(repository)

        imported(elsewhere, archive)

        assert exported(elsewhere) == archive
        assert [place for place, _ in elsewhere.fill_history("traded")] == [6]

    @pytest.mark.parametrize("wrong", [False, True])
    def test_a_new_file_is_there_only_when_all_of_the_archive_is_in_it(
        self, repository: SessionRepository, tmp_path: Path, wrong: bool
    ) -> None:
        """After a refused import there is neither a new database nor anything else that was not there before."""
        archive = exported(repository)
        target, before = tmp_path / "new.db", sorted(tmp_path.iterdir())
        if wrong:
            archive = changed(archive, 18, lambda data: data.update(cash="1_0"))
            with pytest.raises(ArchiveError, match="line 18: cash"):
                import_into_new_file(target, io.BytesIO(archive))
            assert sorted(tmp_path.iterdir()) == before
        else:
            assert import_into_new_file(target, io.BytesIO(archive)) == Imported(added=3)
            assert sorted(tmp_path.iterdir()) == sorted([*before, target])
            with SessionRepository(target) as new:
                assert exported(new) == archive
            with pytest.raises(StorageError, match="there is such a file already"):
                import_into_new_file(target, io.BytesIO(archive))

    @pytest.mark.parametrize("on_conflict", ["skip", "replace"])
    def test_a_wrong_line_leaves_what_was_stored(self, repository: SessionRepository, on_conflict: str) -> None:
        """Neither skipped nor replaced sessions are touched when a later line is wrong."""
        before = exported(repository)
        archive = changed(before, 18, lambda data: data.update(equity=None))

        with pytest.raises(ArchiveError, match="line 18: equity: "):
            imported(repository, archive, on_conflict=on_conflict)

        assert exported(repository) == before

    @pytest.mark.parametrize("lines", range(1, 19))
    def test_an_archive_that_was_cut_off_is_refused(
        self, repository: SessionRepository, elsewhere: SessionRepository, lines: int
    ) -> None:
        """Wherever it ends, without its last line it is not whole."""
        archive = b"".join(exported(repository).splitlines(keepends=True)[:lines])

        with pytest.raises(ArchiveError, match=f"line {lines}: .*not whole"):
            imported(elsewhere, archive)

        assert elsewhere.count() == 0

    @settings(max_examples=20, **UNHURRIED)
    @given(data=st.data())
    def test_an_archive_with_a_line_missing_is_refused(
        self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Whichever one is lost, nothing is stored."""
        folder = tmp_path_factory.mktemp("archive")
        with SessionRepository(folder / "a.db") as one, SessionRepository(folder / "b.db") as other:
            one.save(full_session())
            lines = exported(one).splitlines(keepends=True)
            del lines[data.draw(st.integers(0, len(lines) - 1), "the line that is lost")]

            with pytest.raises(ArchiveError):
                imported(other, b"".join(lines))

            assert other.count() == 0

    @pytest.mark.parametrize(
        "file",
        [b"", b"\n", b"hello\n", b"[1]\n", b"\xff\xfe{\x00", b"SQLite format 3\x00", b'{"a": 1}\n', b"[" * 100_000],
        ids=lambda file: repr(file[:12]),
    )
    def test_another_file_is_refused(self, elsewhere: SessionRepository, file: bytes) -> None:
        """Something that was never an archive is told so at its first line."""
        with pytest.raises(ArchiveError, match=r"^line 1: this is not a paper_repo archive$"):
            imported(elsewhere, file)

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            (b"{", "is not JSON: "),
            (b"[1]", "is not a JSON object"),
            (b'{"type": "fill", "price": NaN}', "NaN is not JSON"),
            (b"\xff", "is not JSON: "),
            (b"", "is not JSON: "),
            (b"[" * 100_000, "is not JSON: "),
        ],
        ids=lambda value: repr(value[:12]),
    )
    def test_a_line_that_is_no_json_is_named(
        self, repository: SessionRepository, elsewhere: SessionRepository, line: bytes, complaint: str
    ) -> None:
        """The line is the first of it that cannot be read."""
        lines = exported(repository).splitlines()
        lines[2] = line

        with pytest.raises(ArchiveError, match=f"^line 3: .*{complaint}"):
            imported(elsewhere, b"\n".join(lines) + b"\n")

    def test_nothing_may_follow_the_end(self, repository: SessionRepository, elsewhere: SessionRepository) -> None:
        """Two archives put together are no archive."""
        archive = exported(repository)

        with pytest.raises(ArchiveError, match="line 20: nothing may follow"):
            imported(elsewhere, archive + archive)

        assert elsewhere.count() == 0

    def test_progress_is_told_in_bytes(
        self, repository: SessionRepository, elsewhere: SessionRepository, tmp_path: Path
    ) -> None:
        """The last step says that all bytes are read, out of as many where the file knows its size."""
        archive, steps = exported(repository), list[tuple[int, int]]()
        (tmp_path / "archive").write_bytes(archive)

        imported(elsewhere, archive, progress=lambda *step: steps.append(step))
        with (tmp_path / "archive").open("rb") as file:
            import_archive(elsewhere, file, on_conflict="replace", progress=lambda *step: steps.append(step))

        assert steps == [(len(archive), 0), (len(archive), len(archive))]


@pytest.mark.parametrize("target", [":memory:", "~/sessions.db", ""])
def test_a_new_file_needs_a_path(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no repository takes for a path is not the name of a new file either."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match=r"[Pp]ath"):
        import_into_new_file(target, io.BytesIO(b""))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [
    PaperTradingSession, Strategy, Position, Order, Fill, EquityPoint, Instrument, CashFlow, Split, SymbolChange,
])  # fmt: skip
def test_the_documented_form_names_every_field(kind: type[Any]) -> None:
    """Whatever the schemas write stands in the description of the form."""
    description = (Path(__file__).parents[2] / "docs" / "archive-format.md").read_text(encoding="utf-8")

    missing = [name for name in schemas.fields_of(kind) if f"`{name}`" not in description]

    assert missing == []
