"""The tables of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from paper_repo.domain import Order, Position
from paper_repo.domain.trades import Trade
from paper_repo.domain.trading import Side
from paper_repo.report import formatting as f
from paper_repo.report.charts import milliseconds
from paper_repo.report.reading import Dip, Results

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STRONG = 0.03
"""A monthly return beyond this, either way, has the stronger of two shades."""


def monthly_table(results: Results) -> str:
    """The return of each month, a row a year."""
    if not results.months:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{year}</th>{"".join(_month(months.get(month)) for month in range(1, 13))}'
        f'<td class="year {f.sign_of(months[0])}">{f.percent(months[0], 1)}</td></tr>'
        for year, months in sorted(results.months.items())
    )
    caption = "In percent of what there was at the month’s start"
    return "<h3>Monthly returns</h3>" + table(caption, ("", *_MONTHS, "Year"), rows, "months")


def _month(change: float | None) -> str:
    if change is None:
        return "<td></td>"
    shade = f"{f.sign_of(change)}{2 if abs(change) >= _STRONG else 1}" if change else ""
    return f'<td class="{shade}">{f.percent(change, 1).removesuffix(" %")}</td>'


def drawdown_table(results: Results, charts: str) -> str:
    """The deepest drawdowns; the depth of each is a button that shows it in `charts`, which are ids."""
    if not results.dips:
        return ""
    rows = "".join(_drawdown_row(dip, charts, results.curve[-1].at) for dip in results.dips)
    headings = ("Depth", "Peak", "Deepest", "Recovered")
    return "<h3>Deepest drawdowns</h3>" + table("", headings, rows, "long", left=(0, 1, 2, 3))


def _drawdown_row(dip: Dip, charts: str, end: datetime) -> str:
    depth, recovered = f.percent(dip.depth), dip.recovered_at or end
    button = (
        f'<button type="button" class="down" data-charts="{charts}" data-from="{milliseconds(dip.peak_at)}" '
        f'data-to="{milliseconds(recovered)}" aria-label="{depth}: show this drawdown in the charts">{depth}</button>'
    )
    return (
        f'<tr><td class="l">{button}</td><td class="l">{f.day(dip.peak_at)}</td>'
        f'<td class="l">{f.day(dip.trough_at)}</td>'
        f'<td class="l">{f.day(dip.recovered_at) if dip.recovered_at else "not yet"}</td></tr>'
    )


def trade_table(results: Results) -> str:
    """The latest closed trades, the newest first."""
    if not results.trades:
        return ""
    caption = _latest(len(results.trades), results.figures.trades)
    rows = "".join(_trade_row(each) for each in reversed(results.trades))
    headings = ("Symbol", "Side", "Quantity", "Entry", "Exit", "Opened", "Closed", "Slices", "Fees", "Net P&amp;L")
    return "<h3>Closed trades</h3>" + table(caption, headings, rows, "long", left=(0, 1))


def _trade_row(trade: Trade) -> str:
    return (
        f'<tr><td class="l name">{f.text(trade.symbol)}</td>'
        f'<td class="l">{"long" if trade.side is Side.BUY else "short"}</td>'
        f"{cell(f.quantity(trade.quantity))}{cell(f.average(trade.entry_price))}{cell(f.average(trade.exit_price))}"
        f"{cell(f.moment(trade.entry_at))}{cell(f.moment(trade.exit_at))}{cell(f'{len(trade.slices):,}')}"
        f"{cell(f.money(trade.fees))}{cell(f.signed(trade.net_pnl), f.sign_of(trade.net_pnl))}</tr>"
    )


def position_table(positions: Iterable[Position]) -> str:
    """Open positions, long and short."""
    rows = "".join(
        f'<tr><td class="l name">{f.text(each.symbol)}</td>'
        f'<td class="l">{"long" if each.quantity > 0 else "short"}</td>'
        f"{cell(f.quantity(each.quantity))}{cell(f.average(each.average_price))}{cell(f.price(each.last_price))}"
        f"{cell(f.money(each.market_value))}{cell(f.signed(each.unrealized_pnl), f.sign_of(each.unrealized_pnl))}"
        f"{cell(f.moment(each.opened_at))}</tr>"
        for each in positions
    )
    headings = ("Symbol", "Side", "Quantity", "Average", "Last", "Value", "Unrealized", "Opened")
    return "<h3>Open positions</h3>" + table("", headings, rows, "long", left=(0, 1)) if rows else ""


def open_order_table(orders: Iterable[Order]) -> str:
    """Orders that rest."""
    rows = "".join(
        f"<tr>{_order_cells(each)}{cell(f.quantity(each.remaining_quantity))}{cell(f.price(each.limit_price))}{cell(f.price(each.stop_price))}"
        f"{cell(f.moment(each.created_at))}</tr>"
        for each in orders
    )
    headings = ("Id", "Symbol", "Order", "Open quantity", "Limit", "Stop", "Placed")
    return "<h3>Open orders</h3>" + table("", headings, rows, "long", left=(0, 1, 2)) if rows else ""


def closed_order_table(results: Results) -> str:
    """The latest closed orders, the newest first."""
    rows = "".join(
        f"<tr>{_order_cells(each)}{cell(f.quantity(each.quantity))}{cell(f.quantity(each.filled_quantity))}"
        f'<td class="l">{_words(each.status)}</td>'
        f"{cell(f.moment(each.created_at))}{cell(f.moment(each.closed_at))}</tr>"
        for each in reversed(results.closed_orders)
    )
    caption = _latest(len(results.closed_orders), results.session.closed_order_count)
    headings = ("Id", "Symbol", "Order", "Quantity", "Filled", "Status", "Placed", "Closed")
    return "<h3>Closed orders</h3>" + table(caption, headings, rows, "long", left=(0, 1, 2, 5)) if rows else ""


def cash_flow_table(results: Results) -> str:
    """The latest cash flows, the newest first."""
    base = results.session.base_currency
    rows = "".join(
        f'<tr><td class="l">{f.moment(each.at)}</td><td class="l">{_words(each.kind)}</td>'
        f'<td class="l name">{f.text(each.symbol or "")}</td>{cell(f.signed(each.amount), f.sign_of(each.amount))}'
        f'<td class="l currency">{f.text(each.currency or base)}</td></tr>'
        for each in reversed(results.flows)
    )
    caption = _latest(len(results.flows), results.flow_count)
    headings = ("Time", "Kind", "For", "Amount", "Currency")
    return "<h3>Cash flows</h3>" + table(caption, headings, rows, "long", left=(0, 1, 2, 4)) if rows else ""


def _order_cells(order: Order) -> str:
    return (
        f'<td class="l name">{f.text(order.id)}</td><td class="l name">{f.text(order.symbol)}</td>'
        f'<td class="l">{_words(order.side)} {_words(order.type)}</td>'
    )


def _words(choice: str) -> str:
    """The name of a choice, as people write it."""
    return choice.lower().replace("_", " ")


def _latest(shown: int, total: int) -> str:
    return f"The latest {shown:,} of {total:,}, newest first" if shown < total else "Newest first"


def cell(value: str, sign: str = "") -> str:
    """A cell of numbers, coloured where it has a sign."""
    return f'<td class="{sign}">{value}</td>' if sign else f"<td>{value}</td>"


def table(caption: str, headings: Sequence[str], rows: str, kind: str = "", left: Sequence[int] = ()) -> str:
    """A table that scrolls by itself where the screen is narrower, by keyboard too."""
    head = "".join(
        f'<th scope="col"{" class=l" if number in left else ""}>{heading}</th>' if heading else "<td></td>"
        for number, heading in enumerate(headings)
    )
    about = f"<caption>{caption}</caption>" if caption else ""
    label = caption or " ".join(filter(None, headings))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="{kind}">{about}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
