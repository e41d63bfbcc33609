"""Copying sessions with all their history from one repository to another, verified by comparing digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from paper_repo.core import bulk
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import EquityPoint, Fill, LedgerEntry, Order, PaperTradingSession
from paper_repo.domain.values import EXACT, Progress
from paper_repo.errors import CorruptDatabaseError, CorruptRecordError, InvalidSessionError, StorageError
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.fields import AmountField, EntitiesField
from paper_repo.storage.new_files import new_file_beside, publish


@dataclass(slots=True)
class CopyReport:
    """What `copy_sessions` has done, by session id.

    `copied` are new at the target and equal to the source's; `present` were there before, and are equal; `differing`
    were there before and are not, and were left as they are; `unreadable` cannot be read at one of the two, with the
    reason; `refused` hold something that the target cannot keep, with the reason. `only_in_target` were not touched.
    """

    copied: list[str] = dataclass_field(default_factory=list)
    present: list[str] = dataclass_field(default_factory=list)
    differing: list[str] = dataclass_field(default_factory=list)
    unreadable: dict[str, str] = dataclass_field(default_factory=dict)
    refused: dict[str, str] = dataclass_field(default_factory=dict)
    only_in_target: list[str] = dataclass_field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the target has every session of the source, equal to the last digit."""
        return not (self.differing or self.unreadable or self.refused)


def copy_sessions(
    source: SessionRepository, target: SessionRepository, *, progress: Progress | None = None
) -> CopyReport:
    """Store every session of `source` with its whole history in `target`: versions, times and order as they are.

    Up to a few hundred sessions share a transaction and are copied as of one moment of the source; then they are read
    again at the target and compared with the source. A copy that was interrupted is resumed by calling it again.

    Args:
        source: a synchronous repository (the `core` of an async one); others can go on writing to it.
        target: another one. What it has already is never overwritten.
        progress: called after each transaction, with how many sessions are done and how many there are.

    Raises:
        StorageError: the target cannot be written, or gives back something else than was written; what was copied
            before stays.
    """
    report, done = CopyReport(), 0
    portions = list(bulk.batches(internals_of(source).storage))
    ids = {session_id for portion in portions for session_id in portion}
    for portion in portions:
        for count in _copy(source, target, portion, report):
            done += count
            if progress is not None:
                progress(done, len(ids))
    report.only_in_target += sorted(set(target.find_ids("", limit=None)) - ids)
    return report


def digest(repository: SessionRepository, session_id: str) -> str | None:
    """A digest of everything that is stored of one session, the same in every database; None: there is none."""
    with repository.reading():
        return digest_within(repository, session_id)


def digest_within(repository: SessionRepository, session_id: str) -> str | None:
    """The same inside of a block: `reading` or `atomic`."""
    session = repository.get_by_id(session_id)
    if session is None:
        return None
    return _digest(session, *histories(repository, session_id))


def histories(repository: SessionRepository, session_id: str) -> tuple[Iterable[Any], ...]:
    """All the history of a session, as `SessionRepository.restore` takes it."""
    return (
        repository.fill_history(session_id),
        repository.equity_history(session_id),
        repository.ledger_history(session_id),
        repository.order_history(session_id),
    )


def write_backup(
    sessions: Iterable[tuple[Any, ...]],
    target: Path,
    overwrite: bool = False,
) -> None:
    """Write sessions, each with its history as `SessionRepository.restore` takes it, to a new SQLite file."""
    target = target.absolute()
    with new_file_beside(target, overwrite) as partial:
        with SessionRepository(partial) as repository, repository.atomic():
            for session, *history in sessions:
                repository.restore(session, *history)
        publish(partial, target, overwrite)


def _copy(source: SessionRepository, target: SessionRepository, ids: list[str], report: CopyReport) -> Iterator[int]:
    """Copy these sessions together, or one by one where something is unexpected, to find out which session it is in.

    Yields how many were done after each transaction.
    """
    if _keeps_rows(source) and _keeps_rows(target):
        try:
            _copy_together(source, target, ids, report)
        except (bulk.UnexpectedRow, CorruptDatabaseError):
            pass
        else:
            yield len(ids)
            return
    for session_id in ids:
        _copy_one(source, target, session_id, report)
        yield 1


def _keeps_rows(repository: SessionRepository) -> bool:
    """Whether rows come back as the text that was written."""
    return internals_of(repository).storage.keeps_text


def _copy_together(source: SessionRepository, target: SessionRepository, ids: list[str], report: CopyReport) -> None:
    here, there = internals_of(source).storage, internals_of(target).storage
    with source.reading(), target.atomic():
        stored, present = bulk.existing(here, ids), bulk.existing(there, ids)
        new = [each for each in ids if each in stored and each not in present]
        bulk.transfer(here, there, new)
        differing = bulk.differing(here, there, [each for each in ids if each in stored])
        if not differing.isdisjoint(new):
            raise bulk.UnexpectedRow
        same = {each for each in differing if digest_within(target, each) == digest_within(source, each)}
    report.copied += new
    report.differing += sorted(differing - same)
    report.present += [each for each in ids if each in present and each not in differing - same]


def _copy_one(source: SessionRepository, target: SessionRepository, session_id: str, report: CopyReport) -> None:
    try:
        if target.exists(session_id):
            same = digest(target, session_id) == digest(source, session_id)
            (report.present if same else report.differing).append(session_id)
        elif _transfer(source, target, session_id):
            report.copied.append(session_id)
    except CorruptRecordError as error:
        report.unreadable[session_id] = str(error)
    except InvalidSessionError as error:
        report.refused[session_id] = str(error)


def _transfer(source: SessionRepository, target: SessionRepository, session_id: str) -> bool:
    """Store one session at the target, and read it again there; False when it has been deleted at the source."""
    with source.reading(), target.atomic():
        session = source.get_by_id(session_id)
        if session is None:
            return False
        target.restore(session, *histories(source, session_id))
        _require_same(target, session_id, digest_within(source, session_id))
    return True


def _require_same(target: SessionRepository, session_id: str, expected: str | None) -> None:
    try:
        found = digest_within(target, session_id)
    except CorruptRecordError as error:
        raise _not_the_same(session_id) from error
    if found != expected:
        raise _not_the_same(session_id)


def _not_the_same(session_id: str) -> StorageError:
    return StorageError(f"session {session_id!r} is not the same at the target, and was not stored there")


def _digest(
    session: PaperTradingSession,
    fills: Iterable[tuple[int, Fill]],
    points: Iterable[EquityPoint],
    entries: Iterable[tuple[int, LedgerEntry]],
    orders: Iterable[Order],
) -> str:
    code = hashlib.sha256(_text(session))
    for place, fill in fills:
        code.update(b"\nfill %d " % place + _text(fill))
    for point in points:
        code.update(b"\npoint " + _text(point))
    for after_fill, entry in entries:
        code.update(b"\nentry %d " % after_fill + _text(entry))
    for order in orders:
        code.update(b"\norder " + _text(order))
    return code.hexdigest()


def _text(entity: Any) -> bytes:
    data = _canonical(type(entity), fast.dump(entity))
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _canonical(kind: Any, data: schemas.Data) -> schemas.Data:
    """The data with amounts that are equal written alike, since databases with decimals of their own do that."""
    form, (amounts, entities, defaults) = dict(data), _form_of(kind)
    for name in amounts:
        if form.get(name) is not None:
            form[name] = _plain_amount(form[name])
    for name, of in entities:
        if form.get(name) is not None:
            form[name] = {key: _canonical(of, each) for key, each in form[name].items()}
    return {name: value for name, value in form.items() if name not in defaults or value != defaults[name]}


@cache
def _form_of(kind: Any) -> tuple[list[str], list[tuple[str, type[Any]]], schemas.Data]:
    """Which fields hold an amount, which hold entities and of what kind, and the defaults."""
    fields = schemas.fields_of(kind).items()
    amounts = [name for name, field in fields if isinstance(field, AmountField)]
    entities = [(name, field.kind) for name, field in fields if isinstance(field, EntitiesField)]
    return amounts, entities, schemas.defaults_of(kind)


@lru_cache(4096)
def _plain_amount(text: str) -> str:
    amount = Decimal(text)
    return str(EXACT.normalize(amount)) if amount else "0"
