"""Archives with random changes: they are imported, or refused with an error of ours, and then nothing is stored."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paper_repo import PaperRepoError, SessionRepository
from paper_repo.maintenance.archive import import_archive
from tests.builders import new_session
from tests.facade.seeds import ROUNDS
from tests.fuzz.samples import archive_with_everything, exported
from tests.strategies import json_data

UNHURRIED: dict[str, Any] = {
    "max_examples": 60 * int(os.environ.get(ROUNDS, "1")),
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}

ODD: list[Any] = [
    "", "NaN", "Infinity", "1E+999999999", "-0", "0x10", "1_000", " 1 ", "\u0661", -1, 2**63, 2**64, 10**400, 1e308,
    "2026-01-05", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "24:00", "BUY", "RUNNING",
    "\ud800", "\0", {"": {}}, [[[]]], True, None, 0.1,
]  # fmt: skip
"""Values that look like others, or lie at the edge of what there is."""

Change = Callable[[list[bytes]], None]
"""Changes the lines of an archive."""

places = st.floats(0, 1, exclude_max=True)
odd_values = json_data() | st.sampled_from(ODD)


def of_bytes(place: float, length: int, instead: bytes) -> Change:
    """Some bytes of one line are others."""

    def change(lines: list[bytes]) -> None:
        number = _index(lines, place)
        start = int(place * 7919) % (len(lines[number]) + 1)
        lines[number] = lines[number][:start] + instead + lines[number][start + length :]

    return change


def of_lines(what: str, place: float, other: float) -> Change:
    """A line is missing, comes twice, or stands in another place."""

    def change(lines: list[bytes]) -> None:
        line = lines[_index(lines, place)]
        if what != "repeat":
            lines.remove(line)
        if what != "remove":
            lines.insert(_index([*lines, b""], other), line)

    return change


def of_value(place: float, path: list[float], value: object) -> Change:
    """A value somewhere in the data of a line is another one."""

    def change(lines: list[bytes]) -> None:
        number = _index(lines, place)
        try:
            data = json.loads(lines[number])
        except ValueError:
            return  # an earlier change has made it no JSON
        lines[number] = json.dumps(_replaced(data, path, value)).encode() + b"\n"

    return change


def _replaced(data: Any, path: list[float], value: object) -> Any:
    if not path or not isinstance(data, dict | list) or not data:
        return value
    key = (list(data) if isinstance(data, dict) else range(len(data)))[_index(data, path[0])]
    data[key] = _replaced(data[key], path[1:], value)
    return data


def _index(several: Any, place: float) -> int:
    return int(place * len(several))


changes = st.one_of(
    st.builds(of_bytes, places, st.integers(0, 9), st.binary(max_size=4)),
    st.builds(of_lines, st.sampled_from(["remove", "repeat", "move"]), places, places),
    st.builds(of_value, places, st.lists(places, min_size=1, max_size=3), odd_values),
    st.builds(of_value, places, st.lists(places, min_size=1, max_size=1), odd_values),
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of an archive with all kinds of them."""
    with SessionRepository(tmp_path_factory.mktemp("archived") / "sessions.db") as repository:
        return archive_with_everything(repository)


@pytest.fixture
def repository(tmp_path: Any) -> Iterator[SessionRepository]:
    """Where the archives go."""
    with SessionRepository(tmp_path / "sessions.db", durability="normal") as opened:
        yield opened


def by_session(archived: bytes) -> dict[str, list[str]]:
    """The lines of each session, without what may differ between two archives of the same: the order of keys."""
    found: dict[str, list[str]] = {}
    session_id = ""
    for line in archived.rstrip(b"\n").split(b"\n")[1:-1]:
        data = json.loads(line)
        session_id = data["id"] if data["type"] == "session" else session_id
        found.setdefault(session_id, []).append(json.dumps(data, sort_keys=True))
    return found


@settings(**UNHURRIED)
@given(several=st.lists(changes, min_size=1, max_size=3), on_conflict=st.sampled_from(["error", "skip", "replace"]))
def test_a_changed_archive(
    archive: list[bytes], repository: SessionRepository, several: list[Change], on_conflict: Any
) -> None:
    """It is refused, and nothing has changed; or what was imported is exported as it was, and imported again."""
    repository.delete_many()
    repository.save(new_session(id="plain", name="here before"))
    before, lines = exported(repository), list(archive)
    for change in several:
        if lines:
            change(lines)

    try:
        import_archive(repository, io.BytesIO(b"".join(lines)), on_conflict=on_conflict)
    except PaperRepoError as error:
        assert str(error)  # noqa: PT017
        assert exported(repository) == before
    else:
        after = exported(repository)
        stored = by_session(after)
        for session_id, told in by_session(b"".join(lines)).items():
            if on_conflict != "skip" or session_id != "plain":
                assert stored[session_id] == told
        repository.delete_many()
        import_archive(repository, io.BytesIO(after))
        assert exported(repository) == after


@settings(**UNHURRIED)
@given(content=st.binary(max_size=300) | json_data().map(lambda data: json.dumps(data).encode()))
def test_anything_for_an_archive(repository: SessionRepository, content: bytes) -> None:
    """What is no archive is refused, with the number of a line."""
    with pytest.raises(PaperRepoError, match="line 1"):
        import_archive(repository, io.BytesIO(content))

    assert repository.count() == 0
