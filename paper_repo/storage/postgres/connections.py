"""Connections to PostgreSQL: rows come and go as the plain values of all databases, and no wait is endless."""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from typing import Any

import peewee
import psycopg
from playhouse.pool import PooledPostgresqlDatabase
from psycopg.adapt import Loader
from psycopg.types.string import TextLoader

from paper_repo.storage.unlogged import Unlogged

SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "postgres"}
"""What the text of values depends on."""

_AMPLE = 1.0
"""How much longer than the server's own limits the client waits for it to keep them, in seconds."""


class InstantLoader(Loader):
    """TIMESTAMPTZ, for a session in UTC, as ISO text of fixed width."""

    def load(self, data: Any) -> str:
        text = str(data, "ascii")
        return f"{text[:10]}T{text[11:19]}.{text[20:-3]:0<6}+00:00"


class Connection(psycopg.Connection[Any]):
    """A connection that waits for an answer of the server as long as its `patience` says, in seconds."""

    patience = 5.0
    fell_silent = False
    warned = ""
    """What the server last warned of."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        return super().wait(self._patient(gen), *args, **kwargs)

    def _patient(self, gen: Any) -> Generator[Any, Any, Any]:
        """`gen`, ended when the server has been silent for too long: it may be stopped, or the network gone."""
        ready = None
        heard = time.monotonic()
        try:
            while True:
                ready = yield gen.send(ready)
                now = time.monotonic()
                if ready:
                    heard = now
                elif now - heard > self.patience + _AMPLE:
                    self.fell_silent = True
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server has not answered for {now - heard:.1f} s")
        except StopIteration as end:
            return end.value

    def is_lost(self) -> bool:
        """Whether the server has closed this idle connection, as far as can be told without asking it."""
        try:
            for _ in range(100):
                if not _readable(self.pgconn.socket):
                    return False
                self.pgconn.consume_input()  # raises where the other side has closed
        except (psycopg.Error, OSError, ValueError):
            pass
        return True


def _readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def connect(patience: float, durability: str, **where: Any) -> Connection:
    """A new connection, set up so that values come as text and locks are waited for so many seconds.

    Raises:
        psycopg.Error: there is none to be had.
    """
    standard: dict[str, Any] = {
        "client_encoding": "UTF8",
        "connect_timeout": max(2, round(patience)),
        "application_name": "paper_repo",
    }
    connection: Connection = Connection.connect(**(standard | where), autocommit=True)
    try:
        connection.patience = patience
        connection.add_notice_handler(_keep_warning(connection))
        for kind, loader in ("numeric", TextLoader), ("jsonb", TextLoader), ("timestamptz", InstantLoader):
            connection.adapters.register_loader(kind, loader)
        _set(connection, **SETTINGS, lock_timeout=f"{max(1, round(patience * 1000))}ms")
        if durability == "normal":
            _set(connection, synchronous_commit="off")
    except BaseException:
        connection.close()
        raise
    return connection


def _set(connection: Connection, **settings: str) -> None:
    calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
    connection.execute(f"SELECT {calls}", [each for setting in settings.items() for each in setting])


def _keep_warning(connection: Connection) -> Any:
    # The handler must not keep the connection alive by itself.
    state = connection.__dict__

    def handle(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            state["warned"] = diagnostic.message_primary or "a warning"

    return handle


class _Adapter(peewee.Psycopg3Adapter):
    def connect(self, db: Any, **where: Any) -> Connection:
        return connect(dbname=db.database, **where)


class Single(Unlogged, peewee.PostgresqlDatabase):
    """One of our connections, for whoever needs one outside of a pool."""

    psycopg3_adapter = _Adapter


class Pool(Unlogged, PooledPostgresqlDatabase):  # type: ignore[misc]
    """Peewee's pool, of our connections."""

    psycopg3_adapter = _Adapter

    def _is_closed(self, connection: Connection) -> bool:
        return connection.closed or connection.is_lost()
