"""Any number of saves, sent to a server in two round trips.

First the rows of all sessions are sent, without waiting for each answer; then the history of those whose stored version
was the expected one. Where it was not, nothing was changed: that is a conflict of this save alone, and needs no
savepoint.
"""

from __future__ import annotations

from collections.abc import Sequence

from paper_repo.core.orders_in_step import has_to_ask
from paper_repo.core.records import Records
from paper_repo.core.saves import Save
from paper_repo.errors import BusyError, CorruptRecordError
from paper_repo.storage.base import Storage


class OneByOneError(Exception):
    """The changes of these saves are to be rolled back, and the saves done again one by one."""


class AloneError(Exception):
    """A save was not sent, since it has to look up ids first; it is to be done by itself."""


def write_together(storage: Storage, records: Records, saves: Sequence[Save]) -> list[Exception | None]:
    """Store sessions with their new history in this thread's transaction, and return each save's error, or None.

    Args:
        saves: each of another session.

    Raises:
        OneByOneError: a fill is stored already, which may be right or wrong, or a single save met another version.
        StorageError: a statement has failed; the transaction must be rolled back.
    """
    if len(saves) == 1:
        return [_write_one(storage, records, saves[0])]
    refused = [_refusal(records, save) for save in saves]
    bound = [place for place, error in enumerate(refused) if error is None]
    counts = storage.change_many([records.change_of_session(saves[place]) for place in bound])
    met = [place for place, count in zip(bound, counts, strict=True) if count]
    history = [change for place in met for change in records.changes_of_history(saves[place])]
    if history and not all(storage.change_many(history)):
        raise OneByOneError
    for place in bound:
        if place not in met:
            refused[place] = _conflict(records, saves[place])
    for place in met:
        _apply(storage, saves[place])
    return refused


def _write_one(storage: Storage, records: Records, save: Save) -> Exception | None:
    """The same for a single save: its history goes out with it, since everything can still be rolled back."""
    refusal = _refusal(records, save)
    if refusal is not None:
        return refusal
    counts = storage.change_many([records.change_of_session(save), *records.changes_of_history(save)])
    if not all(counts):
        raise OneByOneError
    _apply(storage, save)
    return None


def _apply(storage: Storage, save: Save) -> None:
    storage.undo.append(save.before().restore)
    save.apply(0)


def _refusal(records: Records, save: Save) -> Exception | None:
    try:
        records.bind(save)
    except BusyError as error:
        return error
    return AloneError() if save.entries or save.orders or has_to_ask(save) else None


def _conflict(records: Records, save: Save) -> Exception:
    try:
        return records.conflict(save)
    except CorruptRecordError as error:
        return error
