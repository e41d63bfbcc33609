"""Books the records of a file: what they mean for an account, checked before anything is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo.domain import CashFlow, EquityPoint, Fill, PaperTradingSession, Side, Strategy, books
from paper_repo.domain.history import Booked
from paper_repo.domain.replay import book_again
from paper_repo.domain.trading import checked_fill
from paper_repo.domain.values import EXACT, ROUNDED
from paper_repo.engines.importing.meanings import CLOSE
from paper_repo.engines.importing.records import Allowed, Draft, SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.sorting import REPEATED, SortedRecords
from paper_repo.engines.importing.tally import Tally
from paper_repo.engines.importing.terms import Terms
from paper_repo.engines.importing.times import moment
from paper_repo.engines.importing.turnover import Turnover
from paper_repo.engines.importing.verdict import ComparedFigure, compared
from paper_repo.errors import InvalidSessionError, SourceFileError

ZERO = Decimal(0)
DUST = Decimal("1E-9")
"""The rounding error that floats leave of a closed position, as a share of its size."""
DAY = 86_400_000_000
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


class Books:
    """Books the records of one file into a session, one after the other.

    Args:
        session: a new one, which has booked nothing.
    """

    def __init__(self, draft: Draft, records: SortedRecords, terms: Terms, session: PaperTradingSession) -> None:
        self._draft = draft
        self._records = records
        self._terms = terms
        self.session = session
        self.tally: Tally = Tally(session)
        self.fees: dict[str, Decimal] = {}
        self.unbooked_fees: dict[str, Decimal] = {}
        self.paid: Decimal = ZERO
        """The sum of all payments, in the base currency."""
        self._fees_apart = ZERO
        """Fees that were paid by themselves, and not with a fill."""
        self.flows: int = 0
        self.dust: int = 0
        self._turnover = Turnover(_in_base(draft.turnover, terms.base), _taxes_in_base(draft.taxes, terms.base))
        self._before = self._gained()
        self._closing: dict[tuple[str, str], Side] = {}
        """The sides of fills that close whatever is open."""

    def begin_with(self, stored: PaperTradingSession, history: Iterable[Booked]) -> None:
        """Begin with what a stored session has booked before the file; what it comes to is compared with nothing."""
        session = self.session
        session.instruments = {**session.instruments, **stored.instruments}
        session.symbols = tuple(dict.fromkeys((*stored.symbols, *session.symbols)))
        for each in history:
            book_again(session, each)
            if isinstance(each, Fill):
                self.tally.add(each)
        self.tally.begin()
        self._before = self._gained()

    def book(self, end_of_day: Callable[[int], None]) -> Iterator[Fill | CashFlow]:
        """Book each record, and give it, in the order of the history.

        Args:
            end_of_day: called after the last record of each day but the last one, with its time.

        Raises:
            SourceFileError: a record cannot be booked; the message says where it is.
        """
        last: int | None = None
        for own_id, before, record in self._records:
            record_id = f"{own_id}-{before + 1}" if before > 0 else own_id
            if last is not None and record.at // DAY != last // DAY:
                end_of_day(last)
            last = record.at
            if before == REPEATED:
                self._draft.leave_out("repeated: the same id and content as a row before")
            elif isinstance(record, SourceFlow):
                if self._is_foreign(record):
                    self._draft.leave_out(f"paid in {record.currency}, without a rate")
                else:
                    yield self._flow(record, record_id)
            elif record.symbol in self._terms.foreign:
                self._draft.leave_out(f"priced in {record.currency}, without a rate")
            else:
                yield self._fill(record, record_id)

    def _is_foreign(self, record: SourceFlow) -> bool:
        """Whether a payment is in a currency whose rows are left out."""
        return "foreign-rows" in self._draft.options.allow and not self._terms.is_priced(
            record.currency or self._terms.base
        )

    def fills(self) -> Iterator[Fill]:
        """The fills once more, as they were booked: made anew, so that none has to be kept."""
        rates, foreign, closing = self.session.rates, self._terms.foreign, self._closing
        for own_id, before, record in self._records:
            if before != REPEATED and isinstance(record, SourceFill) and record.symbol not in foreign:
                record_id = f"{own_id}-{before + 1}" if before > 0 else own_id
                side = (closing and closing.get((record.symbol, record_id))) or SIDES[record.side]
                fill = self._made(record, record_id, side)
                yield self._at_rates(fill, record.currency) if rates else fill

    def _at_rates(self, fill: Fill, currency: str | None) -> Fill:
        """The fill with the rates by which it is booked."""
        base, rates = self._terms.base, self.session.rates
        currency = currency or base
        fee_currency = fill.fee_currency or currency
        rate = None if currency == base else rates[currency]
        fee_rate = None if fee_currency == base else rates[fee_currency]
        return fill if rate is None and fee_rate is None else dataclasses.replace(fill, rate=rate, fee_rate=fee_rate)

    def _fill(self, record: SourceFill, fill_id: str) -> Fill:
        try:
            side = self._side(record, fill_id)
            fill = self._made(record, fill_id, side)
            self._count(record, fill, side)
            self._require_no_short(record, fill)
            booking = books.fill(self.session, fill)
            booking.change_amounts(self.session)  # its history is read once more; after an error all is thrown away
            self.tally.add(booking.fill or fill)
        except InvalidSessionError as error:
            raise self._wrong(record, fill_id, str(error)) from error
        return fill

    def _made(self, record: SourceFill, fill_id: str, side: Side) -> Fill:
        quantity, price, fee = Decimal(record.quantity), Decimal(record.price), Decimal(record.fee)
        metadata, fee_currency = record.metadata, record.fee_currency
        if fee_currency is not None:
            if not fee or fee_currency == (record.currency or self._terms.base):
                fee_currency = None
            elif fee_currency == record.asset and not self._terms.is_margin(record.symbol):
                metadata = {**(metadata or {}), **_stated(record)}
                quantity, price, fee = _net_of_fee(quantity, price, fee, side)
                fee_currency = None
            elif not self._terms.is_priced(fee_currency):
                metadata = {**(metadata or {}), "fee": record.fee, "fee_currency": fee_currency}
                fee, fee_currency = ZERO, None
        at, position_id, order_id = moment(record.at), record.position_id, record.order_id
        is_plain = fee_currency is None and position_id is None and not metadata and quantity > 0
        if is_plain and f"{fill_id}{record.symbol}{order_id or ''}".isascii():  # the sources have stripped them
            return checked_fill(fill_id, record.symbol, side, quantity, price, fee, at, order_id)
        return Fill(
            fill_id,
            record.symbol,
            side,
            quantity,
            price,
            fee,
            at,
            order_id,
            fee_currency=fee_currency,
            position_id=position_id,
            metadata=metadata or {},
        )

    def _count(self, record: SourceFill, fill: Fill, side: Side) -> None:
        """Add to the sums what the record has."""
        currency = record.currency or self._terms.base
        name = record.fee_currency or currency
        if name == currency:
            quantity, price, fee = fill.quantity, fill.price, fill.fee
        else:  # the fee may have been taken out of what was bought
            quantity, price, fee = Decimal(record.quantity), Decimal(record.price), Decimal(record.fee)
        if self._turnover.is_stated and currency == self._terms.base:
            value = EXACT.multiply(quantity, price)
            instrument = self._terms.instruments.get(record.symbol)
            if instrument is not None:
                value = EXACT.multiply(value, instrument.multiplier)
            self._turnover.add(side, value, fee if name == currency else ZERO)
        if not fee:
            return
        self.fees[name] = EXACT.add(self.fees.get(name, ZERO), fee)
        if name == currency:
            return
        if name == record.asset and not self._terms.is_margin(record.symbol):
            self._draft.keep(**_stated(record))
        elif not self._terms.is_priced(name):
            self.unbooked_fees[name] = EXACT.add(self.unbooked_fees.get(name, ZERO), fee)
            self._draft.keep(fee=record.fee, fee_currency=name)

    def _side(self, record: SourceFill, fill_id: str) -> Side:
        if record.side != CLOSE:
            return SIDES[record.side]
        position = self.session.positions.get(record.position_id or record.symbol)
        if position is None:
            raise self._wrong(record, fill_id, f"closes a position in {record.symbol}, and none is open")
        side = self._closing[record.symbol, fill_id] = Side.SELL if position.quantity > 0 else Side.BUY
        return side

    def _require_no_short(self, record: SourceFill, fill: Fill) -> None:
        """A sale of more than is held opens a short position, which the file has to say."""
        if fill.side is Side.BUY or record.opens_short or "shorts" in self._draft.options.allow:
            return
        position = self.session.positions.get(record.position_id or record.symbol)
        held = ZERO if position is None else position.quantity
        if held < 0 or held >= fill.quantity:
            return
        if self._terms.is_margin(record.symbol):
            return
        if fill.quantity - held <= held * DUST:
            self.dust += 1
            return
        raise self._wrong(
            record,
            fill.id,
            f"{fill.quantity} of {record.symbol} are sold, of which {held} are held, and the file does not call it "
            "a short sale. Import the file with the purchases first, or allow it: allow=['shorts'] (--allow shorts)",
            "shorts",
        )

    def _flow(self, record: SourceFlow, flow_id: str) -> CashFlow:
        currency = None if record.currency in (None, self._terms.base) else record.currency
        try:
            flow = CashFlow(
                flow_id,
                record.kind,
                Decimal(record.amount),
                moment(record.at),
                currency,
                record.symbol,
                metadata=record.metadata or {},
            )
            before = self.session.fees_paid
            self.session.apply_cash_flow(flow)
            self._fees_apart = EXACT.add(self._fees_apart, EXACT.subtract(self.session.fees_paid, before))
        except InvalidSessionError as error:
            raise self._wrong(
                record, flow_id, f"{error} (rates=..., --rate {currency}=...)" if currency else str(error)
            ) from error
        self.flows += 1
        rate = self.session.rates[currency] if currency else Decimal(1)
        self.paid = EXACT.add(self.paid, EXACT.multiply(flow.amount, rate))
        return flow

    def _wrong(
        self, record: SourceFill | SourceFlow, record_id: str, problem: str, option: Allowed | None = None
    ) -> SourceFileError:
        return self._draft.wrong(problem, row=record.row, fill_id=record_id, option=option)

    # The verdict

    def comparisons(self) -> list[ComparedFigure]:
        """The figures of the file beside those that were booked."""
        return [*(compared(each, self._figure(each)) for each in self._draft.stated), *self._turnover.compared()]

    def _figure(self, stated: Stated) -> Decimal:
        session, tally = self.session, self.tally
        figures: dict[str, Decimal] = {
            "cash": session.cash,
            "cash of all currencies": _all_cash(session),
            "equity": session.equity,
            "fills": Decimal(tally.fills),
            **{name: EXACT.subtract(amount, self._before[name]) for name, amount in self._gained().items()},
            "net profit of closed trades": tally.net_pnl,
            "trades": Decimal(tally.trades),
            "round trips": Decimal(tally.round_trips),
            "winning trades": Decimal(tally.won),
            "losing trades": Decimal(tally.lost),
            "other cash": self.paid,
        }
        if stated.figure == "profit":
            return min(figures["gross profit"], tally.net_pnl, key=lambda each: abs(each - stated.value))
        return figures[stated.figure]

    def _gained(self) -> dict[str, Decimal]:
        """The figures that grow from what the account began with."""
        session = self.session
        began_with = EXACT.add(EXACT.add(session.initial_cash, session.opening_worth), session.net_deposits)
        return {
            "cash from fills": EXACT.subtract(EXACT.subtract(session.cash, session.initial_cash), self.paid),
            "fees": EXACT.subtract(session.fees_paid, self._fees_apart),
            "gross profit": session.realized_pnl,
            "net profit": EXACT.subtract(session.equity, began_with),
        }


def _in_base(turnover: Mapping[tuple[str | None, str], Stated], base: str) -> dict[str, Stated]:
    """What the rows in the base currency say that was traded, by side."""
    found: dict[str, Stated] = {}
    for (currency, side), each in turnover.items():
        if currency in (None, base):
            before = found.get(side)
            found[side] = (
                each
                if before is None
                else each._replace(value=EXACT.add(before.value, each.value), rounding=before.rounding + each.rounding)
            )
    return found


def _taxes_in_base(taxes: Mapping[tuple[str | None, str], Decimal], base: str) -> dict[str, Decimal]:
    """What taxes add to that, by side."""
    found: dict[str, Decimal] = {}
    for (currency, side), amount in taxes.items():
        if currency in (None, base):
            found[side] = EXACT.add(found.get(side, ZERO), amount)
    return found


def _all_cash(session: PaperTradingSession) -> Decimal:
    """What is held of every currency, in the base currency."""
    total = session.cash
    for currency, balance in session.balances.items():
        total = EXACT.add(total, EXACT.multiply(balance, session.rates[currency]))
    return total


def _stated(record: SourceFill) -> dict[str, Any]:
    """What the file says of a fill whose fee was paid in the coin."""
    return {
        "price": record.price,
        "quantity": record.quantity,
        "fee": record.fee,
        "fee_currency": record.fee_currency,
    }


def _net_of_fee(quantity: Decimal, price: Decimal, fee: Decimal, side: Side) -> tuple[Decimal, Decimal, Decimal]:
    """What is received for the same money when the fee is taken out of it; what a price cannot express is a fee.

    The price is the quotient of both, which may have no exact decimal form.
    """
    net = EXACT.subtract(quantity, fee) if side is Side.BUY else EXACT.add(quantity, fee)
    if net <= 0:
        return quantity, price, ZERO
    value = EXACT.multiply(quantity, price)
    paid = ROUNDED.divide(value, net).normalize(ROUNDED)
    rest = EXACT.subtract(value, EXACT.multiply(paid, net))
    return net, paid, rest if side is Side.BUY else EXACT.minus(rest)


def new_session(
    session_id: str, name: str, draft: Draft, terms: Terms, began: datetime, source: str
) -> PaperTradingSession:
    """A session that has booked nothing."""
    options = draft.options
    initial = options.initial_cash if options.initial_cash is not None else draft.initial_cash
    session = PaperTradingSession(
        id=session_id,
        name=name,
        strategy=Strategy(options.strategy or draft.strategy or name or source),
        symbols=[symbol for symbol in draft.symbols if symbol not in terms.foreign],
        base_currency=terms.base,
        initial_cash=ZERO if initial is None else initial,
        instruments=terms.instruments,
        rates={name: rate for name, rate in terms.rates.items() if name != terms.base},
        created_at=began,
    )
    session.start(began)
    return session


def forget_history(session: PaperTradingSession) -> None:
    """Let go of the history that waits, of a session that is never saved; it still counts."""
    fills, entries = session.fill_count, session.ledger_count
    session.new_fills, session.new_ledger_entries, session.new_equity_points = (), (), ()
    session.fill_count, session.ledger_count = fills, entries


def point(session: PaperTradingSession, at: int) -> EquityPoint:
    """What the session is worth, at the prices of its last fills."""
    return EquityPoint(moment(at), session.cash, session.equity)
