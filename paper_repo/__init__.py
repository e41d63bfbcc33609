"""Paper-trading sessions that survive a restart: saved and loaded exactly, by scripts, async programs and GUIs."""

import importlib as _importlib
import typing as _typing

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import (
    Amount,
    EquityPoint,
    Fill,
    Order,
    OrderType,
    PaperTradingSession,
    Position,
    SessionStatus,
    Side,
    Strategy,
    TimeInForce,
)
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.selection import Loaded, SessionSummary
from paper_repo.errors import (
    ArchiveError,
    BusyError,
    ClaimLostError,
    ConflictError,
    CorruptDatabaseError,
    CorruptRecordError,
    DiskFullError,
    DuplicateFillError,
    ForeignDatabaseError,
    InvalidSessionError,
    InvalidTransitionError,
    PaperRepoError,
    ReadOnlyError,
    RepositoryClosedError,
    SchemaVersionError,
    SessionNotFoundError,
    StorageError,
    TransactionError,
    TransactionOwnershipError,
    WrongPassphraseError,
)
from paper_repo.facade.repository import AsyncSessionRepository, SQLiteSessionRepository
from paper_repo.interface import IPaperTradingSessionRepository

if _typing.TYPE_CHECKING:
    from paper_repo.domain.changes import SessionChange
    from paper_repo.domain.performance import Performance, performance
    from paper_repo.domain.round_trips import RoundTrip, round_trips
    from paper_repo.maintenance.copy import CopyReport, copy
    from paper_repo.memory import InMemorySessionRepository
    from paper_repo.reports import CheckReport, Finding

__version__ = "0.1.0"

__all__ = [
    "Amount",
    "ArchiveError",
    "AsyncSessionRepository",
    "BusyError",
    "CheckReport",
    "ClaimLostError",
    "ConflictError",
    "CopyReport",
    "CorruptDatabaseError",
    "CorruptRecordError",
    "DiskFullError",
    "DuplicateFillError",
    "EquityPoint",
    "Fill",
    "Finding",
    "ForeignDatabaseError",
    "IPaperTradingSessionRepository",
    "InMemorySessionRepository",
    "InvalidSessionError",
    "InvalidTransitionError",
    "Loaded",
    "Order",
    "OrderType",
    "PaperRepoError",
    "PaperTradingSession",
    "Performance",
    "Position",
    "ReadOnlyError",
    "RepositoryClosedError",
    "RoundTrip",
    "SQLiteSessionRepository",
    "SchemaVersionError",
    "SessionChange",
    "SessionNotFoundError",
    "SessionRepository",
    "SessionStatus",
    "SessionSummary",
    "Side",
    "StorageError",
    "Strategy",
    "TimeInForce",
    "TransactionError",
    "TransactionOwnershipError",
    "WrongPassphraseError",
    "copy",
    "downsample",
    "performance",
    "round_trips",
]

_ON_DEMAND = {
    "CheckReport": "paper_repo.reports",
    "CopyReport": "paper_repo.maintenance.copy",
    "Finding": "paper_repo.reports",
    "InMemorySessionRepository": "paper_repo.memory",
    "Performance": "paper_repo.domain.performance",
    "RoundTrip": "paper_repo.domain.round_trips",
    "SessionChange": "paper_repo.domain.changes",
    "copy": "paper_repo.maintenance.copy",
    "performance": "paper_repo.domain.performance",
    "round_trips": "paper_repo.domain.round_trips",
}
"""Which modules have what a program that saves and loads does not need, and need not wait for when it starts."""


def __getattr__(name: str) -> _typing.Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(_importlib.import_module(_ON_DEMAND[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
