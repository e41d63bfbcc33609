"""Claims: of many workers, on any number of machines, one has a session at a time.

A claim makes the stored session newer by one version. Whoever had it before, and was stopped or cut off until its time
had run out, still has the version of then: what it saves is refused by the check that every save makes anyway, so that
claims cost a save nothing ("fencing", https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

from __future__ import annotations

from typing import Any

from paper_repo.core.saves import Tracking
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.claims import check_claim
from paper_repo.errors import ClaimLostError, ConflictError, SessionNotFoundError
from paper_repo.storage.base import Storage
from paper_repo.storage.claim_statements import claim_row


class Claiming:
    """The part of `SessionRepository` that is about claims."""

    _storage: Storage
    _alone: Any
    _inside: Any
    _records: Any
    get_by_id: Any

    def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        """Claim a session for one of several workers: the session as a new object; None if another worker has it.

        No other worker gets it until `ttl` seconds have passed without `renew`, by the clock of the server, or of this
        machine for a file. A claim raises the session's version by one, so that objects loaded earlier can no longer be
        saved; a worker whose claim was lost gets `ClaimLostError` from `save`. Saving needs no claim. While the claim
        lasts, use the object that `claim` returned.

        Args:
            session_id: the session.
            owner: the worker, as text that is different for every worker and for every start of it.
            ttl: how long the claim lasts, in seconds.

        Raises:
            SessionNotFoundError: there is no such session.
            ValueError: `owner` is empty, or `ttl` is not a positive number.
        """
        check_claim(owner, ttl)
        try:
            session: PaperTradingSession = self._alone(self._claim, session_id, owner, ttl)
        except _Taken:
            return None
        return session

    def renew(self, session_id: str, owner: str, ttl: float) -> None:
        """Extend a claim to `ttl` seconds from now. This works until another worker has taken the session.

        Args:
            session_id: the session.
            owner: the worker that has the claim.
            ttl: how long the claim lasts from now, in seconds.

        Raises:
            ClaimLostError: another worker has the session, or the claim was released.
        """
        check_claim(owner, ttl)
        if not self._alone(self._renew, session_id, owner, ttl):
            raise ClaimLostError(session_id, owner, _owner(self._storage, session_id))

    def release(self, session_id: str, owner: str) -> bool:
        """Give a claim back, so that another worker can take the session at once. True if `owner` had it."""
        return bool(self._alone(self._storage.change, self._storage.claims.release, claim_row(owner, 1, session_id)))

    def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        """Claim the RUNNING sessions that no worker has, oldest first: the ones that this worker is to resume.

        Several workers may call this at once, and none waits for another. Each session goes to one of them.

        Args:
            owner: the worker, as for `claim`.
            ttl: how long the claims last, in seconds.
            limit: the maximum number of sessions; None for all.
        """
        check_claim(owner, ttl, limit)
        found: list[PaperTradingSession] = self._alone(self._claim_active, owner, ttl, limit)
        return found

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
            self.get_by_id(session_id)  # a damaged row must not get a checksum that fits it
        if not self._storage.change(self._storage.claims.fence, row):
            raise SessionNotFoundError(session_id)
        if not self._storage.change(self._storage.claims.take, row):
            raise _Taken
        self._seal_again(session_id)
        session: PaperTradingSession = self.get_by_id(session_id)
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
