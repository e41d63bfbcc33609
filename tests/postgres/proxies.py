"""A network between a client and its server that fails at a moment of the test's choice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

COMMIT = b"COMMIT\0"
"""How the statement comes from a client, in PostgreSQL's protocol."""

SAVES = (b'UPDATE "paper_trading_sessions"', b'INSERT INTO "paper_trading_sessions"')
"""What is in a statement that stores a session, which commits by itself where no transaction was begun."""


class _Watched:
    """What one client has begun, as its bytes tell."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_committing = False

    def sees(self, data: bytes) -> None:
        """Look at what the client sends."""
        self.has_begun = self.has_begun or b"BEGIN" in data
        self.is_committing = COMMIT in data or (not self.has_begun and any(each in data for each in SAVES))
        if COMMIT in data or b"ROLLBACK" in data:
            self.has_begun = False


class Proxy:
    """Passes bytes between clients and the server at `url`, until it is told to cut off what commits."""

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cut: str | None = None
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = [self._listener]
        self.cuts = 0
        self._awaited = b""
        self._seen = threading.Event()
        self._seen.set()

    def url(self) -> str:
        """The address of the server, through this."""
        port = self._listener.getsockname()[1]
        return self._server._replace(netloc=f"{self._server.username}@127.0.0.1:{port}").geturl()

    def cut_next(self, what: str) -> None:
        """Cut the connection at what commits next: its "request" does not arrive, or its "answer" does not."""
        self._cut = what

    def withhold_answers_until(self, awaited: bytes) -> None:
        """Let no answer through until a client has sent these bytes."""
        self._awaited = awaited
        self._seen.clear()

    def serve(self) -> None:
        """Take clients until it is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection((self._server.hostname, self._server.port))
            self._sockets += [client, server]
            watched = _Watched()
            self._start(self._pump, client, server, "request", watched)
            self._start(self._pump, server, client, "answer", watched)

    def close(self) -> None:
        """End every connection, and wait for what passes bytes on."""
        self._seen.set()
        for each in self._sockets:
            _end(each)
        for thread in self._threads:
            thread.join()
        for each in self._sockets:
            each.close()

    def start(self) -> None:
        """Take clients from now on."""
        self._start(self.serve)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, what: str, watched: _Watched) -> None:
        last = b""
        try:
            while data := source.recv(1 << 16):
                if what == "request":
                    watched.sees(data)
                if self._cut == what and watched.is_committing:
                    self._cut = None
                    self.cuts += 1
                    break
                if what == "answer":
                    self._seen.wait()
                target.sendall(data)
                if what == "request" and self._awaited in last + data:
                    self._seen.set()
                last = data
        except OSError:
            pass
        _end(source)
        _end(target)


def _end(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended already


@contextmanager
def through(url: str) -> Iterator[Proxy]:
    """A proxy in front of the server at `url`."""
    proxy = Proxy(url)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()
