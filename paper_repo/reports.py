"""What `check` reports, and how a session is compared with its own books and history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce

from paper_repo.domain import Fill, LedgerEntry, PaperTradingSession
from paper_repo.domain.history import Booked, booking_order
from paper_repo.domain.replay import differences, replay
from paper_repo.domain.selection import SessionSummary
from paper_repo.domain.values import EXACT
from paper_repo.errors import InvalidSessionError


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of `check`; `session_id` is None if it concerns the whole database."""

    session_id: str | None
    message: str

    def __str__(self) -> str:
        named = self.session_id is None or f"session {self.session_id!r}" in self.message
        return self.message if named else f"session {self.session_id!r}: {self.message}"


@dataclass(slots=True)
class CheckReport:
    """How much `check` has read, and what it found.

    `problems` are damage: something stored cannot be read, or contradicts itself. `remarks` are books that do not
    balance, which is an error unless the program keeps its own accounts.
    """

    sessions: int = 0
    fills: int = 0
    equity_points: int = 0
    problems: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def problem(self, message: str, session_id: str | None = None) -> None:
        """Add a problem."""
        self.problems.append(Finding(session_id, message))

    def remark(self, message: str, session_id: str | None = None) -> None:
        """Add a remark."""
        self.remarks.append(Finding(session_id, message))


def check_session(report: CheckReport, session: PaperTradingSession, summary: SessionSummary) -> None:
    """Compare a session with its own books, and with its summary in lists."""
    report.sessions += 1
    if summary != SessionSummary.of(session):
        report.problem("lists show different figures from the session", session.id)
    books = reduce(EXACT.add, (session.initial_cash, session.opening_worth, session.net_deposits, session.net_pnl))
    if session.equity != books:
        report.remark(
            f"its equity is {session.equity}, but what was put in, P&L and fees add up to {books}; "
            "this is correct only if the program keeps its own accounts",
            session.id,
        )


def check_history(
    report: CheckReport,
    session: PaperTradingSession,
    fills: Iterable[tuple[int, Fill]],
    entries: Iterable[tuple[int, LedgerEntry]],
    points: Iterable[object],
) -> None:
    """Compare a session with its history, which cannot be read unless it ends where the session's count says.

    The books are rebuilt from it and compared, unless the program keeps its own accounts, or the history does not begin
    at the first fill.
    """
    seen = _Fills(report, fills)
    found = _unexplained(session, booking_order(seen, entries))
    for _ in points:
        report.equity_points += 1
    if seen.first > 1:
        report.remark(f"its history begins after fill {seen.first - 1}", session.id)
    elif session.fill_count and not seen.first:
        report.remark(f"it counts {session.fill_count} fills, and none of them is stored", session.id)
    else:
        if seen.are_plain and not session.ledger_count and seen.fees != session.fees_paid:
            fees = f"its fees are {session.fees_paid}, but those of its fills add up to {seen.fees}"
            report.remark(fees, session.id)
        for difference in found:
            report.remark(f"its history does not explain its books: {difference}", session.id)


def _unexplained(session: PaperTradingSession, history: Iterator[Booked]) -> list[str]:
    """What of the session's books its history does not explain; all of the history is read in any case."""
    found: list[str] = []
    if not session.keeps_own_accounts:
        try:
            found = differences(session, replay(session, history))
        except InvalidSessionError as error:
            found = [str(error)]
    for _ in history:
        pass  # reading it is a check too
    return found


class _Fills:
    """The fills of a history, and what is noticed of them while they are read."""

    def __init__(self, report: CheckReport, fills: Iterable[tuple[int, Fill]]) -> None:
        self._report = report
        self._fills = fills
        self.first: int = 0
        """The place of the first one; 0 where there is none."""
        self.fees: Decimal = Decimal(0)
        self.are_plain: bool = True
        """Whether the sum of their fees is what the session has paid for them."""

    def __iter__(self) -> Iterator[Fill]:
        for place, fill in self._fills:
            self._report.fills += 1
            self.first = self.first or place
            self.fees = EXACT.add(self.fees, fill.fee)
            self.are_plain = self.are_plain and not (fill.fee_currency or fill.fee_rate or fill.corrected_at)
            yield fill
