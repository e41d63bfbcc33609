"""What a type checker must accept, and what it must not: every `type: ignore` here marks an error that has to be found.

mypy checks this file in strict mode, where an ignore that hides no error is an error itself. It is never run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import assert_type

from paper_repo import (
    AsyncSessionRepository,
    ConflictError,
    CorruptDatabaseError,
    EquityPoint,
    Fill,
    InMemorySessionRepository,
    IPaperTradingSessionRepository,
    Loaded,
    Order,
    PaperTradingSession,
    Position,
    SessionQuery,
    SessionRepository,
    SessionStatus,
    SessionSummary,
    Side,
    SQLiteSessionRepository,
    Strategy,
    copy_sessions,
    performance,
)


def amounts_may_be_given_in_any_exact_form(at: datetime) -> None:
    """Constructors take what people have; fields are what the library keeps."""
    session = PaperTradingSession(strategy=Strategy("s"), initial_cash="1000.50", symbols=["AAPL"])
    fill = Fill("1", "AAPL", "BUY", 10, 1.5, fee="0.1")
    order = Order("1", "AAPL", "SELL", "LIMIT", "10", limit_price=Decimal(2), time_in_force="DAY")

    assert_type(session.initial_cash, Decimal)
    assert_type(session.symbols, tuple[str, ...])
    assert_type(session.equity, Decimal)
    assert_type(fill.price, Decimal)
    assert_type(order.limit_price, Decimal | None)
    assert_type(session.mark({"AAPL": "2"}, at), EquityPoint)
    assert_type(Position.open("AAPL", -5, "1.5", at).average_price, Decimal)

    PaperTradingSession(strategy="crossover", initial_cash=1)  # type: ignore[arg-type]
    PaperTradingSession(strategy=Strategy("s"))  # type: ignore[call-arg]
    Fill("1", "AAPL", "BUY", 10, None)  # type: ignore[arg-type]
    fill.price = Decimal(1)  # type: ignore[misc]


def fields_of_a_session_take_an_amount_and_give_a_decimal(session: PaperTradingSession, at: datetime) -> None:
    """What is assigned is made exact; type checkers know both what may be assigned and what comes back."""
    session.cash = "100.10"
    session.cash = 5
    session.cash = None
    session.fees_paid = 0.1
    session.symbols = ["AAPL"]
    session.status = "RUNNING"
    session.started_at = at
    session.new_fills = [Fill("1", "AAPL", "BUY", 10, 1.5)]

    assert_type(session.cash, Decimal)
    assert_type(session.fees_paid, Decimal)
    assert_type(session.symbols, tuple[str, ...])
    assert_type(session.status, SessionStatus)
    assert_type(session.stopped_at, datetime | None)
    assert_type(session.positions, dict[str, Position])
    assert_type(session.new_equity_points, list[EquityPoint])
    assert_type(session.new_fills[0], Fill)
    assert_type(session.version, int)

    session.realized_pnl = None  # type: ignore[assignment]
    session.symbols = 5  # type: ignore[assignment]
    session.positions = []  # type: ignore[assignment]
    session.csh = 5  # type: ignore[attr-defined]
    session.equity = 5  # type: ignore[misc,assignment]
    PaperTradingSession(strategy=Strategy("s"), initial_cash=None)  # type: ignore[arg-type]
    PaperTradingSession(strategy=Strategy("s"), initial_cash=1, csh=1)  # type: ignore[call-arg]


def blocking_calls(path: Path) -> None:
    """The core's methods give plain values."""
    with SessionRepository(path, durability="normal", busy_timeout=1) as repository:
        assert_type(repository.get_by_id("1"), PaperTradingSession | None)
        sessions: list[PaperTradingSession] = repository.get_all(status=SessionStatus.RUNNING, limit=5)
        summaries: list[SessionSummary] = repository.get_summaries(order_by="equity")
        assert sessions, summaries
        assert_type(repository.iterate(), Iterator[PaperTradingSession])
        assert_type(repository.get_fills("1", after="fill-1"), list[Fill])
        assert_type(repository.delete("1"), bool)
        assert_type(repository.delete_many(status="STOPPED"), int)

        chosen: SessionQuery = {"status": ["RUNNING", SessionStatus.PAUSED], "limit": 5}
        assert_type(repository.get_all(**chosen), list[PaperTradingSession])
        assert_type(repository.get_active(), list[PaperTradingSession])
        assert_type(repository.get_summaries(errors="raise"), list[SessionSummary])
        found = repository.get_all(errors="report", limit=5)
        assert_type(found, Loaded[PaperTradingSession])
        assert_type(found.errors, list[CorruptDatabaseError])
        assert_type(repository.get_active(errors="report"), Loaded[PaperTradingSession])
        assert_type(repository.get_summaries(errors="report"), Loaded[SessionSummary])
        _ = repository.get_all().errors  # type: ignore[attr-defined]
        repository.get_all(order_by="colour")  # type: ignore[call-overload]
        repository.get_active(errors="ignore")  # type: ignore[call-overload]
        repository.get_all(state="RUNNING")  # type: ignore[call-overload]
        _ = repository.get_by_id("1").cash  # type: ignore[union-attr]


async def awaited_calls() -> None:
    """The facade's methods give the same values, awaited, and every implementation is the interface."""
    repository: IPaperTradingSessionRepository
    for repository in (SQLiteSessionRepository("s.db"), InMemorySessionRepository()):
        assert_type(await repository.get_by_id("1"), PaperTradingSession | None)
        active: list[PaperTradingSession] = await repository.get_active()
        assert active
        assert_type(await repository.get_all(strategy="s"), list[PaperTradingSession])
        assert_type(await repository.get_summaries(errors="report"), Loaded[SessionSummary])
        async with repository.atomic():
            await repository.save(PaperTradingSession(strategy=Strategy("s"), initial_cash=1))
        async for session in repository.iterate(strategy="s"):
            assert_type(session, PaperTradingSession)

        repository.save(None)  # type: ignore[arg-type,unused-coroutine]

    assert_type(AsyncSessionRepository(SessionRepository("s.db")).core, SessionRepository)


def wrong_options() -> None:
    """Choices are checked, whichever class they are given to."""
    SessionRepository("s.db", durability="ful")  # type: ignore[arg-type]
    SQLiteSessionRepository("s.db", journal="WAL")  # type: ignore[arg-type]
    AsyncSessionRepository("s.db", upgrade=True)  # type: ignore[arg-type]
    AsyncSessionRepository("s.db", timeout=5)  # type: ignore[call-arg]


def a_script(path: Path, prices: Mapping[str, Decimal]) -> Decimal:
    """A script that resumes its session, trades one bar, saves, and copies everything elsewhere."""

    def show(done: int, total: int) -> str:
        return f"{done} of {total}"

    with SessionRepository(path) as repository, SessionRepository("elsewhere.db") as other:
        session = next(iter(repository.get_active()), None)
        if session is None:
            session = PaperTradingSession(strategy=Strategy("s"), initial_cash=1000, state={"bar": 0})
            session.start()
        session.apply_fill(Fill("1", "AAPL", Side.BUY, 1, prices["AAPL"]))
        session.mark(prices)
        session.state["bar"] += 1
        try:
            repository.save(session)
        except ConflictError as error:
            assert_type(error.actual, int | None)
        figures = performance(session, repository.get_equity_curve(session.id), repository.get_fills(session.id))
        assert_type(figures.sharpe_ratio, float | None)
        assert_type(repository.check().ok, bool)
        assert_type(copy_sessions(repository, other, progress=show).copied, list[str])
        repository.backup("backup.db", overwrite=True, progress=show)
        return session.equity


async def a_bot(repository: IPaperTradingSessionRepository, worker: str, ticks: AsyncIterator[Decimal]) -> None:
    """A task of a bot, which claims its sessions, trades at every tick, and saves them together."""
    sessions = await repository.claim_active(worker, ttl=30, limit=50)
    async for tick in ticks:
        for session in sessions:
            assert_type(session.mark({"AAPL": tick}), EquityPoint)
        async with repository.atomic():
            await repository.save_many(sessions)
        for session in sessions:
            await repository.renew(session.id, worker, ttl=30)


async def a_web_handler(
    repository: IPaperTradingSessionRepository, status: SessionStatus | None, page: int
) -> dict[str, object]:
    """A handler that lists sessions, with what changed last."""
    found = await repository.get_summaries(
        status=status, order_by="updated_at", limit=20, offset=20 * page, errors="report"
    )
    changes = [(change.session_id, change.version) async for change in repository.watch(after=0, timeout=0.1)]
    return {
        "total": await repository.count(status=status),
        "sessions": [{"id": each.id, "equity": str(each.equity), "return": each.total_return} for each in found],
        "errors": [str(error) for error in found.errors],
        "changes": changes,
    }


def orders_are_chosen_by_words_that_checkers_know(repository: SessionRepository) -> None:
    """And a repository is opened by the `with` of its own kind."""
    assert_type(repository.get_orders("a", which="open"), list[Order])
    repository.get_orders("a", which="resting")  # type: ignore[arg-type]
    with SQLiteSessionRepository("s.db"):  # type: ignore[attr-defined]
        pass
