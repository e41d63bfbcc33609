"""SIGKILL at a single write, sync or change of a name: in a commit, a checkpoint, an upgrade, a backup, a copy.

The seed stands in the test's name. `PAPER_REPO_TEST_SEED=<seed>` replays one, `PAPER_REPO_TEST_ROUNDS=100` runs a
hundred times as many.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from paper_repo import SessionRepository
from tests.builders import new_session
from tests.facade.seeds import seeds
from tests.powercut.recording import STRACE, why_not
from tests.processes.programs import keeping
from tests.processes.running import unmeasured
from tests.storage.sqlite.damage import content

REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

CALLS = ("pwrite64", "fsync", "fdatasync", "ftruncate", "link", "unlink", "rename")
"""Every call that changes something on the disk; the kill comes before it."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file of each case."""
    folder = tmp_path_factory.mktemp("kept") / "prepared"
    keeping.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def calls(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """How often each case makes each of the calls."""
    folder = tmp_path_factory.mktemp("counted")
    shutil.copytree(prepared, folder / "files")
    ended = traced(folder / "files", "-o", str(folder / "trace"))
    pids = {
        pid: case for case, pid, _ in ended if case != "block"
    }  # which writes in a thread, with a number of its own
    counted: dict[str, Counter[str]] = {case: Counter() for case in pids.values()}
    for line in (folder / "trace").read_text(errors="replace").splitlines():
        pid, call = line.split(maxsplit=1)
        if pid in pids:
            counted[pids[pid]][call.partition("(")[0]] += 1
    return counted


def traced(folder: Path, *options: str) -> list[list[str]]:
    """What the program prints that does all of it in this folder, traced with these options."""
    environment = {**unmeasured(), "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    trace = [str(STRACE), "-f", "-qq", "-s", "0", "-e", f"trace={','.join(CALLS)}", "-e", "signal=none", *options]
    command = [*trace, sys.executable, keeping.__file__, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.split() for line in done.stdout.splitlines()]


def test_every_case_writes(calls: dict[str, Counter[str]]) -> None:
    """Each case can be killed in it, at a write and at a sync."""
    for case, counted in calls.items():
        assert counted["pwrite64"], case
        assert counted["fsync"] + counted["fdatasync"], case


@pytest.mark.parametrize("seed", seeds(4))
def test_killed_in_a_call(prepared: Path, calls: dict[str, Counter[str]], tmp_path: Path, seed: int) -> None:
    """What was stored is there, what was changed is changed wholly or not at all, and doing it again succeeds."""
    dice = random.Random(seed)
    case = dice.choice(list(calls))
    call = dice.choice([each for each in CALLS if calls[case][each]])
    number = dice.randint(1, calls[case][call])
    shutil.copytree(prepared, tmp_path / "files")

    ended = traced(tmp_path / "files", "-o", os.devnull, "-e", f"inject={call}:signal=KILL:when={number}")

    killed = [each for each, _, status in ended if int(status) == -signal.SIGKILL]
    assert case in killed
    assert [status for each, _, status in ended if each not in killed] == ["0"] * (len(ended) - len(killed))
    for each in killed:
        assert_kept(each, prepared / f"{each}.db", tmp_path / "files" / f"{each}.db")


def assert_kept(case: str, prepared: Path, path: Path) -> None:
    """What the file held before is there, or all of what `case` makes of it; and the case can be done again."""
    before, found = stored(prepared), stored(path)
    if case in ("commit", "commit-rollback", "block"):
        versions = [found.pop(each)[0].version for each in ("left", "right")]
        assert versions in ([1, 1], [2, 2])
        assert found == {each: before[each] for each in ("third", "fourth")}
    elif case == "restore":
        assert found in (before, stored(prepared.with_name("restore-from.db")))
    else:
        assert found == before
    target = Path(f"{path}.target")
    if case == "backup" and target.exists():
        assert stored(target) == before
    elif case == "copy" and target.exists():
        assert stored(target).items() <= before.items()
    if case != "backup" or not target.exists():
        keeping.CASES[case](path)
    if case in ("backup", "copy"):
        assert stored(target) == before


def stored(path: Path) -> dict[str, Any]:
    """All that is in a file, which is sound and can be written; it stays as it is."""
    with TemporaryDirectory() as folder:
        for suffix in ("", "-wal", "-journal"):
            if Path(f"{path}{suffix}").exists():
                shutil.copy(f"{path}{suffix}", Path(folder) / f"stored.db{suffix}")
        with SessionRepository(Path(folder) / "stored.db") as repository:
            found = content(repository)
            assert all(len(fills) == session.fill_count for session, fills, _ in found.values())
            assert repository.check().ok
            repository.save(new_session())
    return found
