"""Transactions on a server in as few round trips as can be.

What is sent at once, in a pipeline, costs one round trip. A save's BEGIN goes out with its first statements. Where
these are all of its transaction, it needs neither BEGIN nor COMMIT: the server does what comes up to the end of a
pipeline whole, or not at all (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import psycopg
from psycopg.pq import TransactionStatus

from paper_repo.errors import PaperRepoError, StorageError
from paper_repo.storage.base import Storage
from paper_repo.storage.errors import TurnedBackError, driver_error
from paper_repo.storage.postgres import poolers
from paper_repo.storage.postgres.appending import as_one
from paper_repo.storage.postgres.errors import is_refusal, unknown_outcome
from paper_repo.storage.postgres.values import keepable
from paper_repo.storage.statements import Statement
from paper_repo.storage.tables import Row
from paper_repo.storage.transactions import Transaction

_HAS_PIPELINES = hasattr(psycopg, "Pipeline") and psycopg.Pipeline.is_supported()
"""Whether statements can be sent one behind the other without waiting for their answers; an old libpq cannot."""

_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR, TransactionStatus.ACTIVE)

_FRESH = 10.0
"""For how many seconds a connection that has answered is trusted to be alive still.

On another one a BEGIN goes out by itself: when that gets no answer it is simply sent over a new connection.
"""

_Ready = list[tuple[str, Sequence[object]]]
"""Statements with their values."""


class FewRoundTrips(Storage):
    """The transactions of one PostgreSQL database."""

    sends_together = True
    pipelines_are_transactions: ClassVar[bool] = True
    """Whether all statements up to the end of a pipeline are done whole or not at all."""

    def _is_alive(self, connection: Any) -> bool:
        return connection.pgconn.transaction_status in _OPEN

    # Beginning

    def _begin_transaction(self, transaction: Transaction, late: bool) -> None:
        connection = transaction.loan.connection
        if connection.borrowed:
            self._run_in(transaction, poolers.begin(self.durability, self.busy_timeout))
        elif late and time.monotonic() - connection.heard < _FRESH:
            transaction.has_begun = False
        else:
            super()._begin_transaction(transaction, late)

    def _require_alive(self, transaction: Transaction) -> None:
        if transaction.has_begun or transaction.loan.connection.closed:
            super()._require_alive(transaction)

    def _is_open(self, transaction: Transaction) -> bool:
        if transaction.has_begun:
            return super()._is_open(transaction)
        return self._connections.is_lent(transaction.loan) and not transaction.loan.connection.closed

    def _run_in(self, transaction: Transaction, sql: str, params: Sequence[object] = ()) -> Any:
        connection = transaction.loan.connection
        if connection.is_busy():
            raise self._on_the_same_connection()
        if not transaction.has_begun:
            transaction.has_begun = True
            try:
                super()._run_in(transaction, self.BEGIN)
            except StorageError as error:
                raise self._not_begun(transaction, error) from error
        return super()._run_in(transaction, sql, params)

    def _not_begun(self, transaction: Transaction, error: StorageError) -> StorageError:
        """What `error` is of the statements that a BEGIN went out with: nothing of them is stored without a COMMIT."""
        connection = transaction.loan.connection
        if not connection.closed or connection.fell_silent:
            return error
        return TurnedBackError(f"{self.name}: the server has closed the connection; repeat the call (it says: {error})")

    # Changing

    def change_many(self, changes: Sequence[tuple[Statement, Row]]) -> list[int]:
        transaction = self._required()
        self._require_alive(transaction)
        # Made before anything is sent: a row may be refused.
        ready = [(statement.sql, statement.values(keepable(row))) for statement, row in changes]
        return self._in_begun(transaction, ready)

    def append_together(
        self,
        changes: Sequence[Sequence[tuple[Statement, Row]]],
        is_all: bool = False,
        is_stored: Callable[[], bool] | None = None,
    ) -> list[int]:
        transaction = self._required()
        self._require_alive(transaction)
        ready = [as_one(each) for each in changes]
        at_once = len(ready) == 1 or (_HAS_PIPELINES and self.pipelines_are_transactions)
        if transaction.has_begun or not is_all or not at_once:
            return self._in_begun(transaction, ready)
        transaction.has_begun, transaction.needs_commit, transaction.is_stored = True, False, is_stored
        transaction.is_committing = True
        try:
            counts: list[int] = self._committed(transaction, lambda: self._send(transaction, ready))
        except PaperRepoError as error:
            transaction.is_committing, transaction.is_stored = False, None
            if _is_refused(error):  # then another attempt may follow
                transaction.has_begun, transaction.needs_commit = False, True
            raise
        transaction.is_committing, transaction.is_stored = any(counts), None
        return counts

    def _in_begun(self, transaction: Transaction, ready: _Ready) -> list[int]:
        """Run these in the transaction, and begin it with them where that was not done yet."""
        if not _HAS_PIPELINES or len(ready) + (not transaction.has_begun) < 2:
            return [self._run_in(transaction, *each).rowcount for each in ready]
        if transaction.has_begun:
            return self._send(transaction, ready)
        transaction.has_begun = True
        try:
            return self._send(transaction, [(self.BEGIN, ()), *ready])[1:]
        except StorageError as error:
            raise self._not_begun(transaction, error) from error

    def _send(self, transaction: Transaction, ready: _Ready) -> list[int]:
        """Run these in one round trip, and say how many rows each changed."""
        connection = transaction.loan.connection
        if len(ready) == 1:
            return [self._run_in(transaction, *ready[0]).rowcount]
        if connection.is_busy():
            raise self._on_the_same_connection()
        run = super()._run_in
        try:
            connection.is_pipelining = True
            with self._translated, connection.pipeline():
                try:
                    cursors = [run(transaction, *each) for each in ready]
                except BaseException as error:
                    if not transaction.needs_commit and not _is_refused(error):
                        connection.close()  # the end of the pipeline would commit what was sent until now
                    raise
        except Exception:
            raise
        except BaseException:  # a signal handler's, which may have left the pipeline in any state
            connection.close()
            raise
        finally:
            connection.is_pipelining = False
        return [cursor.rowcount for cursor in cursors]

    # Ending

    def _commit_transaction(self, transaction: Transaction) -> None:
        if transaction.needs_commit and transaction.has_begun:
            done = self._committed(transaction, lambda: self._run_in(transaction, "COMMIT").statusmessage)
            if done != "COMMIT":  # the server answers to a COMMIT after an error with a rollback, and calls it no error
                raise StorageError(
                    f"{self.name}: an earlier error in this transaction has ended it; nothing of it is stored"
                )

    def _committed(self, transaction: Transaction, send: Callable[[], Any]) -> Any:
        """What `send` returns, which sends something that commits the transaction."""
        connection = transaction.loan.connection
        connection.warned = ""
        was_closed = connection.closed
        try:
            done = send()
        except StorageError as error:
            if was_closed or _is_refused(error):
                raise
            raise unknown_outcome(self.name, driver_error(error.__cause__ or error)) from error
        if connection.warned:  # the wait for a synchronous standby was broken off
            raise StorageError(
                f"{self.name}: it is stored on this server, but may be lost if that fails: {connection.warned}"
            )
        return done

    def _is_committed(self, transaction: Transaction) -> bool:
        connection = transaction.loan.connection
        if transaction.is_committing and transaction.is_stored is not None:
            transaction.is_committing = self._asked(transaction, transaction.is_stored)
            transaction.is_stored = None
        elif transaction.is_committing and connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            transaction.is_committing = connection.has_committed()  # whatever the server has made of it
        return super()._is_committed(transaction)

    def _asked(self, transaction: Transaction, is_stored: Callable[[], bool]) -> bool:
        """Whether what was sent is stored, from whose answer an exception has kept this thread."""
        connection = transaction.loan.connection
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            connection.late_answers()
        try:
            return not connection.closed and is_stored()
        except StorageError:  # nobody knows
            return False

    def _roll_back_whole(self, transaction: Transaction) -> None:
        try:
            super()._roll_back_whole(transaction)
        except StorageError:  # an exception of a signal handler's has left a statement half-way
            transaction.loan.connection.close()


def _is_refused(error: BaseException) -> bool:
    """Whether the server has refused a statement, and so takes back what came before it."""
    return is_refusal(driver_error(error.__cause__ or error))
