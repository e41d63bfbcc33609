"""A PostgreSQL database: how it is addressed, recognised and upgraded, and how this process writes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import psycopg
from peewee import NotSupportedError, Query
from psycopg.pq import TransactionStatus

from paper_repo.errors import ForeignDatabaseError, StorageError
from paper_repo.storage.base import CONNECTIONS, Storage, checked_durability, checked_upgrade
from paper_repo.storage.claim_statements import ClaimStatements, ServerClaimStatements
from paper_repo.storage.errors import Translated, driver_error
from paper_repo.storage.postgres import poolers
from paper_repo.storage.postgres.changes import PostgresFeed, PostgresStatements
from paper_repo.storage.postgres.connections import Pool, Single
from paper_repo.storage.postgres.errors import (
    has_outlived_its_tables,
    is_refusal,
    translated,
    unknown_outcome,
)
from paper_repo.storage.postgres.session_locks import Turns
from paper_repo.storage.postgres.url import parsed
from paper_repo.storage.postgres.values import keepable
from paper_repo.storage.schema import HISTORY_TABLE, migrate, newest_version, refuse_newer, refuse_older
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import POSTGRES_COLUMN_TYPES, Row

T = TypeVar("T")

UPGRADE_LOCK = 0x50505253
"""The advisory lock that whoever upgrades the schema holds ("PPRS")."""

_HAS_PIPELINES = hasattr(psycopg, "Pipeline") and psycopg.Pipeline.is_supported()
"""Whether statements can be sent one behind the other without waiting for their answers; an old libpq cannot."""

_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE)


class PostgresStorage(Storage):
    """The rows of one PostgreSQL database, or of one schema in it when the address sets `search_path`.

    Args:
        url: "postgresql://user:password@host:port/database?parameter=value", with any parameter of libpq's, and with
            several hosts if there are several (https://www.postgresql.org/docs/current/libpq-connect.html).
        durability: "full" leaves the server's `synchronous_commit` as it is; "normal" switches it off.
        busy_timeout: in seconds; for locks, for a connection and for every answer of the server.
        upgrade: "auto", or "never" for a user who may not change the schema.
    """

    writers = CONNECTIONS // 2
    errors_end_transactions = True
    pool_type: ClassVar[type[Pool]] = Pool
    statements_type: ClassVar[type[Statements]] = PostgresStatements
    column_types: ClassVar[dict[str, str]] = POSTGRES_COLUMN_TYPES

    def __init__(self, url: str, durability: str = "full", busy_timeout: float = 5.0, upgrade: str = "auto") -> None:
        self.durability = checked_durability(durability)
        self.upgrade = checked_upgrade(upgrade)
        self._where, name = parsed(url)
        super().__init__(name, busy_timeout)

    def _prepare(self) -> None:
        super()._prepare()
        self.turns = Turns(self.busy_timeout, self._when_freed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, durability={self.durability!r}, busy_timeout={self.busy_timeout})"

    @property
    def statements(self) -> Statements:
        return _statements(self)

    @cached_property
    def claims(self) -> ClaimStatements:
        return ServerClaimStatements(self.statements)

    def _pool(self) -> Pool:
        return self.pool_type(
            **self._where,
            prefer_psycopg3=True,
            max_connections=CONNECTIONS,
            timeout=self.busy_timeout or None,
            field_types=self.column_types,
            patience=self.busy_timeout,
            durability=self.durability,
        )

    def _errors(self) -> Translated:
        return translated(self.name)

    def _feed(self) -> PostgresFeed:
        database = Single(
            **self._where,
            prefer_psycopg3=True,
            thread_safe=False,
            patience=self.busy_timeout,
            durability=self.durability,
        )
        return PostgresFeed(self.name, database, self.statements, self._translated)

    # Opening

    def _open(self) -> None:
        with self._translated, self._database.connection_context():
            self._require_unicode()
            version = self._version()
            refuse_newer(version, self.name)
            if version < newest_version():
                self._upgrade(version)

    def _require_unicode(self) -> None:
        (encoding,) = self.execute("SHOW server_encoding").fetchone()
        if encoding != "UTF8":
            raise StorageError(f"{self.name}: its encoding is {encoding}; create the database with ENCODING 'UTF8'")

    def _version(self) -> int:
        if not self._database.table_exists(HISTORY_TABLE):
            return 0
        (newest,) = self.execute(f"SELECT max(name) FROM {HISTORY_TABLE}").fetchone()
        return int(newest[:4]) if newest else 0

    def _upgrade(self, version: int) -> None:
        if self.upgrade == "never":
            refuse_older(version, self.name)
        with self._alone():
            version = self._version()  # somebody else may have done it meanwhile
            if not version and any(self._database.table_exists(each._meta.table_name) for each in self._tables()):
                raise ForeignDatabaseError(
                    f"{self.name}: it has tables of these names that are not ours; nothing changed"
                )
            if version < newest_version():
                migrate(self._database)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A transaction that nobody else upgrades the schema beside.

        At its level of isolation it sees what others have committed while it waited for the lock.
        """
        with self._database.atomic("READ COMMITTED"):
            self.execute(f"SET LOCAL lock_timeout = {poolers.lock_timeout(self.busy_timeout)}")
            self.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
            yield

    def _tables(self) -> list[Any]:
        return self.statements.tables.all()

    # Connections and transactions

    def _is_alive(self) -> bool:
        return self._database.connection().pgconn.transaction_status in _OPEN

    def _disconnect(self) -> None:
        if self._database.is_closed():  # connecting has failed: asking for the connection would connect again
            super()._disconnect()
            return
        connection = self._database.connection()
        self._held.lost = connection.closed and not connection.fell_silent
        super()._disconnect()
        if connection.closed:
            self._database.close_idle()  # they are to the same server

    def _begin_transaction(self) -> None:
        if self._database.connection().borrowed:
            self._run(poolers.begin(self.durability, self.busy_timeout))
        else:
            super()._begin_transaction()

    def _begin_whole(self) -> None:
        self._on_a_living_connection(super()._begin_whole)

    def _on_a_living_connection(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, which may be done twice: once more if the server had closed the connection."""
        self._held.lost = False
        try:
            return work(*args)
        except StorageError:
            if not self._held.lost or self._held.connected:
                raise
        return work(*args)

    def _commit_transaction(self) -> None:
        connection = self._database.connection()
        connection.warned = ""
        was_closed = connection.closed
        try:
            done = self.execute("COMMIT").statusmessage
        except StorageError as error:
            driver = driver_error(error.__cause__ or error)
            if was_closed or is_refusal(driver):
                raise
            raise unknown_outcome(self.name, driver) from error
        if done != "COMMIT":  # the server answers to a COMMIT after an error with a rollback, and calls it no error
            raise StorageError(
                f"{self.name}: an earlier error in this transaction has ended it; nothing of it is stored"
            )
        if connection.warned:  # the wait for a synchronous standby was broken off
            raise StorageError(
                f"{self.name}: it is stored on this server, but may be lost if that fails: {connection.warned}"
            )

    def take_turn(self, session_id: str) -> None:
        self.turns.take(session_id)

    def are_free(self, session_ids: Iterable[str]) -> bool:
        return self.turns.are_free(session_ids)

    def _end(self) -> None:
        try:
            super()._end()
        finally:
            self.turns.free()

    # Rows

    def _run(self, sql: str, params: Sequence[object] = ()) -> Any:
        try:
            return super()._run(sql, params)
        except NotSupportedError as error:
            self._forget_prepared(driver_error(error))
            raise

    def _forget_prepared(self, error: BaseException) -> None:
        """Give up the connection whose prepared statements are for tables that have changed.

        In a transaction the rollback, which must follow, makes psycopg forget them.
        """
        connection = self._database.connection()
        idle = connection.pgconn.transaction_status == TransactionStatus.IDLE
        if idle and isinstance(error, psycopg.Error) and has_outlived_its_tables(error):
            connection.close()

    def fetch_one(self, statement: Statement, row: Row) -> tuple[Any, ...] | None:
        if any("\0" in value for value in row.values() if type(value) is str):
            return None  # there is no such text here
        return self._on_a_living_connection(super().fetch_one, statement, row)

    def fetch_all(self, query: Query) -> list[tuple[Any, ...]]:
        return self._on_a_living_connection(super().fetch_all, query)

    def change_many(self, changes: Sequence[tuple[Statement, Row]]) -> list[int]:
        if not _HAS_PIPELINES:
            return super().change_many(changes)
        self._require_alive()
        rows = [keepable(row) for _, row in changes]  # before anything is sent: it may refuse one
        with self._translated, self._database.connection().pipeline():
            cursors = [statement.run(self._run, row) for (statement, _), row in zip(changes, rows, strict=True)]
        return [cursor.rowcount for cursor in cursors]

    def change(self, statement: Statement, row: Row) -> int:
        if len(row) == 1 and any("\0" in value for value in row.values()):
            return 0
        return super().change(statement, keepable(row))


def _statements(storage: PostgresStorage) -> Statements:
    """The statements for the kind of database that `storage` is, built once."""
    kind = type(storage)
    if kind not in _built:
        _built[kind] = kind.statements_type(kind.pool_type("any", prefer_psycopg3=True, field_types=kind.column_types))
    return _built[kind]


_built: dict[type[PostgresStorage], Statements] = {}
