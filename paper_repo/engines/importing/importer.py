"""One import from its file to its verdict: read, checked, booked, and stored as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import CashFlow, CashFlowKind, EquityPoint, Fill, Instrument, LedgerEntry, PaperTradingSession
from paper_repo.domain.values import Amount, amount, positive, utc_now
from paper_repo.engines.importing.booking import Books, forget_history, new_session, point
from paper_repo.engines.importing.headings import SPELLINGS
from paper_repo.engines.importing.meanings import MEANINGS, Meaning, word
from paper_repo.engines.importing.records import ALLOWED, Allowed, DateOrder, DecimalSign, Draft, Options
from paper_repo.engines.importing.sorting import SortedRecords
from paper_repo.engines.importing.terms import Terms
from paper_repo.engines.importing.times import EPOCH, moment
from paper_repo.engines.importing.verdict import ComparedFigure, ImportReport
from paper_repo.errors import InvalidSessionError, SourceFileError

SourceName: TypeAlias = Literal[
    "freqtrade", "metatrader", "tradingview", "lean", "ibkr", "backtesting", "nautilus", "csv"
]
SOURCES: tuple[str, ...] = get_args(SourceName)
MODULES = {"csv": "delimited", "backtesting": "backtesting_trades"}
"""The modules of sources that are not called as the source is."""

TABLES = ("csv", "ibkr", "tradingview", "backtesting", "nautilus")
"""The sources whose files are tables, in which a column may be named."""

CHUNK = 5000
"""After how many records the session is saved, within the one transaction."""
FIRST = 5
KEY = "import"
"""Where the `metadata` of a session says what it was imported from."""


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
) -> ImportReport:
    """Store the trades of another program's file as a session, and compare them with the file's own figures.

    All of it is stored or, after an error, nothing. The same file, or one that has grown, adds only what is new.

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
    wanted = _Wanted(source, file, session_id or file.stem, name or file.name, dry_run or repository is None)
    with closing(SortedRecords()) as records:
        draft = _read(file, source, options, records)
        if repository is None or (wanted.is_dry_run and _is_missing(repository)):
            return _Import(wanted, draft, records, None).run()
        with _opened(repository) as opened:
            return _Import(wanted, draft, records, opened).run()


def _require_known(
    source: str, allow: Collection[str], columns: Mapping[str, str], words: Mapping[str, str]
) -> None:  # fmt: skip
    if source not in SOURCES:
        raise ValueError(f"source is one of {', '.join(SOURCES)}, not {source!r}")
    if wrong := [each for each in allow if each not in ALLOWED]:
        raise ValueError(f"allow has {', '.join(ALLOWED)}, not {wrong[0]!r}")
    if source not in TABLES and (columns or words):
        raise ValueError(f"{'columns' if columns else 'words'} are for tables ({', '.join(TABLES)}), not for {source}")
    if wrong := [each for each in columns if each not in SPELLINGS]:
        raise ValueError(f"columns has no field {wrong[0]!r}; there are: {', '.join(SPELLINGS)}")
    for each, meaning in words.items():
        if meaning not in MEANINGS:
            raise ValueError(f"words has {', '.join(MEANINGS)}, not {meaning!r}")
        if not word(each):
            raise ValueError(f"{each!r} is no word")


@dataclass(frozen=True)
class _Wanted:
    """What is imported, and where it goes."""

    source: str
    file: Path
    session_id: str
    name: str
    is_dry_run: bool


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


class _Import:
    """One import of what was read, into a repository or, as a dry run, into none.

    First everything is booked in a session of its own, which finds out what is wrong, and what to compare. Only then
    it is stored: in one transaction, and one by one, so that a file of any size takes little memory.
    """

    def __init__(
        self, wanted: _Wanted, draft: Draft, records: SortedRecords, repository: SessionRepository | None
    ) -> None:
        self._wanted = wanted
        self._draft = draft
        self._records = records
        self._repository = repository
        self._stored = None if repository is None else repository.get_by_id(wanted.session_id)
        terms = Terms(draft, {} if self._stored is None else self._stored.rates)
        began = EPOCH if records.first is None else moment(records.first)
        try:
            self._new = new_session(wanted.session_id, wanted.name, draft, terms, began, wanted.source)
        except InvalidSessionError as error:  # what the file calls a symbol or a strategy may be no text
            raise draft.wrong(str(error)) from error
        if self._stored is not None:
            self._require_the_same(self._stored)
        self._books = Books(draft, records, terms, self._new)
        self._points: list[EquityPoint] = []
        self._entries: list[tuple[int, LedgerEntry]] = []
        self._booked_fills = self._booked_flows = 0

    def run(self) -> ImportReport:
        """Book everything, and say how it compares."""
        self._book()
        books, new, stored = self._books, self._new, self._stored
        if stored is None and not self._says_what_it_began_with():
            self._draft.notes.append(
                "the file does not say what the account began with; it was taken as 0, so there is no return in "
                "percent (initial_cash=..., --cash)"
            )
        self._compare_balance()
        comparisons = tuple(books.comparisons())
        self._booked_fills, self._booked_flows = books.tally.fills, books.flows
        told = {"compared": [str(each) for each in comparisons], **self._draft.metadata}
        if stored is not None:
            self._add_to(stored, told)
        else:
            new.metadata = {KEY: self._origin(told)}
            new.fill_count = books.tally.fills
            if self._repository is not None and not self._wanted.is_dry_run:
                self._store(self._repository)
        return self._report(comparisons, new if stored is None else stored)

    def _compare_balance(self) -> None:
        """Compare the last balance that the rows state, where the cash before them is known."""
        draft = self._draft
        if draft.balance is None:
            return
        if self._stored is not None or self._says_what_it_began_with():
            draft.stated.append(draft.balance)
        else:
            draft.notes.append(
                f"the {draft.balance.name} is {draft.balance.value}; with initial_cash=... (--cash) it is compared"
            )

    def _says_what_it_began_with(self) -> bool:
        """Whether the cash before the first record is known; an account that begins with a deposit had none."""
        if self._draft.options.initial_cash is not None or self._draft.initial_cash is not None:
            return True
        before, first = next(iter(self._entries), (1, None))
        return before == 0 and isinstance(first, CashFlow) and first.kind is CashFlowKind.DEPOSIT

    def _origin(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"source": self._wanted.source, "file": self._wanted.file.name, "at": utc_now().isoformat(), **told}

    # What it comes to

    def _book(self) -> None:
        session = self._new
        for each in self._books.book(self._mark):
            if isinstance(each, CashFlow):
                self._entries.append((self._books.tally.fills, session.new_ledger_entries[-1]))
                if not len(self._entries) % CHUNK:
                    forget_history(session)
        forget_history(session)
        if self._books.dust:
            self._draft.notes.append(
                f"{self._books.dust:,} sales exceed what was held by a rounding error of floats; the rest stays as a "
                "position"
            )
        end = moment(self._records.last or 0)
        self._points.append(session.mark(self._last_prices(session), at=end))
        forget_history(session)
        session.stop(end)

    def _mark(self, at: int) -> None:
        """What the account was worth at the end of a day, at the prices of its last fills."""
        self._points.append(point(self._new, at))

    def _last_prices(self, session: PaperTradingSession) -> dict[str, Amount]:
        return {symbol: price for symbol, price in self._draft.last_prices.items() if symbol in session.symbols}

    # A session that is new

    def _store(self, repository: SessionRepository) -> None:
        """Store the session with its history, read once more, one by one."""
        new = self._new
        new.version, new.updated_at = 1, utc_now()
        stated = [EquityPoint(moment(at), None, Decimal(equity)) for at, equity in self._draft.points]
        repository.restore(new, enumerate(self._books.fills(), 1), stated or self._points, self._entries)

    # A session that is stored already

    def _require_the_same(self, stored: PaperTradingSession) -> None:
        """A session that is stored already has to come from the same source, with the same account."""
        new, other = self._new, "give another id: session_id=... (--id)"
        known, given = stored.metadata.get(KEY), self._draft.options.initial_cash
        problem = None
        if not isinstance(known, dict) or known.get("source") != self._wanted.source:
            problem = f"and was not imported from {self._wanted.source}; {other}"
        elif given is not None and given != stored.initial_cash:
            problem = (
                f"with an initial cash of {stored.initial_cash}, not {given}; say no initial cash to add to it, delete "
                f"the session first to begin it anew, or {other}"
            )
        elif new.base_currency != stored.base_currency:
            problem = f"in {stored.base_currency}, and the file is in {new.base_currency}; {other}"
        else:
            for symbol, instrument in new.instruments.items():
                if stored.instruments.get(symbol, Instrument(symbol)) != instrument and symbol in stored.symbols:
                    problem = f"with {symbol} as {stored.instruments.get(symbol, Instrument(symbol))}; {other}"
        if problem is not None:
            raise self._draft.wrong(f"session {stored.id!r} is stored already, {problem}")
        new.initial_cash = new.cash = stored.initial_cash

    def _add_to(self, stored: PaperTradingSession, told: dict[str, Any]) -> None:
        """Book what is new; a file without anything new changes nothing."""
        repository = cast(SessionRepository, self._repository)
        with repository.atomic() if not self._wanted.is_dry_run else repository.reading():
            before = self._stored_fills(repository, stored)
            self._take_terms(stored)
            self._booked_fills = self._booked_flows = 0
            self._add_flows(repository, stored)
            for fills in batched(self._books.fills(), CHUNK):
                self._add_fills(repository, stored, fills)
            self._require_no_rewriting(before)
            if not self._booked_fills and not self._booked_flows:
                return
            end = moment(self._records.last or 0)
            stored.mark(self._last_prices(stored), at=end)
            stored.stopped_at = max(end, stored.stopped_at or end)
            stored.metadata = {**stored.metadata, KEY: self._origin(told)}
            self._save(repository, stored)

    def _take_terms(self, stored: PaperTradingSession) -> None:
        new = self._new
        stored.instruments = {**new.instruments, **stored.instruments}
        stored.symbols = tuple(dict.fromkeys((*stored.symbols, *new.symbols)))
        if missing := {name: rate for name, rate in new.rates.items() if name not in stored.rates}:
            stored.update_rates(missing)

    def _add_flows(self, repository: SessionRepository, stored: PaperTradingSession) -> None:
        known = {each.id for each in repository.get_ledger(stored.id)}
        for _, entry in self._entries:
            if entry.id not in known and isinstance(entry, CashFlow):
                stored.apply_cash_flow(entry)
                self._booked_flows += 1

    def _add_fills(self, repository: SessionRepository, stored: PaperTradingSession, fills: tuple[Fill, ...]) -> None:
        unrecorded = repository.get_unrecorded(stored.id, fills)
        for fill in unrecorded:
            stored.apply_fill(fill)
        self._booked_fills += len(unrecorded)
        if unrecorded:
            self._save(repository, stored)

    def _save(self, repository: SessionRepository, stored: PaperTradingSession) -> None:
        if self._wanted.is_dry_run:
            forget_history(stored)
        else:
            repository.save(stored)

    def _stored_fills(self, repository: SessionRepository, stored: PaperTradingSession) -> int:
        """How many fills of the time of the file are stored."""
        if self._records.fill_times is None:
            return 0
        first, last = map(moment, self._records.fill_times)
        return sum(first <= fill.executed_at <= last for _, fill in repository.fill_history(stored.id))

    def _require_no_rewriting(self, before: int) -> None:
        """A file that has grown has all that was imported of its time."""
        found = self._books.tally.fills - self._booked_fills
        if before > found and "rewritten" not in self._draft.options.allow:
            raise self._draft.wrong(
                f"session {self._wanted.session_id!r} has {before:,} fills of the time of this file, of which the file "
                f"has {found:,}: its source has rewritten its history. Import it under another id: session_id=... "
                "(--id), or add its new fills all the same: allow=['rewritten'] (--allow rewritten)",
                option="rewritten",
            )

    def _money_left_out(self) -> dict[str, dict[str, Decimal]]:
        """What the rows that were left out come to, by reason and by currency."""
        told: dict[str, dict[str, Decimal]] = {}
        for reason, sums in self._draft.money_left_out.items():
            found = told.setdefault(reason, {})
            for currency, total in sums.items():
                name = currency or self._new.base_currency
                found[name] = found.get(name, Decimal(0)) + total
        return told

    def _report(self, comparisons: tuple[ComparedFigure, ...], session: PaperTradingSession) -> ImportReport:
        draft, wanted, books = self._draft, self._wanted, self._books
        if self._repository is not None and not wanted.is_dry_run:
            session = self._repository.get_by_id(session.id) or session
        return ImportReport(
            source=wanted.source,
            file=wanted.file.name,
            is_dry_run=wanted.is_dry_run,
            session=session,
            rows_read=draft.rows,
            fills=books.tally.fills,
            flows=books.flows,
            booked_fills=self._booked_fills,
            booked_flows=self._booked_flows,
            round_trips=books.tally.round_trips,
            trades=books.tally.trades,
            left_out=dict(draft.left_out),
            money_left_out=self._money_left_out(),
            kept=tuple(draft.kept),
            unread_columns=tuple(draft.unread_columns),
            fees=books.fees,
            unbooked_fees=books.unbooked_fees,
            comparisons=comparisons,
            notes=tuple(draft.notes),
            reasons=tuple(draft.reasons),
            first=tuple(islice(books.fills(), FIRST)),
        )


def batched(items: Iterable[Fill], size: int) -> Iterator[tuple[Fill, ...]]:
    """The items, `size` at a time."""
    waiting = iter(items)
    while chunk := tuple(islice(waiting, size)):
        yield chunk
