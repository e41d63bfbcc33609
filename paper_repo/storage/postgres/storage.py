"""A PostgreSQL database: how it is addressed, recognised and upgraded, and how this process writes to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import psycopg

from paper_repo.errors import ForeignDatabaseError, StorageError
from paper_repo.storage.base import checked_durability, checked_upgrade
from paper_repo.storage.claim_statements import ClaimStatements, ServerClaimStatements
from paper_repo.storage.errors import Translated, driver_error
from paper_repo.storage.opening import CONNECTIONS
from paper_repo.storage.postgres import poolers
from paper_repo.storage.postgres.changes import PostgresFeed, PostgresStatements
from paper_repo.storage.postgres.connections import LentDatabase, PostgresConnections, Single
from paper_repo.storage.postgres.errors import has_outlived_its_tables, translated
from paper_repo.storage.postgres.round_trips import FewRoundTrips
from paper_repo.storage.postgres.session_locks import Turns
from paper_repo.storage.postgres.url import parsed
from paper_repo.storage.postgres.values import keepable
from paper_repo.storage.schema import HISTORY_TABLE, migrate, newest_version, refuse_newer, refuse_older
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import POSTGRES_COLUMN_TYPES, Row
from paper_repo.storage.transactions import Block, Transaction

T = TypeVar("T")

UPGRADE_LOCK = 0x50505253
"""The advisory lock that whoever upgrades the schema holds ("PPRS")."""


class PostgresStorage(FewRoundTrips):
    """The rows of one PostgreSQL database, or of one schema in it when the address sets `search_path`.

    Args:
        url: "postgresql://user:password@host:port/database?parameter=value", with any parameter of libpq's, and with
            several hosts if there are several (https://www.postgresql.org/docs/current/libpq-connect.html).
        durability: "full" leaves the server's `synchronous_commit` as it is; "normal" switches it off.
        busy_timeout: in seconds; for locks, for a connection and for every answer of the server.
        upgrade: "auto", or "never" for a user who may not change the schema.
    """

    _connections: PostgresConnections
    writers = CONNECTIONS // 2
    errors_end_transactions = True
    database_type: ClassVar[type[LentDatabase]] = LentDatabase
    statements_type: ClassVar[type[Statements]] = PostgresStatements
    column_types: ClassVar[dict[str, str]] = POSTGRES_COLUMN_TYPES

    def __init__(self, url: str, durability: str = "full", busy_timeout: float = 5.0, upgrade: str = "auto") -> None:
        self.durability: str = checked_durability(durability)
        self.upgrade: str = checked_upgrade(upgrade)
        self._where, name = parsed(url)
        super().__init__(name, busy_timeout)

    def _prepare(self) -> None:
        super()._prepare()
        self.turns: Turns = Turns(self.busy_timeout, self._when_freed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, durability={self.durability!r}, busy_timeout={self.busy_timeout})"

    @property
    def statements(self) -> Statements:
        return _statements(self)

    @cached_property
    def claims(self) -> ClaimStatements:
        return ServerClaimStatements(self.statements)

    def _pool(self) -> PostgresConnections:
        return PostgresConnections(
            self.name, CONNECTIONS, self.busy_timeout, self._translated, self.durability, self._where
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
        with self._while_opening() as connection, self._lent(connection) as database:
            self._require_unicode(connection)
            version = self._version(database)
            refuse_newer(version, self.name)
            if version < newest_version():
                self._upgrade(version, database)

    @contextmanager
    def _lent(self, connection: Any) -> Iterator[LentDatabase]:
        """The connection as a database of Peewee's."""
        database = self.database_type(connection, self.column_types)
        with database.connection_context():
            yield database

    def _require_unicode(self, connection: Any) -> None:
        (encoding,) = connection.execute("SHOW server_encoding").fetchone()
        if encoding != "UTF8":
            raise StorageError(f"{self.name}: its encoding is {encoding}; create the database with ENCODING 'UTF8'")

    def _version(self, database: LentDatabase) -> int:
        if not database.table_exists(HISTORY_TABLE):
            return 0
        (newest,) = database.execute_sql(f"SELECT max(name) FROM {HISTORY_TABLE}").fetchone()
        return int(newest[:4]) if newest else 0

    def _upgrade(self, version: int, database: LentDatabase) -> None:
        if self.upgrade == "never":
            refuse_older(version, self.name)
        with self._alone(database):
            version = self._version(database)  # somebody else may have done it meanwhile
            if not version and any(database.table_exists(each._meta.table_name) for each in self._tables()):
                raise ForeignDatabaseError(
                    f"{self.name}: it has tables of these names that are not ours; nothing changed"
                )
            if version < newest_version():
                migrate(database)

    @contextmanager
    def _alone(self, database: LentDatabase) -> Iterator[None]:
        """A transaction that nobody else upgrades the schema beside.

        At its level of isolation it sees what others have committed while it waited for the lock.
        """
        with database.atomic("READ COMMITTED"):
            database.execute_sql(f"SET LOCAL lock_timeout = {poolers.lock_timeout(self.busy_timeout)}")
            database.execute_sql("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
            yield

    def _tables(self) -> list[Any]:
        return self.statements.tables.all()

    # Connections and transactions

    def _begin_whole(self, block: Block, reading: Transaction | None) -> None:
        if self._writing.has_thread(threading.get_ident()):
            raise self._in_the_middle()  # of beginning or ending another one, which may hold locks in the database
        self._on_a_living_connection(block, super()._begin_whole, block, reading)

    def _read(self, fetch: Callable[[Any], T], sql: str, params: Sequence[object]) -> T:
        if self._transaction() is not None:
            return super()._read(fetch, sql, params)
        found: T = self._on_a_living_connection(None, super()._read, fetch, sql, params)
        return found

    def _on_a_living_connection(self, block: Block | None, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, done once more if the server had closed the connection or its tables have changed."""
        lost = self._connections.lost
        try:
            return work(*args)
        except StorageError as error:
            if block is not None:
                self.roll_back(block)
            if _has_outlived_its_tables(error):
                self._connections.close_idle()  # what they have prepared is for tables that have changed
            elif self._connections.lost == lost:
                raise
        return work(*args)

    def take_turn(self, session_id: str) -> None:
        self.turns.take(self._required(), session_id)

    def are_free(self, session_ids: Iterable[str]) -> bool:
        return self.turns.are_free(self._transaction(), session_ids)

    def _end(self, transaction: Transaction) -> None:
        try:
            super()._end(transaction)
        finally:
            self.turns.free(transaction)

    # Rows

    def fetch_one(self, statement: Statement, row: Row) -> tuple[Any, ...] | None:
        if any("\0" in value for value in row.values() if type(value) is str):
            return None  # there is no such text here
        return super().fetch_one(statement, row)

    def change_rows(self, statement: Statement, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        if self._required().loan.connection.is_busy():
            raise self._on_the_same_connection()
        kept = [tuple(keepable(dict(zip(columns, row, strict=True))).values()) for row in rows]
        return super().change_rows(statement, columns, kept) if kept else 0

    def change(self, statement: Statement, row: Row) -> int:
        if len(row) == 1 and any("\0" in value for value in row.values()):
            return 0
        return super().change(statement, keepable(row))


def _has_outlived_its_tables(error: StorageError) -> bool:
    driver = driver_error(error.__cause__ or error)
    return isinstance(driver, psycopg.Error) and has_outlived_its_tables(driver)


def _statements(storage: PostgresStorage) -> Statements:
    """The statements for the kind of database that `storage` is, built once."""
    kind = type(storage)
    if kind not in _built:
        _built[kind] = kind.statements_type(kind.database_type(None, kind.column_types))
    return _built[kind]


_built: dict[type[PostgresStorage], Statements] = {}
