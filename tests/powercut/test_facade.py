"""Power cuts in the middle of many tasks, whose saves share commits: whatever was acknowledged to any of them is there.

The seed stands in the test's name; `PAPER_REPO_TEST_SEED=<seed>` replays one, `PAPER_REPO_TEST_ROUNDS=20` makes twenty
times as many cuts.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.facade.seeds import seeds
from tests.powercut import saving_async
from tests.powercut.cutting import around_syncs, before_syncs, cut, versions_in
from tests.powercut.disk import Disk
from tests.powercut.recording import Event, Synced, Written, record, why_not

REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

CUTS = 30
"""How many cuts one test makes, at moments chosen at random."""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """What the program did."""
    return record(Path(saving_async.__file__), tmp_path_factory.mktemp("recorded") / "sessions.db", "full")


def test_the_recording_is_whole(events: list[Event], tmp_path: Path) -> None:
    """Every save was acknowledged and is there, many of them shared a commit, and the log was begun anew."""
    [(said, left)] = cut(events, [len(events)], Disk.with_pending)

    saves = 2 * saving_async.ROUNDS * len(saving_async.names())
    syncs_of_log = [event for event in events if isinstance(event, Synced) and event.name.endswith("-wal")]
    starts_of_log = [event for event in events if isinstance(event, Written) and event.name.endswith("-wal")]
    assert len(said) == saves
    assert set(versions_in(left, tmp_path).values()) == {2 * saving_async.ROUNDS}
    assert len(syncs_of_log) < saves
    assert sum(event.offset == 0 for event in starts_of_log) > 2


def test_the_power_goes_at_every_sync(events: list[Event], tmp_path: Path) -> None:
    """Just before each of them, with all that was not synced missing: what was acknowledged is there."""
    for said, left in cut(events, before_syncs(events), Disk.without_pending):
        assert_kept(said, versions_in(left, tmp_path))


@pytest.mark.parametrize("seed", seeds(1))
def test_the_power_goes_with_torn_writes(events: list[Event], tmp_path: Path, seed: int) -> None:
    """The same when some sectors of what was not synced have arrived, and others not."""
    dice = random.Random(seed)

    for said, left in cut(events, sorted(dice.choices(around_syncs(events), k=CUTS)), lambda disk: disk.torn(dice)):
        assert_kept(said, versions_in(left, tmp_path))


def assert_kept(said: list[str], found: dict[str, int]) -> None:
    """Of each task all saves are there that were acknowledged, and at most the next one; of two both or none."""
    acknowledged = dict.fromkeys(saving_async.names(), 0) | {
        name: int(version) for name, version in (line.split() for line in said)
    }
    for name, version in acknowledged.items():
        versions = {found.get(each, 0) for each in name.split(",")}
        assert versions in ({version}, {version + 1})
