"""`SessionRepository`, the synchronous repository: sessions as rows of a database.

Its public methods are those of `IPaperTradingSessionRepository` without `async`, and a test compares them. The module
is long because the documentation and the types of every argument stand where callers look; `Sessions` does the work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NoReturn, Self, TypeVar, overload

from paper_repo.core import history
from paper_repo.core.saves import Save
from paper_repo.core.sessions import Sessions
from paper_repo.domain import CashFlow, CashFlowKind, EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.history import AnyBooked
from paper_repo.domain.ledger import cash_flows
from paper_repo.domain.selection import (
    Loaded,
    OnDamage,
    OrderBy,
    Selection,
    SessionSummary,
    StatusFilter,
    WhichOrders,
)
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.values import Progress, text
from paper_repo.serialization.schemas import Data
from paper_repo.storage.address import Address, storage_at
from paper_repo.storage.base import Storage
from paper_repo.storage.options import Durability, Journal, Upgrade

if TYPE_CHECKING:
    from paper_repo.domain.performance import Performance, Resample
    from paper_repo.domain.trades import Trade
    from paper_repo.reports import CheckReport
    from paper_repo.watching import SessionChanges

T = TypeVar("T")


class SessionRepository:
    """Saves and loads paper-trading sessions with plain blocking calls, from any number of threads.

    Nothing is opened before the first call. Use it as a context manager, or call `close`. The session objects
    themselves belong to one thread at a time.

    Args:
        path: the path of an SQLite file, which the first use creates in an existing folder; or the URL of a database:
            "sqlite:///PATH", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" (any libpq parameter may follow) or
            "cockroachdb://...".
        durability: "full" (the default): every acknowledged save survives a power cut. "normal": faster; a power cut
            may lose the last saves but never damages the file. A crash of the program loses nothing either way.
        busy_timeout: how long to wait for another writer before `BusyError`, in seconds.
        upgrade: "auto" (the default) upgrades a database of an older version when it is opened, a file after a backup
            beside it; "never" refuses it, for users who may not change the schema.
        passphrase: opens or creates an encrypted file with SQLCipher (`pip install 'paper_repo[encryption]'`). It
            appears in no message, log or repr.
        journal: for a file: "wal" (the default) lets others read while one program writes; "rollback" does not, but
            works on network file systems. All programs that have the file open at once must use the same value.

    Raises:
        ValueError: an argument is not allowed, such as the path ":memory:" (use `InMemorySessionRepository`).
    """

    def __init__(
        self,
        path: Address,
        *,
        durability: Durability = "full",
        busy_timeout: float = 5.0,
        upgrade: Upgrade = "auto",
        passphrase: str | None = None,
        journal: Journal = "wal",
    ) -> None:
        self._sessions = Sessions(
            storage_at(
                path,
                durability=durability,
                busy_timeout=busy_timeout,
                upgrade=upgrade,
                passphrase=passphrase,
                journal=journal,
            )
        )

    def __repr__(self) -> str:
        storage = self._sessions.storage
        return f"{type(self).__name__}({storage.name!r}, durability={storage.durability!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{self!r} cannot be copied or sent to another process: send its address, and open a repository of its "
            "own there"
        )

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:  # it may have come just before a block was left
            self._sessions.storage.let_go()
        self.close()

    if not TYPE_CHECKING:  # type checkers refuse an `async with`; others are told what to write

        async def __aenter__(self) -> NoReturn:
            raise TypeError(
                f"{type(self).__name__} is opened with plain `with`; for `async with`, take SQLiteSessionRepository, "
                "or AsyncSessionRepository around this one: they have the same methods to await"
            )

        __aexit__ = None  # so that nothing takes it for an asynchronous context manager

    @property
    def is_damaged(self) -> bool:
        """Whether opening the database found damage; it is not written to then, and lists report the damage."""
        self._sessions.storage.open()
        return self._sessions.storage.damage is not None

    @property
    def busy_timeout(self) -> float:
        """How long to wait for another writer before `BusyError`, in seconds."""
        return self._sessions.storage.busy_timeout

    def open(self) -> None:
        """Create or open the database now. Optional: the first use does it.

        Raises:
            ForeignDatabaseError: the file belongs to another program, or is not a database.
            SchemaVersionError: the file was written by a newer version of this library.
        """
        self._sessions.storage.open()

    def close(self) -> None:
        """Wait for the calls of other threads, then close every connection. Calling it again does nothing.

        Raises:
            TransactionError: called inside an `atomic` block.
        """
        self._sessions.storage.close()

    # Writing

    def save(self, session: PaperTradingSession) -> None:
        """Store the session and its new history in one transaction.

        A session of version 0 is inserted. Any other session is updated, provided that the stored version is still the
        session's own. Afterwards `version` is one higher, `updated_at` is set, and the new history is stored and
        emptied. After any failure, and when an enclosing `atomic` block rolls back, the session is as it was before,
        and saving it again works.

        A fill is booked once, for ever. A fill that `apply_fill` has booked and that is stored already is refused,
        since its cash was counted twice. A fill that was only recorded (`record_fill`) is skipped if it is stored
        already with the same content. Ids of fills are unique within a session and symbol.

        Raises:
            ConflictError: the session was changed or deleted since it was loaded, or its id is taken. Nothing was
                written. Load it again, book what `get_unrecorded` returns, and save that.
            DuplicateFillError: fills were booked that are stored already; the way out is the same.
            InvalidSessionError: the session holds a value that cannot be stored; the message names its path.
            BusyError: another writer held the database for longer than the busy timeout; repeat the call.
        """
        self._sessions.write([Save.capture(session)])

    def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        """Store several sessions, either all of them or none; otherwise like `save`."""
        self._sessions.write(Save.capture_many(sessions))

    def delete(self, session_id: str) -> bool:
        """Delete the session and its whole history. True if there was one."""
        return self._sessions.delete(_id(session_id))

    def delete_many(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Delete the sessions that match, with their history, and return their number.

        Without arguments every session is deleted. `status`, `strategy`, `symbol`, `since` and `until` are as for
        `get_all`.
        """
        return self._sessions.delete_many(
            Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until)
        )

    def restore(
        self,
        session: PaperTradingSession,
        fills: Iterable[tuple[int, Fill]] = (),
        points: Iterable[EquityPoint] = (),
        entries: Iterable[tuple[int, LedgerEntry]] = (),
        orders: Iterable[Order] = (),
    ) -> None:
        """Store a session from another database or an archive exactly as it was there, with its version and times.

        Args:
            session: the session as it was loaded, without new history.
            fills: its fills, each with its number in the history, as `fill_history` gives them; read one by one.
            points: its equity points; read one by one, after the fills.
            entries: its ledger entries as `ledger_history` gives them; read after the points.
            orders: its closed orders; read after the ledger entries.

        Raises:
            ConflictError: a session with this id is stored already.
            InvalidSessionError: the session was never stored, holds new history, or its history is out of order.
        """
        self._sessions.restore(Save.capture(session), fills, points, entries, orders)

    def atomic(self) -> AbstractContextManager[None]:
        """Begin a transaction: everything in the block is stored, or nothing. A block inside a block is a savepoint.

        Reads inside the block see its own writes. Nobody else sees them before the block ends, and no reader waits for
        it; other writers wait, at most for the busy timeout. After an exception everything is rolled back, and the
        sessions saved inside are as they were before their saves. The block belongs to the thread that opened it, and
        may be left in another one. On an event loop it must not be held across an `await`: what another task saves or
        reads in this thread meanwhile is refused; use an `AsyncSessionRepository` there.

        Raises:
            BusyError: another writer did not finish within the busy timeout.
            TransactionOwnershipError: another task holds a block of this thread across an `await`.
        """
        return self._sessions.storage.atomic()

    # Claims

    def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        """Claim a session for one of several workers: the session as a new object; None if another worker has it.

        No other worker gets it until `ttl` seconds have passed without `renew`, by the clock of the server, or of this
        machine for a file. A claim raises the session's version by one, so that objects loaded earlier can no longer be
        saved; a worker whose claim was lost gets `ClaimLostError` from `save`. Saving needs no claim. While the claim
        lasts, use the object that `claim` returned.

        Args:
            session_id: the session.
            owner: the worker, as text that is different for every worker and for every start of it.
            ttl: how long the claim lasts, in seconds.

        Raises:
            SessionNotFoundError: there is no such session.
            ValueError: `owner` is empty, or `ttl` is not a positive number.
        """
        return self._sessions.claims.claim(_id(session_id), owner, ttl)

    def renew(self, session_id: str, owner: str, ttl: float) -> None:
        """Extend a claim to `ttl` seconds from now. This works until another worker has taken the session.

        Args:
            session_id: the session.
            owner: the worker that has the claim.
            ttl: how long the claim lasts from now, in seconds.

        Raises:
            ClaimLostError: another worker has the session, or the claim was released.
        """
        self._sessions.claims.renew(_id(session_id), owner, ttl)

    def release(self, session_id: str, owner: str) -> bool:
        """Give a claim back, so that another worker can take the session at once. True if `owner` had it."""
        return self._sessions.claims.release(_id(session_id), owner)

    def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        """Claim the RUNNING sessions that no worker has, oldest first: the ones that this worker is to resume.

        Several workers may call this at once, and none waits for another. Each session goes to one of them.

        Args:
            owner: the worker, as for `claim`.
            ttl: how long the claims last, in seconds.
            limit: the maximum number of sessions; None for all.
        """
        return self._sessions.claims.claim_active(owner, ttl, limit)

    # Reading

    def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        """Load the session with all its fields, as a new object; None if no session has this id.

        Its history stays in the database: see `get_fills` and `get_equity_curve`.

        Raises:
            CorruptRecordError: the session is stored but cannot be read.
        """
        return self._sessions.records.get(_id(session_id))

    @overload
    def get_all(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: Literal["report"],
    ) -> Loaded[PaperTradingSession]: ...

    @overload
    def get_all(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: OnDamage = "raise",
    ) -> list[PaperTradingSession]: ...

    def get_all(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: OnDamage = "raise",
    ) -> list[PaperTradingSession]:
        """Load the sessions that match, oldest first by default.

        Args:
            status: one status or several, as members of `SessionStatus` or their names; None for any.
            strategy: the name of the strategy.
            symbol: a symbol that the session trades.
            since: an aware datetime; only sessions created at this time or later.
            until: an aware datetime; only sessions created before this time.
            order_by: "created_at" (the default), "updated_at", "name", "equity" or "net_pnl". Amounts are in exact
                decimal order; ties are broken by id.
            descending: reverse the order.
            limit: the maximum number of sessions; None for all.
            offset: how many sessions to skip first.
            errors: "raise" (the default), or "report": a session that cannot be read does not stop the others from
                loading, and the `errors` attribute of the result lists what is missing.

        Returns:
            A list; with `errors="report"` a `Loaded`, a list whose `errors` attribute holds a `CorruptRecordError` for
            each session that cannot be read, and a `CorruptDatabaseError` where the file itself is damaged.

        Raises:
            ValueError: an argument is not allowed; the message lists the allowed values.
            CorruptRecordError: one of the sessions cannot be read.
            CorruptDatabaseError: the file is damaged, so sessions may be missing from the list.
        """
        return self._sessions.lists.sessions(
            Selection.of(
                status=status,
                strategy=strategy,
                symbol=symbol,
                since=since,
                until=until,
                order_by=order_by,
                descending=descending,
                limit=limit,
                offset=offset,
                errors=errors,
            )
        )

    @overload
    def get_active(self, *, errors: Literal["report"]) -> Loaded[PaperTradingSession]: ...

    @overload
    def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]: ...

    def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]:
        """Load the RUNNING sessions, oldest first: the ones to resume after a crash.

        Args:
            errors: "raise" or "report", as for `get_all`.
        """
        return self.get_all(status=SessionStatus.RUNNING, errors=errors)

    @overload
    def get_summaries(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: Literal["report"],
    ) -> Loaded[SessionSummary]: ...

    @overload
    def get_summaries(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: OnDamage = "raise",
    ) -> list[SessionSummary]: ...

    def get_summaries(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: OnDamage = "raise",
    ) -> list[SessionSummary]:
        """Load what a list shows of each session, without positions, orders or state; arguments as for `get_all`."""
        return self._sessions.lists.summaries(
            Selection.of(
                status=status,
                strategy=strategy,
                symbol=symbol,
                since=since,
                until=until,
                order_by=order_by,
                descending=descending,
                limit=limit,
                offset=offset,
                errors=errors,
            )
        )

    def iterate(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        order_by: OrderBy = "created_at",
        descending: bool = False,
        limit: int | None = None,
        offset: int = 0,
        errors: OnDamage = "raise",
    ) -> Iterator[PaperTradingSession]:
        """Load the sessions one by one in constant memory; arguments as for `get_all`.

        No lock or snapshot is held between two sessions. A session that moves in the order because it is changed
        meanwhile may be skipped or returned twice. There is nowhere to report errors, so `errors="report"` is a
        ValueError here.
        """
        for page in self._sessions.lists.pages(
            Selection.of(
                status=status,
                strategy=strategy,
                symbol=symbol,
                since=since,
                until=until,
                order_by=order_by,
                descending=descending,
                limit=limit,
                offset=offset,
                errors=errors,
            )
        ):
            yield from page

    def exists(self, session_id: str) -> bool:
        """Tell whether a session with this id is stored."""
        return history.is_stored(self._sessions.storage, _id(session_id))

    def count(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Count the sessions that match; `status`, `strategy`, `symbol`, `since` and `until` as for `get_all`."""
        return self._sessions.lists.count(
            Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until)
        )

    def get_fills(
        self,
        session_id: str,
        *,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int | str | Fill = 0,
        limit: int | None = None,
    ) -> list[Fill]:
        """Load the stored fills of a session in the order they were recorded.

        Args:
            session_id: the session.
            symbol: only fills of this symbol.
            since: an aware datetime; only fills executed at this time or later.
            until: an aware datetime; only fills executed before this time.
            after: only fills recorded after this one, given as the fill, its id or its number in the history (from 1).
                Pass the last fill of a page to get the next page; the cost is the same anywhere in the history.
            limit: the maximum number of fills; None for all.

        Raises:
            SessionNotFoundError: there is no such session.
            ValueError: `after` is not a fill of this session, or is an id that fills of several symbols have and
                `symbol` does not tell which; or a time has no zone.
        """
        return self._sessions.lists.fills(_id(session_id), symbol, since, until, after, limit)

    def get_unrecorded(self, session_id: str, reported: Iterable[AnyBooked]) -> list[AnyBooked]:
        """Select the fills and ledger entries that are not stored yet for this session, each once, in their order.

        After a reconnect, a restart or a `ConflictError`, a broker repeats what was booked before. This tells in one
        query which of it is new:

            session = repository.get_by_id(session_id)
            for fill in repository.get_unrecorded(session_id, broker.fills()):
                session.apply_fill(fill)
            repository.save(session)

        A fill is identified by its symbol and its id, a cash flow, split or change of a symbol by its id, whatever else
        they contain. Of a session that was never saved nothing is stored, so all of them are returned.

        Args:
            session_id: the session.
            reported: what the broker has reported: fills, or ledger entries, or both.

        Raises:
            InvalidSessionError: one of them is something else.
        """
        return self._sessions.records.unrecorded(_id(session_id), reported)

    def get_equity_curve(
        self,
        session_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        max_points: int | None = None,
    ) -> list[EquityPoint]:
        """Load the stored equity points of a session in the order they were recorded.

        Args:
            session_id: the session.
            since: an aware datetime; only points taken at this time or later.
            until: an aware datetime; only points taken before this time.
            max_points: the maximum number of points, chosen so that a chart keeps its peaks and troughs (see
                `downsample`); None for all. Of a whole curve the database chooses them, and only those that are
                returned are compared with their checksums.

        Raises:
            SessionNotFoundError: there is no such session.
            ValueError: `max_points` is below 4, or a time has no zone.
        """
        return self._sessions.lists.equity_points(_id(session_id), since, until, max_points)

    def get_ledger(
        self, session_id: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[LedgerEntry]:
        """Load the stored cash flows, splits and changes of symbols of a session in the order they were booked.

        Args:
            session_id: the session.
            since: an aware datetime; only entries of this time or later.
            until: an aware datetime; only entries before this time.

        Raises:
            SessionNotFoundError: there is no such session.
        """
        return self._sessions.accounts.ledger(_id(session_id), since, until)

    def get_cash_flows(
        self,
        session_id: str,
        *,
        kind: CashFlowKind | str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[CashFlow]:
        """Load the stored cash flows of a session in the order they were booked.

        Args:
            session_id: the session.
            kind: only flows of this kind, as "DIVIDEND".
            since: an aware datetime; only flows of this time or later.
            until: an aware datetime; only flows before this time.

        Raises:
            SessionNotFoundError: there is no such session.
        """
        return cash_flows(self.get_ledger(session_id, since=since, until=until), kind)

    def get_orders(
        self,
        session_id: str,
        *,
        which: WhichOrders = "all",
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Order]:
        """Load the orders of a session: the closed ones in the order they were closed, then the open ones as placed.

        Orders that were placed, or closed together, at one moment come in the order of their ids.

        Args:
            session_id: the session.
            which: "all" (the default), "closed" or "open"; the open ones are those in `open_orders` of the session.
            symbol: only orders of this symbol.
            since: an aware datetime; only orders closed (or if open, placed) at this time or later.
            until: an aware datetime; only orders closed (or if open, placed) before this time.

        Raises:
            SessionNotFoundError: there is no such session.
            ValueError: `which` is none of these, or a time has no zone.
        """
        return self._sessions.accounts.orders(_id(session_id), which, symbol, since, until)

    def get_trades(self, session_id: str) -> list[Trade]:
        """Work out the closed trades of a session from its stored history, in the order in which they were closed.

        A trade goes from the first to the last fill of one position (see `paper_repo.trades`).

        Raises:
            SessionNotFoundError: there is no such session.
        """
        return self._sessions.accounts.trades(_id(session_id))

    def get_performance(
        self,
        session_id: str,
        *,
        resample: Resample | None = "day",
        periods_per_year: float | None = None,
        risk_free_rate: float = 0.0,
    ) -> Performance:
        """Work out the performance of a session from its stored history and equity curve.

        Args:
            session_id: the session.
            resample: how often returns are taken: "day", "week" or "month" closes; None for every point.
            periods_per_year: by which ratios are scaled; None for what belongs to `resample`.
            risk_free_rate: the return of a year without risk, as a fraction.

        Raises:
            SessionNotFoundError: there is no such session.
        """
        return self._sessions.accounts.performance(
            _id(session_id), resample=resample, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate
        )

    def get_as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        """Rebuild the books of a session as they were at a time, from its stored history; the copy cannot be saved.

        Args:
            session_id: the session.
            at: an aware datetime; what was executed or took place up to this moment counts.

        Raises:
            SessionNotFoundError: there is no such session.
        """
        return self._sessions.accounts.as_of(_id(session_id), at)

    def correct_fill(
        self, session_id: str, fill_id: str, replacement: Fill | None = None, *, symbol: str | None = None
    ) -> PaperTradingSession:
        """Take a stored fill out of the books, as after a bust by the exchange, or put another one in its place.

        The books are rebuilt from the history, in one transaction. The old fill stays in the history, with
        `corrected_at`, and the replacement is appended to it, with `replaces`. Objects loaded before are stale: saving
        one is a `ConflictError`.

        An order that rests counts the replacement instead of the old fill. A closed one stays as it was closed: whether
        the rest of it is traded after all is for the broker to say.

        Args:
            session_id: the session.
            fill_id: the id of the fill.
            replacement: what was really executed, under an id of its own; None if nothing was. Of the same order, if it
                has no `order_id`.
            symbol: of the fill, where several symbols have one of this id.

        Returns:
            The session as it is stored now.

        Raises:
            SessionNotFoundError: there is no such session.
            InvalidSessionError: it has no such fill, or one that was corrected before; the replacement does not fit; or
                its program keeps its own accounts, which nobody else can rebuild.
        """
        return self._sessions.accounts.correct(_id(session_id), fill_id, replacement, symbol)

    def ledger_history(self, session_id: str) -> Iterator[tuple[int, LedgerEntry]]:
        """The ledger entries of a session one by one, each with the number of fills that were booked before it.

        Otherwise like `fill_history`.
        """
        return self._history_of(history.read_entries, session_id)

    def trade_history(self, session_id: str) -> Iterator[Trade]:
        """The closed trades of a session one by one, in the order in which they were closed; like `fill_history`.

        The memory it takes grows with the positions that are open at once, and not with the history.
        """
        return self._sessions.accounts.each_trade(_id(session_id))

    def order_history(self, session_id: str) -> Iterator[Order]:
        """The closed orders of a session one by one in constant memory; otherwise like `fill_history`."""
        return self._history_of(history.read_orders, session_id)

    def fill_history(self, session_id: str, after: int = 0) -> Iterator[tuple[int, Fill]]:
        """The fills of a session one by one in constant memory, each with its number in the history (from 1).

        No lock is held between two fills, and no snapshot unless the caller is inside `reading`.

        Args:
            session_id: the session.
            after: only fills with a higher number.

        Raises:
            SessionNotFoundError: there is no such session, which the first step of the iteration finds.
        """
        return self._history_of(partial(history.read_fills, after=after), session_id)

    def equity_history(self, session_id: str) -> Iterator[EquityPoint]:
        """The equity points of a session one by one in constant memory; otherwise like `fill_history`."""
        return self._history_of(history.read_points, session_id)

    def _history_of(self, read: Callable[[Storage, str], Iterator[T]], session_id: str) -> Iterator[T]:
        return history.of_known(self._sessions.storage, _id(session_id), read)

    def find_ids(self, beginning: str, limit: int | None = 10) -> list[str]:
        """The ids that begin with this text, sorted, at most `limit` of them; None for all."""
        return self._sessions.lists.ids_that_begin_with(text(beginning, "beginning"), limit)

    def describe(self) -> Data:
        """Facts about the database for people: its location, its settings and the number of sessions and records."""
        return self._sessions.storage.describe() | self._sessions.lists.counts()

    def reading(self) -> AbstractContextManager[None]:
        """A block in which everything this thread reads is of one moment; others continue to write meanwhile."""
        return self._sessions.storage.snapshot()

    # Keeping it safe

    def backup(
        self, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        """Write everything that is stored at this moment to a new SQLite file, while others continue to write.

        The copy is written under a temporary name, verified, and then renamed, so that a file with the target's name is
        always complete. Only its owner can read it. It can be opened as a repository like any other file.

        Args:
            target: the new file. Its folder must exist.
            overwrite: replace an existing file once the copy is complete and verified; otherwise an existing file is
                refused.
            progress: called from time to time, perhaps in another thread, with the amount done and the total.

        Raises:
            StorageError: the target exists and was not to be overwritten, is not a file, is an open database, or cannot
                be created.
            DiskFullError: there is no room for the copy.
            CorruptDatabaseError: the database is damaged; no copy is made.
            TransactionError: called inside an `atomic` block.
        """
        self._sessions.storage.back_up(Path(target).absolute(), progress, overwrite)

    def compact(self) -> None:
        """Shrink the file by the space that deleted sessions have left. No other program may have the file open.

        Raises:
            BusyError: another program has the file open.
        """
        self._sessions.storage.compact()

    def check(self) -> CheckReport:
        """Check everything that is stored, and report what was found.

        The check covers the structure of the database, whether every record can be read and is what was written,
        whether lists show what the sessions hold, whether the histories are complete, and whether the books balance.

        It takes as long as reading all of it. It changes nothing and does not keep others from writing.
        """
        from paper_repo.core.checking import checked  # imported lazily: most programs never check

        return checked(self._sessions)

    # Watching

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> SessionChanges:
        """Iterate over the sessions that are saved or deleted from now on, by this object or by another thread or
        process.

            for change in repository.watch():
                ...

        Each item is a `SessionChange`. Nothing that is committed is missed; several changes of one session may be
        reported as one, the last. The watch begins when the first change is asked for, or on entering `with
        repository.watch() as changes`, which also ends it when the block is left. It ends when the repository is
        closed. It may wait in one thread while others use the repository.

        A watch sees what is committed and belongs to no transaction, wherever it is created. It has a connection of its
        own; a poll that finds nothing costs some microseconds.

        Args:
            after: only changes after this position, which each change carries: a program that has kept the last
                position continues where it stopped. 0 for every session, past and present, also after the database was
                put back by other means than `restore_backup`; None for changes from now on.
            timeout: end when nothing has changed for this number of seconds; None to wait without limit.
            poll_interval: the time between two polls, in seconds.

        Raises:
            ValueError: `after` is beyond the newest change, for example because the position comes from another
                database, or another argument is not allowed.
        """
        from paper_repo.watching import SessionChanges  # imported lazily: most programs never watch

        return SessionChanges(self._sessions.storage.open_feed, after, timeout, poll_interval)


def internals_of(repository: SessionRepository) -> Sessions:
    """What lies beneath a repository, for the other parts of this package; programs are promised nothing about it."""
    return repository._sessions


def _id(session_id: str) -> str:
    """The id of a session that a caller gave, who may have given the session itself."""
    return session_id if type(session_id) is str else text(session_id, "session_id")
