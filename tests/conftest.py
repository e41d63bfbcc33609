"""What every test gets: both event loops, a fresh path, and a check that nothing is left running or open behind it."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.facade.seeds import DRAW
from tests.measuring import Measuring
from tests.unshown import unshown

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("unhurried")  # how fast a machine is decides about no test

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it runs in the background ignore Ctrl-C, and all that the tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["TZ"] = "Asia/Kathmandu"
"""5:45 before UTC, and no whole hour, so that local time taken for UTC is noticed, in processes of tests too."""
if hasattr(time, "tzset"):
    time.tzset()

MEMORY_DISK = Path("/dev/shm")
ROOM = 2_000_000_000
"""How many bytes must be free there for the tests' files, of which few are about disks."""

WRITER = "paper_repo writer"
OPEN_FILES = Path("/proc/self/fd")


def pytest_report_header() -> str:
    """What a run with the same random seeds is to be given."""
    return f"{DRAW}={os.environ[DRAW]}"


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' files in memory where the system offers that and nobody has said where else."""
    config.pluginmanager.register(Measuring())
    if "TMPDIR" not in os.environ and MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which guarantees are not shown here, because a test of theirs was skipped, and why it was."""
    skipped = {
        each.nodeid: each.longrepr[2].removeprefix("Skipped: ") for each in terminalreporter.getreports("skipped")
    }
    for sentence, reasons in unshown(skipped).items():
        for reason, tests in reasons.items():
            terminalreporter.write_line(f"NOT SHOWN {sentence} ({', '.join(tests)}: {reason})")


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: many tests wait, for processes, servers and locks."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over all tests and modules, which stay: what a test leaves is little."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _nothing_of_other_modules_is_collected() -> None:
    """Nor over what the tests before have left: there are tests that collect hundreds of times."""
    gc.collect()
    gc.freeze()


@pytest.fixture(
    scope="module",
    params=[pytest.param(("asyncio", {}), id="asyncio"), pytest.param(("trio", {}), id="trio")],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The event loops on which every test marked `anyio` runs."""
    return request.param


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a new database may be created."""
    return tmp_path / "sessions.db"


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves a writer's thread running, or a file open, as an unclosed connection does."""
    threads, files = _writers(), _open_files()
    yield
    if (_writers() - threads) or (_open_files() - files):
        gc.collect()  # what nobody can reach any more is as good as closed
    for thread in _writers() - threads:
        thread.join(timeout=5)  # one that was told to end may need a moment more
    assert not (_writers() - threads), "a writer's thread still runs: the repository was not closed"
    assert not (_open_files() - files), "a file is still open: a repository or a connection was not closed"


def _writers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == WRITER}


def _open_files() -> set[str]:
    """The regular files that this process holds open, by name; where the system does not tell, none."""
    found = set()
    for descriptor in OPEN_FILES.iterdir() if OPEN_FILES.is_dir() else ():
        try:
            name = str(descriptor.readlink())
        except FileNotFoundError:
            continue  # the descriptor of this listing itself
        if name.startswith("/") and not name.startswith(("/dev/", "/proc/")):
            found.add(name)
    return found
