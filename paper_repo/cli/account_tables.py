"""The tables of what an account holds and has done: positions, balances, orders, trades, cash flows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal

from rich.text import Text

from paper_repo.cli import formatting
from paper_repo.cli.escaping import printable
from paper_repo.cli.fitted_table import FittedTable
from paper_repo.cli.zones import Zone
from paper_repo.domain import (
    CashFlow,
    LedgerEntry,
    Order,
    OrderStatus,
    PaperTradingSession,
    Position,
    Settlement,
    Side,
    Split,
)
from paper_repo.domain.orders import TimeInForce
from paper_repo.domain.trades import Trade
from paper_repo.domain.values import EXACT

_FAINT = "bright_black"

ORDER_STYLES = {
    OrderStatus.PENDING: "cyan",
    OrderStatus.OPEN: "green",
    OrderStatus.PARTIALLY_FILLED: "green",
    OrderStatus.FILLED: "",
    OrderStatus.REJECTED: "red",
}


def position_table(positions: Collection[Position], base_currency: str, zone: Zone) -> FittedTable:
    """Open positions, long and short; currency, multiplier and settlement only where one is not the usual."""
    named = any(each.position_id for each in positions)
    foreign = any(each.currency for each in positions)
    special = any(each.multiplier != 1 or each.settlement is not Settlement.CASH for each in positions)
    since = zone.heading("since")
    table = FittedTable(
        [
            *("symbol", *(["position"] if named else []), "side", ">quantity", ">average", ">last"),
            *([">multiplier", "settled"] if special else []),
            *(">value", ">unrealized", *(["currency"] if foreign else []), since),
        ],
        expendable=[since, ">average", "settled", "side", "position", ">multiplier", ">last"],
        shortened=0,
    )
    for each in positions:
        style = formatting.style_of(each.unrealized_pnl)
        currency = each.currency or base_currency
        places = formatting.places_of(each.market_value, each.unrealized_pnl, currency=currency)
        table.add_row(
            Text(printable(each.symbol), "bold"),
            *([printable(each.position_id or formatting.UNKNOWN)] if named else []),
            "long" if each.quantity > 0 else "short",
            formatting.quantity(each.quantity),
            formatting.average(each.average_price, each.last_price),
            formatting.price(each.last_price),
            *([formatting.quantity(each.multiplier), each.settlement.lower()] if special else []),
            formatting.money(each.market_value, places),
            Text(formatting.signed(each.unrealized_pnl, places), style),
            *([printable(each.currency or formatting.UNKNOWN)] if foreign else []),
            Text(formatting.day(each.opened_at, zone), _FAINT),
        )
    return table


def balance_table(session: PaperTradingSession) -> FittedTable:
    """What is held of each currency, the base currency first, and what that is worth in the base currency."""
    base = printable(session.base_currency)
    table = FittedTable(["currency", ">amount", f">price in {base}", f">worth in {base}"], shortened=0)
    for currency, amount, rate, worth in balances_of(session):
        table.add_row(
            Text(printable(currency), "bold"),
            formatting.money(amount, formatting.places_of(amount, currency=currency)),
            formatting.price(rate),
            formatting.UNKNOWN
            if worth is None
            else formatting.money(worth, formatting.places_of(worth, currency=session.base_currency)),
        )
    return table


def balances_of(session: PaperTradingSession) -> Iterator[tuple[str, Decimal, Decimal | None, Decimal | None]]:
    """Each currency with its amount, its rate and its worth in the base currency; None where no rate is known."""
    yield session.base_currency, session.cash, Decimal(1), session.cash
    for currency, amount in sorted(session.balances.items()):
        rate = session.rates.get(currency)
        yield currency, amount, rate, None if rate is None else EXACT.multiply(amount, rate)


_LESS = ("conditions", ">filled", "status", "id")
"""What a narrow terminal does without when resting orders are shown."""


def order_table(orders: Collection[Order], zone: Zone, *, closed: bool = False) -> FittedTable:
    """Orders; with their status and when they were closed where they are not only those that rest.

    The time in force and the conditions are shown only when one is not good till cancelled, or has some.
    """
    conditions = [_conditions(each, zone) for each in orders]
    since, until = zone.heading("created" if closed else "since"), zone.heading("closed")
    ended = closed and any(each.closed_at for each in orders)
    waiting = closed or any(each.status is not OrderStatus.OPEN for each in orders)
    table = FittedTable(
        [
            *("id", "symbol", "order", ">quantity", ">filled", ">limit", ">stop"),
            *(["status"] if waiting else []),
            since,
            *([until] if ended else []),
            *(["conditions"] if any(conditions) else []),
        ],
        expendable=["conditions", since, until, "id", ">filled", "status"] if closed else [since, *_LESS],
        shortened=0,
    )
    moment = formatting.moment if closed else formatting.day
    for each, condition in zip(orders, conditions, strict=True):
        table.add_row(
            printable(each.id),
            Text(printable(each.symbol), "bold"),
            f"{each.side} {each.type}".replace("_", " ").lower(),
            formatting.quantity(each.quantity),
            formatting.quantity(each.filled_quantity) if each.filled_quantity else formatting.UNKNOWN,
            formatting.price(each.limit_price),
            formatting.price(each.stop_price),
            *([_status(each)] if waiting else []),
            Text(moment(each.created_at, zone), _FAINT),
            *([Text(formatting.moment(each.closed_at, zone), _FAINT)] if ended else []),
            *([Text(condition, _FAINT)] if any(conditions) else []),
        )
    return table


def _status(order: Order) -> Text:
    words = "partly filled" if order.status is OrderStatus.PARTIALLY_FILLED else order.status.lower()
    return Text(words, ORDER_STYLES.get(order.status, _FAINT))


def _conditions(order: Order, zone: Zone) -> str:
    said = [] if order.time_in_force is TimeInForce.GTC else [str(order.time_in_force)]
    if order.expires_at is not None:
        said = [*said, f"until {formatting.stamp(order.expires_at, zone)}"]
    parts = [" ".join(said)]
    if order.trail_amount is not None:
        parts.append(f"trails by {formatting.price(order.trail_amount)}")
    if order.trail_percent is not None:
        parts.append(f"trails by {formatting.quantity(order.trail_percent)} %")
    parts += ["reduce-only"] * order.reduce_only + ["post-only"] * order.post_only
    parts += [f"after {printable(order.parent_id)}"] if order.parent_id else []
    parts += [f"one of group {printable(order.oco_group)}"] if order.oco_group else []
    parts += [f"position {printable(order.position_id)}"] if order.position_id else []
    return ", ".join(part for part in parts if part)


def trade_table(trades: Collection[tuple[int, Trade]], base_currency: str, zone: Zone) -> FittedTable:
    """Closed trades, each with its number among all of the session's."""
    foreign = any(each.currency for _, each in trades)
    entered, exited = zone.heading("entered"), zone.heading("exited")
    table = FittedTable(
        [
            *(">#", "symbol", "side", ">quantity", ">entry", ">exit", *(["in"] if foreign else [])),
            *(entered, exited, ">held", ">P&L", ">fees", ">net P&L"),
        ],
        expendable=[">#", ">P&L", ">fees", entered, ">held", ">quantity", "in", "side", ">entry", ">exit"],
        shortened=1,
    )
    amounts = (amount for _, each in trades for amount in (each.pnl, each.fees))
    places = formatting.places_of(*amounts, currency=None if foreign else base_currency)
    for number, each in trades:
        table.add_row(
            Text(f"{number:,}", _FAINT),
            Text(printable(each.symbol), "bold"),
            "long" if each.side is Side.BUY else "short",
            formatting.quantity(each.quantity),
            formatting.average_price(each.entry_price),
            formatting.average_price(each.exit_price),
            *([printable(each.currency or formatting.UNKNOWN)] if foreign else []),
            Text(formatting.moment(each.entry_at, zone), _FAINT),
            Text(formatting.moment(each.exit_at, zone), _FAINT),
            formatting.span(each.duration),
            Text(formatting.signed(each.pnl, places), formatting.style_of(each.pnl)),
            formatting.money(each.fees, places),
            Text(formatting.signed(each.net_pnl, places), formatting.style_of(each.net_pnl)),
        )
    return table


def ledger_table(entries: Collection[LedgerEntry], base_currency: str, zone: Zone) -> FittedTable:
    """Cash flows, splits and new names, as they were booked."""
    table = FittedTable([zone.heading("at"), "kind", ">amount", "for", "id"], expendable=["id"], shortened=3)
    for each in entries:
        kind, amount, what = _entry_cells(each, base_currency)
        table.add_row(
            formatting.moment(each.at, zone), kind, amount, Text(what, "bold"), Text(printable(each.id), _FAINT)
        )
    return table


def _entry_cells(entry: LedgerEntry, base_currency: str) -> tuple[str, Text, str]:
    """What a ledger entry is, its amount, and what it is about."""
    if isinstance(entry, CashFlow):
        currency = entry.currency or base_currency
        amount = formatting.signed(entry.amount, formatting.places_of(entry.amount, currency=currency))
        shown = Text(f"{amount} {printable(currency)}", formatting.style_of(entry.amount))
        return entry.kind.lower(), shown, printable(entry.symbol or "")
    if isinstance(entry, Split):
        ratio = f"{formatting.quantity(entry.ratio)} for {formatting.quantity(entry.per)}"
        return "split", Text(ratio), printable(entry.symbol)
    return "new name", Text(formatting.UNKNOWN), f"{printable(entry.symbol)}, now {printable(entry.new_symbol)}"
