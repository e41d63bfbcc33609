"""The commands that take sessions elsewhere and bring them back: export, import."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.text import Text

from paper_repo.cli import formatting, json_output
from paper_repo.cli.database import existing, existing_or_new, find_id
from paper_repo.cli.exit_codes import CONFLICT, NOT_FOUND, USAGE, CommandError
from paper_repo.cli.options import (
    CreatedFromOption,
    CreatedToOption,
    DbOption,
    SessionIds,
    StatusOption,
    StrategyOption,
    SymbolOption,
    filters,
)
from paper_repo.cli.terminal import complaints, counted, progress, progress_bar
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import EquityPoint, Fill
from paper_repo.domain.selection import SessionFilters
from paper_repo.errors import ConflictError
from paper_repo.maintenance.archive import Imported, OnConflict, export_archive, import_archive
from paper_repo.serialization.schemas import fields_of
from paper_repo.storage.new_files import file_errors

STANDARD = Path("-")
"""Stands for standard output, or standard input."""


class Format(StrEnum):
    """What `export` writes."""

    ARCHIVE = "archive"
    FILLS = "fills"
    EQUITY = "equity"


def export(
    session_ids: SessionIds = None,
    db: DbOption = None,
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; standard output by default.")
    ] = STANDARD,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="Everything, for `import`; or one table as CSV, for a spreadsheet.")
    ] = Format.ARCHIVE,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    created_from: CreatedFromOption = None,
    created_to: CreatedToOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file if it exists.")] = False,
) -> None:
    """Write sessions with their whole history to a file: an archive, or their fills or equity points as CSV."""
    chosen = filters(status, strategy, symbol, created_from, created_to)
    if session_ids and any(chosen.values()):
        raise CommandError("give ids or filters, not both", USAGE)
    with existing(db) as repository:
        ids = [find_id(repository, each) for each in dict.fromkeys(session_ids)] if session_ids else None
        with _destination(to, overwrite) as file:
            if form is Format.ARCHIVE:
                _export_archive(repository, file, ids, chosen)
            else:
                _export_table(repository, file, ids, chosen, form)


def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="An archive; - for standard input.")],
    db: DbOption = None,
    skip: Annotated[bool, typer.Option("--skip", help="Leave sessions that are stored already as they are.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace sessions that are stored already.")] = False,
) -> None:
    """Store the sessions of an archive, all of them or none."""
    if skip and replace:
        raise CommandError("--skip or --replace, not both", USAGE)
    on_conflict: OnConflict = "skip" if skip else "replace" if replace else "error"
    try:
        with _source(source) as file, existing_or_new(db) as repository, progress_bar("importing") as step:
            done = import_archive(repository, file, on_conflict=on_conflict, progress=step)
    except ConflictError as error:
        place = " ".join(getattr(error, "__notes__", ()))
        raise CommandError(
            f"session {error.session_id!r} is stored already, at version {error.actual}. {place} "
            "Use --skip to leave what is stored as it is, or --replace to replace it",
            CONFLICT,
        ) from error
    complaints().print(Text(f"imported {_told(done)}"))


def _told(done: Imported) -> str:
    parts = [formatting.count(done.added, "session")]
    parts += [f"{done.replaced:,} replaced"] if done.replaced else []
    parts += [f"{done.skipped:,} skipped"] if done.skipped else []
    return ", ".join(parts)


def _export_archive(
    repository: SessionRepository, file: BinaryIO, ids: list[str] | None, chosen: SessionFilters
) -> None:
    with progress_bar("exporting") as step:
        contents = export_archive(repository, file, ids=ids, progress=step, **chosen)
    told = (
        formatting.count(contents.sessions, "session"),
        formatting.count(contents.fills, "fill"),
        formatting.count(contents.equity_points, "equity point"),
    )
    complaints().print(Text(f"exported {', '.join(told)}"))


def _export_table(
    repository: SessionRepository, file: BinaryIO, ids: list[str] | None, chosen: SessionFilters, form: Format
) -> None:
    kind, rows = (Fill, _fill_rows) if form is Format.FILLS else (EquityPoint, _equity_rows)
    numbered = ["sequence"] if form is Format.FILLS else []
    lines = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    table = csv.DictWriter(lines, ["session_id", *numbered, *fields_of(kind)])
    table.writeheader()
    with repository.reading(), progress("exporting", None) as advance:
        for session_id in ids or [each.id for each in repository.get_summaries(**chosen)]:
            for row in counted(rows(repository, session_id), advance):
                table.writerow({"session_id": session_id, **row})
    lines.detach()


def _fill_rows(repository: SessionRepository, session_id: str) -> Iterator[dict[str, Any]]:
    return (json_output.of_fill(place, fill) for place, fill in repository.fill_history(session_id))


def _equity_rows(repository: SessionRepository, session_id: str) -> Iterator[dict[str, Any]]:
    return map(json_output.of_point, repository.equity_history(session_id))


@contextmanager
def _destination(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """Where to write: a file appears under its name only when it is whole."""
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not overwrite:
        raise CommandError(f"{path} is there already; choose another name, or replace it with --overwrite", CONFLICT)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with file_errors(path):
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _source(path: Path) -> Iterator[Iterable[bytes]]:
    """What to read."""
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    if not path.exists():
        raise CommandError(f"there is no file {path}", NOT_FOUND)
    with path.open("rb") as file:
        yield file
