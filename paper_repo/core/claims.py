"""Claims: of many workers, on any number of machines, one has a session at a time.

A claim makes the stored session newer by one version. Whoever had it before, and was stopped or cut off until its time
had run out, still has the version of then: what it saves is refused by the check that every save makes anyway, so that
claims cost a save nothing ("fencing", https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from paper_repo.core.saves import new_generation
from paper_repo.core.tracking import Tracking
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.claims import check_claim
from paper_repo.errors import ClaimLostError, ConflictError, SessionNotFoundError
from paper_repo.storage.base import Storage
from paper_repo.storage.claim_statements import claim_row

if TYPE_CHECKING:
    from paper_repo.core.records import Records

T = TypeVar("T")


class InTransaction(Protocol):
    """Does a piece of work whole or not at all."""

    def __call__(self, work: Callable[..., T], *args: Any) -> T: ...


class Claims:
    """The claims on the sessions in one database.

    Args:
        storage: the rows.
        records: the sessions in them.
        in_transaction: makes a change in a transaction of its own, or in a part of the one that is open.
        inside: makes one of the changes that another makes up, so that it can be taken back by itself.
    """

    def __init__(
        self, storage: Storage, records: Records, in_transaction: InTransaction, inside: InTransaction
    ) -> None:
        self._storage = storage
        self._records = records
        self._in_transaction = in_transaction
        self._inside = inside

    def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        """The session, for this worker; None when somebody else has it."""
        check_claim(owner, ttl)
        try:
            return self._in_transaction(self._claim, session_id, owner, ttl)
        except _Taken:
            return None

    def renew(self, session_id: str, owner: str, ttl: float) -> None:
        """Keep a claim for longer."""
        check_claim(owner, ttl)
        if not self._in_transaction(self._renew, session_id, owner, ttl):
            raise ClaimLostError(session_id, owner, _owner(self._storage, session_id))

    def release(self, session_id: str, owner: str) -> bool:
        """Give a claim back; whether there was one."""
        row = claim_row(owner, 1, session_id)
        return bool(self._in_transaction(self._storage.change, self._storage.claims.release, row))

    def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        """The RUNNING sessions that nobody had, for this worker."""
        check_claim(owner, ttl, limit)
        return self._in_transaction(self._claim_active, owner, ttl, limit)

    # The time is taken inside of the transaction: a claim that had to wait for the lock would else be over already.

    def _renew(self, session_id: str, owner: str, ttl: float) -> int:
        return self._storage.change(self._storage.claims.renew, claim_row(owner, ttl, session_id))

    def _claim_active(self, owner: str, ttl: float, limit: int | None) -> list[PaperTradingSession]:
        claimed, row = [], claim_row(owner, ttl, limit=limit)
        for (session_id,) in self._storage.fetch_rows(self._storage.claims.select_unclaimed, row):
            try:
                claimed.append(self._inside(self._claim, session_id, owner, ttl))
            except (_Taken, SessionNotFoundError):
                continue  # somebody else was faster
        return claimed

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession:
        self._storage.take_turn(session_id)
        row = claim_row(owner, ttl, session_id)
        if self._storage.keeps_text:
            self._records.get(session_id)  # a damaged row must not get a checksum that fits it
        if not self._storage.change(self._storage.claims.fence, row | {"generation": new_generation()}):
            raise SessionNotFoundError(session_id)
        if not self._storage.change(self._storage.claims.take, row):
            raise _Taken
        self._seal_again(session_id)
        session = self._records.get(session_id)
        assert session is not None
        Tracking.of(session).worker = owner
        return session

    def _seal_again(self, session_id: str) -> None:
        """Give the row of a session that has another version now the checksums of that."""
        statements = self._storage.statements
        found = self._storage.fetch_one(statements.select_session, {"id": session_id})
        stored = dict(zip(statements.session_columns, found or (), strict=True))
        self._records.seal(stored)
        self._storage.change(self._storage.claims.seal, stored)


def conflict(storage: Storage, session: PaperTradingSession, expected: int, actual: int | None) -> ConflictError:
    """The error of a save that was refused: the loss of the claim, if that is the reason."""
    worker = Tracking.of(session).worker
    if worker is not None and actual is not None:
        owner = _owner(storage, session.id)
        if owner != worker:
            return ClaimLostError(session.id, worker, owner, expected, actual)
    return ConflictError(session.id, expected, actual)


def _owner(storage: Storage, session_id: str) -> str | None:
    found = storage.fetch_one(storage.claims.select_owner, {"id": session_id})
    return None if found is None else str(found[0])


class _Taken(Exception):  # noqa: N818
    """Somebody else has the session; what was begun is rolled back."""
