"""What `check` reports, and how a session is compared with its own books and history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.history import Booked
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


def check_books(report: CheckReport, session: PaperTradingSession, history: Iterable[Booked]) -> None:
    """Rebuild a session's books from its history, and compare them; not those of a program with its own accounts.

    A session whose history does not begin at its first fill cannot be rebuilt.
    """
    if session.keeps_own_accounts:
        for _ in history:
            pass  # reading it is a check too
        return
    counted, total = Counted(history), session.fill_count
    try:
        found = differences(session, replay(session, counted))
    except InvalidSessionError as error:
        found = [str(error)]
    if counted.fills == total:
        for difference in found:
            report.remark(f"its history does not explain its books: {difference}", session.id)


class Counted:
    """A history that counts its fills while it is read."""

    def __init__(self, history: Iterable[Booked]) -> None:
        self._history = history
        self.fills = 0

    def __iter__(self) -> Iterator[Booked]:
        for each in self._history:
            self.fills += isinstance(each, Fill)
            yield each


def check_history(
    report: CheckReport,
    session: PaperTradingSession,
    fills: Iterable[tuple[int, Fill]],
    points: Iterable[EquityPoint],
) -> None:
    """Compare a session with its history, which cannot be read unless it ends where the session's count says."""
    first, fees, is_plain = 0, Decimal(0), not session.ledger_count  # else the fees are told by other ways too
    for place, fill in _counted(report, fills):
        first = first or place
        is_plain = is_plain and not (fill.fee_currency or fill.fee_rate or fill.corrected_at)
        fees = EXACT.add(fees, fill.fee)
    for _ in points:
        report.equity_points += 1
    if first > 1:
        report.remark(f"its history begins after fill {first - 1}", session.id)
    elif session.fill_count and not first:
        report.remark(f"it counts {session.fill_count} fills, and none of them is stored", session.id)
    elif is_plain and fees != session.fees_paid:
        report.remark(f"its fees are {session.fees_paid}, but those of its fills add up to {fees}", session.id)


def _counted(report: CheckReport, fills: Iterable[tuple[int, Fill]]) -> Iterator[tuple[int, Fill]]:
    for fill in fills:
        report.fills += 1
        yield fill
