"""Running the programs in `programs/` as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = Path(__file__).with_name("programs")
PATIENCE = 120
"""After how many seconds a program that does not end counts as hanging; nothing is expected to take so long."""


KILLED = ("dying", "trading")
"""Programs that are killed."""


def unmeasured() -> dict[str, str]:
    """The environment, without what makes a child write down its coverage.

    Some are killed, some may not write, and in one that is interrupted coverage would wait for its own lock for ever
    where Ctrl-C comes just after it has taken that.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def command(program: str, *arguments: object) -> list[str]:
    """How `program` is started with these arguments."""
    return [sys.executable, str(PROGRAMS / f"{program}.py"), *map(str, arguments)]


@contextmanager
def started(program: str, *arguments: object, measured: bool = True) -> Iterator[subprocess.Popen[str]]:
    """`program` running in the background; what is left of it and of its children at the end of the block is killed."""
    environment = dict(os.environ) if measured and program not in KILLED else unmeasured()
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)  # it imports the same paper_repo
    with subprocess.Popen(
        command(program, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def killed(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Kill the program; what it has written since the last line that was read, and its errors.

    `communicate` alone would pass over what has been read ahead, and begin in the middle of a line.
    """
    process.send_signal(signal.SIGKILL)
    assert process.stdout is not None
    rest = process.stdout.read()
    return rest, process.communicate()[1]


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `program` to its end."""
    with started(program, *arguments) as process:
        output, errors = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
