"""What `import --from` asks for and tells: the files of other programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paper_repo.cli.database import absent_file, existing_or_new, is_missing, journal, place_of
from paper_repo.cli.escaping import printable
from paper_repo.cli.exit_codes import NOT_FOUND, USAGE, CommandError
from paper_repo.cli.passphrases import passphrase_of
from paper_repo.cli.tables import fill_table
from paper_repo.cli.terminal import output, print_json, say
from paper_repo.cli.zones import UTC_ZONE
from paper_repo.core.repository import SessionRepository
from paper_repo.domain.values import amount as checked_amount
from paper_repo.domain.values import positive
from paper_repo.errors import InvalidSessionError, SourceFileError
from paper_repo.storage.address import Address
from paper_repo.storage.new_files import new_file_beside, publish

if TYPE_CHECKING:
    from paper_repo.engines.importing import ImportReport

_VALUE = r"(?:'[^']*'|\.\.\.|\[[^\]]*\]|\{[^}]*\})"
_BEFORE_BRACKETS = re.compile(rf"\b[a-z_]+={_VALUE} \((--[^()]+)\)")
"""As in `timezone='UTC' (--timezone UTC)`."""
_IN_BRACKETS = re.compile(rf"\([a-z_]+={_VALUE}, (--[^()]+)\)")
"""As in `(symbol=..., --symbol)`."""
OTHER = "Files of other programs (with --from)"


class Source(StrEnum):
    """Which program has written a file."""

    FREQTRADE = "freqtrade"
    METATRADER = "metatrader"
    TRADINGVIEW = "tradingview"
    LEAN = "lean"
    IBKR = "ibkr"
    BACKTESTING = "backtesting"
    NAUTILUS = "nautilus"
    CSV = "csv"


TABLES = (Source.CSV, Source.IBKR)
"""The sources whose columns may be called anything."""


class Refused(StrEnum):
    """What an import refuses unless it is allowed."""

    SHORTS = "shorts"
    FOREIGN_ROWS = "foreign-rows"
    UNPRICED_FEES = "unpriced-fees"
    REWRITTEN = "rewritten"


FIELDS = (
    "time", "clock", "symbol", "side", "quantity", "price", "fee", "tax", "fee_currency", "currency", "id", "order_id",
    "status", "multiplier", "total", "pnl", "balance", "entry_time", "exit_time", "entry_price",
    "exit_price", "entry_fee", "exit_fee", "entry_fee_rate", "exit_fee_rate", "is_short", "is_open", "tag",
    "description", "action", "kind", "code",
)  # fmt: skip
"""What a column of a table may hold."""
MEANINGS = (
    "buy", "sell", "short", "deposit", "withdrawal", "dividend", "interest", "funding", "tax", "fee", "other", "skip",
)  # fmt: skip
"""What a word of a table may mean."""


class Dates(StrEnum):
    """In which order day and month stand."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


class DecimalSign(StrEnum):
    """What separates decimals."""

    POINT = "point"
    COMMA = "comma"


def _amount(given: str) -> str:
    try:
        checked_amount(given, "amount")
    except InvalidSessionError:
        raise typer.BadParameter(f"{given!r} is not an amount, such as 10000 or 1234.56.") from None
    return given


def _pair(given: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise typer.BadParameter(f"{given!r} is not NAME=VALUE.")
    return name.strip(), value.strip()


def _column(given: str) -> tuple[str, str]:
    field, column = _pair(given)
    if field not in FIELDS:
        raise typer.BadParameter(f"there is no field {field!r}; the fields are: {', '.join(FIELDS)}.")
    return field, column


def _word(given: str) -> tuple[str, str]:
    meaning, word = _pair(given)
    if meaning not in MEANINGS:
        raise typer.BadParameter(f"a word cannot mean {meaning!r}; it may mean: {', '.join(MEANINGS)}.")
    if not any(map(str.isalnum, word)):
        raise typer.BadParameter(f"{word!r} is not a word.")
    return word, meaning


def _priced(given: str) -> tuple[str, str]:
    name, value = _pair(given)
    try:
        positive(value, name)
    except InvalidSessionError:
        raise typer.BadParameter(f"{value!r} of {name} is not an amount above zero.") from None
    return name, value


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=OTHER, **settings)


FromOption = Annotated[
    Source | None,
    _option("--from", metavar="PROGRAM", help=f"Which program has written FILE: {', '.join(Source)}."),
]
IdOption = Annotated[
    str | None,
    _option("--id", metavar="ID", help="The id of the session; by default the name of FILE without its ending."),
]
NameOption = Annotated[str | None, _option("--name", metavar="NAME", help="The name of the session.")]
CashOption = Annotated[
    str | None,
    _option(
        "--cash", metavar="AMOUNT", parser=_amount, help="What the account began with, where FILE does not say it."
    ),
]
CurrencyOption = Annotated[
    str | None,
    _option("--currency", metavar="CODE", help="The base currency, where FILE does not say it."),
]
TimezoneOption = Annotated[
    str | None,
    _option("--timezone", metavar="ZONE", help="Of times without a zone: UTC, America/New_York, +02:00."),
]
TradedOption = Annotated[
    str | None, _option("--symbol", metavar="SYMBOL", help="What was traded, where FILE does not say it.")
]
StrategyNameOption = Annotated[
    str | None,
    _option("--strategy", metavar="NAME", help="The strategy; in a result of several, which one to import."),
]
MapOption = Annotated[
    list[Any] | None,
    _option(
        "--map",
        metavar="FIELD=COLUMN",
        parser=_column,
        help="Which column holds a field, such as price=Preis; time may be in two, time=Datum+Uhrzeit. The fields: "
        f"{', '.join(FIELDS)}. Can be repeated.",
    ),
]
WordOption = Annotated[
    list[Any] | None,
    _option(
        "--word",
        metavar="MEANING=WORD",
        parser=_word,
        help="What a word in the column of sides or kinds means, such as dividend=Ertrag. The meanings: "
        f"{', '.join(MEANINGS)}. Can be repeated.",
    ),
]
RateOption = Annotated[
    list[Any] | None,
    _option(
        "--rate",
        metavar="CODE=PRICE",
        parser=_priced,
        help="The price of one unit of another currency in the base currency. Can be repeated.",
    ),
]
MultiplierOption = Annotated[
    list[Any] | None,
    _option(
        "--multiplier",
        metavar="SYMBOL=SIZE",
        parser=_priced,
        help="The contract size of a symbol, where FILE does not say it. Can be repeated.",
    ),
]
DatesOption = Annotated[
    Dates | None,
    _option("--dates", metavar="ORDER", help="day-first or month-first, where the dates do not tell."),
]
DecimalOption = Annotated[
    DecimalSign | None,
    _option("--decimal", metavar="SIGN", help="point or comma, where the numbers do not tell."),
]
AllowOption = Annotated[
    list[Refused] | None,
    _option(
        "--allow",
        metavar="CASE",
        help="What is refused otherwise: shorts, foreign-rows, unpriced-fees, rewritten. Can be repeated.",
    ),
]
DryRunOption = Annotated[
    bool,
    _option(
        "--dry-run", metavar="", help="Store nothing; show the first fills and how they compare with FILE's totals."
    ),
]

StrictOption = Annotated[
    bool,
    _option(
        "--strict",
        metavar="",
        help="Store nothing and fail where the verdict is that figures differ or that rows with amounts were left out.",
    ),
]


def import_from(
    source: Source,
    file: Path,
    db: Address | None,
    passphrase_file: Path | None,
    *,
    as_json: bool,
    dry_run: bool,
    columns: Sequence[tuple[str, str]] | None,
    words: Sequence[tuple[str, str]] | None,
    rates: Sequence[tuple[str, str]] | None,
    multipliers: Sequence[tuple[str, str]] | None,
    allow: Sequence[Refused] | None,
    **options: Any,
) -> None:
    """Import a file of another program, and tell how it compares with the file's own figures."""
    if file == Path("-"):
        raise CommandError("--from reads a file, not standard input; name the file", USAGE)
    if not file.exists() and not file.is_symlink():
        raise CommandError(f"there is no file {file}", NOT_FOUND)
    if (columns or words) and source not in TABLES:
        raise CommandError(f"--map and --word are for {' and '.join(TABLES)}; {source} has columns of its own", USAGE)
    options |= {
        "columns": dict(columns or ()),
        "words": dict(words or ()),
        "rates": dict(rates or ()),
        "multipliers": dict(multipliers or ()),
    }
    options |= {"source": str(source), "allow": [str(each) for each in allow or ()], "dry_run": dry_run}
    try:
        report = _imported(file, db, passphrase_file, options)
    except SourceFileError as error:
        raise CommandError(as_options(str(error))) from error
    if as_json:
        told = report.to_dict()
        print_json({**told, "notes": [as_options(each) for each in told["notes"]]})
        return
    if dry_run:
        output().print(fill_table(list(enumerate(report.first, 1)), UTC_ZONE))
    for line in str(report).splitlines():
        say(printable(as_options(line), None))


def as_options(told: str) -> str:
    """What the importer says, with the options of the command only: it names the arguments of Python beside them."""
    return _IN_BRACKETS.sub(r"(\1)", _BEFORE_BRACKETS.sub(r"\1", told))


def _imported(file: Path, db: Address | None, passphrase_file: Path | None, options: dict[str, Any]) -> ImportReport:
    """Import into the database that is there, or into a new one, which is not made when the file is refused."""
    from paper_repo.engines.importing import import_file

    if options["dry_run"] and is_missing(place_of(db)):
        return import_file(file, None, **options)
    target = absent_file(db)
    if target is None:
        with existing_or_new(db, passphrase_file) as repository:
            return import_file(file, repository, **options)
    passphrase = passphrase_of(target, passphrase_file)
    with new_file_beside(target) as partial:
        with SessionRepository(partial, passphrase=passphrase, journal=journal()) as repository:
            report = import_file(file, repository, **options)
        publish(partial, target)
    return report
