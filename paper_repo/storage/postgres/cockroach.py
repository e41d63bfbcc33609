"""CockroachDB: what is different there from PostgreSQL, whose protocol it speaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from playhouse.cockroachdb import CockroachDatabase

from paper_repo.storage.postgres.connections import LentDatabase
from paper_repo.storage.postgres.storage import PostgresStorage
from paper_repo.storage.tables import COCKROACH_COLUMN_TYPES


class LentCockroachDatabase(LentDatabase, CockroachDatabase):  # type: ignore[misc]
    """One of our connections as a database of Peewee's."""


class CockroachStorage(PostgresStorage):
    """The rows of one CockroachDB database; the address is as PostgreSQL's, beginning with "cockroachdb://".

    A transaction that must be done again has error code 40001 as on PostgreSQL, and is treated alike
    (https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference); one whose outcome is unknown has
    40003, and is not repeated.
    """

    database_type: ClassVar[type[LentDatabase]] = LentCockroachDatabase
    column_types = COCKROACH_COLUMN_TYPES
    pipelines_are_transactions = False  # as far as is documented

    @contextmanager
    def _alone(self, database: LentDatabase) -> Iterator[None]:
        """It has no advisory locks. Its transactions are serializable: of two that create the same, one is refused."""
        with database.atomic():
            yield
