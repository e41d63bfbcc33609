"""Numbering changes, and looking for them, where several transactions write at the same time.

A number that is taken first may be committed last: who looks in between must not pass over it. A change is therefore
reported only when every transaction that was older has ended, which PostgreSQL can tell
(https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT). A transaction takes its place
among them before it takes a number.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from peewee import SQL, Select, Value, fn

from paper_repo.storage.errors import TurnedBackError
from paper_repo.storage.feed import ChangeFeed
from paper_repo.storage.placeholders import value
from paper_repo.storage.statements import Statement, Statements

_NUMBER = SQL("CASE WHEN pg_current_xact_id() IS NOT NULL THEN nextval('paper_trading_changes') END")

_SETTLED = SQL("age(xmin) > age((pg_snapshot_xmin(pg_current_snapshot())::text::bigint & 4294967295)::text::xid)")
"""No transaction is open that may have taken a number before this row's."""


class PostgresStatements(Statements):
    """The statements for PostgreSQL."""

    @cached_property
    def newest_change(self) -> Statement:
        sessions, deletions = self.tables.sessions, self.tables.deletions
        newest = [each.select(fn.MAX(each.change_number)).where(_SETTLED) for each in (sessions, deletions)]
        return Statement(Select(columns=[fn.COALESCE(fn.GREATEST(*newest), SQL("0"))]))

    @cached_property
    def select_changes(self) -> Statement:
        sessions, deletions, after = self.tables.sessions, self.tables.deletions, value("after")
        saved = sessions.select(sessions.id, sessions.version, SQL("0"), sessions.change_number)
        deleted = deletions.select(deletions.session_id, deletions.version, SQL("1"), deletions.change_number)
        both = saved.where(sessions.change_number > after, _SETTLED) + deleted.where(
            deletions.change_number > after, _SETTLED
        )
        return Statement(both.order_by(SQL("4")).limit(value("limit")))

    def doomed(self) -> Any:
        sessions = self.tables.sessions
        return sessions.select(_NUMBER, sessions.id, sessions.version)

    def _next_change(self, *others: Value) -> Any:
        return _NUMBER


class PostgresFeed(ChangeFeed):
    """Looks for changes in a PostgreSQL database, over a new connection when the server has closed the one it had."""

    def _fetch(self, statement: Any, row: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self._using, self._translated:
            if not self._database.is_closed():
                connection = self._database.connection()
                if connection.closed or connection.is_lost():
                    self._database.close()
        try:
            return super()._fetch(statement, row)
        except TurnedBackError:  # what was prepared on this connection is for tables that have changed since
            with self._using, self._translated:
                self._database.close()
        return super()._fetch(statement, row)
