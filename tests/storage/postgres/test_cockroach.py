"""What is special about CockroachDB, as far as it can be shown without a server: statements, and its error codes."""

from __future__ import annotations

import psycopg
import pytest
from playhouse.cockroachdb import CockroachDatabase

from paper_repo import BusyError, DiskFullError, PaperRepoError, ReadOnlyError, SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from paper_repo.storage.errors import TurnedBackError
from paper_repo.storage.postgres.cockroach import CockroachStorage
from paper_repo.storage.postgres.errors import by_sqlstate

# As its documentation and its own tests give them: the code, the message, and what it is here.
RECORDED = [
    ("40001", "restart transaction: TransactionRetryWithProtoRefreshError: WriteTooOldError", TurnedBackError),
    ("40001", "restart transaction: TransactionRetryError: retry txn (RETRY_SERIALIZABLE)", TurnedBackError),
    ("40003", "result is ambiguous: error=rpc error: code = Unavailable", StorageError),
    ("57P01", "server is shutting down", StorageError),
    ("57014", "query execution canceled due to statement timeout", StorageError),
    ("55P03", "canceling statement due to lock timeout on row", BusyError),
    ("53300", "sorry, too many clients already", BusyError),
    ("53100", "disk full", DiskFullError),
    ("25006", "cannot execute INSERT in a read-only transaction", ReadOnlyError),
    ("42501", "user app does not have INSERT privilege on relation paper_trading_sessions", ReadOnlyError),
    ("08006", "connection failure", StorageError),
]


@pytest.mark.parametrize(
    ("code", "message", "kind"), RECORDED, ids=[f"{code}-{text[:20]}" for code, text, _ in RECORDED]
)
def test_its_error_codes_mean_the_same(code: str, message: str, kind: type[PaperRepoError]) -> None:
    """Every recorded error is of our kind for it; of those that look alike only 40001 is repeated."""
    error = psycopg.OperationalError(message)
    error.sqlstate = code

    translated = by_sqlstate(error, "cockroachdb://here/sessions")

    assert type(translated) is kind
    assert message in str(translated)
    assert isinstance(translated, TurnedBackError) is (code == "40001")


@pytest.mark.parametrize("scheme", ["cockroachdb", "crdb"])
def test_its_addresses_lead_to_it(scheme: str) -> None:
    """Both of Peewee's names for it are taken."""
    repository = SessionRepository(f"{scheme}://root@localhost:26257/sessions")

    assert isinstance(internals_of(repository).storage, CockroachStorage)
    assert issubclass(internals_of(repository).storage.database_type, CockroachDatabase)
    assert repr(repository).startswith(f"SessionRepository('{scheme}://root@localhost:26257/sessions'")


def test_its_tables_have_its_types() -> None:
    """Exact decimals, times with zone, JSON, and text that sorts by its bytes without being told so."""
    tables = internals_of(SessionRepository("cockroachdb://root@localhost/sessions")).storage.statements.tables

    sql, _ = tables.sessions._schema._create_table().query()

    assert '"cash" DECIMAL NOT NULL' in sql
    assert '"created_at" TIMESTAMPTZ NOT NULL' in sql
    assert '"version" INT8 NOT NULL' in sql
    assert '"state" JSONB NOT NULL' in sql
    assert "COLLATE" not in sql
    assert "ROWID" not in sql


def test_its_statements_are_postgresqls() -> None:
    """A save inserts where nothing is there, and updates where the version is the expected one."""
    statements = internals_of(SessionRepository("cockroachdb://root@localhost/sessions")).storage.statements

    assert 'ON CONFLICT ("id") DO NOTHING' in statements.insert_session.sql
    assert '"version" = %s' in statements.update_session.sql.partition("WHERE")[2]
