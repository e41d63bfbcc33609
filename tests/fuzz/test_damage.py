"""Files with random damage: what comes out is an error of ours, or what was stored, and nothing hangs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paper_repo import PaperRepoError, SessionRepository, SQLiteSessionRepository
from tests.builders import new_session
from tests.facade.seeds import ROUNDS
from tests.fuzz.samples import file_with_log, only_ours, use

EXAMPLES = 40 * int(os.environ.get(ROUNDS, "1"))
UNHURRIED: dict[str, Any] = {
    "max_examples": EXAMPLES,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
}

Damage = Callable[[bytearray], None]


def flips() -> st.SearchStrategy[Damage]:
    """Some bytes anywhere are others."""

    def build(changes: list[tuple[float, int]]) -> Damage:
        def damage(content: bytearray) -> None:
            for place, value in changes if content else ():
                content[int(place * (len(content) - 1))] = value

        return damage

    places = st.floats(0, 1) | st.floats(0, 0.003)  # the first of them is what all others depend on
    return st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=20).map(build)


def overwritten() -> st.SearchStrategy[Damage]:
    """Something else was written over a part of it, sector by sector."""

    def build(place: float, sectors: int, with_what: bytes) -> Damage:
        def damage(content: bytearray) -> None:
            start = int(place * len(content)) // 512 * 512
            end = min(len(content), start + 512 * sectors)
            content[start:end] = (with_what * 512 * sectors)[: end - start]

        return damage

    return st.builds(build, st.floats(0, 1), st.integers(1, 12), st.binary(min_size=1, max_size=8))


def cut_off() -> st.SearchStrategy[Damage]:
    """The end is missing."""

    def build(place: float) -> Damage:
        def damage(content: bytearray) -> None:
            del content[int(place * len(content)) :]

        return damage

    return st.builds(build, st.floats(0, 1))


damages = st.lists(flips() | overwritten() | cut_off(), min_size=1, max_size=2)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose last saves are in SQLite's log, as a program leaves it that was killed."""
    return file_with_log(tmp_path_factory.mktemp("sound") / "files")


@pytest.mark.parametrize("ending", ["", "-wal"])
@settings(**UNHURRIED)
@given(several=damages)
def test_a_damaged_file(sound: Path, tmp_path: Path, ending: str, several: list[Damage]) -> None:
    """Whatever bytes of the file or of SQLite's log are wrong or missing: a call works, or fails with our errors."""
    for each in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"sessions.db{each}").unlink(missing_ok=True)
    for each in ("", "-wal"):
        content = bytearray(Path(f"{sound}{each}").read_bytes())
        for damage in several if each == ending else ():
            damage(content)
        (tmp_path / f"sessions.db{each}").write_bytes(content)

    only_ours(lambda: use(tmp_path / "sessions.db"))


@settings(**UNHURRIED)
@example(content=b"SQLite format 3\0")
@given(content=st.binary(max_size=2000) | st.binary(max_size=1000).map(lambda rest: b"SQLite format 3\0" + rest))
def test_a_file_of_anything(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused or, where it is empty, filled; it is never changed otherwise."""
    path = tmp_path / "sessions.db"
    path.write_bytes(content)

    only_ours(lambda: use(path))

    assert not content or path.read_bytes() == content
    for ending in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


names = st.text(st.characters(), max_size=12) | st.text(st.sampled_from("/.:?#%&=\0\n \\'\"*~-mode"), max_size=12)
schemes = st.sampled_from(["", "file:", "sqlite:///", "postgresql://", "postgres://u:secret@", ":memory:", "//", "~/"])
anything = st.none() | st.integers() | st.floats() | st.binary(max_size=9) | st.lists(names, max_size=2)


@pytest.mark.parametrize("kind", [SessionRepository, SQLiteSessionRepository])
@settings(**UNHURRIED)
@given(place=st.builds(lambda scheme, name: scheme + name, schemes, names) | anything)
def test_any_name_of_a_file(kind: Any, place: object) -> None:
    """Whatever stands where a path should: it is taken, or refused with a ValueError; nothing is opened by that."""
    try:
        kind(place)
    except (PaperRepoError, ValueError) as error:
        assert "secret" not in str(error)  # noqa: PT017


@settings(**UNHURRIED)
@example(name="caf\udce9")  # as Python gives a name whose bytes are no Unicode
@example(name="\ud800")
@given(name=names)
def test_a_file_of_any_name(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """A name that the system allows works, whatever SQLite would read into it; any other one is an error of ours."""
    path = tmp_path_factory.mktemp("named") / name.replace("/", "_")

    try:
        repositories = [SessionRepository(path) for _ in range(2)]
    except ValueError as error:
        assert "must name a file" in str(error)  # noqa: PT017
        return
    for repository in repositories:  # the second one finds what the first has made
        only_ours(lambda repository=repository: repository.save(new_session()))
        repository.close()

    assert path.is_dir() or len(list(path.parent.iterdir())) <= 1
