"""Mixed load on one file, with a checker beside it: all is kept, and memory, files and SQLite's log stay small.

`SOAK_SECONDS=600` says for how long; 15 by default. With `-s` it prints what grew, and when.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import astuple, dataclass
from functools import reduce
from pathlib import Path

import anyio
import pytest

from paper_repo import PaperTradingSession, SessionRepository, SQLiteSessionRepository
from tests.builders import new_session
from tests.facade.seeds import seeds
from tests.facade.watching import connect
from tests.soak.load import SHARED, Load

SECONDS = float(os.environ.get("SOAK_SECONDS", "15"))
LARGEST_LOG = 64_000_000
"""In bytes; SQLite begins to move its log into the file at 4 MB, and begins it anew when nobody reads."""
MOST_FILES = 150
MOST_GROWTH = 30_000_000
"""How many bytes of memory more than after the first third of the time."""
MOST_NEW_FILES = 30
"""How many open files more than in the first third of the time."""
ROWS = 10
"""How many lines the table has that is printed."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="/proc tells memory and open files")


@dataclass(frozen=True)
class Measured:
    """The most that this process and SQLite's log took in one second, in bytes and numbers."""

    memory: int
    files: int
    threads: int
    log: int
    file: int

    def or_more(self, other: Measured) -> Measured:
        """The most of both."""
        return Measured(*(max(pair) for pair in zip(astuple(self), astuple(other), strict=True)))


class Checker:
    """Looks at the file and at this process, again and again, while others work."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._repository = SessionRepository(path)
        self._seen: dict[str, PaperTradingSession] = {}
        self._start = time.monotonic()
        self.looks = 0
        self.measured: dict[int, Measured] = {}  # by the second since the start

    def close(self) -> None:
        """Stop looking."""
        self._repository.close()

    def table(self) -> str:
        """What was seen, for people: a line for each part of the time, with the most of it."""
        seconds = list(self.measured)
        size = -(-len(seconds) // ROWS)
        lines = [f"{self.looks} looks", "until s  memory MB  open files  threads  log MB  file MB"]
        for start in range(0, len(seconds), size):
            part = seconds[start : start + size]
            most = reduce(Measured.or_more, (self.measured[second] for second in part))
            memory, log, file = (size / 1_000_000 for size in (most.memory, most.log, most.file))
            lines.append(f"{part[-1] + 1:7}  {memory:9.1f}  {most.files:10}  {most.threads:7}  {log:6.1f}  {file:7.1f}")
        return "\n".join(lines)

    def most(self, name: str) -> int:
        """The most that there ever was of it."""
        return max(getattr(each, name) for each in self.measured.values())

    def growth(self, name: str) -> int:
        """How much more there ever was of it than in the first third of the time."""
        first = list(self.measured.values())[: len(self.measured) // 3 + 1]
        return self.most(name) - max(getattr(each, name) for each in first)

    def look(self) -> None:
        """Everything that is seen is of one moment, and fits together; versions never go back."""
        with self._repository.reading():
            sessions = {each.id: each for each in self._repository.get_all()}
            for session in sessions.values():
                last = self._repository.get_fills(session.id, after=max(0, session.fill_count - 3))
                assert len(last) == min(3, session.fill_count)
        for session_id, before in self._seen.items():
            assert session_id == "short-lived" or sessions[session_id].version >= before.version
        left, right = sessions.get("left"), sessions.get("right")
        assert (left.version if left else 0) == (right.version if right else 0)
        self._seen = sessions
        self._measure()

    def _measure(self) -> None:
        now = Measured(
            memory=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
            files=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
            log=self._log.stat().st_size,
            file=self._path.stat().st_size,
        )
        second = int(time.monotonic() - self._start)
        self.measured[second] = now.or_more(self.measured.get(second, now))
        self.looks += 1


@pytest.mark.parametrize("seed", seeds(1))
def test_mixed_load(path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody works until the time is over: nothing acknowledged is missing, nothing is twice, nothing grows."""
    failures: list[BaseException] = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: failures.append(hook.exc_value))
    core, facade, checker = SessionRepository(path), SQLiteSessionRepository(path), Checker(path)
    core.save_many([new_session(id=session_id) for session_id in SHARED])
    load = Load(path, SECONDS, seed)

    threads = load.threads(core, facade)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        checker.look()

    checker.close()
    anyio.run(facade.close)
    assert failures == []
    print("", load.summary(), checker.table(), sep="\n")  # noqa: T201  # seen with -s
    assert checker.looks > ROWS
    assert checker.most("log") < LARGEST_LOG
    assert checker.most("files") < MOST_FILES
    assert checker.growth("files") < MOST_NEW_FILES
    assert checker.growth("memory") < MOST_GROWTH
    assert load.kills >= 2
    assert_all_there(core, load)
    core.close()
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def assert_all_there(repository: SessionRepository, load: Load) -> None:
    """Every fill that was acknowledged is stored once, and of each worker at most one more, the last."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for session_id in SHARED:
        session = repository.get_by_id(session_id)
        assert session is not None
        places = []
        for place, fill in repository.fill_history(session_id):
            places.append(place)
            worker, number = fill.id.rsplit(" ", 1)
            numbers[worker].append(int(number))
        assert places == list(range(1, session.fill_count + 1))
    assert numbers.keys() == load.acknowledged.keys()
    for worker, last in load.acknowledged.items():
        assert Counter(numbers[worker]) == Counter(range(1, last + 1))
    for name, version in load.versions.items():
        stored = repository.get_by_id(name)
        assert stored is not None
        assert stored.version >= version
