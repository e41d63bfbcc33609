"""`Sessions`, which does the work of `SessionRepository`, and which the other parts of this package reach too.

It promises nothing to programs: `paper_repo.core.repository.internals_of` gives it to the facade, which writes what was
captured before, and to the frames, reports and maintenance, which read rows as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from paper_repo.core import gradual, history_writing
from paper_repo.core.accounts import Accounts
from paper_repo.core.all_or_nothing import AllOrNothing
from paper_repo.core.claims import Claims
from paper_repo.core.lists import Lists
from paper_repo.core.records import Records
from paper_repo.core.saves import Save
from paper_repo.core.together import OneByOneError, write_alone, write_together
from paper_repo.domain import EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.selection import Selection
from paper_repo.errors import InvalidSessionError
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.statements import Statements


class Sessions:
    """The sessions in one database.

    Args:
        storage: the rows.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.records: Records = Records(storage)
        """Turns rows into sessions and sessions into rows."""
        self.lists: Lists = Lists(storage, self.records)
        """Reads several sessions, and histories."""
        self._transactions = AllOrNothing(storage)
        self.accounts: Accounts = Accounts(storage, self.records, self._write)
        """Reads and corrects what accounts have booked."""
        self.claims: Claims = Claims(storage, self.records, self._transactions.alone, self._transactions.inside)

    def write(self, saves: Sequence[Save]) -> None:
        """Store what was captured before, either all of it or nothing."""
        if len(saves) == 1 and not saves[0].has_history and self._transactions.is_single_statement():
            self._write(saves[0])
        elif len(saves) == 1 and self.storage.sends_together and not self.storage.in_transaction():
            self._write_alone(saves[0])
        elif saves:
            self._transactions.alone(self._write_all, saves)

    def write_in_steps(self, session: PaperTradingSession) -> Iterator[None]:
        """Store one session in short steps, between which a program can do something else.

        Between them nothing may change the session, and no transaction is open. On a server, and in an open
        transaction, it is one step.
        """
        if not (self.storage.sends_together or self.storage.in_transaction()):
            try:
                yield from gradual.steps(self.storage, self.records, self._transactions.alone, session)
                return
            except gradual.NotPlainError:
                pass
        self.write([Save.capture(session)])

    def write_together(self, saves: Sequence[Save], is_all: bool) -> list[Exception | None]:
        """Store several sessions in the open transaction; what each save was refused with. See `together`."""
        return write_together(self.storage, self.records, saves, is_all)

    def delete(self, session_id: str) -> bool:
        """Delete a session and its history; whether there was one."""
        return self._transactions.alone(self._delete, session_id)

    def delete_many(self, selection: Selection) -> int:
        """Delete the sessions of `selection` and their histories; how many there were."""
        return self._transactions.alone(self._delete_many, selection)

    def restore(
        self,
        save: Save,
        fills: Iterable[tuple[int, Fill]],
        points: Iterable[EquityPoint],
        entries: Iterable[tuple[int, LedgerEntry]],
        orders: Iterable[Order],
    ) -> None:
        """Store a session exactly as it was somewhere else, with this history."""
        session = save.session
        if save.has_history or not session.version or session.updated_at is None:
            message = "only a session as it was loaded can be restored; store this one with save()."
            raise InvalidSessionError({"version": [message]}, session.id)
        with self.storage.atomic():
            self.records.store(save)
            history_writing.write_fills(self.storage, session.id, fills, session.fill_count)
            history_writing.write_points(self.storage, session.id, points)
            stored = history_writing.write_entries(self.storage, session.id, entries)
            history_writing.require_all(session, "ledger_count", stored)
            stored = history_writing.write_orders(self.storage, session.id, orders)
            history_writing.require_all(session, "closed_order_count", stored)

    @cached_property
    def _statements(self) -> Statements:
        return self.storage.statements

    def _delete(self, session_id: str) -> bool:
        found = self.storage.fetch_one(self._statements.delete_session, {"id": session_id})
        if found is not None:
            row = {"session_id": session_id, "version": found[0], "change_number": found[1]}
            self.storage.change(self._statements.insert_deletion, row)
        return found is not None

    def _delete_many(self, selection: Selection) -> int:
        self.storage.execute(*queries.insert_deletions(self._statements, selection).sql())
        return int(self.storage.execute(*queries.delete_sessions(self._statements.tables, selection).sql()).rowcount)

    def _write_alone(self, save: Save) -> None:
        """Store one session in a transaction of its own, with as few round trips as can be."""
        try:
            self._transactions.alone(write_alone, self.storage, self.records, save, begins_late=True)
        except OneByOneError:
            self._transactions.alone(self._write_all, [save])

    def _write_all(self, saves: Sequence[Save]) -> None:
        # In the same order everywhere: two programs that save the same sessions do not wait for each other crosswise.
        for save in sorted(saves, key=lambda each: each.session.id):
            self._write(save)

    def _write(self, save: Save) -> None:
        """Store one session with its new history, and make its object what was stored."""
        self.records.write(save, self.storage.undo.append)
