"""One import from its records to its verdict: booked, compared, and stored as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, cast

from paper_repo.core.repository import SessionRepository
from paper_repo.domain import CashFlow, CashFlowKind, EquityPoint, Fill, Instrument, LedgerEntry, PaperTradingSession
from paper_repo.domain.history import Booked, booking_order, in_force, time_of
from paper_repo.domain.values import Amount, utc_now
from paper_repo.engines.importing.booking import Books, forget_history, new_session, point
from paper_repo.engines.importing.records import Draft
from paper_repo.engines.importing.sorting import SortedRecords
from paper_repo.engines.importing.terms import Terms
from paper_repo.engines.importing.times import EPOCH, moment
from paper_repo.engines.importing.verdict import ComparedFigure, ImportReport
from paper_repo.errors import InvalidSessionError

CHUNK = 5000
"""After how many records the session is saved, within the one transaction."""
FIRST = 5
MOST_TWINS = 100
"""In how many sessions the first fills of a new one are looked for."""
KEY = "import"
"""Where the `metadata` of a session says what it was imported from."""


@dataclass(frozen=True)
class Wanted:
    """What is imported, and where it goes."""

    source: str
    file: Path
    session_id: str
    name: str
    is_dry_run: bool
    is_strict: bool


class Import:
    """One import of what was read, into a repository or, as a dry run, into none.

    First everything is booked in a session of its own, which finds out what is wrong, and what to compare. Only then
    it is stored: in one transaction, and one by one, so that a file of any size takes little memory.
    """

    def __init__(
        self, wanted: Wanted, draft: Draft, records: SortedRecords, repository: SessionRepository | None
    ) -> None:
        self._wanted = wanted
        self._draft = draft
        self._records = records
        self._repository = repository
        self._stored = None if repository is None else repository.get_by_id(wanted.session_id)
        stored = self._stored
        terms = Terms(draft, stored.rates, stored.base_currency) if stored is not None else Terms(draft, {})
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
        self._booked_fills = self._booked_flows = self._fills_of_its_time = 0
        self._is_stored_cash_known = False

    def run(self) -> ImportReport:
        """Book everything, and say how it compares."""
        if self._stored is not None:
            self._begin_with(self._stored)
        self._book()
        books, new, stored = self._books, self._new, self._stored
        if stored is None:
            self._note_what_it_began_with()
            self._note_a_twin()
        self._compare_balance()
        comparisons = tuple(books.comparisons())
        self._booked_fills, self._booked_flows = books.tally.fills, books.flows
        if self._wanted.is_strict:
            self._require_agreement(self._report(comparisons, new))
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
        if self._says_what_it_began_with():
            draft.stated.append(draft.balance)
        elif self._stored is None:
            draft.notes.append(
                f"the {draft.balance.name} is {draft.balance.value}; with initial_cash=... (--cash) it is compared"
            )

    def _says_what_it_began_with(self) -> bool:
        """Whether the cash before the first record is known; an account that begins with a deposit had none."""
        given = self._draft.options.initial_cash is not None or self._draft.initial_cash is not None
        return given or (self._first_deposit() is not None if self._stored is None else self._is_stored_cash_known)

    def _first_deposit(self) -> CashFlow | None:
        """The deposit with which the file begins."""
        before, first = next(iter(self._entries), (1, None))
        return cast(CashFlow, first) if before == 0 and _is_deposit(first) else None

    def _note_what_it_began_with(self) -> None:
        if not self._says_what_it_began_with():
            self._draft.notes.append(
                "the file does not say what the account began with; it was taken as 0, so there is no return in "
                "percent (initial_cash=..., --cash)"
            )
        given, deposit = self._draft.options.initial_cash, self._first_deposit()
        if given and deposit is not None:
            self._draft.notes.append(
                f"the account began with {given}, as you say, and the file begins with a deposit of {deposit.amount}: "
                "if both are the same money, it counts twice, and the initial cash is to be left out "
                "(initial_cash=..., --cash)"
            )

    def _note_a_twin(self) -> None:
        """Name a session that has the same fills: the file may have been meant for it."""
        first = tuple(islice(self._books.fills(), FIRST))
        if self._repository is None or not first:
            return
        for each in self._repository.get_summaries(order_by="updated_at", descending=True, limit=MOST_TWINS):
            if not self._repository.get_unrecorded(each.id, first):
                self._draft.notes.append(
                    f"session {each.id!r} has the first fills of this file as well; to add to that one, give its id: "
                    f"session_id={each.id!r} (--id {each.id})"
                )
                return

    def _require_agreement(self, report: ImportReport) -> None:
        if not report.agrees:
            differences = [str(each) for each in report.comparisons if not each.is_equal]
            raise self._draft.wrong("; ".join(["nothing was stored", *differences, report.verdict]))

    def _origin(self, told: dict[str, Any]) -> dict[str, Any]:
        return {"source": self._wanted.source, "file": self._wanted.file.name, "at": utc_now().isoformat(), **told}

    # What it comes to

    def _begin_with(self, stored: PaperTradingSession) -> None:
        """Begin with what is stored of the time before the file: it may go on where another one has ended."""
        repository, first = cast(SessionRepository, self._repository), moment(self._records.first or 0)
        with repository.reading():
            fills = (fill for _, fill in repository.fill_history(stored.id))
            history = in_force(booking_order(fills, repository.ledger_history(stored.id)))
            self._is_stored_cash_known = bool(stored.initial_cash)
            self._books.begin_with(stored, (each for each in self._counted(history) if time_of(each) < first))

    def _counted(self, history: Iterable[Booked]) -> Iterator[Booked]:
        """The same history; its fills of the time of the file are counted, and its beginning is noted as they pass."""
        first, last = map(moment, self._records.fill_times or (1, 0))
        for number, each in enumerate(history):
            if not number and _is_deposit(each):
                self._is_stored_cash_known = True
            self._fills_of_its_time += isinstance(each, Fill) and first <= each.executed_at <= last
            yield each

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
        repository.restore(new, enumerate(self._books.fills(), 1), self._points_to_store(), self._entries)

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
                f"the session first to start over, or {other}"
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
            self._take_terms(stored)
            self._booked_fills = self._booked_flows = 0
            self._add_flows(repository, stored)
            for fills in batched(self._books.fills(), CHUNK):
                self._add_fills(repository, stored, fills)
            self._require_no_rewriting()
            if not self._booked_fills and not self._booked_flows:
                return
            end = moment(self._records.last or 0)
            self._add_points(repository, stored)
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
        flows = [each for _, each in self._entries if isinstance(each, CashFlow)]
        new = {each.id for each in repository.get_unrecorded(stored.id, flows)}
        for flow in flows:
            if flow.id in new:
                stored.apply_cash_flow(flow)  # which refuses another one of the same id
                self._booked_flows += 1

    def _add_fills(self, repository: SessionRepository, stored: PaperTradingSession, fills: tuple[Fill, ...]) -> None:
        unrecorded = repository.get_unrecorded(stored.id, fills)
        for fill in unrecorded:
            stored.apply_fill(fill)
        self._booked_fills += len(unrecorded)
        if unrecorded:
            self._save(repository, stored)

    def _add_points(self, repository: SessionRepository, stored: PaperTradingSession) -> None:
        """Record the days since the last point that is stored, where the file explains all that is booked since."""
        if (self._new.cash, self._new.equity) != (stored.cash, stored.equity):
            return
        last = max((each.at for each in repository.equity_history(stored.id)), default=EPOCH)
        for each in self._points_to_store()[:-1]:
            if each.at > last:
                stored.record_equity(each)

    def _points_to_store(self) -> list[EquityPoint]:
        """Those that the file states, or else one at the end of each day."""
        stated = [EquityPoint(moment(at), None, Decimal(equity)) for at, equity in self._draft.points]
        return stated or self._points

    def _save(self, repository: SessionRepository, stored: PaperTradingSession) -> None:
        if self._wanted.is_dry_run:
            forget_history(stored)
        else:
            repository.save(stored)

    def _require_no_rewriting(self) -> None:
        """A file that has grown has all that was imported of its time."""
        before, found = self._fills_of_its_time, self._books.tally.fills - self._booked_fills
        if before > found and "rewritten" not in self._draft.options.allow:
            raise self._draft.wrong(
                f"session {self._wanted.session_id!r} has {before:,} fills of the time of this file, of which the file "
                f"has {found:,}: its source has rewritten its history. Import it under another id: session_id=... "
                "(--id), or add its new fills anyway: allow=['rewritten'] (--allow rewritten)",
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
            is_new=self._stored is None,
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


def _is_deposit(item: Booked | None) -> bool:
    return isinstance(item, CashFlow) and item.kind is CashFlowKind.DEPOSIT


def batched(items: Iterable[Fill], size: int) -> Iterator[tuple[Fill, ...]]:
    """The items, `size` at a time."""
    waiting = iter(items)
    while chunk := tuple(islice(waiting, size)):
        yield chunk
