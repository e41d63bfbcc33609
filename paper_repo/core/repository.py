"""`SessionRepository`, the synchronous core.

What each method promises stands in `interface.py`, once for all implementations.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from paper_repo.core import history
from paper_repo.core.claims import Claims
from paper_repo.core.history import require_no_gap
from paper_repo.core.records import SUMMARY_ROW, Records
from paper_repo.core.saves import Save, UndoLog
from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.domain.downsampling import downsample
from paper_repo.domain.selection import (
    Loaded,
    OnDamage,
    Selection,
    SessionFilters,
    SessionQuery,
    SessionSummary,
    check_page,
)
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.values import Progress, optional_instant
from paper_repo.errors import CorruptDatabaseError, InvalidSessionError
from paper_repo.serialization import schemas
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.address import Address, storage_at
from paper_repo.storage.base import Storage
from paper_repo.storage.postgres.errors import TurnedBackError
from paper_repo.storage.statements import Statements

if TYPE_CHECKING:
    from paper_repo.reports import CheckReport
    from paper_repo.watching import SessionChanges

T = TypeVar("T")

PAGE = 100
"""How many sessions `iterate` reads at a time."""

_LONGEST_PAUSE = 0.1
"""Between two attempts at a transaction, in seconds."""


class SessionRepository:
    """Paper-trading sessions in a database, by plain blocking calls from any number of threads.

    Args:
        path: an SQLite file, as a str or Path, which is created by the first use, its folder must exist; or the URL
            of a database: "sqlite:///PATH", "postgresql://USER:PASSWORD@HOST:PORT/DATABASE" (any parameter of libpq's
            may follow) or "cockroachdb://...".
        durability: "full" keeps every acknowledged save through a power cut; "normal" is faster and may lose the last
            ones then, but never damages the file. A crash of the program alone loses nothing either way.
        busy_timeout: how long to wait for another writer, in seconds, before `BusyError`.
        upgrade: "auto" brings the schema of an older database up to date when it is opened, a file's after a backup
            beside it; "never" refuses to, for users who may not change it.
        passphrase: opens or creates an encrypted file, by SQLCipher (`pip install 'paper_repo[encryption]'`); it
            appears in no message, log or repr.
        journal: of a file: "wal" lets others read while one writes; "rollback" does not, and works on network file
            systems too. Every program that has the file open at once uses the same one.

    Raises:
        ValueError: an argument makes no sense, such as ":memory:" (use `InMemorySessionRepository`).
    """

    def __init__(
        self,
        path: Address,
        *,
        durability: str = "full",
        busy_timeout: float = 5.0,
        upgrade: str = "auto",
        passphrase: str | None = None,
        journal: str = "wal",
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
        self._transaction = _Transaction()
        self._claims = Claims(self._storage, self._records, self._alone)

    def __repr__(self) -> str:
        storage = self._storage
        return f"{type(self).__name__}({storage.name!r}, durability={storage.durability!r})"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, KeyboardInterrupt):  # it may have come between a BEGIN and what would have ended it
            self._roll_back(0)
            self._storage.let_go()
        self.close()

    @property
    def storage(self) -> Storage:
        """The rows underneath."""
        return self._storage

    @property
    def records(self) -> Records:
        """The sessions in those rows."""
        return self._records

    @property
    def is_damaged(self) -> bool:
        """Whether damage was found when the database was opened: then nothing is written, and lists only report."""
        self._storage.open()
        return self._storage.damage is not None

    @property
    def busy_timeout(self) -> float:
        """How long to wait for another writer, in seconds."""
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
        """See `IPaperTradingSessionRepository.open`; so for every method below."""
        self._storage.open()

    def close(self) -> None:
        self._storage.close()

    # Writing

    def save(self, session: PaperTradingSession) -> None:
        self.write([Save.capture(session)])

    def save_many(self, sessions: Iterable[PaperTradingSession]) -> None:
        self.write(Save.capture_many(sessions))

    def write(self, saves: Sequence[Save]) -> None:
        """Store what was serialised before, all or none."""
        if len(saves) == 1 and not saves[0].has_history and self._is_all_or_none():
            self._write(saves[0])
        elif saves:
            self._alone(self._write_all, saves)

    def delete(self, session_id: str) -> bool:
        return self._alone(self._delete, session_id)

    def delete_many(self, **filters: Unpack[SessionFilters]) -> int:
        return self._alone(self._delete_many, Selection.of_filters(filters))

    def restore(
        self,
        session: PaperTradingSession,
        fills: Iterable[tuple[int, Fill]] = (),
        points: Iterable[EquityPoint] = (),
    ) -> None:
        """Store a session that was stored before, here or elsewhere, exactly as it was: its version and times included.

        Args:
            session: as it was loaded, without history that waits.
            fills: its history, each fill with its place in it, as `fill_history` gives them; read once, one by one.
            points: its equity curve; read once, one by one, after the fills.

        Raises:
            ConflictError: a session of this id is stored already.
            InvalidSessionError: it was never stored, holds history that waits, or its history is out of order.
        """
        save = Save.capture(session)
        if save.has_history or not session.version or session.updated_at is None:
            message = "only a session as it was loaded can be restored; store this one with save()."
            raise InvalidSessionError({"version": [message]}, session.id)
        with self.atomic():
            self._records.store(save)
            history.write_fills(self._storage, session.id, fills)
            history.write_points(self._storage, session.id, points)

    def _is_all_or_none(self) -> bool:
        """Whether a single statement needs no transaction, and no part of one, of its own."""
        return self._storage.in_transaction() and not self._storage.errors_end_transactions

    def _alone(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work`, done whole or not at all: in a part of the open transaction, or in one of its own.

        One of its own is done again when the database has turned it back because of another one; the caller's objects
        are as before by then.
        """
        pause, give_up = 0.001, 0.0
        while True:
            try:
                return self._in_transaction(work, *args)
            except TurnedBackError:
                give_up = give_up or time.monotonic() + self.busy_timeout
                if self._storage.in_transaction() or time.monotonic() > give_up:
                    raise
            time.sleep(random.uniform(0, pause))  # the others, which do the same, shall not meet it again
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _in_transaction(self, work: Callable[..., T], *args: Any) -> T:
        start = self._begin()
        try:
            result = work(*args)
            self._storage.commit()
            return result
        except BaseException:
            self._roll_back(start)
            raise
        finally:
            self._forget_undone()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        start = self._begin()
        try:
            yield
            self._storage.commit()
        except BaseException:
            self._roll_back(start)
            raise
        finally:
            self._forget_undone()

    def _begin(self) -> int:
        self._storage.begin()
        return len(self._transaction.undo)

    def _roll_back(self, start: int) -> None:
        if self._storage.in_transaction():  # else Ctrl-C came just after the COMMIT
            try:
                self._transaction.undo.rewind(start)  # before the next writer can begin, who may have the same objects
            finally:
                self._storage.roll_back()

    def _forget_undone(self) -> None:
        if not self._storage.in_transaction():
            self._transaction.undo.clear()

    def has_lost_transaction(self) -> bool:
        """Whether an error such as a full disk has ended the transaction around this call before its time."""
        return self._storage.has_lost_transaction()

    # Claims

    def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        return self._claims.claim(session_id, owner, ttl)

    def renew(self, session_id: str, owner: str, ttl: float) -> None:
        self._claims.renew(session_id, owner, ttl)

    def release(self, session_id: str, owner: str) -> bool:
        return self._claims.release(session_id, owner)

    def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        return self._claims.claim_active(owner, ttl, limit)

    # Reading

    def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        return self._records.get(session_id)

    def get_all(self, **query: Unpack[SessionQuery]) -> Loaded[PaperTradingSession]:
        columns = self._statements.session_columns
        return self._records.listed(Selection.of(query), columns, self._records.session, _itself)

    def get_active(self, *, errors: OnDamage = "raise") -> Loaded[PaperTradingSession]:
        return self.get_all(status=SessionStatus.RUNNING, errors=errors)

    def get_summaries(self, **query: Unpack[SessionQuery]) -> Loaded[SessionSummary]:
        return self._records.listed(Selection.of(query), SUMMARY_ROW, self._records.summary, SessionSummary.of)

    def iterate(self, **query: Unpack[SessionQuery]) -> Iterator[PaperTradingSession]:
        for page in self.pages(Selection.of(query)):
            yield from page

    def pages(self, selection: Selection) -> Iterator[list[PaperTradingSession]]:
        """The sessions of `selection`, a short list at a time; each list is read for itself."""
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
        return self._storage.fetch_one(self._statements.select_version, {"id": session_id}) is not None

    def count(self, **filters: Unpack[SessionFilters]) -> int:
        query = queries.count_sessions(self._statements.tables, Selection.of_filters(filters))
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
        """Those of a broker's fills that are not stored yet for this session, each once, in their order.

        See `IPaperTradingSessionRepository.get_unrecorded`.
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

    def fill_history(self, session_id: str, after: int = 0) -> Iterator[tuple[int, Fill]]:
        """The fills of the session one by one, each with its place in the history, in constant memory.

        No lock is held between two of them, and no snapshot unless the caller holds one (`reading`).

        Args:
            after: only what was recorded behind this place.
        """
        return history.read_fills(self._storage, session_id, after)

    def equity_history(self, session_id: str) -> Iterator[EquityPoint]:
        """The equity points of the session one by one, otherwise as `fill_history`."""
        return history.read_points(self._storage, session_id)

    def find_ids(self, beginning: str, limit: int | None = 10) -> list[str]:
        """The ids of sessions that begin with this text, in their order and at most so many, or all."""
        sessions = self._statements.tables.sessions
        query = sessions.select(sessions.id).where(sessions.id >= beginning).order_by(sessions.id).limit(limit)
        return [found for (found,) in self._storage.fetch_all(query) if found.startswith(beginning)]

    def describe(self) -> Data:
        """Facts about the database, for people: where it is, how it is set up, and how much is in it."""
        tables = self._statements.tables
        counted = (tables.sessions, tables.fills, tables.equity)
        counts = [self._storage.fetch_all(queries.count_rows(table))[0][0] for table in counted]
        facts = self._storage.describe()
        return facts | dict(zip(("sessions", "fills", "equity_points"), counts, strict=True))

    def reading(self) -> AbstractContextManager[None]:
        """A block in which all that this thread reads is of one moment; nobody is kept from writing meanwhile."""
        return self._storage.snapshot()

    # Keeping it safe

    def backup(
        self, target: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        self._storage.back_up(Path(target).absolute(), progress, overwrite)

    def compact(self) -> None:
        """Give back the room that deleted sessions have left in the file, while nobody else has it open.

        Raises:
            BusyError: another program has it open.
        """
        self._storage.compact()

    def check(self) -> CheckReport:
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
        from paper_repo.reports import check_history, check_session

        try:
            session = self.get_by_id(session_id)
            row = self._storage.fetch_one(self._statements.select_summary, {"id": session_id})
            if session is not None and row is not None:
                check_session(report, session, self._records.summary(row))
                check_history(report, session, self.fill_history(session_id), self.equity_history(session_id))
        except CorruptDatabaseError as error:
            report.problem(str(error), session_id)

    # Watching

    def watch(
        self, *, after: int | None = None, timeout: float | None = None, poll_interval: float = 0.1
    ) -> SessionChanges:
        from paper_repo.watching import SessionChanges  # which a program that only saves needs not wait for

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
        self._records.write(save, self._transaction.undo)


class _Transaction(threading.local):
    """What this thread's transaction has changed in the caller's objects."""

    def __init__(self) -> None:
        self.undo = UndoLog()


def _time(moment: datetime | None, name: str) -> str | None:
    moment = optional_instant(moment, name)
    return None if moment is None else schemas.instant_text(moment)


def _itself(session: PaperTradingSession) -> PaperTradingSession:
    return session
