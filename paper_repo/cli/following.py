"""The sessions that a watch follows: what runs, and what has changed since it was opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from paper_repo.cli.database import short_id
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import Fill, SessionStatus
from paper_repo.domain.changes import SessionChange
from paper_repo.domain.selection import Selection, SessionFilters, SessionSummary
from paper_repo.domain.values import EXACT

AT_WORK = (SessionStatus.RUNNING, SessionStatus.PAUSED)


class Sorting(StrEnum):
    """What the rows of a watch are sorted by."""

    NAME = "name"
    EQUITY = "equity"
    NET_PNL = "net_pnl"
    SINCE_OPENED = "since_opened"
    LAST_FILL = "last_fill"
    SAVED = "saved"


@dataclass(frozen=True, slots=True)
class Followed:
    """One session: as it is now, what its net P&L was when the watch was opened, and its last fill."""

    summary: SessionSummary
    short_id: str
    began_with: Decimal
    last_fill: Fill | None

    @property
    def since_opened(self) -> Decimal:
        """What it has gained since the watch was opened."""
        return EXACT.subtract(self.summary.net_pnl, self.began_with)


class Following:
    """The sessions that are followed, by their ids.

    Args:
        repository: where they are.
        chosen: which ones. Without a status, those that run or are paused, and then whatever changes, so that the end
            of a session is seen too.
    """

    def __init__(self, repository: SessionRepository, chosen: SessionFilters) -> None:
        self._repository = repository
        self._chosen = Selection.of(**chosen)
        self.opened_at: datetime = datetime.now(UTC)
        self.rows: dict[str, Followed] = {}
        with repository.reading():
            for each in repository.get_summaries(**{"status": AT_WORK, **_without_none(chosen)}):
                self.rows[each.id] = self._followed(each, each.net_pnl)

    def take(self, change: SessionChange) -> Followed | None:
        """Read a session that was saved; None where it is not followed, or not any more."""
        with self._repository.reading():
            session = None if change.deleted else self._repository.get_by_id(change.session_id)
            if session is None or not self._chosen.matches(session):
                self.rows.pop(change.session_id, None)
                return None
            summary = SessionSummary.of(session)
            before = self.rows.get(session.id)
            row = self._followed(summary, self._beginning(summary, before), before)
        self.rows[session.id] = row
        return row

    def sorted(self, by: Sorting, reverse: bool) -> list[Followed]:
        """The rows, the largest or latest first, names from A to Z; or the other way round."""
        rows = sorted(self.rows.values(), key=lambda each: each.summary.id)
        return sorted(rows, key=_KEYS[by], reverse=(by is not Sorting.NAME) is not reverse)

    def _beginning(self, summary: SessionSummary, before: Followed | None) -> Decimal:
        if before is not None:
            return before.began_with
        return Decimal(0) if summary.created_at >= self.opened_at else summary.net_pnl

    def _followed(self, summary: SessionSummary, began_with: Decimal, before: Followed | None = None) -> Followed:
        if before is not None and before.summary.fill_count == summary.fill_count:
            return Followed(summary, before.short_id, began_with, before.last_fill)
        last = summary.fill_count - 1
        fills = self._repository.get_fills(summary.id, after=last, limit=1) if last >= 0 else []
        shown = before.short_id if before is not None else short_id(self._repository, summary.id)
        return Followed(summary, shown, began_with, fills[-1] if fills else None)


def counts_of(rows: Collection[Followed]) -> str:
    """How many sessions have which status."""
    numbers = {each: sum(row.summary.status is each for row in rows) for each in SessionStatus}
    return ", ".join(f"{number:,} {status}" for status, number in numbers.items() if number)


def gain_of(rows: Iterable[Followed]) -> tuple[Decimal, str] | None:
    """What all of them have gained together since the watch was opened, where all have one currency."""
    gains = [(each.since_opened, each.summary.base_currency) for each in rows]
    if len({currency for _, currency in gains}) != 1:
        return None
    total = Decimal(0)
    for gain, _ in gains:
        total = EXACT.add(total, gain)
    return total, gains[0][1]


def _without_none(chosen: SessionFilters) -> Any:
    return {name: value for name, value in chosen.items() if value is not None}


_NEVER = datetime.min.replace(tzinfo=UTC)

_KEYS: dict[Sorting, Callable[[Followed], Any]] = {
    Sorting.NAME: lambda row: row.summary.name.casefold(),
    Sorting.EQUITY: lambda row: row.summary.equity,
    Sorting.NET_PNL: lambda row: row.summary.net_pnl,
    Sorting.SINCE_OPENED: lambda row: row.since_opened,
    Sorting.LAST_FILL: lambda row: _NEVER if row.last_fill is None else row.last_fill.executed_at,
    Sorting.SAVED: lambda row: row.summary.updated_at or _NEVER,
}
