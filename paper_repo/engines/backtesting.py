"""Runs of backtesting.py as stored sessions (`pip install 'paper_repo[backtesting]'`):

    from paper_repo.engines.backtesting import record

    stats = Backtest(prices, SmaCross, cash=10_000, commission=0.002).run()
    session = record(stats, "sessions.db", session_id="sma-cross")

The engine settles by margin: its cash never pays for a position, and two trades in one instrument may be open at once.
So each trade becomes a position of its own, with the fill that opened it and the fill that closed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from os import PathLike
from typing import Any

try:
    import backtesting as _engine  # noqa: F401
    import pandas as pd
except ImportError as _error:
    raise ImportError(
        "paper_repo.engines.backtesting needs backtesting.py: pip install 'paper_repo[backtesting]'"
    ) from _error

from paper_repo import (
    CashFlow,
    CashFlowKind,
    EquityPoint,
    Fill,
    Instrument,
    PaperTradingSession,
    SessionRepository,
    Settlement,
    Side,
    Strategy,
)
from paper_repo.engines.broker_data import moment_of_text, without_noise

HALF_A_CENT = Decimal("0.005")


def record(
    stats: Any,
    repository: SessionRepository | str | PathLike[str],
    *,
    session_id: str,
    symbol: str = "ASSET",
    base_currency: str = "USD",
) -> PaperTradingSession:
    """The session of a run that `Backtest.run()` has finished, as it was stored.

    - `repository`: an open one, or the path of a file.
    - `symbol`: what was traded; the engine does not know its name.

    Times without a zone are taken as UTC. Equity is that of the engine on every bar; its cash is not stored, since the
    engine does not report it. Tag, stop and profit prices of a trade are in the `metadata` of its fills.

    Where a trade was closed in part, the engine states the fixed fee of its entry for every part, and has taken it
    once: the parts share what was taken. A run that has lost more than it had ends with an equity of 0; what the engine
    has written off is a cash flow, "written-off".

    Raises `ValueError`, and stores nothing, where the index is not one of times, or where the books differ from the
    engine's final equity by half a cent or more. An id that is stored already is refused by the repository.
    """
    session = _session(stats, session_id, symbol, base_currency)
    if isinstance(repository, SessionRepository):
        repository.save(session)
    else:
        with SessionRepository(repository) as opened:
            opened.save(session)
    return session


def _session(stats: Any, session_id: str, symbol: str, base_currency: str) -> PaperTradingSession:
    curve = stats["_equity_curve"]["Equity"]
    if not isinstance(curve.index, pd.DatetimeIndex):
        raise ValueError("The index of the prices must be times (a DatetimeIndex): a session stores when things were.")
    began, ended = _time(curve.index[0]), _time(curve.index[-1])
    strategy = stats["_strategy"]
    session = PaperTradingSession(
        id=session_id,
        strategy=Strategy(type(strategy).__name__, parameters=_parameters(strategy)),
        symbols=[symbol],
        base_currency=base_currency,
        initial_cash=without_noise(curve.iloc[0]),
        instruments={symbol: Instrument(symbol, settlement=Settlement.MARGIN)},
        created_at=began,
    )
    session.start(began)
    for fill in sorted(_fills(stats, symbol), key=lambda fill: (fill.executed_at, fill.metadata["leg"] == "exit")):
        session.apply_fill(fill)
    session.mark({symbol: without_noise(strategy.data.Close[-1])}, at=ended)
    final = without_noise(stats["Equity Final [$]"])
    if final == 0 != session.equity:
        ruined = _time(curve.index[(curve == 0).argmax()])
        session.apply_cash_flow(CashFlow("written-off", CashFlowKind.OTHER, -session.equity, ruined))
    # The engine's curve replaces the points that booking and marking may have left.
    session.new_equity_points = [
        EquityPoint(at=_time(at), cash=None, equity=without_noise(equity)) for at, equity in curve.items()
    ]
    _compare(session.equity, final)
    session.stop(ended)
    return session


def _fills(stats: Any, symbol: str) -> Iterator[Fill]:
    """Both fills of each closed trade, and the first one of those that are open at the end."""
    strategy = stats["_strategy"]
    commission = strategy._broker._commission  # nothing public tells the two fees of a trade apart
    closed = stats["_trades"].to_dict("records")
    fees = _entry_fees([*strategy.closed_trades, *strategy.trades], commission)
    for number, trade in enumerate(closed, 1):
        size, details = int(trade["Size"]), _details(trade["SL"], trade["TP"], trade["Tag"])
        fee = fees[number - 1]
        yield _fill(number, "entry", symbol, size, trade["EntryPrice"], fee, trade["EntryTime"], details)
        stated = without_noise(commission(size, trade["EntryPrice"]))
        rest = without_noise(trade["Commission"]) - stated
        yield _fill(number, "exit", symbol, -size, trade["ExitPrice"], rest, trade["ExitTime"], details)
    for number, trade in enumerate(strategy.trades, len(closed) + 1):
        fee, details = fees[number - 1], _details(trade.sl, trade.tp, trade.tag)
        yield _fill(number, "entry", symbol, int(trade.size), trade.entry_price, fee, trade.entry_time, details)


def _entry_fees(trades: list[Any], commission: Callable[[float, float], float]) -> list[Decimal]:
    """What was taken for the entry of each trade; the parts of one entry share it by their sizes."""
    entries = defaultdict[tuple[int, int], list[Any]](list)
    for trade in trades:
        entries[_entry(trade)].append(trade)
    taken = {}
    for parts in entries.values():
        size = sum(part.size for part in parts)
        fee, rest = without_noise(commission(size, parts[0].entry_price)), size
        for part in parts:
            taken[id(part)] = share = fee * int(part.size) / int(rest)
            fee, rest = fee - share, rest - part.size
    return [taken[id(trade)] for trade in trades]


def _entry(trade: Any) -> tuple[int, int]:
    """What tells the entry of a trade: its parts are copies, whose price is one object, not only the same number."""
    return trade.entry_bar, id(trade.entry_price)


def _fill(
    number: int, leg: str, symbol: str, size: int, price: float, fee: Decimal, at: Any, details: dict[str, Any]
) -> Fill:
    return Fill(
        id=f"{number}-{leg}",
        symbol=symbol,
        side=Side.BUY if size > 0 else Side.SELL,
        quantity=abs(size),
        price=without_noise(price),
        fee=fee,
        executed_at=_time(at),
        position_id=str(number),
        metadata={"leg": leg, **details},
    )


def _details(stop: Any, profit: Any, tag: Any) -> dict[str, Any]:
    found = {"stop_loss": stop, "take_profit": profit}
    details: dict[str, Any] = {name: str(without_noise(price)) for name, price in found.items() if not pd.isna(price)}
    if tag is not None and tag == tag:  # a column of tags has NaN where there is none
        details["tag"] = tag if isinstance(tag, str | int | bool) else str(tag)
    return details


def _compare(ours: Decimal, theirs: Decimal) -> None:
    if abs(ours - theirs) >= HALF_A_CENT:
        raise ValueError(
            f"The booked trades give an equity of {ours}, the engine states {theirs}: a difference of {ours - theirs}. "
            "Nothing was stored."
        )


def _parameters(strategy: Any) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | bool | None) else str(value)
        for name, value in strategy._params.items()
    }


def _time(value: Any) -> datetime:
    return moment_of_text(pd.Timestamp(value).to_pydatetime())
