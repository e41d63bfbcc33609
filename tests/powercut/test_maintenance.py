"""Power cuts and kills while a file is backed up, restored, upgraded, copied, encrypted, exported, imported, compacted.

Whatever was not acknowledged is done or not done, never half; what was there before is there. The seed stands in the
test's name; `PAPER_REPO_TEST_SEED=<seed>` replays one, `PAPER_REPO_TEST_ROUNDS=20` makes twenty times as many cuts.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from paper_repo.maintenance.archive import export_archive
from tests.facade.seeds import seeds
from tests.powercut import maintaining
from tests.powercut.cutting import around_syncs, cut
from tests.powercut.disk import Disk
from tests.powercut.maintaining import KEY
from tests.powercut.recording import Event, Said, record, why_not

REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

CUTS = 12
"""How many cuts one random test makes."""

OPERATIONS = [
    *["backup", "backup over", "restore", "upgrade", "copy", "encrypt", "decrypt", "compact"],
    *["export", "import", "import new"],
]


class Recorded:
    """What a program did, from just before its operation on, and what is in its files before and after that."""

    def __init__(self, operation: str, folder: Path) -> None:
        if operation in ("encrypt", "decrypt"):
            pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
        self.operation = operation
        self.events = record(Path(maintaining.__file__), folder / "sessions.db", operation)
        self.begun = next(number for number, each in enumerate(self.events) if each == Said("begun\n"))
        [(_, before), (_, after)] = cut(self.events, [self.begun, len(self.events)], Disk.with_pending)
        self.before = contents(before, folder / "before", operation)
        self.after = contents(after, folder / "after", operation)

    def moments(self, of: Callable[[list[Event]], list[int]]) -> list[int]:
        """Those behind the beginning of the operation."""
        return [each for each in of(self.events) if each > self.begun]


def contents(left: dict[str, bytes], folder: Path, operation: str) -> dict[str, bytes]:
    """Everything that is stored in each file that has a name of its own; each of them is sound.

    What the operation keeps of what was there is "kept".
    """
    folder.mkdir(exist_ok=True)
    for each in folder.iterdir():
        each.unlink()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    found = {}
    for name in sorted(left):
        kept = ".replaced." in name or ".schema-" in name
        if name.endswith((".partial", ".unfinished")) or not (name.endswith((".db", ".jsonl")) or kept):
            continue
        if name.endswith("-wal") or (name == "archived.db" or ".partial" in name):
            continue
        if name.endswith(".jsonl"):
            found[name] = left[name]
            continue
        encrypted = (operation, name) in (("encrypt", "target.db"), ("decrypt", "sessions.db"))
        found["kept" if kept else name] = stored(folder / name, KEY if encrypted else None)
    return found


def stored(path: Path, passphrase: str | None) -> bytes:
    """All that is in a file, which is sound."""
    archive = io.BytesIO()
    with SessionRepository(path, passphrase=passphrase, durability="normal") as repository:
        assert repository.check().ok
        export_archive(repository, archive)
    return archive.getvalue()


@pytest.fixture(scope="module", params=OPERATIONS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Each operation, done once."""
    return Recorded(request.param, tmp_path_factory.mktemp("recorded"))


def test_the_power_goes_at_every_sync(recorded: Recorded, tmp_path: Path) -> None:
    """Before and after each of them, with all that was not synced missing."""
    moments = recorded.moments(around_syncs)

    assert moments
    for said, left in cut(recorded.events, [*moments, len(recorded.events)], Disk.without_pending):
        assert_done_or_not(recorded, said, contents(left, tmp_path / "left", recorded.operation))


@pytest.mark.parametrize("seed", seeds(1))
def test_the_power_goes_with_torn_writes(recorded: Recorded, tmp_path: Path, seed: int) -> None:
    """Some sectors of what was not synced have arrived, and others not; and so have names."""
    dice = random.Random(seed)
    moments = sorted(dice.choices(recorded.moments(around_syncs), k=CUTS))

    for said, left in cut(recorded.events, moments, lambda disk: disk.torn(dice)):
        assert_done_or_not(recorded, said, contents(left, tmp_path / "left", recorded.operation))


@pytest.mark.parametrize("seed", seeds(1))
def test_the_program_is_killed(recorded: Recorded, tmp_path: Path, seed: int) -> None:
    """Between any two of its steps, while the system goes on."""
    dice = random.Random(seed)
    moments = sorted(dice.choices(range(recorded.begun + 1, len(recorded.events) + 1), k=CUTS))

    for said, left in cut(recorded.events, moments, Disk.with_pending):
        assert_done_or_not(recorded, said, contents(left, tmp_path / "left", recorded.operation))


def assert_done_or_not(recorded: Recorded, said: list[str], found: dict[str, bytes]) -> None:
    """Every file is as it was before or as it is afterwards; afterwards, when the program has said so."""
    before, after, done = recorded.before, recorded.after, said[-1:] == ["done"]
    assert found["sessions.db"] in {before["sessions.db"], after["sessions.db"]}
    for name in {*before, *after, *found}:
        if recorded.operation == "copy" and name == "target.db" and not done:
            assert_some_of(found.get(name), after[name])
        elif name == "kept" and not done:
            assert found.get(name) in (None, after["kept"])
        else:
            allowed = [after.get(name)] if done else [before.get(name), after.get(name)]
            assert found.get(name) in allowed, name
    if recorded.operation == "restore" and found["sessions.db"] != before["sessions.db"]:
        assert found["kept"] == before["sessions.db"]


def assert_some_of(found: bytes | None, whole: bytes) -> None:
    """Sessions are copied one by one, each whole."""
    lines = (found or b"").splitlines()[1:-1]
    assert b"\n".join(lines) in whole
    assert not lines or lines[-1].startswith(b'{"type":"equity"')
