"""The tables of sessions, fills and equity points, and the page of a session."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from paper_repo.cli import formatting
from paper_repo.cli.account_tables import balance_table, order_table, position_table
from paper_repo.cli.escaping import name_or_id, printable
from paper_repo.cli.fitted_table import FittedTable
from paper_repo.cli.zones import UTC_ZONE, Zone
from paper_repo.domain import EquityPoint, Fill, PaperTradingSession, SessionStatus
from paper_repo.domain.selection import SessionSummary

if TYPE_CHECKING:  # a list needs neither
    from paper_repo.cli.equity_chart import Curve
    from paper_repo.domain.performance import Performance

_LONGEST_TEXT = 2000
WIDE = 110
MIDDLING = 90
NARROW = 76
"""From these widths on a list has all of its columns, or most of them, and a page has two facts a row."""

STATUS_STYLES = {
    SessionStatus.CREATED: ("○", "cyan"),
    SessionStatus.RUNNING: ("▶", "green"),
    SessionStatus.PAUSED: ("‖", "yellow"),
    SessionStatus.STOPPED: ("■", "bright_black"),
    SessionStatus.FAILED: ("✗", "red"),
}


def session_list(
    summaries: Sequence[SessionSummary], ids: Mapping[str, str], now: datetime, width: int, zone: Zone = UTC_ZONE
) -> FittedTable:
    """Sessions, one a row; `ids` are their shortened ids."""
    currencies = {summary.base_currency for summary in summaries}
    unit = f" {printable(currencies.pop())}" if len(currencies) == 1 else ""
    headings = [
        "id",
        "name",
        "strategy",
        "status",
        f">equity{unit}",
        ">net P&L",
        ">return",
        ">open",
        ">fills",
        ">saved",
    ]
    rows = [_list_row(each, ids[each.id], now, zone, "" if unit else f" {each.base_currency}") for each in summaries]
    left_out = () if width >= WIDE else (2, 7, 8) if width >= MIDDLING else (2, 7, 8, 9)
    shown = [column for column in range(len(headings)) if column not in left_out]
    kept = [headings[column] for column in shown]
    return FittedTable(
        kept, ([row[column] for column in shown] for row in rows), expendable=[">return", "status"], shortened=1
    )


def _list_row(each: SessionSummary, short_id: str, now: datetime, zone: Zone, currency: str) -> list[Text]:
    style = formatting.style_of(each.net_pnl)
    places = formatting.places_of(each.initial_cash, each.equity, each.net_pnl, currency=each.base_currency)
    return [
        Text(printable(short_id), "bold"),
        Text(name_or_id(each.name, each.id)),
        Text(printable(each.strategy_name)),
        status(each.status),
        Text(formatting.money(each.equity, places) + printable(currency)),
        Text(formatting.signed(each.net_pnl, places), style),
        Text(formatting.percent(each.total_return), style),
        Text(f"{each.open_positions:,}"),
        Text(f"{each.fill_count:,}"),
        Text(formatting.ago(each.updated_at, now, zone), "bright_black"),
    ]


def status(value: SessionStatus) -> Text:
    """A status with its sign and its colour."""
    sign, style = STATUS_STYLES[value]
    return Text(f"{sign} {value}", style)


def session_page(
    session: PaperTradingSession, performance: Performance, curve: Curve, width: int, zone: Zone = UTC_ZONE
) -> Group:
    """Everything about one session."""
    across = 3 if width >= WIDE else 2 if width >= NARROW else 1
    places = formatting.places_of(
        *(session.initial_cash, session.cash, session.equity, session.net_pnl),
        *(session.realized_pnl, session.unrealized_pnl, session.fees_paid),
        currency=session.base_currency,
    )
    parts: list[RenderableType] = [_heading(session), "", _grid(_facts(session, places, zone), across), ""]
    if len(curve.equities) > 1:
        parts += [curve, ""]
    parts.append(_grid(_figures(performance, places, zone), across))
    if session.balances:
        parts += ["", Text(formatting.count(len(session.balances) + 1, "currency", "currencies"), "bold")]
        parts.append(balance_table(session))
    if session.positions:
        parts += ["", Text(formatting.count(len(session.positions), "open position"), "bold")]
        parts.append(position_table(session.positions.values(), session.base_currency, zone))
    if session.open_orders:
        parts += ["", Text(formatting.count(len(session.open_orders), "resting order"), "bold")]
        parts.append(order_table(session.open_orders.values(), zone))
    return Group(*parts)


def active_table(
    sessions: Iterable[PaperTradingSession], ids: Mapping[str, str], now: datetime, zone: Zone
) -> FittedTable:
    """The sessions that would resume after a restart."""
    table = FittedTable(
        ["id", "name", "strategy", ">equity", ">net P&L", ">open", ">resting", "last saved"],
        expendable=["last saved", ">resting", "strategy", ">open"],
        shortened=1,
    )
    for each in sessions:
        places = formatting.places_of(each.initial_cash, each.equity, each.net_pnl, currency=each.base_currency)
        table.add_row(
            Text(printable(ids[each.id]), "bold"),
            name_or_id(each.name, each.id),
            printable(each.strategy.name),
            formatting.money(each.equity, places),
            Text(formatting.signed(each.net_pnl, places), formatting.style_of(each.net_pnl)),
            f"{len(each.positions):,}",
            f"{len(each.open_orders):,}",
            Text(formatting.ago(each.updated_at, now, zone), "bright_black"),
        )
    return table


def fill_table(fills: Collection[tuple[int, Fill]], zone: Zone) -> FittedTable:
    """Fills, each with its place in the history, and whether it was corrected or replaces another one."""
    corrected = any(each.corrected_at or each.replaces for _, each in fills)
    headings = [">#", zone.heading("executed"), "symbol", "side", ">quantity", ">price", ">fee", "order"]
    table = FittedTable(
        [*headings, *(["note"] if corrected else [])], expendable=["order", ">#", ">fee", "note"], shortened=2
    )
    for sequence, each in fills:
        currency = f" {printable(each.fee_currency)}" if each.fee_currency else ""
        table.add_row(
            Text(f"{sequence:,}", "bright_black"),
            formatting.moment(each.executed_at, zone),
            Text(printable(each.symbol), "bold"),
            Text(each.side.lower(), "green" if each.side == "BUY" else "red"),
            formatting.quantity(each.quantity),
            formatting.price(each.price),
            formatting.price(each.fee) + currency,
            Text(printable(each.order_id or formatting.UNKNOWN), "bright_black"),
            *([_note(each)] if corrected else []),
        )
    return table


def _note(fill: Fill) -> Text:
    said = ["corrected"] if fill.corrected_at else []
    said += [f"replaces {printable(fill.replaces)}"] if fill.replaces else []
    return Text(", ".join(said), "yellow")


def equity_table(points: Sequence[EquityPoint], base_currency: str, zone: Zone) -> FittedTable:
    """Points of an equity curve, each with its change from the one above it."""
    table = FittedTable(
        [zone.heading("at"), ">cash", ">equity", ">change", ">"], expendable=[">", ">change", ">cash"], shortened=None
    )
    before: Decimal | None = None
    amounts = (amount for each in points for amount in (each.cash, each.equity))
    places = formatting.places_of(*amounts, currency=base_currency)
    for each in points:
        change = None if before is None else each.equity - before
        style = formatting.style_of(change)
        table.add_row(
            formatting.moment(each.at, zone),
            formatting.UNKNOWN if each.cash is None else formatting.money(each.cash, places),
            formatting.money(each.equity, places),
            Text(formatting.UNKNOWN if change is None else formatting.signed(change, places), style),
            Text(formatting.percent(float(change / before)) if change is not None and before else "", style),
        )
        before = each.equity
    return table


def _heading(session: PaperTradingSession) -> Text:
    heading = Text(name_or_id(session.name, session.id), "bold").append("  ")
    heading.append(status(session.status))
    if session.name:
        heading.append(f"\n{printable(session.id)}", "bright_black")
    if session.error is not None:
        heading.append(f"\n{printable(session.error, _LONGEST_TEXT)}", "red")
    return heading


def _facts(session: PaperTradingSession, places: int, zone: Zone) -> list[tuple[str, Text]]:
    start, net = session.initial_cash, session.net_pnl
    change = float(net / start) if start else None
    arrow = "▲ " if net > 0 else "▼ " if net < 0 else ""
    strategy = f"{session.strategy.name} {session.strategy.version}".strip()
    return [
        ("equity", Text(f"{formatting.money(session.equity, places)} {printable(session.base_currency)}", "bold")),
        (
            "net P&L",
            Text(f"{arrow}{formatting.signed(net, places)} ({formatting.percent(change)})", formatting.style_of(net)),
        ),
        ("started with", Text(formatting.money(start, places))),
        ("cash", Text(formatting.money(session.cash, places))),
        ("realized", _gain(session.realized_pnl, places)),
        ("unrealized", _gain(session.unrealized_pnl, places)),
        ("fees", Text(formatting.money(session.fees_paid, places))),
        ("fills", Text(f"{session.fill_count:,}")),
        *_account_facts(session, places),
        ("strategy", Text(printable(strategy))),
        ("symbols", Text(printable(", ".join(session.symbols), _LONGEST_TEXT) or formatting.UNKNOWN)),
        ("version", Text(f"{session.version:,}")),
        ("saved", Text(formatting.stamp(session.updated_at, zone))),
        ("created", Text(formatting.stamp(session.created_at, zone))),
        ("started", Text(formatting.stamp(session.started_at, zone))),
        ("stopped", Text(formatting.stamp(session.stopped_at, zone))),
    ]


def _account_facts(session: PaperTradingSession, places: int) -> list[tuple[str, Text]]:
    """What only some accounts have: what was held at the start, cash flows, other currencies, closed orders."""
    amounts = [
        ("held at start", Text(formatting.money(session.opening_worth, places)), session.opening_worth),
        ("deposits", _gain(session.net_deposits, places), session.net_deposits),
        ("income", _gain(session.income, places), session.income),
        ("currency P&L", _gain(session.currency_pnl, places), session.currency_pnl),
        ("other value", Text(formatting.money(session.other_value, places)), session.other_value),
    ]
    counts = [("ledger entries", session.ledger_count), ("closed orders", session.closed_order_count)]
    return [
        *((name, shown) for name, shown, amount in amounts if amount),
        *((name, Text(f"{number:,}")) for name, number in counts if number),
    ]


def _figures(performance: Performance, places: int, zone: Zone) -> list[tuple[str, Text]]:
    drawdown = formatting.percent(performance.max_drawdown)
    if performance.drawdown_trough_at is not None:
        drawdown += (
            f" ({formatting.day(performance.drawdown_peak_at, zone)} to "
            f"{formatting.day(performance.drawdown_trough_at, zone)})"
        )
    won = formatting.percent(performance.win_rate, 1).removeprefix("+")
    return [
        ("return", Text(formatting.percent(performance.total_return), formatting.style_of(performance.total_return))),
        ("max drawdown", Text(drawdown, formatting.style_of(performance.max_drawdown))),
        ("exposure", Text(formatting.percent(performance.exposure, 1).removeprefix("+"))),
        ("Sharpe ratio", Text(formatting.ratio(performance.sharpe_ratio))),
        ("Sortino ratio", Text(formatting.ratio(performance.sortino_ratio))),
        ("closed trades", Text(f"{performance.trades:,}, {won} won" if performance.trades else "0")),
        ("profit factor", Text(formatting.ratio(performance.profit_factor))),
        ("average win", _gain(performance.average_win, places)),
        ("average loss", _gain(performance.average_loss, places)),
    ]


def _gain(amount: Decimal | None, places: int) -> Text:
    if amount is None:
        return Text(formatting.UNKNOWN)
    return Text(formatting.signed(amount, places), formatting.style_of(amount))


def _grid(facts: Sequence[tuple[str, Text]], across: int) -> Table:
    """Names and values, `across` pairs a row."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(across):
        grid.add_column(style="bright_black", no_wrap=True)
        grid.add_column(overflow="fold")
    for start in range(0, len(facts), across):
        grid.add_row(*(cell for pair in facts[start : start + across] for cell in pair))
    return grid
