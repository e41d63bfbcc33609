"""What the objects of a session say of themselves in one line: in a debugger, a log, a list in a notebook.

The line names what a trader tells things apart by, amounts with every digit. What may be secret (parameters, state,
metadata) is not in it; the attributes and `to_dict` have everything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from paper_repo.domain.comparison import Comparison, MatchedFill, UnmatchedFill
    from paper_repo.domain.instruments import Instrument
    from paper_repo.domain.ledger import CashFlow, Split, SymbolChange
    from paper_repo.domain.orders import Order
    from paper_repo.domain.performance import Performance
    from paper_repo.domain.positions import Position
    from paper_repo.domain.round_trips import RoundTrip
    from paper_repo.domain.selection import SessionSummary
    from paper_repo.domain.session import PaperTradingSession
    from paper_repo.domain.trades import Trade
    from paper_repo.domain.trading import EquityPoint, Fill, Strategy

T = TypeVar("T")

_LONGEST_NAME = 60
_CENTS = 2


def described(describe: Callable[[Any], str]) -> Callable[[type[T]], type[T]]:
    """A decorator that gives a class its `__repr__`: its type and this description, or only the type if that fails.

    A debugger calls it at any moment, on objects half made, and an error of it is of use to nobody. `dataclass`,
    applied after it, keeps it.
    """

    def shown(self: object) -> str:
        try:
            return f"<{type(self).__name__} {describe(self)}>"
        except Exception:
            return f"<{type(self).__name__}, which cannot be described>"

    def decorate(kind: type[T]) -> type[T]:
        kind.__repr__ = shown  # type: ignore[method-assign]
        return kind

    return decorate


# Each of them: who it is, what it is worth, and when


def session(it: PaperTradingSession) -> str:
    """Its version too: two objects of one session are told apart by it."""
    return (
        f"{_titled(it.id, it.name)} {it.status}, equity {amount(it.equity)} {_word(it.base_currency)}, "
        f"{_count(len(it.positions), 'position')}, {_count(it.fill_count, 'fill')}, version {it.version}"
    )


def summary(it: SessionSummary) -> str:
    """As the session itself, with what it has gained."""
    return (
        f"{_titled(it.id, it.name)} {it.status}, equity {amount(it.equity)} {_word(it.base_currency)}, "
        f"net P&L {_signed(it.net_pnl)}, {_count(it.open_positions, 'position')}, {_count(it.fill_count, 'fill')}, "
        f"version {it.version}"
    )


def strategy(it: Strategy) -> str:
    """With the names of its parameters; their values may be secret."""
    names = ", ".join(_word(str(each)) for each in it.parameters)
    version = f" version {_name(it.version)}" if it.version else ""
    return f"{_name(it.name)}{version}" + (f" with {_cut(names)}" if names else "")


def fill(it: Fill) -> str:
    """What was traded, at what price, when, and for which order."""
    parts = [
        f"{_name(it.id)} {it.side} {amount(it.quantity)} {_word(it.symbol)} at {amount(it.price)}",
        f"fee {amount(it.fee)}" + (f" {_word(it.fee_currency)}" if it.fee_currency else ""),
        moment(it.executed_at),
        _given("order", it.order_id),
        _given("position", it.position_id),
        _given("replaces", it.replaces),
        "corrected" if it.corrected_at else "",
    ]
    return _joined(parts)


def point(it: EquityPoint) -> str:
    """When, and what the account was worth."""
    cash = "unknown" if it.cash is None else amount(it.cash)
    return f"{moment(it.at)}, equity {amount(it.equity)}, cash {cash}"


def order(it: Order) -> str:
    """What is to be traded at which prices, and how far it is."""
    prices = (("limit", it.limit_price), ("stop", it.stop_price), ("trail", it.trail_amount))
    parts = [
        f"{_name(it.id)} {it.side} {amount(it.quantity)} {_word(it.symbol)} {it.type}",
        *(f"{word} {amount(price)}" for word, price in prices if price is not None),
        f"trail {amount(it.trail_percent)} %" if it.trail_percent is not None else "",
        f"{it.status}" + (f" ({amount(it.filled_quantity)} filled)" if it.filled_quantity else ""),
        f"{it.time_in_force}",
        _given("position", it.position_id),
    ]
    return _joined(parts)


def position(it: Position) -> str:
    """What is held, and what it has gained."""
    symbol = f"{_word(it.symbol)}" + (f" {_name(it.position_id)}" if it.position_id else "")
    currency = f" {_word(it.currency)}" if it.currency else ""
    return (
        f"{'short' if it.quantity < 0 else 'long'} {amount(abs(it.quantity))} {symbol}, average price "
        f"{_average(it.average_price)}, last {amount(it.last_price)}, "
        f"unrealized P&L {_signed(it.unrealized_pnl)}{currency}"
    )


def trade(it: Trade | RoundTrip) -> str:
    """What was held, from which price to which, and what it has gained."""
    symbol = f"{_word(it.symbol)}" + (f" {_name(it.position_id)}" if it.position_id else "")
    return (
        f"{'long' if it.side == 'BUY' else 'short'} {amount(it.quantity)} {symbol}, {_average(it.entry_price)} to "
        f"{_average(it.exit_price)}, net P&L {_signed(it.net_pnl)}, {moment(it.entry_at)} to {moment(it.exit_at)}"
    )


def performance(it: Performance) -> str:
    """The figures that runs are compared by."""
    parts = [
        f"total return {percent(it.total_return)}",
        f"net P&L {_signed(it.net_pnl)}",
        f"Sharpe ratio {'unknown' if it.sharpe_ratio is None else f'{it.sharpe_ratio:,.2f}'}",
        f"max drawdown {percent(it.max_drawdown)}",
        _count(it.trades, "trade"),
        "" if it.win_rate is None else f"{it.win_rate * 100:.1f} % won",
    ]
    return _joined(parts)


def comparison(it: Comparison) -> str:
    """Whether the two agree, and what became of their fills."""
    parts = [
        "the same" if it.agrees else "not the same",
        f"{len(it.matched):,} matched",
        f"{len(it.missed):,} missed",
        f"{len(it.extra):,} extra",
        f"slippage {_signed(it.slippage)}",
    ]
    return _joined(parts)


def matched_fill(it: MatchedFill) -> str:
    """What both traded, at which two prices, and what the difference has cost."""
    return (
        f"{it.actual.side} {amount(it.quantity)} {_word(it.actual.symbol)}, expected at {amount(it.expected.price)}, "
        f"actual at {amount(it.actual.price)}, cost {_signed(it.cost)}, {moment(it.actual.executed_at)}"
    )


def unmatched_fill(it: UnmatchedFill) -> str:
    """How much of which fill."""
    return f"{amount(it.quantity)} of {it.fill!r}"


def cash_flow(it: CashFlow) -> str:
    """What was paid, and when."""
    parts = [
        f"{_name(it.id)} {it.kind} {_signed(it.amount)}" + (f" {_word(it.currency)}" if it.currency else ""),
        _word(it.symbol) if it.symbol else "",
        moment(it.at),
    ]
    return _joined(parts)


def split(it: Split) -> str:
    """How many shares for how many."""
    return f"{_name(it.id)} {_word(it.symbol)} {amount(it.ratio)} for {amount(it.per)}, {moment(it.at)}"


def symbol_change(it: SymbolChange) -> str:
    """The old name and the new one."""
    return f"{_name(it.id)} {_word(it.symbol)} to {_word(it.new_symbol)}, {moment(it.at)}"


def instrument(it: Instrument) -> str:
    """What a symbol stands for."""
    currency = f" in {_word(it.currency)}" if it.currency else ""
    return f"{_word(it.symbol)}{currency}, multiplier {amount(it.multiplier)}, settled by {it.settlement}"


# What they are made of


def amount(value: Decimal, longest: int = 32) -> str:
    """An amount with thousands separators and every digit that counts, cut where there are more than anybody reads."""
    whole, point, digits = f"{value:,}".partition(".")
    if "E" in digits or len(digits) <= _CENTS:
        text = f"{whole}{point}{digits}"
    else:
        text = f"{whole}.{digits[:_CENTS]}{digits[_CENTS:].rstrip('0')}"
    if len(text) <= longest:
        return text
    if len(whole) >= longest:
        return f"{value:.9E}…"
    start, exponent, power = text.partition("E")
    return f"{start[: longest - len(power)]}…{exponent}{power}"


def _average(price: Decimal) -> str:
    """A price that may have no end."""
    return amount(price, 16)


def moment(at: datetime) -> str:
    """A time in UTC, to the last digit that it has."""
    return f"{at.replace(tzinfo=None)} UTC"


def _signed(value: Decimal) -> str:
    return f"+{amount(value)}" if value > 0 else amount(value)


def percent(fraction: float | None) -> str:
    """A fraction as a percentage, with its sign."""
    if fraction is None:
        return "unknown"
    text = f"{fraction * 100:+,.2f} %"
    return text if any(digit in text for digit in "123456789") else text[1:]


def _name(value: str) -> str:
    """Somebody's text in quotes, with all that cannot be seen, or turns what follows around, spelled out."""
    return repr(value) if len(value) <= _LONGEST_NAME else f"{value[:_LONGEST_NAME]!r}…"


def _word(value: str) -> str:
    """A symbol or a currency: in quotes only where it needs them."""
    is_plain = (
        len(value) <= _LONGEST_NAME and value.isascii() and value.isprintable() and not set(value) & set(" <>,'\"")
    )
    return value if is_plain else _name(value)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"


def _titled(session_id: str, name: str) -> str:
    return _name(session_id) + (f" {_name(name)}" if name and name != session_id else "")


def _given(word: str, value: str | None) -> str:
    return "" if value is None else f"{word} {_name(value)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _joined(parts: list[str]) -> str:
    return ", ".join(each for each in parts if each)
