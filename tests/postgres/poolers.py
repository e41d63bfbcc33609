"""Real connection poolers for tests: pgbouncer, Debian's package of that name, in front of a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.postgres.servers import as_owner, free_port, new_folder

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

MISSING = "pgbouncer is not installed; on Debian and Ubuntu: apt-get install pgbouncer"

READY = "process up"


class Pooler:
    """One pgbouncer on a port of its own, which lends connections to every database of one server; not running yet.

    Args:
        folder: where its configuration lies.
        server_url: the address of the server behind it.
        mode: when a client gives its server connection back: "session", "transaction" or "statement".
        settings: its configuration, beside what makes tests quick.
    """

    def __init__(self, folder: Path, server_url: str, mode: str, **settings: object) -> None:
        self.port = free_port()
        self.mode = mode
        self.log: list[str] = []
        self._folder = folder
        self._server = urlsplit(server_url)
        self._settings: dict[str, object] = {
            "pool_mode": mode,
            "default_pool_size": 3,
            "max_client_conn": 200,
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            # A server that is back is used at once, where the default looks for it after 15 seconds.
            "server_login_retry": 0.01,
            **settings,
        }

    def url(self, database: str = "") -> str:
        """The address of a database behind it; the server's own when none is named."""
        path = f"/{database}" if database else self._server.path
        user = self._server.username or "postgres"
        return self._server._replace(netloc=f"{user}@127.0.0.1:{self.port}", path=path).geturl()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert PROGRAM is not None, MISSING
        self._write_configuration()
        self._process = subprocess.Popen(
            [PROGRAM, str(self._folder / "pgbouncer.ini")],
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

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it at once, with all that its clients have open, and wait until it has ended."""
        self._process.send_signal(how)
        self._process.wait()
        self._reader.join()

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._process.poll() is None

    def _write_configuration(self) -> None:
        behind = {"host": self._server.hostname, "port": self._server.port or 5432, "user": self._server.username}
        if self._server.password:
            behind["password"] = self._server.password
        target = " ".join(f"{name}={value}" for name, value in behind.items() if value)
        lines = ["[databases]", f"* = {target}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in self._settings.items()]
        (self._folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")

    def _read(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        with process:
            assert process.stderr is not None
            for line in process.stderr:
                self.log.append(line)
                if READY in line:
                    ready.set()
        ready.set()


@contextmanager
def pooling(server_url: str, mode: str, **settings: Any) -> Iterator[Pooler]:
    """A running pooler in front of a server, stopped at the end unless it was stopped before."""
    with new_folder() as folder:
        pooler = Pooler(folder, server_url, mode, **settings)
        pooler.start()
        try:
            yield pooler
        finally:
            if pooler.is_running:
                pooler.stop()
