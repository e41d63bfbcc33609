"""Imports a file: what the caller has said is checked, and the file is read, before anything is booked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from paper_repo.core.repository import SessionRepository
from paper_repo.domain.values import Amount, amount, positive
from paper_repo.engines.importing.headings import SPELLINGS
from paper_repo.engines.importing.meanings import MEANINGS, Meaning, word
from paper_repo.engines.importing.records import ALLOWED, Allowed, DateOrder, DecimalSign, Draft, Options
from paper_repo.engines.importing.sorting import SortedRecords
from paper_repo.engines.importing.storing import Import, Wanted
from paper_repo.engines.importing.verdict import ImportReport
from paper_repo.errors import SourceFileError

SourceName: TypeAlias = Literal[
    "freqtrade", "metatrader", "tradingview", "lean", "ibkr", "backtesting", "nautilus", "csv"
]
SOURCES: tuple[str, ...] = get_args(SourceName)
MODULES = {"csv": "delimited", "backtesting": "backtesting_trades"}
"""The modules of sources that are not called as the source is."""

TABLES = ("csv", "ibkr")
"""The sources whose columns may be called anything."""


def import_file(
    path: str | os.PathLike[str],
    repository: SessionRepository | str | os.PathLike[str] | None,
    *,
    source: SourceName,
    session_id: str | None = None,
    name: str | None = None,
    strategy: str | None = None,
    base_currency: str | None = None,
    initial_cash: Amount | None = None,
    symbol: str | None = None,
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    words: Mapping[str, Meaning] | None = None,
    rates: Mapping[str, Amount] | None = None,
    multipliers: Mapping[str, Amount] | None = None,
    date_order: DateOrder | None = None,
    decimal_sign: DecimalSign | None = None,
    allow: Collection[Allowed] = (),
    dry_run: bool = False,
    strict: bool = False,
) -> ImportReport:
    """Store the trades of another program's file as a session, and compare them with the file's own figures.

    All of it is stored or, after an error, nothing. The same file, one that has grown, or one that goes on where the
    session ends adds only what is new.

    Args:
        path: the file.
        repository: an open one, or the path of its file; None for a dry run without one.
        source: which program wrote the file: freqtrade (a database, or the result of a backtest), metatrader (a report
            as HTML), tradingview (a list of trades), lean (a result or its order events), ibkr (an activity statement
            as CSV), backtesting (trades of backtesting.py as CSV), nautilus (a report of fills as CSV), or csv (any
            other table of trades).
        session_id: of the session; by default the name of the file without its ending.
        name: of the session; by default the name of the file.
        strategy: the name of the strategy; in a result of several, which one to import.
        base_currency: of the account; by default what the file says, or what most of its prices are in.
        initial_cash: what the account began with, where the file does not say it.
        symbol: what was traded, where the file does not say it.
        timezone: of times without a zone, such as "UTC" or "Europe/Berlin".
        columns: which column holds a field, such as `{"price": "Preis"}`, where its heading does not tell; a time may
            stand in two, `{"time": "Day+Clock"}`.
        words: what words in the column of sides or kinds mean, such as `{"Ertrag": "dividend"}`: buy, sell, short,
            deposit, withdrawal, dividend, interest, funding, tax, fee, other, or skip.
        rates: the price of one unit of each other currency, in the base currency.
        multipliers: by symbol, the contract size where the file does not say it.
        date_order: "day-first" or "month-first", where the dates do not tell.
        decimal_sign: "point" or "comma", where the numbers do not tell.
        allow: what is refused otherwise: "shorts" (sales of more than is held, which the file does not call short),
            "foreign-rows" (rows in a currency without a rate, which are left out), "unpriced-fees" (fees in a coin
            without a rate, which are kept in `metadata` only), "rewritten" (a file that lacks what an earlier import of
            its time has stored).
        dry_run: read, check and compare, but store nothing.
        strict: refuse a file whose own figures differ from what would be booked, or of which money is left out.

    Raises:
        SourceFileError: the file cannot be read, its figures could mean several things, or something is refused; the
            message names the file, the row and the column, and what to do.
        ValueError: an argument is not allowed.
    """
    _require_known(source, allow, columns or {}, words or {})
    options = Options(
        strategy,
        base_currency,
        None if initial_cash is None else amount(initial_cash, "initial_cash"),
        symbol,
        timezone,
        columns or {},
        words or {},
        {each: positive(rate, f"rates.{each}") for each, rate in (rates or {}).items()},
        {each: positive(size, f"multipliers.{each}") for each, size in (multipliers or {}).items()},
        date_order,
        decimal_sign,
        frozenset(allow),
    )
    file = Path(path)
    wanted = Wanted(source, file, session_id or file.stem, name or file.name, dry_run or repository is None, strict)
    with closing(SortedRecords()) as records:
        draft = _read(file, source, options, records)
        if repository is None or (wanted.is_dry_run and _is_missing(repository)):
            return Import(wanted, draft, records, None).run()
        with _opened(repository) as opened:
            return Import(wanted, draft, records, opened).run()


def _require_known(
    source: str, allow: Collection[str], columns: Mapping[str, str], words: Mapping[str, str]
) -> None:  # fmt: skip
    if source not in SOURCES:
        raise ValueError(f"source is one of {', '.join(SOURCES)}, not {source!r}")
    if wrong := [each for each in allow if each not in ALLOWED]:
        raise ValueError(f"allow has {', '.join(ALLOWED)}, not {wrong[0]!r}")
    if source not in TABLES and (columns or words):
        raise ValueError(f"{'columns' if columns else 'words'} are for {' and '.join(TABLES)}, not for {source}")
    if wrong := [each for each in columns if each not in SPELLINGS]:
        raise ValueError(f"columns has no field {wrong[0]!r}; there are: {', '.join(SPELLINGS)}")
    for each, meaning in words.items():
        if meaning not in MEANINGS:
            raise ValueError(f"words has {', '.join(MEANINGS)}, not {meaning!r}")
        if not word(each):
            raise ValueError(f"{each!r} is not a word")


def _is_missing(repository: SessionRepository | str | os.PathLike[str]) -> bool:
    """Whether a file would have to be made."""
    return (
        not isinstance(repository, SessionRepository) and "://" not in str(repository) and not Path(repository).exists()
    )


@contextmanager
def _opened(repository: SessionRepository | str | os.PathLike[str]) -> Iterator[SessionRepository]:
    if isinstance(repository, SessionRepository):
        yield repository
        return
    with SessionRepository(cast(str, repository)) as opened:
        yield opened


def _read(file: Path, source: str, options: Options, records: SortedRecords) -> Draft:
    draft = Draft(file.name, options, records)
    module = import_module(f"paper_repo.engines.importing.{MODULES.get(source, source)}")
    try:
        module.read(file, draft)
    except SourceFileError as error:
        if error.file is not None:
            raise
        raise SourceFileError(error.problem, file=file.name, row=error.row, column=error.column) from error
    if not records.fills and not records.flows:
        told = "; ".join(f"{count:,} rows: {reason}" for reason, count in draft.left_out.items())
        raise draft.wrong(f"there are no trades in it{told and f' ({told})'}")
    if draft.times_at_clock_changes:
        draft.notes.append(
            f"{draft.times_at_clock_changes:,} times fall in an hour that a clock change repeats or skips; they were "
            "taken by the clock before the change"
        )
    return draft
