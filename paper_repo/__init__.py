"""Saves paper-trading sessions and gives them back exactly as they were, across restarts and crashes.

    from paper_repo import Fill, PaperTradingSession, SessionRepository, Strategy

    with SessionRepository("sessions.db") as repository:
        session = PaperTradingSession(strategy=Strategy("crossover"), initial_cash=100_000)
        session.start()
        session.apply_fill(Fill("fill-1", "AAPL", "BUY", quantity=10, price="544.47", fee="1.00"))
        repository.save(session)

Repositories, all with the same methods:

    SessionRepository           blocking calls, on an SQLite file or PostgreSQL; for scripts, notebooks and threads
    AsyncSessionRepository      the same calls to await, on asyncio and trio
    SQLiteSessionRepository     AsyncSessionRepository, on a file only
    InMemorySessionRepository   awaitable too, without a file; for unit tests
    SyncInMemorySessionRepository   blocking calls without a file; for unit tests
    IPaperTradingSessionRepository   the interface of the awaitable ones

What they do:

    save, save_many             store sessions with their new history
    get_by_id, get_all, get_active, get_summaries, iterate, exists, count     find sessions
    get_fills, get_equity_curve                                               read the history of one
    get_unrecorded              tell which fills and payments of a broker's answer are new
    delete, delete_many         delete sessions with their history
    atomic                      a transaction around several calls
    claim, claim_active, renew, release       share sessions among several workers
    watch                       follow what is saved and deleted, by any program
    backup, check               copy everything to a file; verify everything

Entities:

    PaperTradingSession   a run: strategy, cash, positions, resting orders, state, and history that is not saved yet
    Strategy, Position, Order, Fill, EquityPoint, SessionStatus, Side, OrderType, OrderStatus, TimeInForce

For accounts that hold more than one currency and cash-settled symbols (docs/accounts.md):

    Instrument   currency, multiplier and Settlement of a symbol, in session.instruments
    CashFlow     a deposit, dividend, funding or other payment of a CashFlowKind, for session.apply_cash_flow
    Split, SymbolChange   for session.apply_split and apply_symbol_change; all three are a LedgerEntry

Figures:

    performance(session, curve, fills)    return, drawdown, Sharpe ratio and more, as Performance
    trades(fills)                         closed trades, each from its first to its last fill, as Trade
    round_trips(fills)                    the same slice by slice, first in first out, as RoundTrip
    replay(session, history)              the books rebuilt from fills and ledger entries
    compare(expected, actual, ...)        two sessions fill by fill, as a backtest and a paper run: a Comparison of what
                                          each MatchedFill cost, and of every UnmatchedFill
    downsample(points, max_points)        fewer points for a chart of the same shape

JSON of your own, such as a web service's:

    to_dict(entity, computed=False)       any of them as plain data, with exact amounts as text
    from_dict(kind, data)                 the entity again

Maintenance; the first three work while programs use the database, the others need the file for themselves:

    copy_sessions(source, target)         copy everything to another database, verified
    export_archive(repository, file)      write sessions to a portable file
    import_archive(repository, file)      read them back
    restore_backup(backup, path)          replace a file by its backup; the old file is kept
    salvage(path, target)                 recover what is readable of a damaged file
    compact(path)                         shrink a file after deletions
    encrypt(path, target, passphrase)     write an encrypted copy; decrypt is the reverse

Modules for some programs: paper_repo.frames (Arrow tables), paper_repo.report (an HTML report), paper_repo.container
(registration in svcs) and paper_repo.testing (the contract suite for repositories of your own).

Every error is a PaperRepoError; `help("paper_repo.errors")` shows the tree. The command line is `paper-repo --help`.
"""

import importlib as _importlib
import typing as _typing

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import (
    Amount,
    CashFlow,
    CashFlowKind,
    EquityPoint,
    Fill,
    Instrument,
    LedgerEntry,
    Order,
    OrderStatus,
    OrderType,
    PaperTradingSession,
    Position,
    SessionStatus,
    Settlement,
    Side,
    Split,
    Strategy,
    SymbolChange,
    TimeInForce,
)
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.selection import (
    Loaded,
    OnDamage,
    OrderBy,
    SessionFilters,
    SessionQuery,
    SessionSummary,
    StatusFilter,
    WhichOrders,
)
from paper_repo.domain.values import Progress
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
    SourceFileError,
    StorageError,
    TransactionError,
    TransactionOwnershipError,
    WrongPassphraseError,
)
from paper_repo.storage.address import Address
from paper_repo.storage.options import Durability, Journal, Upgrade

if _typing.TYPE_CHECKING:
    from paper_repo.domain.changes import SessionChange
    from paper_repo.domain.comparison import Comparison, MatchedFill, UnmatchedFill, compare
    from paper_repo.domain.performance import Performance, performance
    from paper_repo.domain.replay import replay
    from paper_repo.domain.round_trips import RoundTrip, round_trips
    from paper_repo.domain.trades import Trade, trades
    from paper_repo.facade.repository import AsyncSessionRepository, SQLiteSessionRepository
    from paper_repo.interface import IPaperTradingSessionRepository
    from paper_repo.maintenance.archive import export_archive, import_archive
    from paper_repo.maintenance.copy import CopyReport, copy_sessions
    from paper_repo.maintenance.files import compact, decrypt, encrypt, restore_backup
    from paper_repo.maintenance.salvage.salvage import Salvaged, salvage
    from paper_repo.memory import InMemorySessionRepository
    from paper_repo.reports import CheckReport, Finding
    from paper_repo.serialization.dicts import from_dict, to_dict
    from paper_repo.sync_memory import SyncInMemorySessionRepository
    from paper_repo.watching import AsyncSessionChanges, SessionChanges

__version__ = "0.1.0"

__all__ = [
    "Address",
    "Amount",
    "ArchiveError",
    "AsyncSessionChanges",
    "AsyncSessionRepository",
    "BusyError",
    "CashFlow",
    "CashFlowKind",
    "CheckReport",
    "ClaimLostError",
    "Comparison",
    "ConflictError",
    "CopyReport",
    "CorruptDatabaseError",
    "CorruptRecordError",
    "DiskFullError",
    "DuplicateFillError",
    "Durability",
    "EquityPoint",
    "Fill",
    "Finding",
    "ForeignDatabaseError",
    "IPaperTradingSessionRepository",
    "InMemorySessionRepository",
    "Instrument",
    "InvalidSessionError",
    "InvalidTransitionError",
    "Journal",
    "LedgerEntry",
    "Loaded",
    "MatchedFill",
    "OnDamage",
    "Order",
    "OrderBy",
    "OrderStatus",
    "OrderType",
    "PaperRepoError",
    "PaperTradingSession",
    "Performance",
    "Position",
    "Progress",
    "ReadOnlyError",
    "RepositoryClosedError",
    "RoundTrip",
    "SQLiteSessionRepository",
    "Salvaged",
    "SchemaVersionError",
    "SessionChange",
    "SessionChanges",
    "SessionFilters",
    "SessionNotFoundError",
    "SessionQuery",
    "SessionRepository",
    "SessionStatus",
    "SessionSummary",
    "Settlement",
    "Side",
    "SourceFileError",
    "Split",
    "StatusFilter",
    "StorageError",
    "Strategy",
    "SymbolChange",
    "SyncInMemorySessionRepository",
    "TimeInForce",
    "Trade",
    "TransactionError",
    "TransactionOwnershipError",
    "UnmatchedFill",
    "Upgrade",
    "WhichOrders",
    "WrongPassphraseError",
    "compact",
    "compare",
    "copy_sessions",
    "decrypt",
    "downsample",
    "encrypt",
    "export_archive",
    "from_dict",
    "import_archive",
    "performance",
    "replay",
    "restore_backup",
    "round_trips",
    "salvage",
    "to_dict",
    "trades",
]

_ON_DEMAND = {
    "AsyncSessionChanges": "paper_repo.watching",
    "AsyncSessionRepository": "paper_repo.facade.repository",
    "CheckReport": "paper_repo.reports",
    "Comparison": "paper_repo.domain.comparison",
    "CopyReport": "paper_repo.maintenance.copy",
    "Finding": "paper_repo.reports",
    "IPaperTradingSessionRepository": "paper_repo.interface",
    "InMemorySessionRepository": "paper_repo.memory",
    "MatchedFill": "paper_repo.domain.comparison",
    "Performance": "paper_repo.domain.performance",
    "RoundTrip": "paper_repo.domain.round_trips",
    "SQLiteSessionRepository": "paper_repo.facade.repository",
    "Salvaged": "paper_repo.maintenance.salvage.salvage",
    "SessionChange": "paper_repo.domain.changes",
    "SessionChanges": "paper_repo.watching",
    "SyncInMemorySessionRepository": "paper_repo.sync_memory",
    "UnmatchedFill": "paper_repo.domain.comparison",
    "compact": "paper_repo.maintenance.files",
    "compare": "paper_repo.domain.comparison",
    "copy_sessions": "paper_repo.maintenance.copy",
    "decrypt": "paper_repo.maintenance.files",
    "encrypt": "paper_repo.maintenance.files",
    "export_archive": "paper_repo.maintenance.archive",
    "from_dict": "paper_repo.serialization.dicts",
    "import_archive": "paper_repo.maintenance.archive",
    "Trade": "paper_repo.domain.trades",
    "performance": "paper_repo.domain.performance",
    "replay": "paper_repo.domain.replay",
    "restore_backup": "paper_repo.maintenance.files",
    "round_trips": "paper_repo.domain.round_trips",
    "salvage": "paper_repo.maintenance.salvage.salvage",
    "to_dict": "paper_repo.serialization.dicts",
    "trades": "paper_repo.domain.trades",
}
"""The modules of names that are imported at their first use: most programs save and load, and should start fast."""


def _show_in_package(kind: _typing.Any) -> None:
    """Let help, tracebacks and pickles name a class by its public path.

    Classes with fields keep the path of their module, where `typing.get_type_hints` looks for the types of the fields.
    """
    if isinstance(kind, type) and not getattr(kind, "__dataclass_fields__", None) and not _typing.is_typeddict(kind):
        kind.__module__ = __name__


def __getattr__(name: str) -> _typing.Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(_importlib.import_module(_ON_DEMAND[name]), name)
    _show_in_package(value)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


for _name in set(__all__) - set(_ON_DEMAND):
    _show_in_package(globals()[_name])
