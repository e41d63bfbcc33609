"""`ComparisonTable`: several sessions side by side, by their figures and by what the others traded unlike the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from PySide6.QtWidgets import QWidget

from paper_repo.desktop import texts
from paper_repo.desktop.equity_chart import MOST_CURVES
from paper_repo.desktop.language import tr
from paper_repo.desktop.lazy_rows import Column
from paper_repo.desktop.live import LiveRepository
from paper_repo.desktop.session_parts import SessionPartTable, number_column
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.comparison import Comparison, compare
from paper_repo.domain.performance import Performance
from paper_repo.errors import SessionNotFoundError

MOST_FILLS = 20_000
"""Up to this many fills of the two sessions together, their fills are compared one by one."""


@dataclass(frozen=True)
class _Compared:
    """One session; `comparison` is None for the first one, and where there are too many fills."""

    session: PaperTradingSession
    figures: Performance
    comparison: Comparison | None


class ComparisonTable(SessionPartTable):
    """Several sessions, a row each: their figures, and how the fills of each differ from those of the first one.

    - `shown()`: the table shows what is stored.

    Args:
        live: where the sessions are.
        parent: the widget that this one belongs to.
    """

    name = "comparison"

    def __init__(self, live: LiveRepository, parent: QWidget | None = None) -> None:
        super().__init__(live, parent)
        self.view.setToolTip(
            tr("Fills are compared with those of the first session: same symbol and side, five minutes apart at most.")
        )

    def title(self) -> str:
        """Comparison."""
        return tr("Comparison")

    def nothing(self) -> str:
        """What to do."""
        return tr("Select several sessions to compare them")

    def show_sessions(self, session_ids: Sequence[str]) -> None:
        """Compare these sessions, the first eight of them, and follow their changes."""
        self.follower.follow_all(session_ids[:MOST_CURVES])

    def columns(self) -> Sequence[Column]:
        """Name, the figures of the performance, and what was missed, traded besides and paid more."""

        def figure(name: str) -> Callable[[_Compared], Any]:
            return lambda row: getattr(row.figures, name)

        def unlike(count: Callable[[Comparison], Any]) -> Callable[[_Compared], Any]:
            return lambda row: None if row.comparison is None else count(row.comparison)

        pnl, gained, fallen = figure("net_pnl"), figure("total_return"), figure("max_drawdown")
        return [
            Column("name", tr("Name"), _name, None, False, 20, order=_name),
            number_column("pnl", tr("Net P&L"), pnl, texts.gain, 12, sign=pnl),
            number_column("return", tr("Total return"), gained, texts.percent, 9, sign=gained),
            number_column("drawdown", tr("Max drawdown"), fallen, texts.percent, 9, sign=fallen),
            number_column("sharpe", tr("Sharpe ratio"), figure("sharpe_ratio"), texts.ratio, 6),
            number_column("sortino", tr("Sortino ratio"), figure("sortino_ratio"), texts.ratio, 6),
            number_column("trades", tr("Closed trades"), figure("trades"), texts.whole, 6),
            number_column("wins", tr("Win rate"), figure("win_rate"), _share, 8),
            number_column("factor", tr("Profit factor"), figure("profit_factor"), texts.ratio, 6),
            number_column("exposure", tr("Exposure"), figure("exposure"), _share, 8),
            number_column("fees", tr("Fees"), figure("fees"), texts.money, 9),
            number_column("missed", tr("Missed fills"), unlike(lambda found: len(found.missed)), _count, 6),
            number_column("extra", tr("Extra fills"), unlike(lambda found: len(found.extra)), _count, 6),
            number_column("slippage", tr("Slippage"), unlike(lambda found: found.slippage), texts.money, 9),
        ]  # fmt: skip

    async def load_all(self, session_ids: Sequence[str]) -> list[_Compared]:
        """The sessions that there still are, each compared with the first one; none where there is only one."""
        found: list[_Compared] = []
        for session_id in session_ids:
            try:
                figures = await self._live.repository.get_performance(session_id)
            except SessionNotFoundError:
                continue
            session = await self._live.session(session_id)
            if session is not None:
                comparison = await self._compare(found[0].session, session) if found else None
                found.append(_Compared(session, figures, comparison))
        return found if len(found) > 1 else []

    async def load(self, session_id: str) -> list[_Compared]:
        """Nothing: one session has nothing to be compared with."""
        return []

    async def _compare(self, first: PaperTradingSession, other: PaperTradingSession) -> Comparison | None:
        if first.fill_count + other.fill_count > MOST_FILLS:
            return None
        repository = self._live.repository
        expected, actual = await repository.get_fills(first.id), await repository.get_fills(other.id)
        return await anyio.to_thread.run_sync(compare, first, other, expected, actual)


def _name(row: _Compared) -> str:
    return row.session.name or row.session.id


def _share(value: float | None) -> str:
    return texts.percent(value, signed=False)


def _count(value: int | None) -> str:
    return texts.NONE if value is None else texts.whole(value)
