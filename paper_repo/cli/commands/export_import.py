"""The commands that take sessions elsewhere and bring them back: export and import."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from paper_repo.cli import formatting, importing, streams
from paper_repo.cli.csv_tables import EXCEL, TABLES, Format, write_table
from paper_repo.cli.database import absent_file, existing, existing_or_new, find_id, journal, place_of
from paper_repo.cli.destinations import new_file, require_destination
from paper_repo.cli.escaping import quoted
from paper_repo.cli.exit_codes import CONFLICT, NOT_FOUND, USAGE, CommandError, exit_code
from paper_repo.cli.options import (
    AnySessionIds,
    CreatedFromOption,
    CreatedToOption,
    DbOption,
    JsonOption,
    PassphraseFile,
    StatusOption,
    StrategyOption,
    SymbolOption,
    ZoneOption,
    filters,
)
from paper_repo.cli.passphrases import passphrase_of
from paper_repo.cli.terminal import note, progress_to
from paper_repo.core.repository import SessionRepository
from paper_repo.domain.selection import SessionFilters
from paper_repo.domain.values import Progress
from paper_repo.errors import ArchiveError, ConflictError
from paper_repo.maintenance.archive import (
    Imported,
    OnConflict,
    export_archive,
    import_archive,
    import_into_new_file,
)
from paper_repo.storage.address import Address

STANDARD = Path("-")
"""Stands for standard output, or standard input."""

SPREADSHEETS = frozenset({".csv", ".tsv", ".xls", ".xlsx", ".ods"})
"""The endings of files that people open in a spreadsheet, in which nobody looks for an archive."""


OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write; by default standard output.")
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        metavar="KIND",
        help="archive (the default): everything, for `import`. fills, equity, trades, orders, cash-flows: one table "
        "as CSV, for a spreadsheet.",
    ),
]
ExcelOption = Annotated[
    bool,
    typer.Option(
        "--excel",
        metavar="",
        help="Mark the CSV as UTF-8, so that Excel shows names with accents and other scripts as they are.",
    ),
]
ExactTextOption = Annotated[
    bool,
    typer.Option(
        "--exact-text",
        metavar="",
        help="In CSV, write names and ids exactly as stored. Without it, text that a spreadsheet would run as a "
        "formula (it begins with =, +, -, @ or the like) gets an apostrophe in front.",
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace the output file if it exists.")]


def export(
    session_ids: AnySessionIds = None,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    to: OutputOption = STANDARD,
    form: FormatOption = None,
    excel: ExcelOption = False,
    exact_text: ExactTextOption = False,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    created_from: CreatedFromOption = None,
    created_to: CreatedToOption = None,
    zone: ZoneOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write sessions with their whole history to a file: as an archive, or one table of them as CSV.

    Times in a file are in UTC; --tz is for those that are typed.
    """
    chosen = filters(status, strategy, symbol, created_from, created_to)
    if session_ids and any(chosen.values()):
        raise CommandError("give ids or filters, not both", USAGE)
    form = _form(form, to, excel=excel, exact_text=exact_text)
    if to == STANDARD:
        streams.require_output()
    else:
        require_destination(to, place_of(db), option="--overwrite", given=overwrite)
    with existing(db, passphrase_file) as repository:
        ids = [find_id(repository, each) for each in dict.fromkeys(session_ids)] if session_ids else None
        with _destination(to, overwrite) as file:
            if form is Format.ARCHIVE:
                _export_archive(repository, file, ids, chosen)
            else:
                sessions, rows = write_table(
                    repository, file, ids, chosen, form, EXCEL if excel else "utf-8", exact_text
                )
                noun = "equity point" if form is Format.EQUITY else form.removesuffix("s").replace("-", " ")
                note(f"exported {formatting.count(rows, noun)} of {formatting.count(sessions, 'session')}")


def _form(form: Format | None, to: Path, *, excel: bool, exact_text: bool) -> Format:
    """What is written: what was asked for, or else an archive, unless something else shows that it is to be a table."""
    tables = ", ".join(TABLES)
    if form in (None, Format.ARCHIVE) and (excel or exact_text):
        name = "--excel" if excel else "--exact-text"
        raise CommandError(f"{name} is for tables; choose one with --format: {tables}", USAGE)
    if form is None and to.suffix.lower() in SPREADSHEETS:
        raise CommandError(
            f"{to} has the ending of a table; choose which one with --format: {tables}, or archive for everything",
            USAGE,
        )
    return form or Format.ARCHIVE


SourceFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The archive, or the file of another program; - for standard input.")
]
SkipOption = Annotated[bool, typer.Option("--skip", metavar="", help="Skip sessions that are stored already.")]
ReplaceOption = Annotated[bool, typer.Option("--replace", metavar="", help="Replace sessions that are stored already.")]


def import_(
    source: SourceFile,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    skip: SkipOption = False,
    replace: ReplaceOption = False,
    program: importing.FromOption = None,
    session_id: importing.IdOption = None,
    name: importing.NameOption = None,
    cash: importing.CashOption = None,
    currency: importing.CurrencyOption = None,
    timezone: importing.TimezoneOption = None,
    traded: importing.TradedOption = None,
    strategy_name: importing.StrategyNameOption = None,
    columns: importing.MapOption = None,
    words: importing.WordOption = None,
    rates: importing.RateOption = None,
    multipliers: importing.MultiplierOption = None,
    dates: importing.DatesOption = None,
    decimal_sign: importing.DecimalOption = None,
    allow: importing.AllowOption = None,
    strict: importing.StrictOption = False,
    dry_run: importing.DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Store the sessions of an archive, or with --from the trades of another program: all or, after an error, none."""
    of_other: dict[str, Any] = {"session_id": session_id, "name": name, "initial_cash": cash, "base_currency": currency}
    of_other |= {"timezone": timezone, "symbol": traded, "strategy": strategy_name, "columns": columns, "words": words}
    of_other |= {"rates": rates, "multipliers": multipliers, "date_order": dates, "decimal_sign": decimal_sign}
    of_other |= {"allow": allow, "strict": strict, "dry_run": dry_run, "as_json": as_json}
    if program is not None:
        if skip or replace:
            raise CommandError("--skip and --replace are for archives; --from adds what is new", USAGE)
        importing.import_from(program, source, db, passphrase_file, **of_other)
        return
    if any(of_other.values()):
        raise CommandError("an archive needs none of these options; name the program with --from", USAGE)
    if skip and replace:
        raise CommandError("--skip or --replace, not both", USAGE)
    done = _import_sessions(source, db, passphrase_file, "skip" if skip else "replace" if replace else "error")
    note(f"imported {_told(done)}")


def _import_sessions(
    source: Path, db: Address | None, passphrase_file: Path | None, on_conflict: OnConflict
) -> Imported:
    try:
        with _source(source) as file, progress_to("importing") as step:
            return _import(file, db, passphrase_file, on_conflict, step)
    except ConflictError as error:
        place = " ".join(getattr(error, "__notes__", ()))
        raise CommandError(
            f"session {quoted(error.session_id)} is stored already, at version {error.actual}. {place} "
            "Use --skip to keep the stored one, or --replace to replace it",
            CONFLICT,
        ) from error
    except ArchiveError as error:
        if str(error).endswith("not a paper_repo archive"):
            hint = "for trades of another program, name it with --from, such as --from csv"
            raise CommandError(f"{error}; {hint}", exit_code(error)) from error
        raise


def _import(
    file: Iterable[bytes],
    db: Address | None,
    passphrase_file: Path | None,
    on_conflict: OnConflict,
    step: Progress,
) -> Imported:
    """Import into the database that is there, or into a new one, which is not made when the archive is refused."""
    target = absent_file(db)
    if target is not None:
        passphrase = passphrase_of(target, passphrase_file)
        return import_into_new_file(target, file, passphrase=passphrase, journal=journal(), progress=step)
    with existing_or_new(db, passphrase_file) as repository:
        return import_archive(repository, file, on_conflict=on_conflict, progress=step)


def _told(done: Imported) -> str:
    parts = [formatting.count(done.added, "session")]
    parts += [f"{done.replaced:,} replaced"] if done.replaced else []
    parts += [f"{done.skipped:,} skipped"] if done.skipped else []
    return ", ".join(parts)


def _export_archive(
    repository: SessionRepository, file: BinaryIO, ids: list[str] | None, chosen: SessionFilters
) -> None:
    with progress_to("exporting") as step:
        contents = export_archive(repository, file, ids=ids, progress=step, **chosen)
    told = (
        formatting.count(contents.sessions, "session"),
        formatting.count(contents.fills, "fill"),
        formatting.count(contents.equity_points, "equity point"),
    )
    note(f"exported {', '.join(told)}")


@contextmanager
def _destination(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """What to write to: standard output, or a file that appears under its name only when it is whole."""
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with new_file(path, overwrite=overwrite) as file:
        yield file


@contextmanager
def _source(path: Path) -> Iterator[Iterable[bytes]]:
    """What to read."""
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    if not path.exists():
        raise CommandError(f"there is no file {path}", NOT_FOUND)
    if path.is_dir():
        raise CommandError(f"{path} is a folder; name an archive", USAGE)
    with path.open("rb") as file:
        yield file
