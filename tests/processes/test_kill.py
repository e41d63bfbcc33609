"""Writers that are killed with SIGKILL: whatever they were told is saved is there, and the file is sound.

The seed stands in the test's name. `PAPER_REPO_TEST_SEED=<seed>` replays one (but for the exact moment of the kill),
`PAPER_REPO_TEST_ROUNDS=100` runs a hundred times as many.
"""

from __future__ import annotations

import os
import random
import signal
from collections import defaultdict
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest

from paper_repo import PaperTradingSession, SessionRepository
from tests.builders import new_session
from tests.facade.seeds import seeds
from tests.facade.watching import connect
from tests.processes.running import killed, run, started

KILLS = 4
"""How often the writer of one test is started and killed, each time on the file that the last one has left."""


@pytest.mark.parametrize("seed", seeds(2))
@pytest.mark.parametrize("case", ["core", "core_atomic", "many_tasks", "blocks"])
def test_killed_at_a_random_moment(path: Path, case: str, seed: int) -> None:
    """Every acknowledged save is there, what belongs together is there together, and the books balance."""
    dice = random.Random(seed)
    acknowledged: dict[str, int] = defaultdict(int)
    pairs: set[str] = set()

    for kill in range(KILLS):
        for names, version in killed_after(dice.randrange(120), case, path, f"{seed} {kill}"):
            pairs.add(names)
            for name in names.split(","):
                acknowledged[name] = max(version, acknowledged[name])

        assert_sound(path)
        with SessionRepository(path) as repository:
            for name, version in acknowledged.items():
                session = repository.get_by_id(name)
                assert session is not None
                assert session.version >= version
                assert_books_balance(repository, session)
            for names in pairs:
                assert len({session.version for session in map(repository.get_by_id, names.split(",")) if session}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")
@pytest.mark.parametrize(
    ("case", "before", "after"),
    [("create", 0, 1), ("save", 1, 2), ("block", 1, 2), ("delete", 1, 0)],
)
def test_killed_at_every_statement(tmp_path: Path, case: str, before: int, after: int) -> None:
    """Up to COMMIT nothing is stored, from then on everything; and the file can be used in any case."""
    result = run("dying", case, tmp_path)

    assert (result.returncode, result.stderr) == (0, "")
    deaths = dict(line.split(" ", 1) for line in result.stdout.splitlines())
    assert {"BEGIN IMMEDIATE", "COMMIT"} <= set(deaths.values())
    last_commit = max(number(name) for name, sql in deaths.items() if sql == "COMMIT")
    for name in deaths:
        committed = (number(name), "after" in name) >= (last_commit, True)
        with SessionRepository(tmp_path / name) as repository:
            found = [repository.get_by_id(session_id) for session_id in ("left", "right")]
            assert [session.version if session else 0 for session in found] == [after if committed else before] * 2
            for session in found:
                fills = repository.get_fills(session.id) if session else []
                assert len(fills) == (session.fill_count if session else 0)
            repository.save(new_session())
            assert repository.count() == len([session for session in found if session]) + 1
        assert_sound(tmp_path / name)


def number(name: str) -> int:
    """At which statement the writer of this file has died."""
    return int(name.split("-")[0])


def killed_after(count: int, case: str, path: Path, seed: str) -> list[tuple[str, int]]:
    """What a writer says it has saved that is killed after it has said so `count` times."""
    with started("trading", case, path, seed) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        rest, errors = killed(process)
    assert (process.returncode, errors) == (-signal.SIGKILL, "")
    reports = [line.rsplit(" ", 1) for line in "".join([*lines, rest]).splitlines(keepends=True) if line.endswith("\n")]
    return [(names, int(version)) for names, version in reports]


def assert_sound(path: Path) -> None:
    """SQLite finds nothing wrong with the file."""
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def assert_books_balance(repository: SessionRepository, session: PaperTradingSession) -> None:
    """The history has no gap, and booking it again gives the same session, to the last digit."""
    fills, points = repository.get_fills(session.id), repository.get_equity_curve(session.id)
    assert [fill.id for fill in fills] == [f"{session.id} {number}" for number in range(1, session.version + 1)]
    assert session.version == session.fill_count == len(points)
    again = session.fresh_copy()
    for fill in fills:
        again.apply_fill(fill)
    assert (again.cash, again.realized_pnl, again.fees_paid) == (session.cash, session.realized_pnl, session.fees_paid)
    assert {name: position.quantity for name, position in again.positions.items()} == {
        name: position.quantity for name, position in session.positions.items()
    }
    assert Fraction(session.equity) == sum(
        map(Fraction, (session.initial_cash, session.realized_pnl, session.unrealized_pnl, -session.fees_paid))
    )
    assert points[-1].equity == session.equity
