"""Programs that end without closing their repository, by themselves or because of Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from tests.processes.running import PATIENCE, run, started


def stored_ids(path: Path) -> list[str]:
    """The ids of the sessions in the file, opened as any program opens it."""
    with SessionRepository(path) as repository:
        return [session.id for session in repository.get_all()]


@pytest.mark.parametrize("case", ["asyncio_saves", "trio_saves", "core_saves"])
def test_a_program_that_never_closes(path: Path, case: str) -> None:
    """It ends by itself, with exit code 0 and without a complaint, and what it saved is stored."""
    result = run("leaving", case, path)

    assert (result.returncode, result.stdout, result.stderr) == (0, "saved\n", "")
    assert stored_ids(path) == ["saved"]


@pytest.mark.parametrize(
    "case", ["asyncio_in_block", "trio_in_block", "loop_in_thread", "core_in_transaction", "core_in_thread"]
)
def test_a_program_that_ends_inside_a_transaction(path: Path, case: str) -> None:
    """It ends by itself, with exit code 0, and nothing of the transaction is stored."""
    result = run("leaving", case, path)

    assert (result.returncode, result.stdout, result.stderr) == (0, "saved\nin the block\n", "")
    assert stored_ids(path) == ["saved"]


@pytest.mark.parametrize("case", ["asyncio_waits", "trio_waits", "core_waits"])
def test_ctrl_c_inside_a_transaction(path: Path, case: str) -> None:
    """The program ends with KeyboardInterrupt, as one without a repository would; the transaction is not stored."""
    with started("leaving", case, path, measured=False) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["saved\n", "in the block\n"]

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode in (130, -signal.SIGINT)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "Exception ignored" not in errors
    assert stored_ids(path) == ["saved"]
