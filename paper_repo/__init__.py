"""Paper-trading sessions that survive a restart: saved and loaded exactly, by scripts, async programs and GUIs."""

from paper_repo.aio import AsyncSessionRepository, SQLiteSessionRepository
from paper_repo.checking import CheckReport, Finding
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
from paper_repo.domain.changes import SessionChange
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.performance import Performance, performance
from paper_repo.domain.round_trips import RoundTrip, round_trips
from paper_repo.domain.selection import Loaded, SessionSummary
from paper_repo.errors import (
    ArchiveError,
    BusyError,
    ClaimLostError,
    ConflictError,
    CorruptDatabaseError,
    CorruptRecordError,
    DiskFullError,
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
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.memory import InMemorySessionRepository
from paper_repo.repository import SessionRepository

__version__ = "0.1.0"

__all__ = [
    "Amount",
    "ArchiveError",
    "AsyncSessionRepository",
    "BusyError",
    "CheckReport",
    "ClaimLostError",
    "ConflictError",
    "CorruptDatabaseError",
    "CorruptRecordError",
    "DiskFullError",
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
    "downsample",
    "performance",
    "round_trips",
]
