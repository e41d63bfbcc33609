"""`IPaperTradingSessionRepository`: what a repository of paper-trading sessions promises, documented once.

`SessionRepository` has the same methods without `async`; `AsyncSessionRepository`, `SQLiteSessionRepository` and
`InMemorySessionRepository` implement it.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.selection import Loaded, OnDamage, SessionFilters, SessionQuery, SessionSummary
from paper_repo.domain.values import Progress

if TYPE_CHECKING:
    from paper_repo.reports import CheckReport
    from paper_repo.watching import AsyncSessionChanges


class IPaperTradingSessionRepository(ABC):
    """A collection of paper-trading sessions that outlives the process.

    Every method may raise `RepositoryClosedError` after `close`, and `StorageError` or one of its kinds when the
    database cannot do what is asked; `TransactionOwnershipError` when another task than the owner of an open `atomic`
    block uses the repository inside it. What a single method raises beside these stands with the method.
    """

    @abstractmethod
    async def open(self) -> None:
        """Create or open the database now. Optional: the first use does it.

        Raises:
            ForeignDatabaseError: the file belongs to another program, or is no database.
            SchemaVersionError: the file was written by a newer version of this library.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what was asked for, then let go of every thread and connection. Calling it again does nothing.

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

    @abstractmethod
    async def save(self, session: PaperTradingSession) -> None:
        """Store the session and its new history, in one transaction.

        A session of version 0 is inserted, any other one updated where the stored version is still the session's.
        Afterwards its `version` is one higher, `updated_at` is set and the new history is stored and emptied. After any
        failure, and when an enclosing `atomic` block rolls back, the session is as it was, and saving it again works.

        What is stored is what the session was at the call. Two tasks may save the same object at once.

        A fill is booked once, for ever. One that `apply_fill` has booked and that is stored already is refused, since
        its cash was counted twice. One that was only recorded (`record_fill`) is passed over when it is stored already
        with the same content. Ids of fills are unique within a session and a symbol.

        A save that is cancelled before it began is never done. One that had begun is finished, and the cancellation is
        raised after that: then `version` tells whether it is stored.

        Raises:
            ConflictError: somebody else changed or deleted the session since it was loaded, or the id is taken. Load it
                again, apply what `get_unrecorded` gives of the new fills, and save that.
            DuplicateFillError: fills were booked that are stored already; the way out is the same.
            InvalidSessionError: the session holds something that cannot be stored; the message names the path.
        """

    @abstractmethod
    async def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        """Store several sessions, all or none of them; otherwise as `save`."""

    @abstractmethod
    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        """The session with all its fields, as a new object; None when there is none of this id.

        Raises:
            CorruptRecordError: it is stored, but cannot be read.
        """

    @abstractmethod
    async def get_all(self, **query: Unpack[SessionQuery]) -> Loaded[PaperTradingSession]:
        """The sessions, oldest first unless asked otherwise.

        Args:
            status: one status or several.
            strategy: the strategy's name.
            symbol: a symbol that the session trades.
            created_from: an aware datetime; created then or later.
            created_to: an aware datetime; created before.
            order_by: "created_at" (the default), "updated_at", "name", "equity" or "net_pnl", amounts in exact decimal
                order; ties are broken by id.
            descending: the other way round.
            limit: how many at most; None for all.
            offset: how many to pass over first.
            errors: "raise" (the default), or "report": one session that cannot be read does not keep the others from
                loading, and `errors` of the list says what is not in it.

        Returns:
            A list, whose `errors` is empty unless damage was to be reported: a `CorruptRecordError` for each session
            that cannot be read, and a `CorruptDatabaseError` where the file itself is damaged.

        Raises:
            ValueError: an argument makes no sense; the message lists what does.
            CorruptRecordError: one of the sessions cannot be read.
            CorruptDatabaseError: the file is damaged, so that sessions may be missing from the list.
        """

    @abstractmethod
    async def get_active(self, *, errors: OnDamage = "raise") -> Loaded[PaperTradingSession]:
        """The RUNNING sessions, oldest first: what is to be resumed after a crash; `errors` as in `get_all`."""

    @abstractmethod
    async def get_summaries(self, **query: Unpack[SessionQuery]) -> Loaded[SessionSummary]:
        """What a list shows of the sessions, without decoding positions or parameters; arguments as `get_all`."""

    @abstractmethod
    def iterate(self, **query: Unpack[SessionQuery]) -> AsyncIterator[PaperTradingSession]:
        """The sessions one by one, in constant memory; arguments as `get_all`.

        No lock and no snapshot is held between two of them. A session that is changed meanwhile so that its place in
        the order moves may be passed over or come twice. There is no place to report errors: `errors="report"` is
        a ValueError here.
        """

    @abstractmethod
    async def exists(self, session_id: str) -> bool:
        """Whether there is a session of this id."""

    @abstractmethod
    async def count(self, **filters: Unpack[SessionFilters]) -> int:
        """How many there are; `status`, `strategy`, `symbol`, `created_from` and `created_to` as in `get_all`."""

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
        """The stored fills of the session in the order they were recorded; none when there is no such session.

        Args:
            symbol: only fills of this symbol.
            since: an aware datetime; executed then or later.
            until: an aware datetime; executed before.
            after: only what was recorded after this fill, given as it is, by its id or by its place in the history
                (from 1): the last one of a page gives the next page, at the same cost anywhere in the history.
            limit: how many at most; None for all.

        Raises:
            ValueError: `after` is no fill of this session, or an id that fills of several symbols have and `symbol`
                does not tell which; or a time has no zone.
        """

    @abstractmethod
    async def get_unrecorded(self, session_id: str, fills: Iterable[Fill]) -> list[Fill]:
        """Those of `fills` that are not stored yet for this session, each once, in their order: all, if there is none.

        A broker that is asked after a reconnect, a restart or a `ConflictError` repeats fills that were booked before.
        This tells which are new, in one query however many they are:

            session = await repository.get_by_id(session_id)
            for fill in await repository.get_unrecorded(session_id, broker.fills()):
                session.apply_fill(fill)
            await repository.save(session)

        A fill is known by its symbol and its id, whatever else it says.

        Args:
            session_id: which session.
            fills: what the broker has reported.

        Raises:
            InvalidSessionError: one of them is no `Fill`.
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
        """The stored equity points of the session in the order they were recorded; none when there is no such session.

        Args:
            since: an aware datetime; taken then or later.
            until: an aware datetime; taken before.
            max_points: at most so many, chosen so that a chart keeps its peaks and troughs (see `downsample`).

        Raises:
            ValueError: `max_points` is too small for a chart, or a time has no zone.
        """

    @abstractmethod
    async def delete(self, session_id: str) -> bool:
        """Remove the session with its whole history; True when there was one."""

    @abstractmethod
    async def delete_many(self, **filters: Unpack[SessionFilters]) -> int:
        """Remove the sessions that the filters name (all, without any) with their history, and say how many."""

    @abstractmethod
    async def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        """Take a session for one of several workers: the session, as a new object; None when somebody else has it.

        Nobody else gets it until `ttl` seconds have passed without `renew`, by the clock of the server, or of this
        machine where there is none. Claiming makes the session newer by one version, so that whatever was loaded
        before, by whomever, can be saved no more: of that, a save of a worker whose claim was lost raises
        `ClaimLostError`. Saves need no claim; use one object, the one that `claim` gave, as long as the claim lasts.

        Args:
            session_id: which one.
            owner: who wants it: a text that is different for every worker, also for one that was started again.
            ttl: for how long, in seconds.

        Raises:
            SessionNotFoundError: there is no such session.
            ValueError: `owner` is empty, or `ttl` no time.
        """

    @abstractmethod
    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        """Keep a claim for `ttl` seconds from now, which is possible until somebody else has taken it.

        Raises:
            ClaimLostError: somebody else has, or it was released.
        """

    @abstractmethod
    async def release(self, session_id: str, owner: str) -> bool:
        """Give a claim back; True when `owner` had it."""

    @abstractmethod
    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        """Claim the RUNNING sessions that nobody has, oldest first, in one step: what this worker is to resume.

        Several workers may do so at once, and none waits for another: each session goes to one of them.

        Args:
            owner: as for `claim`.
            ttl: as for `claim`.
            limit: how many at most; None for all.
        """

    @abstractmethod
    async def backup(
        self, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        """Write all that is stored, as it is at this moment, to an SQLite file, while others go on writing.

        The copy is written beside the target, verified and then given its name, so that a file of that name is whole.
        It is readable by its owner alone. It can be opened as a repository like any other file.

        Args:
            target: the new file; its folder exists.
            overwrite: replace the file that is there, once the copy is whole and verified; else it is refused.
            progress: called now and then, in another thread, with how much is written and how much there is to write.

        Raises:
            StorageError: there is something at the target that was not to be overwritten or is no file, a database
                of that name is in use, or it cannot be created.
            DiskFullError: there is no room for the copy.
            CorruptDatabaseError: the database is damaged; there is no copy then.
            TransactionError: called inside an `atomic` block.
        """

    @abstractmethod
    async def check(self) -> CheckReport:
        """Look at everything that is stored.

        That is the structure of the database, whether every record can be read and is what was written, whether lists
        show what the sessions hold, whether the histories are complete and the books balance.

        It takes as long as reading all of it. Nothing is changed, and nobody is kept from writing meanwhile.
        """

    @abstractmethod
    def atomic(self) -> AbstractAsyncContextManager[None]:
        """A transaction: everything in the block is stored, or nothing. A block inside a block is a savepoint.

        Reads inside see its own writes; nobody else sees them before the block has ended, and nobody's reading waits
        for it. Other writers do wait, for the busy timeout at most. After a rollback the sessions saved inside are as
        they were before their saves.

        The block belongs to the task that opened it: a task started inside it gets `TransactionOwnershipError` when it
        uses the repository before the block has ended.

        When the task is cancelled the block is rolled back, whatever the kind of cancellation. Only while its COMMIT
        runs the outcome is open: the task sees the cancellation, and the sessions' `version` tells what is stored.

        Raises:
            BusyError: another writer did not end within the busy timeout.
        """

    @abstractmethod
    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> AsyncSessionChanges:
        """The sessions that are saved or deleted from now on, as `SessionChange`, whoever does it: this object, another
        thread or another process.

            async for change in repository.watch():
                ...

        Nothing committed is missed; several changes of one session may be reported as one, the last. It begins when the
        first change is asked for, or at the beginning of `async with repository.watch() as changes`, which also ends it
        at once when the block is left. Cancelling the wait loses nothing. It ends when the repository is closed.

        It sees what is committed, and belongs to no transaction, wherever it is called. Each watch has a connection of
        its own; a look that finds nothing costs some microseconds. (Of the synchronous repository it is a plain
        iterator and context manager, and may wait in a thread while others use the repository.)

        Args:
            after: only what came after this position, which each change carries: a program that has kept the last one
                goes on where it was. 0 for every session there is and was; None for now.
            timeout: end when nothing came for so many seconds; None to wait for ever.
            poll_interval: how long to wait between two looks, in seconds.

        Raises:
            ValueError: `after` lies behind the newest change, as with a position from another database, or an argument
                makes no sense.
        """
