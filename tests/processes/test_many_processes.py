"""Several processes on one file, each with threads or tasks of its own."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from tests.builders import new_session
from tests.facade.cancelling import stored
from tests.facade.watching import connect
from tests.processes.running import PATIENCE, started

ROUNDS = 12
WORKERS = 4


def outcomes(path: Path, cases: list[str], session_id: str) -> list[tuple[int, int, int]]:
    """How many saves succeeded, raised a conflict, or found the file busy, in each process; all begin at once."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started("counting", case, path, session_id, ROUNDS)) for case in cases]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("begin\n")
            process.stdin.flush()
        results = []
        for process in processes:
            output, errors = process.communicate(timeout=PATIENCE)
            assert (process.returncode, errors) == (0, "")
            saved, conflicts, busy = map(int, output.split())
            results.append((saved, conflicts, busy))
        return results


@pytest.mark.parametrize(
    "cases",
    [["core", "core", "core"], ["asyncio", "trio", "core"]],
    ids=lambda cases: "-".join(cases),
)
def test_no_update_is_lost(path: Path, cases: list[str]) -> None:
    """Every save succeeds or says why not, the version counts the successes, and each of them is stored once."""
    session = new_session(symbols=("AAPL",))
    with SessionRepository(path) as repository:
        repository.save(session)

    results = outcomes(path, cases, session.id)

    assert [sum(each) for each in results] == [ROUNDS * WORKERS] * len(cases)
    successes = sum(saved for saved, _, _ in results)
    version, fills = stored(path, session.id)
    assert version == 1 + successes
    assert len(set(fills)) == len(fills) == successes
    with SessionRepository(path) as repository:
        found = repository.get_by_id(session.id)
        assert found is not None
        assert found.positions["AAPL"].quantity == successes
        assert found.equity == found.initial_cash + found.realized_pnl + found.unrealized_pnl - found.fees_paid
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_processes_that_create_the_file_at_once(path: Path) -> None:
    """Whoever comes first creates it, and nobody gets an error; no session is there yet."""
    with ExitStack() as stack:
        processes = [stack.enter_context(started("creating", path, name)) for name in "abcdef"]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("begin\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate(timeout=PATIENCE)
            assert (process.returncode, errors) == (0, "")

    with SessionRepository(path) as repository:
        assert sorted(session.id for session in repository.get_all()) == list("abcdef")
