"""A process that forks while it has a repository: parent and child go on, each with connections of its own."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.facade.watching import connect
from tests.processes.running import run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")


def assert_holds(path: Path, expected: set[str]) -> None:
    """The file is sound, and these are the sessions in it."""
    with closing(connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert {session_id for (session_id,) in connection.execute("SELECT id FROM paper_trading_sessions")} == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("core", {"parent 1", "parent 2", "child 1", "child 2", "child 3"}),
        ("new_repository", {"parent 1", "child 1", "child 2"}),
        ("facade", {"parent 1", "parent 2", "child 1", "child 2", "child 3"}),
        (
            "facade_at_work",
            {
                "parent",
                *(f"child {number}" for number in range(10)),
                *(f"child {number} again" for number in range(10)),
            },
        ),
    ],
)
def test_parent_and_child_both_save(path: Path, case: str, expected: set[str]) -> None:
    """Every save that either of them was told is done is in the file, also after the other one has closed it."""
    result = run("forking", case, path)

    assert (result.returncode, result.stderr) == (0, "")
    assert_holds(path, expected)


@pytest.mark.parametrize("case", ["inside_a_transaction", "inside_a_block"])
def test_a_fork_in_the_middle_of_a_transaction(path: Path, case: str) -> None:
    """The child is refused, because SQLite would not keep what it saves; the parent's transaction is not harmed."""
    result = run("forking", case, path)

    assert (result.returncode, result.stderr) == (0, "")
    assert_holds(path, {"parent 1", "parent 2", "parent 3"})
