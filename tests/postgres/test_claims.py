"""Claims of real processes, which are stopped for longer than their claims last; on a file and on a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paper_repo import ClaimLostError, SessionRepository
from tests.builders import new_session

TTL = 0.3
"""How long a claim lasts here, in seconds."""

WORKER = """
import sys
from paper_repo import ClaimLostError, Fill, SessionRepository

address, owner, ttl = sys.argv[1], sys.argv[2], float(sys.argv[3])
with SessionRepository(address) as repository:
    (session,) = repository.claim_active(owner, ttl)
    print(session.version, flush=True)
    for number, line in enumerate(sys.stdin):
        if line == "renew\\n":
            print("renewed" if repository.renew(session.id, owner, ttl) is None else "", flush=True)
            continue
        session.record_fill(Fill(f"{owner}-{number}", "AAPL", "BUY", 1, 1))
        try:
            repository.save(session)
            print(session.version, flush=True)
        except ClaimLostError as error:
            print("lost to", error.owner, flush=True)
"""


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest) -> str:
    """Where sessions are kept that several processes claim."""
    if request.param == "file":
        return str(request.getfixturevalue("path"))
    return str(request.getfixturevalue("url"))


class Worker:
    """A process that has claimed the active session, and saves it when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def hear(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, what: str = "save") -> None:
        """Have it do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()


@contextmanager
def working(address: str, owner: str, ttl: float) -> Iterator[Worker]:
    """A worker, ended with the block."""
    command = [sys.executable, "-c", WORKER, address, owner, str(ttl)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Worker(process)


def test_a_worker_that_was_stopped_for_too_long_saves_nothing(address: str) -> None:
    """Its session goes to another worker meanwhile; when it goes on its save is refused, and the other's is stored."""
    with SessionRepository(address) as repository:
        repository.save(new_session(id="running", status="RUNNING"))
        with working(address, "stopped", TTL) as stopped:
            assert stopped.hear() == "2"
            stopped.tell()
            assert stopped.hear() == "3"

            os.kill(stopped.process.pid, signal.SIGSTOP)
            stopped.tell()  # it is in the middle of its work
            other = []
            while not other:
                other = repository.claim_active("other", 3600)
            os.kill(stopped.process.pid, signal.SIGCONT)

            assert stopped.hear() == "lost to other"
        repository.save(other[0])
        assert [fill.id for fill in repository.get_fills("running")] == ["stopped-0"]
        assert other[0].version == 5


def test_a_worker_that_was_killed_leaves_its_session_to_others(address: str) -> None:
    """After its time another worker resumes from what it had saved last."""
    with SessionRepository(address) as repository:
        repository.save(new_session(id="running", status="RUNNING"))
        with working(address, "killed", TTL) as killed:
            killed.hear()
            killed.tell()
            killed.hear()
            killed.process.kill()

        other = []
        while not other:
            other = repository.claim_active("other", 3600)

        assert (other[0].version, other[0].fill_count) == (4, 1)


def test_who_renews_in_time_keeps_the_session(address: str) -> None:
    """A claim that is renewed lasts on, from the time of the renewal."""
    with SessionRepository(address) as repository:
        repository.save(new_session(id="running", status="RUNNING"))
        with working(address, "one", 3600) as worker:
            worker.hear()
            worker.tell("renew")

            assert worker.hear() == "renewed"
            assert repository.claim_active("other", 3600) == []
            with pytest.raises(ClaimLostError, match="'one' has it now"):
                repository.renew("running", "other", 3600)


def test_ten_processes_share_the_sessions(address: str, tmp_path: Path) -> None:
    """Processes that start at once and claim what is active get every session once."""
    with SessionRepository(address) as repository:
        repository.save_many(new_session(id=f"{number}", status="RUNNING") for number in range(20))
    program = (
        "import sys; from paper_repo import SessionRepository\n"
        "with SessionRepository(sys.argv[1], busy_timeout=30) as repository:\n"
        "    sys.stdin.readline()\n"
        "    print(*(each.id for each in repository.claim_active(sys.argv[2], 3600, limit=3)))\n"
    )
    command = [sys.executable, "-c", program, address]
    processes = [
        subprocess.Popen([*command, f"worker {number}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(10)
    ]

    got = " ".join(process.communicate("\n")[0] for process in processes).split()

    assert len(got) == len(set(got)) > 0
    with SessionRepository(address) as repository:
        rest = [each.id for each in repository.claim_active("last", 3600)]
        assert sorted([*got, *rest]) == sorted(f"{number}" for number in range(20))
