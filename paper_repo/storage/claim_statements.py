"""The rows of claims: which worker has a session, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from peewee import EXCLUDED, JOIN, SQL, NodeList

from paper_repo.domain.claims import check_claim
from paper_repo.storage.placeholders import value
from paper_repo.storage.statements import Statement, Statements
from paper_repo.storage.tables import Row


class ClaimStatements:
    """The statements about claims for one kind of database; here by the clock of this machine."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._sessions, self._claims = statements.tables.sessions, statements.tables.claims

    @cached_property
    def take(self) -> Statement:
        """Gives a session to `owner`, unless somebody else has it and has not let the time run out."""
        claims = self._claims
        values = {claims.session: value("id"), claims.owner: value("owner"), claims.expires_at: self._until}
        return Statement(
            claims.insert(values).on_conflict(
                conflict_target=[claims.session],
                update={claims.owner: EXCLUDED.owner, claims.expires_at: EXCLUDED.expires_at},
                where=(claims.owner == value("owner")) | (claims.expires_at <= self._now),
            )
        )

    @cached_property
    def fence(self) -> Statement:
        """Makes a session newer than whatever anybody has of it, so that what they save of it is refused."""
        sessions = self._sessions
        values = {
            sessions.version: sessions.version + SQL("1"),
            sessions.generation: value("generation"),
            sessions.change_number: self._statements._next_change(),
        }
        return Statement(sessions.update(values).where(sessions.id == value("id")))

    @cached_property
    def seal(self) -> Statement:
        """Gives the row of a session its checksums."""
        sessions = self._sessions
        values = {each: value(each.column_name) for each in (sessions.summary_checksum, sessions.checksum)}
        return Statement(sessions.update(values).where(sessions.id == value("id")))

    @cached_property
    def renew(self) -> Statement:
        claims = self._claims
        query = claims.update({claims.expires_at: self._until})
        return Statement(query.where(claims.session == value("id"), claims.owner == value("owner")))

    @cached_property
    def release(self) -> Statement:
        claims = self._claims
        return Statement(claims.delete().where(claims.session == value("id"), claims.owner == value("owner")))

    @cached_property
    def select_owner(self) -> Statement:
        claims = self._claims
        return Statement(claims.select(claims.owner).where(claims.session == value("id")))

    @cached_property
    def select_unclaimed(self) -> Statement:
        """The ids of the first RUNNING sessions that nobody has."""
        sessions, claims = self._sessions, self._claims
        query = sessions.select(sessions.id).join(claims, JOIN.LEFT_OUTER, on=(claims.session == sessions.id))
        free = claims.session.is_null() | (claims.expires_at <= self._now)
        query = query.where(sessions.status == "RUNNING", free).order_by(sessions.created_at, sessions.id)
        return Statement(self._skipping_locked(query.limit(value("limit"))))

    @property
    def _now(self) -> Any:
        return value("now")

    @property
    def _until(self) -> Any:
        return value("until")

    def _skipping_locked(self, query: Any) -> Any:
        """`query`, without what others are about to claim; where one transaction writes at a time nobody is."""
        return query


class ServerClaimStatements(ClaimStatements):
    """The same by the server's clock, which all machines share."""

    @property
    def _now(self) -> Any:
        return SQL("clock_timestamp()")

    @property
    def _until(self) -> Any:
        return NodeList((SQL("clock_timestamp() +"), value("ttl"), SQL("* interval '1 second'")))

    def _skipping_locked(self, query: Any) -> Any:
        return query.for_update("FOR UPDATE", of=self._sessions, skip_locked=True)


def claim_row(owner: str, ttl: float, session_id: str = "", limit: int | None = None) -> Row:
    """The values that the statements take.

    Raises:
        ValueError: one of them makes no sense.
    """
    check_claim(owner, ttl, limit)
    now = datetime.now(UTC)
    times = {"now": _text(now), "until": _text(now + timedelta(seconds=ttl)), "ttl": float(ttl)}
    limit = 2**53 if limit is None else limit
    return {"id": session_id, "owner": owner, "limit": limit, **times}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
