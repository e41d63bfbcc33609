"""`IPaperTradingSessionRepository`: what every repository of paper-trading sessions promises.

`AsyncSessionRepository`, `SQLiteSessionRepository` and `InMemorySessionRepository` implement it; `SessionRepository`
has the same methods without `async`. The module is long because it is the documentation of all of them.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Literal, NoReturn, Self, overload

from paper_repo.domain import CashFlow, CashFlowKind, EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.history import AnyBooked
from paper_repo.domain.selection import Loaded, OnDamage, OrderBy, SessionSummary, StatusFilter, WhichOrders
from paper_repo.domain.values import Progress

if TYPE_CHECKING:
    from paper_repo.domain.performance import Performance, Resample
    from paper_repo.domain.trades import Trade
    from paper_repo.reports import CheckReport
    from paper_repo.watching import AsyncSessionChanges


class IPaperTradingSessionRepository(ABC):
    """Saves and loads paper-trading sessions with awaitable calls.

    Every method can raise these errors, besides those that its own documentation names: `RepositoryClosedError` after
    `close`; `StorageError`, or a subclass of it, when the database cannot do what was asked; and
    `TransactionOwnershipError` when a task that was started inside another task's `atomic` block uses the repository.
    """

    @abstractmethod
    async def open(self) -> None:
        """Create or open the database now. Optional: the first use does it.

        Raises:
            ForeignDatabaseError: the file belongs to another program, or is not a database.
            SchemaVersionError: the file was written by a newer version of this library.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish the calls that are under way, then close every connection and thread. Calling it again does nothing.

        Raises:
            TransactionError: called inside an `atomic` block.
        """

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    if not TYPE_CHECKING:  # type checkers refuse a plain `with`; others are told what to write

        def __enter__(self) -> NoReturn:
            raise TypeError(
                f"{type(self).__name__} is opened with `async with`; for plain `with`, take SessionRepository, which "
                "has the same methods without `await`"
            )

        __exit__ = None  # so that nothing takes it for a context manager

    @abstractmethod
    async def save(self, session: PaperTradingSession) -> None:
        """Store the session and its new history in one transaction.

        A session of version 0 is inserted. Any other session is updated, provided that the stored version is still the
        session's own. Afterwards `version` is one higher, `updated_at` is set, and the new history is stored and
        emptied. After any failure, and when an enclosing `atomic` block rolls back, the session is as it was before,
        and saving it again works.

        What is stored is the session as it was at the moment of the call. Two tasks may save the same object at once.

        A fill is booked once, for ever. A fill that `apply_fill` has booked and that is stored already is refused,
        since its cash was counted twice. A fill that was only recorded (`record_fill`) is skipped if it is stored
        already with the same content. Ids of fills are unique within a session and symbol.

        A save that is cancelled before it begins is never carried out. A save that has begun is completed, and the
        cancellation is raised afterwards; `version` then tells whether the session was stored.

        Raises:
            ConflictError: the session was changed or deleted since it was loaded, or its id is taken. Nothing was
                written. Load it again, book what `get_unrecorded` returns, and save that.
            DuplicateFillError: fills were booked that are stored already; the way out is the same.
            InvalidSessionError: the session holds a value that cannot be stored; the message names its path.
        """

    @abstractmethod
    async def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        """Store several sessions, either all of them or none; otherwise like `save`."""

    @abstractmethod
    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        """Load the session with all its fields, as a new object; None if no session has this id.

        Its history stays in the database: see `get_fills` and `get_equity_curve`.

        Raises:
            CorruptRecordError: the session is stored but cannot be read.
        """

    @overload
    @abstractmethod
    async def get_all(
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
    @abstractmethod
    async def get_all(
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

    @abstractmethod
    async def get_all(
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

    @overload
    @abstractmethod
    async def get_active(self, *, errors: Literal["report"]) -> Loaded[PaperTradingSession]: ...

    @overload
    @abstractmethod
    async def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]: ...

    @abstractmethod
    async def get_active(self, *, errors: OnDamage = "raise") -> list[PaperTradingSession]:
        """Load the RUNNING sessions, oldest first: the ones to resume after a crash.

        Args:
            errors: "raise" or "report", as for `get_all`.
        """

    @overload
    @abstractmethod
    async def get_summaries(
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
    @abstractmethod
    async def get_summaries(
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

    @abstractmethod
    async def get_summaries(
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

    @abstractmethod
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
    ) -> AsyncIterator[PaperTradingSession]:
        """Load the sessions one by one in constant memory; arguments as for `get_all`.

        No lock or snapshot is held between two sessions. A session that moves in the order because it is changed
        meanwhile may be skipped or returned twice. There is nowhere to report errors, so `errors="report"` is a
        ValueError here.
        """

    @abstractmethod
    async def exists(self, session_id: str) -> bool:
        """Tell whether a session with this id is stored."""

    @abstractmethod
    async def count(
        self,
        *,
        status: StatusFilter = None,
        strategy: str | None = None,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        """Count the sessions that match; `status`, `strategy`, `symbol`, `since` and `until` as for `get_all`."""

    @abstractmethod
    async def get_fills(
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

    @abstractmethod
    async def get_unrecorded(self, session_id: str, reported: Iterable[AnyBooked]) -> list[AnyBooked]:
        """Select the fills and ledger entries that are not stored yet for this session, each once, in their order.

        After a reconnect, a restart or a `ConflictError`, a broker repeats what was booked before. This tells in one
        query which of it is new:

            session = await repository.get_by_id(session_id)
            for fill in await repository.get_unrecorded(session_id, broker.fills()):
                session.apply_fill(fill)
            await repository.save(session)

        A fill is identified by its symbol and its id, a cash flow, split or change of a symbol by its id, whatever else
        they contain. Of a session that was never saved nothing is stored, so all of them are returned.

        Args:
            session_id: the session.
            reported: what the broker has reported: fills, or ledger entries, or both.

        Raises:
            InvalidSessionError: one of them is something else.
        """

    @abstractmethod
    async def get_equity_curve(
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

    @abstractmethod
    async def get_ledger(
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

    @abstractmethod
    async def get_cash_flows(
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

    @abstractmethod
    async def get_orders(
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

    @abstractmethod
    async def get_trades(self, session_id: str) -> list[Trade]:
        """Work out the closed trades of a session from its stored history, in the order in which they were closed.

        A trade goes from the first to the last fill of one position (see `paper_repo.trades`).

        Raises:
            SessionNotFoundError: there is no such session.
        """

    @abstractmethod
    async def get_performance(
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

    @abstractmethod
    async def get_as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        """Rebuild the books of a session as they were at a time, from its stored history; the copy cannot be saved.

        Args:
            session_id: the session.
            at: an aware datetime; what was executed or took place up to this moment counts.

        Raises:
            SessionNotFoundError: there is no such session.
        """

    @abstractmethod
    async def correct_fill(
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

    @abstractmethod
    async def delete(self, session_id: str) -> bool:
        """Delete the session and its whole history. True if there was one."""

    @abstractmethod
    async def delete_many(
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

    @abstractmethod
    async def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
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

    @abstractmethod
    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        """Extend a claim to `ttl` seconds from now. This works until another worker has taken the session.

        Args:
            session_id: the session.
            owner: the worker that has the claim.
            ttl: how long the claim lasts from now, in seconds.

        Raises:
            ClaimLostError: another worker has the session, or the claim was released.
        """

    @abstractmethod
    async def release(self, session_id: str, owner: str) -> bool:
        """Give a claim back, so that another worker can take the session at once. True if `owner` had it."""

    @abstractmethod
    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        """Claim the RUNNING sessions that no worker has, oldest first: the ones that this worker is to resume.

        Several workers may call this at once, and none waits for another. Each session goes to one of them.

        Args:
            owner: the worker, as for `claim`.
            ttl: how long the claims last, in seconds.
            limit: the maximum number of sessions; None for all.
        """

    @abstractmethod
    async def backup(
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

    @abstractmethod
    async def check(self) -> CheckReport:
        """Check everything that is stored, and report what was found.

        The check covers the structure of the database, whether every record can be read and is what was written,
        whether lists show what the sessions hold, whether the histories are complete, and whether the books balance.

        It takes as long as reading all of it. It changes nothing and does not keep others from writing.
        """

    @abstractmethod
    def atomic(self) -> AbstractAsyncContextManager[None]:
        """Begin a transaction: everything in the block is stored, or nothing. A block inside a block is a savepoint.

        Reads inside the block see its own writes. Nobody else sees them before the block ends, and no reader waits for
        it; other writers wait, at most for the busy timeout. After a rollback the sessions saved inside are as they
        were before their saves.

        The block belongs to the task that opened it. A task started inside the block gets `TransactionOwnershipError`
        if it uses the repository before the block ends.

        When the task is cancelled, in whatever way, the block is rolled back. Only during the COMMIT itself is the
        outcome open: the task sees the cancellation, and the `version` of each session tells whether it was stored.

        Raises:
            BusyError: another writer did not finish within the busy timeout.
        """

    @abstractmethod
    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        """Iterate over the sessions that are saved or deleted from now on, by this object or by another thread or
        process.

            async for change in repository.watch():
                ...

        Each item is a `SessionChange`. Nothing that is committed is missed; several changes of one session may be
        reported as one, the last. The watch begins when the first change is asked for, or on entering `async with
        repository.watch() as changes`, which also ends it when the block is left. Cancelling the wait loses nothing.
        The watch ends when the repository is closed.

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
