"""A save in small steps, for a program that must not stop for as long as a whole one takes.

Nearly all of a save is done before its transaction begins, which then is one short step: nobody waits for a program
that pauses between two steps. What another save of the same session has done meanwhile is a conflict, as ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from paper_repo.core.history_rows import entry_row, fill_row, insert_fill, order_row, point_row
from paper_repo.core.records import Records
from paper_repo.core.saves import Save
from paper_repo.domain import PaperTradingSession
from paper_repo.storage.base import Storage
from paper_repo.storage.statements import Statement
from paper_repo.storage.tables import Row

SIZE = 20
"""How many fills, points, ledger entries and orders one step prepares."""


class NotPlainError(Exception):
    """Not every row was stored: the version is another, or some history is stored already."""


def steps(
    storage: Storage, records: Records, alone: Callable[..., Any], session: PaperTradingSession
) -> Iterator[None]:
    """Store a session, which nothing may change meanwhile, a part at each step.

    Args:
        alone: does work in a transaction of its own.

    Raises:
        NotPlainError: nothing was stored, and an ordinary save will tell why, or do it.
        InvalidSessionError: the session holds something that cannot be stored.
    """
    save = yield from Save.capture_in_steps(session, SIZE)
    yield
    records.bind(save)
    records.require_in_step(save)
    yield
    statement, row = records.change(save)
    yield
    history: defaultdict[Statement, list[Sequence[object]]] = defaultdict(list)
    for number, (insert, each) in enumerate(_history(storage, save), 1):
        history[insert].append(insert.values(each))
        if number % SIZE == 0:
            yield
    yield
    alone(_write, storage, save, statement, row, history)


def _history(storage: Storage, save: Save) -> Iterator[tuple[Statement, Row]]:
    """What stores the new history, row by row."""
    session_id, statements = save.session.id, storage.statements
    for place, fill in enumerate(save.fills, save.first_sequence):
        row = fill_row(storage, session_id, place, fill)
        yield insert_fill(statements, row), row
    for point in save.points:
        yield statements.insert_equity, point_row(storage, session_id, point)
    for entry in save.entries:
        yield statements.insert_ledger_entry, entry_row(storage, session_id, entry)
    for order in save.orders:
        yield statements.insert_order, order_row(storage, session_id, order)


def _write(
    storage: Storage, save: Save, statement: Statement, row: Row, history: dict[Statement, list[Sequence[object]]]
) -> None:
    if not storage.change(statement, row):
        raise NotPlainError
    for insert, rows in history.items():
        if storage.change_rows(insert, (), rows) != len(rows):
            raise NotPlainError
    storage.undo.append(save.before().restore)
    save.apply(0)
