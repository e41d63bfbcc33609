"""Repeated fills, interrupts, a moved file, poolers, at random among other work: none lost, doubled or hung.

`SOAK_SECONDS=600` says for how long; 4 by default. With `-s` it prints what was done.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.facade.seeds import seeds
from tests.postgres.conftest import *  # noqa: F403  # the fixtures of a server and its poolers
from tests.postgres.poolers import Pooler
from tests.processes.running import started

SECONDS = float(os.environ.get("SOAK_SECONDS", "4"))


@pytest.mark.parametrize("seed", seeds(1))
def test_a_file_and_two_servers_at_once(
    path: Path, url: str, bare_url: str, transaction_pooler: Pooler, session_pooler: Pooler, seed: int
) -> None:
    """The file is moved away and back, which refuses every save meanwhile; the servers are behind a pooler in either
    mode, where other programs come and go. Each program finds nothing lost, doubled or hung."""
    places = {
        "file": ("file", path),
        "transaction pooling": ("server", transaction_pooler.url(urlsplit(url).path[1:])),
        "session pooling": ("server", session_pooler.url(urlsplit(bare_url).path[1:])),
    }
    with ExitStack() as stack:
        programs = {
            name: stack.enter_context(started("disturbed", *place, seed, SECONDS, measured=False))
            for name, place in places.items()
        }
        answers = {name: program.communicate() for name, program in programs.items()}
    for name, (output, errors) in answers.items():
        assert programs[name].returncode == 0, errors
        print(f"{name}: {output}")  # noqa: T201  # seen with -s
        counts: dict[str, int] = json.loads(output)
        assert counts["interrupts"]
        assert counts["fills"]
        assert counts["moves" if name == "file" else "other programs"]
