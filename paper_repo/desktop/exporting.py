"""Writing sessions to files: archives, and histories as CSV. What is written here blocks, and belongs in a thread."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import EquityPoint, Fill
from paper_repo.maintenance.archive import export_archive
from paper_repo.serialization import fast
from paper_repo.serialization.schemas import fields_of
from paper_repo.storage.new_files import file_errors, new_file_beside, publish

ARCHIVE, FILLS, EQUITY = "archive", "fills", "equity"

_AMOUNTS = frozenset({"quantity", "price", "fee", "cash", "equity", "sequence"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def export(core: SessionRepository, ids: Iterable[str], kind: str, path: Path) -> None:
    """Write these sessions to a file that appears under its name when it is whole; one that is there is replaced.

    Args:
        core: where they are.
        ids: which.
        kind: "archive" for everything, "fills" or "equity" for a table as CSV.
        path: the file.
    """
    target = path.absolute()
    with new_file_beside(target, True) as partial:
        with file_errors(target):
            if kind == ARCHIVE:
                with partial.open("wb") as file:
                    export_archive(core, file, ids=ids)
            else:
                _write_table(core, ids, kind, partial)
        publish(partial, target, True)


def _write_table(core: SessionRepository, ids: Iterable[str], kind: str, path: Path) -> None:
    entity: type[Any] = Fill if kind == FILLS else EquityPoint
    numbered = ["sequence"] if kind == FILLS else []
    with path.open("w", encoding="utf-8", newline="") as file, core.reading():
        table = csv.DictWriter(file, ["session_id", *numbered, *fields_of(entity)])
        table.writeheader()
        for session_id in ids:
            table.writerows(_safe({"session_id": session_id, **row}) for row in _rows(core, session_id, kind))


def _rows(core: SessionRepository, session_id: str, kind: str) -> Iterator[dict[str, Any]]:
    if kind == EQUITY:
        return map(fast.dump, core.equity_history(session_id))
    return ({"sequence": place, **fast.dump(fill)} for place, fill in core.fill_history(session_id))


def _safe(row: dict[str, Any]) -> dict[str, Any]:
    """The row for a spreadsheet, which would run a text that begins like a formula."""
    return {
        name: f"'{value}" if isinstance(value, str) and name not in _AMOUNTS and value.startswith(_FORMULA) else value
        for name, value in row.items()
    }
