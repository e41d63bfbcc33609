"""How numbers, states and errors read, for people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from paper_repo import (
    BusyError,
    ConflictError,
    CorruptDatabaseError,
    DiskFullError,
    PaperRepoError,
    Performance,
    ReadOnlyError,
    SessionStatus,
)

STATUS = {
    SessionStatus.CREATED: "○  new",
    SessionStatus.RUNNING: "●  running",
    SessionStatus.PAUSED: "‖  paused",
    SessionStatus.STOPPED: "■  stopped",
    SessionStatus.FAILED: "✕  failed",
}
NOT_HERE = "◐  running, not here"


def money(amount: Decimal) -> str:
    """1,234,567.89, with a real minus sign."""
    return f"{amount:,.2f}".replace("-", "\N{MINUS SIGN}")


def gain(amount: Decimal) -> str:
    """▲ 1,234.56 or ▼ 1,234.56: the direction is in the shape, not in the colour alone."""
    arrow = "▲ " if amount > 0 else "▼ " if amount < 0 else "  "
    return arrow + money(abs(amount))


def quantity(amount: Decimal) -> str:
    """1,500 or 0.25, without zeros at the end."""
    text = f"{amount:,f}".replace("-", "\N{MINUS SIGN}")
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: float | None) -> str:
    """▲ 2.55 %, or a dash where there is none."""
    if fraction is None:
        return "–"
    arrow = "▲ " if fraction > 0 else "▼ " if fraction < 0 else ""
    return f"{arrow}{abs(fraction) * 100:,.2f} %"


def ratio(number: float | None) -> str:
    """1.23, or a dash where it is undefined."""
    return "–" if number is None else f"{number:.2f}".replace("-", "\N{MINUS SIGN}")


def moment(at: datetime | None) -> str:
    """2013-03-01 21:00:00, in the user's own time zone."""
    return "" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def market_day(at: datetime) -> str:
    """The day of a fill, as the market counts it."""
    return at.strftime("%Y-%m-%d")


def figures(found: Performance) -> list[tuple[str, str, float]]:
    """What the window shows of a performance: name, text, and a number whose sign gives the colour."""
    return [
        ("Net P&L", gain(found.net_pnl), float(found.net_pnl)),
        ("Total return", percent(found.total_return), found.total_return or 0),
        ("Max drawdown", percent(found.max_drawdown), found.max_drawdown or 0),
        ("Sharpe ratio", ratio(found.sharpe_ratio), 0),
        ("Sortino ratio", ratio(found.sortino_ratio), 0),
        ("Closed trades", f"{found.trades:,}", 0),
        ("Win rate", percent(found.win_rate).removeprefix("▲ "), 0),
        ("Profit factor", ratio(found.profit_factor), 0),
        ("Exposure", percent(found.exposure).removeprefix("▲ "), 0),
        ("Fees", money(found.fees), 0),
    ]


def problem(error: BaseException, name: str = "") -> str:
    """What went wrong, what became of the data, and what to do; for somebody who knows trading and no databases."""
    whose = f"“{name}”: " if name else ""
    match error:
        case ConflictError():
            return f"{whose}another program has changed or deleted it meanwhile. Here is what is stored now."
        case BusyError():
            return f"{whose}another program is writing to the file just now. Nothing is lost; it is tried again."
        case DiskFullError():
            return f"{whose}the disk is full. Nothing is lost; trading waits and goes on when there is room."
        case ReadOnlyError():
            return f"{whose}the file cannot be written. Nothing is lost; trading waits. Check its permissions."
        case CorruptDatabaseError():
            return f"{whose}the file, or this session in it, is damaged. Keep a copy of it and restore a backup."
        case PaperRepoError() | OSError():
            return f"{whose}{error}"
    return f"{whose}unexpected error: {type(error).__name__}: {error}"
