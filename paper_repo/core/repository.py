"""`SessionRepository`, the synchronous repository: sessions as rows of a database.

Its public methods are those of `IPaperTradingSessionRepository` without `async`, and a test compares them.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from paper_repo.core import history
from paper_repo.core.claims import Claims
from paper_repo.core.history import require_no_gap
from paper_repo.core.records import SUMMARY_ROW, Records
from paper_repo.core.saves import Save
from paper_repo.domain import CashFlow, CashFlowKind, EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.history import Booked, booking_order
from paper_repo.domain.ledger import cash_flows
from paper_repo.domain.selection import (
    Loaded,
    OnDamage,
    OrderBy,
    Selection,
    SessionSummary,
    StatusFilter,
    check_page,
)
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.values import Progress, optional_instant
from paper_repo.errors import CorruptDatabaseError, InvalidSessionError, SessionNotFoundError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.address import Address, storage_at
from paper_repo.storage.base import Storage
from paper_repo.storage.errors import TurnedBackError
from paper_repo.storage.options import Durability, Journal, Upgrade
from paper_repo.storage.statements import Statements
from paper_repo.storage.transactions import Block

if TYPE_CHECKING:
    from paper_repo.domain.performance import Performance, Resample
    from paper_repo.domain.trades import Trade
    from paper_repo.reports import CheckReport
    from paper_repo.watching import SessionChanges

T = TypeVar("T")

PAGE = 100
"""How many sessions `iterate` reads at a time."""

_LONGEST_PAUSE = 0.1
"""Between two attempts at a transaction, in seconds."""


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
        self._storage = storage_at(
            path,
            durability=durability,
            busy_timeout=busy_timeout,
            upgrade=upgrade,
            passphrase=passphrase,
            journal=journal,
        )
        self._records = Records(self._storage)
        self._claims = Claims(self._storage, self._records, self._alone, self._inside)

    def __repr__(self) -> str:
        storage = self._storage
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
            self._storage.let_go()
        self.close()

    @property
    def storage(self) -> Storage:
        """The storage with the rows of the sessions."""
        return self._storage

    @property
    def records(self) -> Records:
        """Turns rows into sessions and sessions into rows."""
        return self._records

    @property
    def is_damaged(self) -> bool:
        """Whether opening the database found damage; it is not written to then, and lists report the damage."""
        self._storage.open()
        return self._storage.damage is not None

    @property
    def busy_timeout(self) -> float:
        """How long to wait for another writer before `BusyError`, in seconds."""
        return self._storage.busy_timeout

    @property
    def _writers(self) -> int:
        """How many transactions of this process may write at the same time."""
        return self._storage.writers

    def _are_free(self, session_ids: Iterable[str]) -> bool:
        """Whether no other open transaction of this process has written any of these sessions."""
        return self._storage.are_free(session_ids)

    def _when_freed(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever a transaction of this process that has written sessions has ended."""
        self._storage.when_freed(call)

    def open(self) -> None:
        """Create or open the database now. Optional: the first use does it.

        Raises:
            ForeignDatabaseError: the file belongs to another program, or is not a database.
            SchemaVersionError: the file was written by a newer version of this library.
        """
        self._storage.open()

    def close(self) -> None:
        """Wait for the calls of other threads, then close every connection. Calling it again does nothing.

        Raises:
            TransactionError: called inside an `atomic` block.
        """
        self._storage.close()

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
                written. Load it again, apply the new fills that `get_unrecorded` returns, and save that.
            DuplicateFillError: fills were booked that are stored already; the way out is the same.
            InvalidSessionError: the session holds a value that cannot be stored; the message names its path.
            BusyError: another writer held the database for longer than the busy timeout; repeat the call.
        """
        self.write([Save.capture(session)])

    def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        """Store several sessions, either all of them or none; otherwise like `save`."""
        self.write(Save.capture_many(sessions))

    def write(self, saves: Sequence[Save]) -> None:
        """Store what was serialised before, either all of it or nothing."""
        if len(saves) == 1 and not saves[0].has_history and self._is_all_or_none():
            self._write(saves[0])
        elif saves:
            self._alone(self._write_all, saves)

    def delete(self, session_id: str) -> bool:
        """Delete the session and its whole history. True if there was one."""
        return self._alone(self._delete, session_id)

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
        return self._alone(
            self._delete_many, Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until)
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
        save = Save.capture(session)
        if save.has_history or not session.version or session.updated_at is None:
            message = "only a session as it was loaded can be restored; store this one with save()."
            raise InvalidSessionError({"version": [message]}, session.id)
        with self.atomic():
            self._records.store(save)
            history.write_fills(self._storage, session.id, fills, session.fill_count)
            history.write_points(self._storage, session.id, points)
            stored = history.write_entries(self._storage, session.id, entries)
            history.require_all(session, "ledger_count", stored)
            stored = history.write_orders(self._storage, session.id, orders)
            history.require_all(session, "closed_order_count", stored)

    def _is_all_or_none(self) -> bool:
        """Whether a single statement needs no transaction, and no part of one, of its own."""
        storage = self._storage
        storage.require_same_task()
        return storage.in_transaction() and not storage.errors_end_transactions and not storage.is_working()

    def _alone(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, done whole or not at all: in a part of the open transaction, or in one of its own.

        One of its own is done again when the database has turned it back because of another one; the caller's objects
        are as before by then.
        """
        pause, give_up = 0.001, 0.0
        while True:
            try:
                return self._in_transaction(Block(is_call=True), work, *args)
            except TurnedBackError:
                give_up = give_up or time.monotonic() + self.busy_timeout
                if self._storage.in_transaction() or time.monotonic() > give_up:
                    raise
            time.sleep(random.uniform(0, pause))  # the others, which do the same, shall not meet it again
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _inside(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, done whole or not at all, as a part of what `_alone` does."""
        return self._in_transaction(Block(is_call=True, is_inner=True), work, *args)

    def _in_transaction(self, block: Block, work: Callable[..., T], *args: Any) -> T:
        try:
            try:
                self._storage.begin(block)
                result = work(*args)
                self._storage.commit(block)
                return result
            except BaseException:
                self._storage.roll_back(block)
                raise
        except BaseException:  # Ctrl-C may have interrupted that; what it has done is not done again
            self._storage.roll_back(block)
            raise

    def atomic(self) -> AbstractContextManager[None]:
        """Begin a transaction: everything in the block is stored, or nothing. A block inside a block is a savepoint.

        Reads inside the block see its own writes. Nobody else sees them before the block ends, and no reader waits for
        it; other writers wait, at most for the busy timeout. After an exception everything is rolled back, and the
        sessions saved inside are as they were before their saves. The block belongs to the thread that opened it, and
        may be left in another one.

        Raises:
            BusyError: another writer did not finish within the busy timeout.
        """
        return self._storage.atomic()

    def has_lost_transaction(self) -> bool:
        """Whether an error such as a full disk has ended the open transaction early."""
        return self._storage.has_lost_transaction()

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
        return self._claims.claim(session_id, owner, ttl)

    def renew(self, session_id: str, owner: str, ttl: float) -> None:
        """Extend a claim to `ttl` seconds from now. This works until another worker has taken the session.

        Args:
            session_id: the session.
            owner: the worker that has the claim.
            ttl: how long the claim lasts from now, in seconds.

        Raises:
            ClaimLostError: another worker has the session, or the claim was released.
        """
        self._claims.renew(session_id, owner, ttl)

    def release(self, session_id: str, owner: str) -> bool:
        """Give a claim back, so that another worker can take the session at once. True if `owner` had it."""
        return self._claims.release(session_id, owner)

    def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        """Claim the RUNNING sessions that no worker has, oldest first: the ones that this worker is to resume.

        Several workers may call this at once, and none waits for another. Each session goes to one of them.

        Args:
            owner: the worker, as for `claim`.
            ttl: how long the claims last, in seconds.
            limit: the maximum number of sessions; None for all.
        """
        return self._claims.claim_active(owner, ttl, limit)

    # Reading

    def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        """Load the session with all its fields, as a new object; None if no session has this id.

        Its history stays in the database: see `get_fills` and `get_equity_curve`.

        Raises:
            CorruptRecordError: the session is stored but cannot be read.
        """
        return self._records.get(session_id)

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
    ) -> Loaded[PaperTradingSession]:
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
            A list. Its `errors` attribute is empty unless damage was to be reported: a `CorruptRecordError` for each
            session that cannot be read, and a `CorruptDatabaseError` where the file itself is damaged.

        Raises:
            ValueError: an argument is not allowed; the message lists the allowed values.
            CorruptRecordError: one of the sessions cannot be read.
            CorruptDatabaseError: the file is damaged, so sessions may be missing from the list.
        """
        columns = self._statements.session_columns
        return self._records.listed(
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
            ),
            columns,
            self._records.session,
            _itself,
        )

    def get_active(self, *, errors: OnDamage = "raise") -> Loaded[PaperTradingSession]:
        """Load the RUNNING sessions, oldest first: the ones to resume after a crash.

        Args:
            errors: "raise" or "report", as for `get_all`.
        """
        return self.get_all(status=SessionStatus.RUNNING, errors=errors)

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
    ) -> Loaded[SessionSummary]:
        """Load what a list shows of each session, without positions, orders or state; arguments as for `get_all`."""
        return self._records.listed(
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
            ),
            SUMMARY_ROW,
            self._records.summary,
            SessionSummary.of,
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
        for page in self.pages(
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

    def pages(self, selection: Selection) -> Iterator[list[PaperTradingSession]]:
        """The sessions of `selection`, in pages that are read one after the other."""
        tables, columns = self._statements.tables, self._statements.session_columns
        key, identity = columns.index(queries.order_column(selection)), columns.index("id")
        if selection.errors != "raise":
            raise ValueError("iterate has no place to report errors; use get_all or get_summaries with errors='report'")
        left = selection.limit
        last: tuple[str, str] | None = None
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            offset = selection.offset if last is None else 0
            page = queries.select_sessions(tables, selection._replace(limit=size, offset=offset), columns)
            rows = self._storage.fetch_all(page if last is None else queries.after(tables, selection, page, *last))
            yield [self._records.session(row) for row in rows]
            if len(rows) < size:
                return
            last = rows[-1][key], rows[-1][identity]
            left = None if left is None else left - size

    def exists(self, session_id: str) -> bool:
        """Tell whether a session with this id is stored."""
        return self._storage.fetch_one(self._statements.select_version, {"id": session_id}) is not None

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
        query = queries.count_sessions(
            self._statements.tables,
            Selection.of(status=status, strategy=strategy, symbol=symbol, since=since, until=until),
        )
        return int(self._storage.fetch_all(query)[0][0])

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
        """Load the stored fills of a session in the order they were recorded; an empty list if there is no such
        session.

        Args:
            session_id: the session.
            symbol: only fills of this symbol.
            since: an aware datetime; only fills executed at this time or later.
            until: an aware datetime; only fills executed before this time.
            after: only fills recorded after this one, given as the fill, its id or its number in the history (from 1).
                Pass the last fill of a page to get the next page; the cost is the same anywhere in the history.
            limit: the maximum number of fills; None for all.

        Raises:
            ValueError: `after` is not a fill of this session, or is an id that fills of several symbols have and
                `symbol` does not tell which; or a time has no zone.
        """
        check_page(after, limit)
        fills = self._statements.tables.fills
        columns = self._statements.fill_columns
        place = self._records.sequence(session_id, after, symbol)
        query = queries.select_history(
            fills,
            session_id,
            columns,
            time=fills.executed_at,
            symbol=symbol,
            since=_time(since, "since"),
            until=_time(until, "until"),
            after=place,
            limit=limit,
        )
        whole = symbol is None and since is None and until is None
        rows = self._records.whole_fills(query, session_id, place, limit) if whole else self._storage.fetch_all(query)
        return [history.fill(self._storage, row) for row in rows]

    def get_unrecorded(self, session_id: str, fills: Iterable[Fill]) -> list[Fill]:
        """Select the fills that are not stored yet for this session, each once, in their order.

        After a reconnect, a restart or a `ConflictError`, a broker repeats fills that were booked before. This tells in
        one query which of them are new:

            session = repository.get_by_id(session_id)
            for fill in repository.get_unrecorded(session_id, broker.fills()):
                session.apply_fill(fill)
            repository.save(session)

        A fill is identified by its symbol and its id, whatever else it contains. If no session has this id, all fills
        are returned.

        Args:
            session_id: the session.
            fills: the fills that the broker has reported.

        Raises:
            InvalidSessionError: one of them is not a `Fill`.
        """
        return self._records.unrecorded(session_id, fills)

    def get_equity_curve(
        self,
        session_id: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        max_points: int | None = None,
    ) -> list[EquityPoint]:
        """Load the stored equity points of a session in the order they were recorded; an empty list if there are none.

        Args:
            session_id: the session.
            since: an aware datetime; only points taken at this time or later.
            until: an aware datetime; only points taken before this time.
            max_points: the maximum number of points, chosen so that a chart keeps its peaks and troughs (see
                `downsample`); None for all.

        Raises:
            ValueError: `max_points` is below 4, or a time has no zone.
        """
        equity = self._statements.tables.equity
        columns = self._statements.equity_columns
        query = queries.select_history(
            equity, session_id, columns, time=equity.at, since=_time(since, "since"), until=_time(until, "until")
        )
        rows = self._storage.fetch_all(query)
        if since is None and until is None:
            require_no_gap(rows, session_id, after=0)
        points = [history.point(self._storage, row) for row in rows]
        return points if max_points is None else downsample(points, max_points)

    def get_ledger(
        self, session_id: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[LedgerEntry]:
        """Load the stored cash flows, splits and changes of symbols of a session in the order they were booked.

        Args:
            session_id: the session; an empty list if there is no such session.
            since: an aware datetime; only entries of this time or later.
            until: an aware datetime; only entries before this time.
        """
        return self._records.ledger(session_id, _time(since, "since"), _time(until, "until"))

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
            session_id: the session; an empty list if there is no such session.
            kind: only flows of this kind, as "DIVIDEND".
            since: an aware datetime; only flows of this time or later.
            until: an aware datetime; only flows before this time.
        """
        return cash_flows(self.get_ledger(session_id, since=since, until=until), kind)

    def get_orders(
        self,
        session_id: str,
        *,
        symbol: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Order]:
        """Load the closed orders of a session in the order they were closed; those that rest are in `open_orders`.

        Args:
            session_id: the session; an empty list if there is no such session.
            symbol: only orders of this symbol.
            since: an aware datetime; only orders closed at this time or later.
            until: an aware datetime; only orders closed before this time.
        """
        return self._records.closed_orders(session_id, symbol, _time(since, "since"), _time(until, "until"))

    def get_trades(self, session_id: str) -> list[Trade]:
        """Work out the closed trades of a session from its stored history, in the order in which they were closed.

        A trade goes from the first to the last fill of one position (see `paper_repo.trades`).

        Raises:
            SessionNotFoundError: there is no such session.
        """
        from paper_repo.domain.trades import trades  # which most programs do not need

        with self.reading():
            session = self._found(session_id)
            return trades(self._history(session_id), session)

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
        from paper_repo.domain.performance import performance  # which most programs do not need

        with self.reading():
            session = self._found(session_id)
            return performance(
                session,
                self.equity_history(session_id),
                self._history(session_id),
                resample=resample,
                periods_per_year=periods_per_year,
                risk_free_rate=risk_free_rate,
            )

    def get_as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        """Rebuild the books of a session as they were at a time, from its stored history; the copy cannot be saved.

        Args:
            session_id: the session.
            at: an aware datetime; what was executed or took place up to this moment counts.

        Raises:
            SessionNotFoundError: there is no such session.
        """
        from paper_repo.domain.replay import as_of  # which most programs do not need

        with self.reading():
            session = self._found(session_id)
            return as_of(session, self._history(session_id), at)

    def correct_fill(
        self, session_id: str, fill_id: str, replacement: Fill | None = None, *, symbol: str | None = None
    ) -> PaperTradingSession:
        """Take a stored fill out of the books, as after a bust by the exchange, or put another one in its place.

        The books are rebuilt from the history, in one transaction. The old fill stays in the history, with
        `corrected_at`, and the replacement is appended to it, with `replaces`. Objects loaded before are stale: saving
        one is a `ConflictError`.

        Args:
            session_id: the session.
            fill_id: the id of the fill.
            replacement: what was really executed, under an id of its own; None if nothing was.
            symbol: of the fill, where several symbols have one of this id.

        Returns:
            The session as it is stored now.

        Raises:
            SessionNotFoundError: there is no such session.
            InvalidSessionError: it has no such fill, or one that was corrected before; the replacement does not fit; or
                its program keeps its own accounts, which nobody else can rebuild.
        """
        from paper_repo.core import corrections  # which most programs do not need

        with self.atomic():
            session = self._found(session_id)
            places = dict(self.fill_history(session_id))
            fills = list(places.values())
            old = corrections.corrected(fills, fill_id, symbol)
            place, index = next(
                (place, index)
                for index, (place, each) in enumerate(places.items())
                if (each.id, each.symbol) == (old.id, old.symbol)
            )
            fills[index] = old
            new = corrections.replacing(replacement, old, fills)
            corrections.rebuild(session, fills, self.ledger_history(session_id), new)
            row = history.fill_row(self._storage, session_id, place, fast.dump(old))
            self._storage.change(self._statements.correct_fill, row)
            self.save(session)
        return session

    def _found(self, session_id: str) -> PaperTradingSession:
        session = self.get_by_id(session_id)
        if session is None:
            raise SessionNotFoundError(session_id)
        return session

    def _history(self, session_id: str) -> Iterator[Booked]:
        """The fills and ledger entries of a session, as one history."""
        fills = (fill for _, fill in self.fill_history(session_id))
        return booking_order(fills, self.ledger_history(session_id))

    def ledger_history(self, session_id: str) -> Iterator[tuple[int, LedgerEntry]]:
        """The ledger entries of a session one by one, each with the number of fills that were booked before it."""
        return history.read_entries(self._storage, session_id)

    def order_history(self, session_id: str) -> Iterator[Order]:
        """The closed orders of a session one by one in constant memory; otherwise like `fill_history`."""
        return history.read_orders(self._storage, session_id)

    def fill_history(self, session_id: str, after: int = 0) -> Iterator[tuple[int, Fill]]:
        """The fills of a session one by one in constant memory, each with its number in the history (from 1).

        No lock is held between two fills, and no snapshot unless the caller is inside `reading`.

        Args:
            session_id: the session.
            after: only fills with a higher number.
        """
        return history.read_fills(self._storage, session_id, after)

    def equity_history(self, session_id: str) -> Iterator[EquityPoint]:
        """The equity points of a session one by one in constant memory; otherwise like `fill_history`."""
        return history.read_points(self._storage, session_id)

    def find_ids(self, beginning: str, limit: int | None = 10) -> list[str]:
        """The ids that begin with this text, sorted, at most `limit` of them; None for all."""
        sessions = self._statements.tables.sessions
        query = sessions.select(sessions.id).where(sessions.id >= beginning).order_by(sessions.id).limit(limit)
        return [found for (found,) in self._storage.fetch_all(query) if found.startswith(beginning)]

    def describe(self) -> Data:
        """Facts about the database for people: its location, its settings and the number of sessions and records."""
        tables = self._statements.tables
        counted = (tables.sessions, tables.fills, tables.equity, tables.ledger, tables.orders)
        counts = [self._storage.fetch_all(queries.count_rows(table))[0][0] for table in counted]
        facts = self._storage.describe()
        return facts | dict(zip(_COUNTED, counts, strict=True))

    def reading(self) -> AbstractContextManager[None]:
        """A block in which everything this thread reads is of one moment; others continue to write meanwhile."""
        return self._storage.snapshot()

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
        self._storage.back_up(Path(target).absolute(), progress, overwrite)

    def compact(self) -> None:
        """Shrink the file by the space that deleted sessions have left. No other program may have the file open.

        Raises:
            BusyError: another program has the file open.
        """
        self._storage.compact()

    def check(self) -> CheckReport:
        """Check everything that is stored, and report what was found.

        The check covers the structure of the database, whether every record can be read and is what was written,
        whether lists show what the sessions hold, whether the histories are complete, and whether the books balance.

        It takes as long as reading all of it. It changes nothing and does not keep others from writing.
        """
        from paper_repo.reports import CheckReport  # which most programs do not need

        report = CheckReport()
        for problem in self._storage.problems():
            report.problem(problem)
        if self._storage.damage is not None:
            found = self.get_all(errors="report")
            report.sessions = len(found)
            for error in found.errors:
                report.problem(str(error), getattr(error, "session_id", None))
            return report
        with self.reading():
            for session_id in self._ids():
                self._check(report, session_id)
        return report

    def _ids(self) -> list[str]:
        """The ids of all sessions, the oldest first."""
        sessions = self._statements.tables.sessions
        query = sessions.select(sessions.id).order_by(sessions.created_at, sessions.id)
        return [session_id for (session_id,) in self._storage.fetch_all(query)]

    def _check(self, report: CheckReport, session_id: str) -> None:
        from paper_repo.reports import check_books, check_history, check_session

        try:
            session = self.get_by_id(session_id)
            row = self._storage.fetch_one(self._statements.select_summary, {"id": session_id})
            if session is not None and row is not None:
                check_session(report, session, self._records.summary(row))
                check_history(report, session, self.fill_history(session_id), self.equity_history(session_id))
                for _ in self.order_history(session_id):
                    pass  # reading them is the check
                check_books(report, session, self._history(session_id))
        except CorruptDatabaseError as error:
            report.problem(str(error), session_id)

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
                position continues where it stopped. 0 for every session, past and present; None for changes from now
                on.
            timeout: end when nothing has changed for this number of seconds; None to wait without limit.
            poll_interval: the time between two polls, in seconds.

        Raises:
            ValueError: `after` is beyond the newest change, for example because the position comes from another
                database, or another argument is not allowed.
        """
        from paper_repo.watching import SessionChanges  # imported lazily: most programs never watch

        return SessionChanges(self._storage.open_feed, after, timeout, poll_interval)

    # Between entities and rows

    @cached_property
    def _statements(self) -> Statements:
        return self._storage.statements

    def _delete(self, session_id: str) -> bool:
        found = self._storage.fetch_one(self._statements.delete_session, {"id": session_id})
        if found is not None:
            row = {"session_id": session_id, "version": found[0], "change_number": found[1]}
            self._storage.change(self._statements.insert_deletion, row)
        return found is not None

    def _delete_many(self, selection: Selection) -> int:
        self._storage.execute(*queries.insert_deletions(self._statements, selection).sql())
        return int(self._storage.execute(*queries.delete_sessions(self._statements.tables, selection).sql()).rowcount)

    def _write_all(self, saves: Sequence[Save]) -> None:
        # In the same order everywhere: two programs that save the same sessions do not wait for each other crosswise.
        for save in sorted(saves, key=lambda each: each.session.id):
            self._write(save)

    def _write(self, save: Save) -> None:
        """Store one session with its new history, and make its object what was stored."""
        self._records.write(save, self._storage.undo.append)


_COUNTED = ("sessions", "fills", "equity_points", "ledger_entries", "closed_orders")


def _time(moment: datetime | None, name: str) -> str | None:
    moment = optional_instant(moment, name)
    return None if moment is None else schemas.instant_text(moment)


def _itself(session: PaperTradingSession) -> PaperTradingSession:
    return session
