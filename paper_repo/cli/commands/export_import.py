"""The commands that take sessions elsewhere and bring them back: export and import."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from paper_repo.cli import formatting, importing, json_output, streams
from paper_repo.cli.database import absent_file, existing, existing_or_new, find_id, journal, place_of
from paper_repo.cli.destinations import new_file, require_destination
from paper_repo.cli.escaping import printable, quoted, spreadsheet_cell
from paper_repo.cli.exit_codes import CONFLICT, NOT_FOUND, USAGE, CommandError, exit_code
from paper_repo.cli.options import (
    CreatedFromOption,
    CreatedToOption,
    DbOption,
    JsonOption,
    PassphraseFile,
    SessionIds,
    StatusOption,
    StrategyOption,
    SymbolOption,
    ZoneOption,
    filters,
)
from paper_repo.cli.passphrases import passphrase_of
from paper_repo.cli.terminal import counted, note, progress, progress_to
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import CashFlow, EquityPoint, Fill, Order
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
from paper_repo.serialization.dicts import to_dict
from paper_repo.serialization.fast import to_json
from paper_repo.serialization.schemas import Data, fields_of
from paper_repo.storage.address import Address

STANDARD = Path("-")
"""Stands for standard output, or standard input."""


AMOUNTS = frozenset(
    {
        *("quantity", "price", "fee", "cash", "equity", "rate", "fee_rate", "amount", "pnl", "fees", "net_pnl"),
        *("entry_price", "exit_price", "multiplier", "filled_quantity", "remaining_quantity"),
        *("limit_price", "stop_price", "trail_amount", "trail_percent"),
    }
)
"""The columns of numbers; the others are text."""

EXCEL = "utf-8-sig"
"""The encoding by whose first bytes Excel knows that text is UTF-8."""


class Format(StrEnum):
    """What `export` writes."""

    ARCHIVE = "archive"
    FILLS = "fills"
    EQUITY = "equity"
    TRADES = "trades"
    ORDERS = "orders"
    CASH_FLOWS = "cash-flows"


def export(
    session_ids: SessionIds = None,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    to: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write; by default standard output.")
    ] = STANDARD,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            metavar="KIND",
            help="archive: everything, for `import`. fills, equity, trades, orders, cash-flows: one table as CSV, "
            "for a spreadsheet.",
        ),
    ] = Format.ARCHIVE,
    excel: Annotated[
        bool,
        typer.Option(
            "--excel",
            metavar="",
            help="Mark the CSV as UTF-8, so that Excel shows names with accents and other scripts as they are.",
        ),
    ] = False,
    exact_text: Annotated[
        bool,
        typer.Option(
            "--exact-text",
            metavar="",
            help="In CSV, write names and ids exactly as stored. Without it, text that a spreadsheet would run as a "
            "formula (it begins with =, +, -, @ or the like) gets an apostrophe in front.",
        ),
    ] = False,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    created_from: CreatedFromOption = None,
    created_to: CreatedToOption = None,
    zone: ZoneOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace the output file if it exists.")
    ] = False,
) -> None:
    """Write sessions with their whole history to a file: as an archive, or one table of them as CSV.

    Times in a file are in UTC; --tz is for those that are typed.
    """
    chosen = filters(status, strategy, symbol, created_from, created_to)
    if session_ids and any(chosen.values()):
        raise CommandError("give ids or filters, not both", USAGE)
    if form is Format.ARCHIVE and (excel or exact_text):
        name = "--excel" if excel else "--exact-text"
        raise CommandError(f"{name} is for tables; choose one with --format, as --format trades", USAGE)
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
                _export_table(repository, file, ids, chosen, form, EXCEL if excel else "utf-8", exact_text)


def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="The archive, or the file of another program; - for standard input.")
    ],
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    skip: Annotated[bool, typer.Option("--skip", metavar="", help="Skip sessions that are stored already.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", metavar="", help="Replace sessions that are stored already.")
    ] = False,
    program: importing.FromOption = None,
    session_id: importing.IdOption = None,
    name: importing.NameOption = None,
    cash: importing.CashOption = None,
    currency: importing.CurrencyOption = None,
    timezone: importing.TimezoneOption = None,
    traded: importing.TradedOption = None,
    strategy_name: importing.StrategyNameOption = None,
    columns: importing.MapOption = None,
    rates: importing.RateOption = None,
    multipliers: importing.MultiplierOption = None,
    dates: importing.DatesOption = None,
    decimal_sign: importing.DecimalOption = None,
    allow: importing.AllowOption = None,
    dry_run: importing.DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Store the sessions of an archive, or with --from the trades of another program: all or, after an error, none."""
    of_other = {
        "session_id": session_id,
        "name": name,
        "initial_cash": cash,
        "base_currency": currency,
        "timezone": timezone,
        "symbol": traded,
        "strategy": strategy_name,
        "columns": columns,
        "rates": rates,
        "multipliers": multipliers,
        "date_order": dates,
        "decimal_sign": decimal_sign,
        "allow": allow,
        "dry_run": dry_run,
        "as_json": as_json,
    }
    if program is not None:
        if skip or replace:
            raise CommandError("--skip and --replace are for archives; --from adds what is new", USAGE)
        importing.import_from(program, source, db, passphrase_file, **of_other)  # type: ignore[arg-type]
        return
    if any(of_other.values()):
        raise CommandError("an archive needs none of these options; name the program with --from", USAGE)
    if skip and replace:
        raise CommandError("--skip or --replace, not both", USAGE)
    on_conflict: OnConflict = "skip" if skip else "replace" if replace else "error"
    try:
        with _source(source) as file, progress_to("importing") as step:
            done = _import(file, db, passphrase_file, on_conflict, step)
    except ConflictError as error:
        place = " ".join(getattr(error, "__notes__", ()))
        raise CommandError(
            f"session {quoted(error.session_id)} is stored already, at version {error.actual}. {place} "
            "Use --skip to keep the stored one, or --replace to replace it",
            CONFLICT,
        ) from error
    except ArchiveError as error:
        if str(error).endswith("no archive of paper_repo"):
            hint = "for trades of another program, name it with --from, such as --from csv"
            raise CommandError(f"{error}; {hint}", exit_code(error)) from error
        raise
    note(f"imported {_told(done)}")


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


def _export_table(
    repository: SessionRepository,
    file: BinaryIO,
    ids: list[str] | None,
    chosen: SessionFilters,
    form: Format,
    encoding: str,
    exact_text: bool,
) -> None:
    columns, rows = TABLES[form]
    lines = io.TextIOWrapper(file, encoding=encoding, newline="", write_through=True)
    safe = _unchanged if exact_text else _safe_row
    if file is sys.stdout.buffer and sys.stdout.isatty():
        safe = _visible_row
    table = csv.DictWriter(lines, ["session_id", *columns])
    table.writeheader()
    with repository.reading(), progress("exporting", None) as advance:
        for session_id in ids or [each.id for each in repository.get_summaries(**chosen)]:
            for row in counted(rows(repository, session_id), advance):
                cells = {name: _cell(value) for name, value in row.items()}
                table.writerow(safe({"session_id": session_id, **cells}))
    lines.detach()


def _cell(value: Any) -> Any:
    """A value as one cell: what has parts as JSON text, and nothing where there is nothing in it."""
    if isinstance(value, dict):
        return to_json(value) if value else ""
    return str(value).lower() if isinstance(value, bool) else value


def _unchanged(row: dict[str, Any]) -> dict[str, Any]:
    return row


def _safe_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row for a spreadsheet; a negative amount begins as a formula does, and is a number all the same."""
    return {
        name: spreadsheet_cell(value) if isinstance(value, str) and name not in AMOUNTS else value
        for name, value in row.items()
    }


def _visible_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row for the eyes of somebody at a terminal."""
    return {name: printable(value, None) if isinstance(value, str) else value for name, value in row.items()}


def _fill_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    return (json_output.of_fill(place, fill) for place, fill in repository.fill_history(session_id))


def _equity_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    return map(json_output.of_point, repository.equity_history(session_id))


def _trade_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    return (json_output.of_trade(number, each) for number, each in enumerate(repository.get_trades(session_id), 1))


def _order_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    """The closed orders, and then those that rest."""
    session = repository.get_by_id(session_id)
    resting = session.open_orders.values() if session is not None else ()
    return map(json_output.of_order, chain(repository.order_history(session_id), resting))


def _cash_flow_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    flows = (each for _, each in repository.ledger_history(session_id) if isinstance(each, CashFlow))
    return map(to_dict, flows)


TABLES: dict[Format, tuple[Sequence[str], Callable[[SessionRepository, str], Iterator[Data]]]] = {
    Format.FILLS: (("sequence", *fields_of(Fill)), _fill_rows),
    Format.EQUITY: (tuple(fields_of(EquityPoint)), _equity_rows),
    Format.TRADES: (json_output.trade_keys(), _trade_rows),
    Format.ORDERS: ((*fields_of(Order), "remaining_quantity"), _order_rows),
    Format.CASH_FLOWS: (tuple(fields_of(CashFlow)), _cash_flow_rows),
}
"""The columns of each table behind the session's id, and its rows."""


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
