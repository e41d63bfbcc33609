"""How numbers, times, states and errors read, for people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from paper_repo.desktop.language import localised, tr
from paper_repo.domain import SessionStatus
from paper_repo.domain.performance import Performance
from paper_repo.errors import (
    ArchiveError,
    BusyError,
    ConflictError,
    CorruptDatabaseError,
    CorruptRecordError,
    DiskFullError,
    ForeignDatabaseError,
    PaperRepoError,
    ReadOnlyError,
    SchemaVersionError,
    SessionNotFoundError,
    StorageError,
    WrongPassphraseError,
)
from paper_repo.maintenance.salvage.salvage import Salvaged
from paper_repo.storage.errors import driver_error

NONE = "–"
"""Stands where there is no value."""

_SYMBOLS = {
    SessionStatus.CREATED: "○",
    SessionStatus.RUNNING: "●",
    SessionStatus.PAUSED: "‖",
    SessionStatus.STOPPED: "■",
    SessionStatus.FAILED: "✕",
}
_CONNECTION, _SHUT_DOWN = "08", "57P"
"""How PostgreSQL's codes begin where a connection fails, or the server was shut down."""

_LONGEST = 300
"""How many characters of an error that we have no words for are shown."""


def status_name(status: SessionStatus) -> str:
    """The status in a word."""
    names = {
        SessionStatus.CREATED: tr("new"),
        SessionStatus.RUNNING: tr("running"),
        SessionStatus.PAUSED: tr("paused"),
        SessionStatus.STOPPED: tr("stopped"),
        SessionStatus.FAILED: tr("failed"),
    }
    return names[status]


def status(status: SessionStatus) -> str:
    """The status in a sign and a word: ● running."""
    return f"{_SYMBOLS[status]}  {status_name(status)}"


def money(amount: Decimal | None) -> str:
    """1,234,567.89, with a real minus sign; prices below one keep their digits."""
    if amount is None:
        return NONE
    if amount and abs(amount) < 1:
        return quantity(amount)
    return localised(f"{amount:,.2f}")


def gain(amount: Decimal) -> str:
    """▲ 1,234.56 or ▼ 1,234.56: the direction is in the shape, not in the colour alone."""
    arrow = "▲ " if amount > 0 else "▼ " if amount < 0 else "  "
    return arrow + localised(f"{abs(amount):,.2f}")


def quantity(amount: Decimal) -> str:
    """1,500 or 0.25, without zeros at the end."""
    text = f"{amount:,f}"
    return localised(text.rstrip("0").rstrip(".") if "." in text else text)


def whole(number: int) -> str:
    """1,500."""
    return localised(f"{number:,}")


def percent(fraction: float | None, signed: bool = True) -> str:
    """▲ 2.55 %, or a dash where there is none."""
    if fraction is None:
        return NONE
    arrow = "" if not signed else "▲ " if fraction > 0 else "▼ " if fraction < 0 else ""
    return arrow + localised(f"{(abs(fraction) if signed else fraction) * 100:,.2f}") + " %"


def ratio(number: float | None) -> str:
    """1.23, or a dash where it is undefined."""
    return NONE if number is None else localised(f"{number:.2f}")


def moment(at: datetime | None) -> str:
    """2013-03-01 21:00:00 +05:45: to the second, in the user's own time zone, which is told."""
    if at is None:
        return ""
    local = at.astimezone()
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def clock(at: datetime) -> str:
    """21:00:00, in the user's own time zone."""
    return f"{at.astimezone():%H:%M:%S}"


def duration(seconds: float) -> str:
    """3 d 4 h, 5 h 12 min, 4 min 3 s or 0.2 s."""
    sign, seconds = ("\N{MINUS SIGN}", -seconds) if seconds < 0 else ("", seconds)
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days} d {hours} h"
    if hours:
        return f"{sign}{hours} h {minutes} min"
    if minutes:
        return f"{sign}{minutes} min {rest} s"
    return sign + localised(f"{seconds:.3g}") + " s"


def counted(number: int, one: str, several: str) -> str:
    """1 session, 2 sessions."""
    return f"{whole(number)} {one if number == 1 else several}"


def sessions(number: int) -> str:
    """1 session, 2 sessions, in the language of the window."""
    return counted(number, tr("session"), tr("sessions"))


def figures(found: Performance) -> list[tuple[str, str, float]]:
    """What is shown of a performance: name, text, and a number whose sign gives the colour."""
    return [
        (tr("Net P&L"), gain(found.net_pnl), float(found.net_pnl)),
        (tr("Total return"), percent(found.total_return), found.total_return or 0),
        (tr("Max drawdown"), percent(found.max_drawdown), found.max_drawdown or 0),
        (tr("Sharpe ratio"), ratio(found.sharpe_ratio), 0),
        (tr("Sortino ratio"), ratio(found.sortino_ratio), 0),
        (tr("Closed trades"), whole(found.trades), 0),
        (tr("Win rate"), percent(found.win_rate, signed=False), 0),
        (tr("Profit factor"), ratio(found.profit_factor), 0),
        (tr("Exposure"), percent(found.exposure, signed=False), 0),
        (tr("Fees"), money(found.fees), 0),
    ]


def recovered(found: Salvaged) -> str:
    """What could be read of a damaged file, and what to do."""
    told = tr("The file is damaged, and nothing is written to it. What could be read is shown:")
    lost = f"; {counted(len(found.lost), tr('part is lost'), tr('parts are lost'))}" if found.lost else ""
    return f"{told} {sessions(found.sessions)}{lost}. " + tr("Save it as a new file, or restore a backup.")


def damaged_sessions(number: int) -> str:
    """Some sessions cannot be read, and what to do."""
    return (
        tr("Damaged, and shown by their ids alone:") + f" {sessions(number)}. " + tr("The others are sound.") + " "
        + tr("Restore a backup, or rescue the rest with: paper-repo salvage NEW-FILE")
    )  # fmt: skip


def not_opened(error: BaseException) -> str:
    """Why a database was not opened, and what to do."""
    if is_unreachable(error):
        return tr("The server cannot be reached. See whether it runs and the address is right, then open it again.")
    return _sentence(error)


def is_unreachable(error: BaseException) -> bool:
    """Whether a server is gone: the connection to it failed, or it was shut down."""
    driver = driver_error(error.__cause__ or error)
    code = getattr(driver, "sqlstate", None) or _CONNECTION
    is_servers = type(driver).__module__.startswith("psycopg")
    return is_servers and isinstance(error, StorageError) and code.startswith((_CONNECTION, _SHUT_DOWN))


def problem(error: BaseException, name: str = "", *, is_retried: bool = False) -> str:
    """What went wrong, what became of the data, and what to do; for somebody who knows trading and no databases.

    Args:
        error: what was raised.
        name: of the session that it was about.
        is_retried: whether the program itself tries again, as it does to read, and to save what it trades; what a user
            has asked for is tried once.
    """
    whose = f"“{name}”: " if name else ""
    return whose + (_what_is_retried(error) if is_retried else _sentence(error))


def _what_is_retried(error: BaseException) -> str:
    if is_unreachable(error):
        return tr("The server cannot be reached. What is shown may be old; it is tried again.")
    if isinstance(error, DiskFullError):
        return tr("The disk is full. Nothing is lost; make room, and it goes on.")
    return _sentence(error)


def _sentence(error: BaseException) -> str:
    match error:
        case ConflictError():
            return tr("Another program has changed or deleted it meanwhile. What is stored now is shown; try again.")
        case SessionNotFoundError():
            return tr("This session has been deleted, by this or another program.")
        case BusyError():
            return tr("Another program is writing to the file just now. Nothing is lost; wait a moment, or try again.")
        case DiskFullError():
            return tr("The disk is full, and nothing was changed. Make room, and try again.")
        case ReadOnlyError():
            return tr("The file cannot be written. Nothing is lost; check its permissions and those of its folder.")
        case CorruptRecordError():
            return (
                tr("This session is damaged, and can be read in part at most.")
                + " "
                + tr("Restore a backup, or rescue the rest with: paper-repo salvage NEW-FILE")
            )
        case CorruptDatabaseError():
            return tr("The file, or this session in it, is damaged. Keep a copy of it, and restore a backup.")
        case WrongPassphraseError():
            return tr("The passphrase does not open this file. Try another one.")
        case SchemaVersionError():
            return tr("A newer version of this program has written the file. Update this program to open it.")
        case ForeignDatabaseError():
            return tr("This is no file of paper-trading sessions, and it was not touched. Choose another one.")
        case ArchiveError():
            return tr("The archive cannot be read, and nothing of it is stored:") + f" {_short(error)}"
        case StorageError() if is_unreachable(error):
            return tr("The server cannot be reached. When it can, see what is stored, and try again.")
        case PaperRepoError() | OSError():
            return _short(error)
    return tr("Unexpected error:") + f" {type(error).__name__}: {_short(error)}"


def _short(error: BaseException) -> str:
    text = str(error)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
