"""Numbering the changes of a restored file anew, so that whoever watches by a position of before misses none."""

from __future__ import annotations

from collections.abc import Iterable

from peewee import SQL, fn

from paper_repo.storage.base import Storage


def number_changes_after(storage: Storage, position: int, deleted: Iterable[tuple[str, int]]) -> None:
    """Let all that is stored count as changed after `position`, and these sessions as deleted then.

    Within the transaction that is open; it keeps the order of the changes.

    Args:
        position: at least that of the newest change.
        deleted: ids and last versions of sessions that are stored no longer.
    """
    tables = storage.statements.tables
    sessions, deletions = tables.sessions, tables.deletions
    for table in (sessions, deletions):
        query = table.update({table.change_number: table.change_number + position})
        storage.execute(*query.sql())
    newest = fn.MAX(
        fn.COALESCE(sessions.select(fn.MAX(sessions.change_number)), SQL("0")),
        fn.COALESCE(deletions.select(fn.MAX(deletions.change_number)), SQL("0")),
        position,
    )
    for session_id, version in deleted:
        row = {deletions.change_number: newest + SQL("1"), deletions.session_id: session_id, deletions.version: version}
        storage.execute(*deletions.insert(row).sql())
