"""Any number of saves, sent to a server in one round trip.

Each is one statement, which does nothing where the stored version is not the expected one: that is a conflict of this
save alone, and needs no savepoint. Where nothing else is in their transaction, they are committed with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from paper_repo.core.orders_in_step import has_to_ask
from paper_repo.core.records import Records
from paper_repo.core.saves import Save
from paper_repo.errors import BusyError, CorruptRecordError, StorageError
from paper_repo.storage.base import Storage

MOST = 100
"""Of a save with more fills and points than this the statement would be too long."""


class OneByOneError(Exception):
    """The changes of these saves are to be rolled back, and the saves done again one by one."""


class AloneError(Exception):
    """A save was not sent, since it is too long, or has to look up ids first; it is to be done by itself."""


def write_alone(storage: Storage, records: Records, save: Save) -> None:
    """Store one session with its new history, which is all that is done in this thread's transaction.

    Raises:
        OneByOneError: it cannot be one statement, or the server has refused that, as for a fill that is stored already.
        StorageError: the transaction is lost, or what has become of it is not known.
    """
    refusal = _refusal(records, save)
    if isinstance(refusal, AloneError):
        raise OneByOneError from refusal
    if refusal is not None:
        raise refusal
    changes = records.changes(save)
    _apply(storage, save)  # before the answer, from which an exception may keep this thread; it can be undone
    try:
        (count,) = storage.append_together([changes], is_all=True, is_stored=lambda: records.is_stored(save))
    except BusyError:
        raise
    except StorageError as error:
        if storage.has_lost_transaction():
            raise
        raise OneByOneError from error
    if not count:
        raise records.conflict(save)


def write_together(
    storage: Storage, records: Records, saves: Sequence[Save], is_all: bool = False
) -> list[Exception | None]:
    """Store sessions with their new history in this thread's transaction, and return each save's error, or None.

    Args:
        saves: each of another session.
        is_all: whether nothing else is done in the transaction, so that they may be committed at once.

    Raises:
        StorageError: a statement has failed, as for a fill that is stored already; everything must be rolled back.
    """
    refused = [_refusal(records, save) for save in saves]
    is_all = is_all and not any(isinstance(error, AloneError) for error in refused)
    bound = [place for place, error in enumerate(refused) if error is None]
    counts = storage.append_together([records.changes(saves[place]) for place in bound], is_all) if bound else []
    for place, count in zip(bound, counts, strict=True):
        if count:
            _apply(storage, saves[place])
    for place, count in zip(bound, counts, strict=True):
        if not count:
            refused[place] = _conflict(records, saves[place])
    return refused


def _apply(storage: Storage, save: Save) -> None:
    storage.undo.append(save.before().restore)
    save.apply(0)


def _refusal(records: Records, save: Save) -> Exception | None:
    try:
        records.bind(save)
    except BusyError as error:
        return error
    needs_ids = save.entries or save.orders or has_to_ask(save)
    return AloneError() if needs_ids or len(save.fills) + len(save.points) > MOST else None


def _conflict(records: Records, save: Save) -> Exception:
    try:
        return records.conflict(save)
    except CorruptRecordError as error:
        return error
