"""Small HTML tables of sessions and their parts, which notebooks show instead of their one line.

Whatever text a session holds is escaped, and stands in an element of its own, so that text that runs from right to left
turns nothing around it. There is no script and no style sheet: the notebook's own theme applies. It belongs to the
domain since entities show it themselves (`_repr_html_`), and the domain imports nothing from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from paper_repo.domain import one_line

if TYPE_CHECKING:
    from paper_repo.domain.comparison import Comparison
    from paper_repo.domain.performance import Performance
    from paper_repo.domain.session import PaperTradingSession

MOST_ROWS = 20
"""A longer table shows half of these from its beginning, and half from its end."""

_LONGEST_TEXT = 200
_RIGHT = ' style="text-align:right"'
_LEFT = ' style="text-align:left"'

Value: TypeAlias = Decimal | int | float | str | datetime | None
Columns: TypeAlias = dict[str, Callable[[Any], Value]]
"""What stands above each column, and what it shows of an object."""

_BY_TYPE: dict[str, Columns] = {
    "PaperTradingSession": {
        "Id": lambda it: it.id,
        "Name": lambda it: it.name,
        "Strategy": lambda it: it.strategy.name,
        "Status": lambda it: it.status,
        "Equity": lambda it: it.equity,
        "Net P&L": lambda it: it.net_pnl,
        "Currency": lambda it: it.base_currency,
        "Positions": lambda it: len(it.positions),
        "Fills": lambda it: it.fill_count,
        "Updated": lambda it: it.updated_at,
    },
    "SessionSummary": {
        "Id": lambda it: it.id,
        "Name": lambda it: it.name,
        "Strategy": lambda it: it.strategy_name,
        "Status": lambda it: it.status,
        "Equity": lambda it: it.equity,
        "Net P&L": lambda it: it.net_pnl,
        "Currency": lambda it: it.base_currency,
        "Positions": lambda it: it.open_positions,
        "Fills": lambda it: it.fill_count,
        "Updated": lambda it: it.updated_at,
    },
    "Fill": {
        "Time (UTC)": lambda it: it.executed_at,
        "Symbol": lambda it: it.symbol,
        "Side": lambda it: it.side,
        "Quantity": lambda it: it.quantity,
        "Price": lambda it: it.price,
        "Fee": lambda it: it.fee,
        "Order": lambda it: it.order_id,
        "Id": lambda it: it.id,
    },
    "Trade": {
        "Symbol": lambda it: it.symbol,
        "Side": lambda it: "long" if it.side == "BUY" else "short",
        "Quantity": lambda it: it.quantity,
        "Entry": lambda it: it.entry_price,
        "Exit": lambda it: it.exit_price,
        "Net P&L": lambda it: it.net_pnl,
        "From (UTC)": lambda it: it.entry_at,
        "To (UTC)": lambda it: it.exit_at,
    },
    "Position": {
        "Symbol": lambda it: it.symbol,
        "Quantity": lambda it: it.quantity,
        "Average price": lambda it: it.average_price,
        "Last price": lambda it: it.last_price,
        "Market value": lambda it: it.market_value,
        "Unrealized P&L": lambda it: it.unrealized_pnl,
    },
    "Order": {
        "Id": lambda it: it.id,
        "Symbol": lambda it: it.symbol,
        "Side": lambda it: it.side,
        "Type": lambda it: it.type,
        "Quantity": lambda it: it.quantity,
        "Filled": lambda it: it.filled_quantity,
        "Limit": lambda it: it.limit_price,
        "Stop": lambda it: it.stop_price,
        "Status": lambda it: it.status,
    },
    "CashFlow": {
        "Time (UTC)": lambda it: it.at,
        "Kind": lambda it: it.kind,
        "Amount": lambda it: it.amount,
        "Currency": lambda it: it.currency,
        "Symbol": lambda it: it.symbol,
        "Id": lambda it: it.id,
    },
    "EquityPoint": {
        "Time (UTC)": lambda it: it.at,
        "Equity": lambda it: it.equity,
        "Cash": lambda it: it.cash,
    },
    "MatchedFill": {
        "Time (UTC)": lambda it: it.actual.executed_at,
        "Symbol": lambda it: it.actual.symbol,
        "Side": lambda it: it.actual.side,
        "Quantity": lambda it: it.quantity,
        "Expected": lambda it: it.expected.price,
        "Actual": lambda it: it.actual.price,
        "Cost": lambda it: it.cost,
        "Delay": lambda it: str(it.delay),
    },
    "UnmatchedFill": {
        "Time (UTC)": lambda it: it.fill.executed_at,
        "Symbol": lambda it: it.fill.symbol,
        "Side": lambda it: it.fill.side,
        "Quantity": lambda it: it.quantity,
        "Price": lambda it: it.fill.price,
        "Id": lambda it: it.fill.id,
    },
}
_BY_TYPE["RoundTrip"] = _BY_TYPE["Trade"]


_PERFORMANCE: Columns = {
    "Net P&L": lambda it: it.net_pnl,
    "Total return": lambda it: _percent(it.total_return),
    "Max drawdown": lambda it: _percent(it.max_drawdown),
    "Sharpe ratio": lambda it: it.sharpe_ratio,
    "Sortino ratio": lambda it: it.sortino_ratio,
    "Exposure": lambda it: _percent(it.exposure),
    "Trades": lambda it: it.trades,
    "Won": lambda it: _percent(it.win_rate),
    "Profit factor": lambda it: it.profit_factor,
    "Average win": lambda it: it.average_win,
    "Average loss": lambda it: it.average_loss,
    "Fees": lambda it: it.fees,
}


def columns_of(objects: Sequence[object]) -> Columns | None:
    """The columns of a table of these objects; None where they are not of one kind that has a table."""
    kind = type(objects[0]) if objects else None
    if kind is None or not _is_ours(kind) or any(type(each) is not kind for each in objects):
        return None
    return _BY_TYPE.get(kind.__name__)


def table(objects: Sequence[Any], columns: Columns) -> str:
    """A table with a row for each object, the middle ones left out where there are many."""
    half = MOST_ROWS // 2
    shown = [*objects[:half], None, *objects[-half:]] if len(objects) > MOST_ROWS else list(objects)
    numeric = [any(isinstance(of(each), Decimal | int | float) for each in objects[:half]) for of in columns.values()]
    head = "".join(
        f'<th scope="col"{_side(right)}>{escape(name)}</th>' for name, right in zip(columns, numeric, strict=True)
    )
    rows = []
    for each in shown:
        if each is None:
            rows.append(f'<tr><td colspan="{len(columns)}"{_LEFT}>… {len(objects) - 2 * half:,} more …</td></tr>')
            continue
        cells = zip(columns.values(), numeric, strict=True)
        rows.append("<tr>" + "".join(f"<td{_side(right)}>{_cell(of(each))}</td>" for of, right in cells) + "</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def session(it: PaperTradingSession) -> str:
    """The figures of a session, and its open positions below them."""
    figures: dict[str, Value] = {
        "Status": f"{it.status}: {it.error}" if it.error else it.status,
        "Strategy": it.strategy.name,
        f"Equity ({it.base_currency})": it.equity,
        "Net P&L": it.net_pnl,
        "Cash": it.cash,
        "Fees": it.fees_paid,
        "Fills": it.fill_count,
        "Started (UTC)": it.started_at,
        "Id": it.id,
    }
    positions = list(it.positions.values())
    held = table(positions, _BY_TYPE["Position"]) if positions else "<p>No open positions.</p>"
    return f"<p><strong>{_cell(it.name or it.id)}</strong></p>{_figures(figures.items())}{held}"


def performance(it: Performance) -> str:
    """The figures of a performance."""
    return _figures((name, of(it)) for name, of in _PERFORMANCE.items())


def performances(named: Mapping[str, Performance]) -> str:
    """The figures of several performances beside each other, under their names."""
    head = "".join(f'<th scope="col"{_RIGHT}>{_text(name)}</th>' for name in named)
    body = "".join(_row(title, *map(of, named.values())) for title, of in _PERFORMANCE.items())
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def comparison(it: Comparison) -> str:
    """The two sessions beside each other, what became of their fills, and the first ones that differ."""
    rows: dict[str, tuple[Value, Value]] = {
        "Fills": (it.expected_fills, it.actual_fills),
        "Matched": (len(it.matched), len(it.matched)),
        "Only there": (len(it.missed), len(it.extra)),
        "Fees": (it.expected_fees, it.actual_fees),
        "Net P&L": (it.expected_pnl, it.actual_pnl),
        "Slippage": (None, it.slippage),
    }
    head = f"<tr><th></th><th{_RIGHT}>Expected</th><th{_RIGHT}>Actual</th></tr>"
    body = "".join(_row(name, *values) for name, values in rows.items())
    parts = [f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"]
    differing = [each for each in it.matched if each.slippage]
    for title, found in (("Missed", it.missed), ("Extra", it.extra), ("At other prices", differing)):
        if found:
            parts.append(f"<p><strong>{title}</strong></p>{table(found, _BY_TYPE[type(found[0]).__name__])}")
    return "".join(parts)


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def _figures(figures: Iterable[tuple[str, Value]]) -> str:
    return f"<table><tbody>{''.join(_row(name, value) for name, value in figures)}</tbody></table>"


def _row(name: str, *values: Value) -> str:
    cells = "".join(f"<td{_RIGHT}>{_cell(value)}</td>" for value in values)
    return f'<tr><th scope="row"{_LEFT}>{_text(name)}</th>{cells}</tr>'


def _side(right: bool) -> str:
    return _RIGHT if right else _LEFT


def _cell(value: Value) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, Decimal):
        return escape(one_line.amount(value, 24))
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return _text(value)


def _text(value: str) -> str:
    cut = value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…"
    seen = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut)
    return f"<bdi>{escape(seen)}</bdi>"


def _percent(fraction: float | None) -> str | None:
    return None if fraction is None else one_line.percent(fraction)
