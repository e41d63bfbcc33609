"""Forks: a child may fork, too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os
import paper_repo

def forked(work):
    child = os.fork()
    if not child:
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

os._exit(forked(lambda: forked(lambda: forked(lambda: 7))))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_may_fork() -> None:
    """Whoever tells the others of a fork holds a lock meanwhile, which a child is not left with."""
    assert subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, check=False).returncode == 7
