"""What one process has saved, another one finds: every field, and which sessions are running."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from paper_repo import SessionRepository, SessionStatus
from paper_repo.domain.selection import resting
from paper_repo.testing.accounts import rich_session, with_orders
from paper_repo.testing.examples import new_session, unusual_session

PROGRAM = """
import pickle, sys
from paper_repo import SessionRepository
with SessionRepository(sys.argv[1]) as repository:
    everything = {
        each.id: (each, repository.get_fills(each.id), repository.get_equity_curve(each.id),
                  repository.get_ledger(each.id), repository.get_orders(each.id))
        for each in repository.get_all()
    }
    sys.stdout.buffer.write(pickle.dumps((everything, [each.id for each in repository.get_active()])))
"""


def test_every_field_and_the_running_ones(path: Path) -> None:
    """Sessions and all of their history are equal, and `get_active` gives exactly those that ran."""
    sessions = [unusual_session(id="unusual"), with_orders(rich_session())]
    sessions += [new_session(id=f"is {status}", status=status) for status in SessionStatus]
    history = {
        each.id: (
            list(each.new_fills), list(each.new_equity_points), list(each.new_ledger_entries),
            [*each.new_closed_orders, *resting(each)],
        )
        for each in sessions
    }  # fmt: skip
    with SessionRepository(path) as repository:
        repository.save_many(sessions)

    found = subprocess.run([sys.executable, "-c", PROGRAM, path], check=True, capture_output=True).stdout
    everything, active = pickle.loads(found)  # of our own process

    assert everything == {each.id: (each, *history[each.id]) for each in sessions}
    assert active == ["is RUNNING"]
