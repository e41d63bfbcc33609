"""Connections to PostgreSQL: rows come and go as the plain values of all databases, and no wait is endless."""

from __future__ import annotations

import re
import select
import time
from collections.abc import Generator
from datetime import MAXYEAR, UTC, datetime
from typing import Any

import peewee
import psycopg
from psycopg import generators
from psycopg.adapt import Loader
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.types.string import TextLoader

from paper_repo.storage.connections import Connections
from paper_repo.storage.errors import Translated
from paper_repo.storage.postgres import poolers
from paper_repo.storage.unlogged import Unlogged

SETTINGS = {"TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "postgres"}
"""What the text of values depends on."""

UNICODE = {"client_encoding": "UTF8"}
"""What every session has, whatever the address says: else a save would fail at the first other letter."""

PREPARED_AFTER = 5
"""How often a statement runs before it is prepared, which halves its time."""

_AMPLE = 1.0
"""How much longer than the server's own limits the client waits for it to keep them, in seconds."""


class InstantLoader(Loader):
    """TIMESTAMPTZ as ISO text of fixed width in UTC, whichever time zone the session is in."""

    def load(self, data: Any) -> str:
        text = str(data, "ascii")
        if text[-3:] == "+00":
            return f"{text[:10]}T{text[11:19]}.{text[20:-3]:0<6}+00:00"
        return _in_utc(text)


_ISO = re.compile(r"\d{4,}-\d\d-\d\d |-?infinity$")


CYCLE = 400
"""After this many years the calendar repeats itself."""


def _in_utc(text: str) -> str:
    if not _ISO.match(text):
        raise psycopg.NotSupportedError(
            f"times come in another form than ISO ({text!r}): something has changed DateStyle in this session; "
            "have the server, or the connection pooler in front of it, set it to ISO"
        )
    try:
        # A time of the first or the last hours that Python knows is of another year, which it does not, in some zones.
        year, rest = text.removesuffix(" BC").split("-", 1)
        local = 1 - int(year) if text.endswith(" BC") else int(year)
        moved = CYCLE if local < 1 else -CYCLE if local > MAXYEAR else 0
        there = datetime.fromisoformat(f"{local + moved:04}-{rest}").astimezone(UTC)
        return there.replace(year=there.year - moved).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):  # before the year 1, or after 9999, in UTC too, which none of ours is
        return text


class Connection(psycopg.Connection[Any]):
    """A connection that waits for an answer of the server as long as its `patience` says, in seconds."""

    patience: float = 5.0
    fell_silent: bool = False
    borrowed = False
    """Whether its session is a connection pooler's, and meets other clients."""
    is_pipelining = False
    """Whether statements are being sent one behind the other."""
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
                    raise psycopg.OperationalError(f"{self._who()} has not answered for {now - heard:.1f} s")
        except StopIteration as end:
            return end.value

    def _who(self) -> str:
        return "the server (or the pooler, which may have no connection to spare)" if self.borrowed else "the server"

    def is_busy(self) -> bool:
        """Whether a statement is under way.

        Where the thread asks that uses the connection, it is a signal handler's, or a finaliser's, that has interrupted
        it, and it would wait for itself.
        """
        return self.is_pipelining or self.lock.locked()

    def has_committed(self) -> bool:
        """Whether the COMMIT was done that was sent, from whose answer an exception has kept this thread."""
        try:
            answers = self.wait(generators.execute(self.pgconn))
        except psycopg.Error:
            self.close()
            return False
        return all(each.status == ExecStatus.COMMAND_OK and each.command_status == b"COMMIT" for each in answers)

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
    """A new connection whose values come as text, and which waits for locks for `patience` seconds.

    What holds for its session is set only where the session is its own; see `poolers`.

    Raises:
        psycopg.Error: there is none to be had.
    """
    standard: dict[str, Any] = {
        "connect_timeout": max(2, round(patience)),
        "application_name": "paper_repo",
    }
    connection: Connection = Connection.connect(**(standard | where | UNICODE), autocommit=True, prepare_threshold=None)
    try:
        connection.patience = patience
        connection.borrowed = True  # until the server's own process has answered
        connection.add_notice_handler(_keep_warning(connection))
        for kind, loader in ("numeric", TextLoader), ("jsonb", TextLoader), ("timestamptz", InstantLoader):
            connection.adapters.register_loader(kind, loader)
        if poolers.is_borrowed(connection):
            poolers.require_usable(connection)
        else:
            connection.borrowed = False
            connection.prepare_threshold = PREPARED_AFTER
            _set(connection, **SETTINGS, lock_timeout=f"{poolers.lock_timeout(patience)}ms")
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


class PostgresConnections(Connections):
    """At most `count` connections to one PostgreSQL database.

    Args:
        name: what messages call the database.
        count: how many there are at most.
        patience: how long a loan, a lock and an answer of the server are waited for, in seconds.
        translated: makes the driver's errors ours.
        durability: as `connect`.
        where: the parameters of the address.
    """

    def __init__(
        self, name: str, count: int, patience: float, translated: Translated, durability: str, where: dict[str, Any]
    ) -> None:
        super().__init__(name, count, patience, translated)
        self._durability = durability
        self._where = where
        self.lost: int = 0
        """How often the server has closed a connection, other than by falling silent."""

    def _connect(self) -> Connection:
        where = dict(self._where)
        return connect(dbname=where.pop("database"), patience=self._patience, durability=self._durability, **where)

    def _is_usable(self, connection: Any) -> bool:
        return not connection.closed and not connection.is_lost()

    def _reset(self, connection: Any) -> bool:
        try:
            if not connection.closed and connection.pgconn.transaction_status != TransactionStatus.IDLE:
                connection.rollback()
        except psycopg.Error:
            connection.close()
        if connection.closed:
            self.lost += not connection.fell_silent
            self.close_idle()  # they are to the same server
        return not connection.closed

    def _errors(self) -> tuple[type[Exception], ...]:
        return (psycopg.Error,)


class LentDatabase(Unlogged, peewee.PostgresqlDatabase):
    """One of our connections as a database of Peewee's, for migrations and for what is built with its queries."""

    psycopg3_adapter = _Adapter

    def __init__(self, connection: Any, field_types: dict[str, str]) -> None:
        super().__init__("lent", thread_safe=False, prefer_psycopg3=True, field_types=field_types)
        self._lent = connection

    def _connect(self) -> Any:
        return self._lent

    def _close(self, connection: Any) -> None:
        """Leave it open: it goes back to where it was lent."""
