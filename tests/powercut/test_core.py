"""Power cuts: a program's writes and syncs are recorded, and replayed up to a moment at which the power goes.

The seed stands in the test's name; `PAPER_REPO_TEST_SEED=<seed>` replays one, `PAPER_REPO_TEST_ROUNDS=20` makes twenty
times as many cuts.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.facade.seeds import seeds
from tests.powercut import saving
from tests.powercut.cutting import around_syncs, before_syncs, cut, versions_in
from tests.powercut.disk import Disk
from tests.powercut.recording import Event, Said, Written, record, why_not

REASON = why_not()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")

CUTS = 30
"""How many cuts one test makes, at moments and with losses chosen at random."""


Settings = tuple[str, ...]
"""How much is synced, the journal, and the passphrase if there is one."""

JOURNALS = ("wal", "rollback")
KEY = f"x'{'0123456789abcdef' * 4}'"
"""A passphrase from which SQLCipher need not derive the key, which takes long."""

ALL_SETTINGS = [(durability, journal) for durability in ("full", "normal") for journal in JOURNALS]


def _named(settings: Settings) -> str:
    return " ".join(settings).replace(KEY, "encrypted")


@pytest.fixture(scope="module", params=[*ALL_SETTINGS, ("full", "wal", KEY)], ids=_named)
def settings(request: pytest.FixtureRequest) -> Settings:
    """What the program gives to the repository, and who opens the file afterwards, too."""
    return request.param


@pytest.fixture(scope="module")
def events(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """What the program did."""
    return record(Path(saving.__file__), tmp_path_factory.mktemp("recorded") / "sessions.db", *settings)


def test_the_recording_is_whole(events: list[Event], settings: Settings, tmp_path: Path) -> None:
    """What was recorded gives the program's own files, with every step in them, and its log was begun anew."""
    disk = Disk()

    for event in events:
        if not isinstance(event, Said):
            disk.do(event)

    log = "-wal" if settings[1] == "wal" else "-journal"
    starts_of_log = [event for event in events if isinstance(event, Written) and event.name.endswith(log)]
    assert sum(event.offset == 0 for event in starts_of_log) > len(saving.REOPENED_AFTER) + 1
    assert done_after(disk.with_pending(), tmp_path, settings) == saving.STEPS


def test_only_full_durability_waits_for_the_disk(events: list[Event], settings: Settings, tmp_path: Path) -> None:
    """If nothing arrives but what was synced, "normal" loses steps that were acknowledged, and "full" none."""
    last_words = max(number for number, event in enumerate(events) if isinstance(event, Said))

    [(said, left)] = cut(events, [last_words + 1], Disk.without_pending)

    lost = acknowledged(said) - done_after(left, tmp_path, settings)
    assert (acknowledged(said), lost > 0) == (saving.STEPS, "normal" in settings)


def test_the_power_goes_at_every_sync(events: list[Event], settings: Settings, tmp_path: Path) -> None:
    """Just before each of them, with all that was not synced missing: the first so many steps are there."""
    for said, left in cut(events, before_syncs(events), Disk.without_pending):
        done = done_after(left, tmp_path, settings)
        assert (acknowledged(said) if "full" in settings else 0) <= done <= acknowledged(said) + 1


@pytest.mark.parametrize("seed", seeds(2))
def test_the_power_goes(events: list[Event], settings: Settings, tmp_path: Path, seed: int) -> None:
    """The file opens, is sound, and holds the first so many steps: with "full", all that were acknowledged."""
    dice = random.Random(seed)

    def what_is_left(disk: Disk) -> dict[str, bytes]:
        return dice.choice([disk.without_pending, disk.with_pending, *[lambda: disk.torn(dice)] * 4])()

    for said, left in cut(events, sorted(dice.choices(around_syncs(events), k=CUTS)), what_is_left):
        done = done_after(left, tmp_path, settings)
        assert (acknowledged(said) if "full" in settings else 0) <= done <= acknowledged(said) + 1


@pytest.mark.parametrize("seed", seeds(1))
def test_the_program_dies_between_two_writes(
    events: list[Event], settings: Settings, tmp_path: Path, seed: int
) -> None:
    """In a commit, in a checkpoint, in the creation of the file: every acknowledged step is there, always.

    It makes no difference to that by which journal the file is used afterwards.
    """
    dice = random.Random(seed)
    moments = sorted(dice.choices(range(len(events)), k=CUTS))

    for said, left in cut(events, moments, Disk.with_pending):
        done = done_after(left, tmp_path, (settings[0], dice.choice(JOURNALS), *settings[2:]))
        assert acknowledged(said) <= done <= acknowledged(said) + 1


def acknowledged(said: list[str]) -> int:
    """How many steps the program has said that it has taken."""
    return int(said[-1]) if said else 0


def done_after(left: dict[str, bytes], folder: Path, settings: Settings) -> int:
    """How many steps the files hold that are left, after a check that no step is there in part."""
    options = dict(zip(("durability", "journal", "passphrase"), settings, strict=False))
    found = versions_in(left, folder, **options)
    states = [saving.expected(done) for done in range(saving.STEPS + 1)]
    assert found in states
    return states.index(found)
