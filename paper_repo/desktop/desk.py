"""The desk: it trades sessions of the demo's strategy, one task each, and saves each of them at every tick.

It knows nothing of windows, and lives in the event loop of a `LiveRepository`. What it does is in the file as soon as
it is done, and that is what the window shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from paper_repo.demo.market import TradingDay, symbols, trading_days
from paper_repo.demo.strategy import INITIAL_CASH, STRATEGY, new_session, trade_day
from paper_repo.desktop import texts
from paper_repo.desktop.language import tr
from paper_repo.domain import PaperTradingSession, SessionStatus
from paper_repo.errors import (
    ConflictError,
    InvalidSessionError,
    RepositoryClosedError,
    StorageError,
)
from paper_repo.interface import IPaperTradingSessionRepository

RETRY_SECONDS = 0.5
"""How long to wait before a save that failed is repeated."""


@dataclass
class _Trade:
    """A session that is traded here."""

    session: PaperTradingSession
    wish: str | None = None  # the step that the user has asked for
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Desk:
    """Trades sessions of the demo's strategy over the demo's prices.

    Args:
        repository: where they are kept.
        tell: is called with a message for the user, and whether it is a problem; in the event loop's thread.
    """

    def __init__(self, repository: IPaperTradingSessionRepository, tell: Callable[[str, bool], None]) -> None:
        self._repository = repository
        self._tell = tell
        self._trades: dict[str, _Trade] = {}
        self._closing = False
        self.days_per_second: float = 10.0

    def is_trading(self, session_id: str) -> bool:
        """Whether the session is traded here."""
        return session_id in self._trades

    @property
    def traded(self) -> list[PaperTradingSession]:
        """The sessions that are traded here."""
        return [trade.session for trade in self._trades.values()]

    async def create(
        self, name: str, cash: Decimal = INITIAL_CASH, traded: tuple[str, ...] = (), **parameters: Any
    ) -> PaperTradingSession:
        """A new session, stored and not yet started.

        Args:
            name: what it is called.
            cash: what it starts with.
            traded: the symbols that it trades; all of the demo's by default.
            parameters: the strategy's.
        """
        session = PaperTradingSession(
            name=name,
            strategy=replace(STRATEGY, parameters=STRATEGY.parameters | parameters),
            symbols=traded or symbols(),
            initial_cash=cash,
            state=new_session().state,
        )
        await self._repository.save(session)
        return session

    async def take(self, step: str, session_id: str) -> None:
        """Take a step of the lifecycle: start, pause, resume or stop."""
        trade = self._trades.get(session_id)
        if trade is not None:
            trade.wish = step
            trade.woken.set()
            return
        session = await self._repository.get_by_id(session_id)
        if session is None:
            self._tell(tr("This session has been deleted, by this or another program."), True)
        elif session.status is SessionStatus.RUNNING and step == "resume":
            self._trade(session)
        elif step in ("pause", "stop") or self._can_trade(session):
            getattr(session, step)()
            await self._repository.save(session)
            if session.status is SessionStatus.RUNNING:
                self._trade(session)

    def can_resume(self, session: PaperTradingSession) -> bool:
        """Whether the session is one that this desk would trade."""
        return session.strategy.name == STRATEGY.name and "days" in session.state

    async def reset(self, session_id: str) -> PaperTradingSession | None:
        """A new session with the same strategy and cash; the old one is kept, with its history."""
        await self._end(session_id, "stop")
        old = await self._repository.get_by_id(session_id)
        if old is None:
            return None
        session = old.fresh_copy(f"{old.name.removesuffix(' (again)')} (again)")
        session.state = new_session().state
        await self._repository.save(session)
        return session

    def change(self, session_id: str, change: Callable[[PaperTradingSession], object]) -> bool:
        """Change a session that is traded here, to be stored with its next tick; False if it is not."""
        trade = self._trades.get(session_id)
        if trade is None:
            return False
        change(trade.session)
        trade.woken.set()
        return True

    async def leave(self, session_id: str) -> None:
        """Stop trading the session, whatever state it is in."""
        await self._end(session_id, None)

    async def close(self) -> None:
        """Let every session finish its tick and save it; they stay RUNNING in the file, to be resumed."""
        self._closing = True
        tasks = [trade.task for trade in self._trades.values() if trade.task]
        for trade in self._trades.values():
            trade.woken.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _can_trade(self, session: PaperTradingSession) -> bool:
        if not self.can_resume(session):
            self._tell(f"“{session.name}”: " + tr("Another program trades this strategy; start it there."), True)
            return False
        if session.state["days"] >= len(trading_days()):
            self._tell(f"“{session.name}”: " + tr("It has traded all the prices there are. Reset begins anew."), False)
            return False
        return True

    def _trade(self, session: PaperTradingSession) -> None:
        if session.id not in self._trades and self._can_trade(session):
            trade = self._trades[session.id] = _Trade(session)
            trade.task = asyncio.get_running_loop().create_task(self._until_ended(trade))

    async def _until_ended(self, trade: _Trade) -> None:
        session = trade.session
        try:
            await self._trade_days(trade)
        except ConflictError:
            await self._give_way(session)
        except RepositoryClosedError:
            pass
        except Exception as error:
            self._tell(texts.problem(error, session.name), True)
        finally:
            del self._trades[session.id]

    async def _trade_days(self, trade: _Trade) -> None:
        session, days = trade.session, trading_days()
        while session.status is SessionStatus.RUNNING and not self._closing:
            day = days[session.state["days"]]
            trade_day(session, _of(session, day))
            if day is days[-1]:
                session.stop()
            await self._save(session)
            await self._pause_between(trade)
            if trade.wish is not None and session.status is SessionStatus.RUNNING:
                step, trade.wish = trade.wish, None
                if step in ("pause", "stop"):
                    getattr(session, step)()
                    await self._save(session)

    async def _save(self, session: PaperTradingSession) -> None:
        """Save, again and again while the storage cannot: the session keeps all that waits to be stored."""
        told = False
        while True:
            try:
                await self._repository.save(session)
            except (ConflictError, InvalidSessionError, RepositoryClosedError):
                raise
            except StorageError as error:
                if not told or self._closing:
                    self._tell(texts.problem(error, session.name, is_retried=not self._closing), True)
                if self._closing:
                    return  # what is stored is a tick older, and the tick is traded again when it is resumed
                told = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if told:
                    self._tell(f"“{session.name}”: " + tr("Saving works again."), False)
                return

    async def _pause_between(self, trade: _Trade) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1 / self.days_per_second):
                await trade.woken.wait()
        trade.woken.clear()

    async def _give_way(self, session: PaperTradingSession) -> None:
        """Another program has changed the session that is traded here: what it did stands."""
        stored = await self._repository.get_by_id(session.id)
        if stored is None:
            told = tr("It was deleted, by this or another program.")
        elif stored.status is SessionStatus.RUNNING:
            told = tr("Another program trades it now; this window follows it.")
        else:
            told = tr("Another program has changed it, to:") + f" {texts.status_name(stored.status)}"
        self._tell(f"“{session.name}”: {told}", True)

    async def _end(self, session_id: str, step: str | None) -> None:
        """Stop trading the session here; with a step, after taking it."""
        trade = self._trades.get(session_id)
        if trade is not None and trade.task is not None:
            trade.wish = step or "pause"
            trade.woken.set()
            await asyncio.gather(trade.task, return_exceptions=True)


def _of(session: PaperTradingSession, day: TradingDay) -> TradingDay:
    """The day as this session sees it: its own symbols."""
    return TradingDay(day.date, {name: bar for name, bar in day.bars.items() if name in session.symbols})
