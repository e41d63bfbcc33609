"""What notebooks show: tables, in which nothing of a stranger's text is markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from paper_repo import (
    CashFlow,
    Fill,
    Order,
    PaperTradingSession,
    SessionSummary,
    Strategy,
    compare,
    performance,
    round_trips,
    trades,
)
from paper_repo.notebook import load_ipython_extension, table, unload_ipython_extension
from tests import strategies
from tests.builders import moment, new_fill

ALLOWED = {"table", "thead", "tbody", "tr", "th", "td", "bdi", "p", "strong"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></table><b>",
    "\" onmouseover='x'",
    "&lt;b&gt;",
    "\u202ereversed",
    "a\x1b[31m\nb",
]


class Reader(HTMLParser):
    """What a browser makes of it: its elements, their attributes, and the text in each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def traded(name: str = "demo") -> PaperTradingSession:
    """A session whose texts are all this one."""
    session = PaperTradingSession(id=name.strip(), name=name, strategy=Strategy(name), initial_cash=10_000)
    symbol = name.strip()
    session.apply_fill(Fill("1", symbol, "BUY", 10, 100, 1, executed_at=moment(0), order_id=name))
    session.apply_fill(Fill("2", symbol, "SELL", 4, 110, 1, executed_at=moment(1)))
    session.mark({symbol: 120}, at=moment(2))
    session.place_order(Order(f"o-{symbol}", symbol, "SELL", "LIMIT", 6, limit_price=130))
    session.apply_cash_flow(CashFlow(symbol, "DIVIDEND", 5, moment(3), symbol=symbol))
    session.start()
    session.fail(name)
    return session


def shown(session: PaperTradingSession) -> list[Any]:
    """Everything of the session that a notebook shows as a table."""
    fills = list(session.new_fills)
    return [
        session,
        performance(session, session.new_equity_points, fills),
        compare(session, session, fills, [replace(each, price=each.price + 1) for each in fills[:1]]),
        compare(session, session, [], fills),
        *(table(each) for each in ([session], [SessionSummary.of(session)], fills, trades(fills), round_trips(fills))),
        *(table(each) for each in (session.positions.values(), session.open_orders.values())),
        *(table(each) for each in (session.new_closed_orders, session.new_equity_points)),
        table([each for each in session.new_ledger_entries if isinstance(each, CashFlow)]),
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_nothing_of_a_name_is_markup(name: str) -> None:
    """Names full of markup, of escapes or of marks that turn text around are only text."""
    for each in shown(traded(name)):
        html = each._repr_html_()
        read = Reader(html)
        assert read.tags <= ALLOWED
        assert read.attributes <= {"style", "scope", "colspan"}
        assert html.isprintable()


@given(session=strategies.sessions())
def test_any_session(session: PaperTradingSession) -> None:
    """A table is sound HTML, whatever the session holds."""
    fills, points = list(session.new_fills), list(session.new_equity_points)
    tables = [table(each) for each in ([session], fills, points, session.positions.values())]
    for each in (session, performance(session, points, fills), *tables):
        assert Reader(each._repr_html_()).tags <= ALLOWED


def test_a_session_shows_its_figures_and_positions() -> None:
    """What one looks for in a session, each amount with its digits."""
    rows = Reader(traded()._repr_html_()).rows

    assert ["Status", "FAILED: demo"] in rows
    assert ["Equity (USD)", "10,163"] in rows
    assert ["Net P&L", "163"] in rows
    assert ["demo", "6", "100", "120", "720", "120"] in rows


def test_a_comparison_shows_both_sides_and_what_differs() -> None:
    """Figures beside each other, then the fills that only one has, and those at other prices."""
    session = traded()
    bought, sold = session.new_fills
    found = compare(session, session, [bought, sold], [replace(bought, price=101)])

    rows = Reader(found._repr_html_()).rows

    assert rows[0] == ["", "Expected", "Actual"]
    assert ["Fills", "2", "1"] in rows
    assert ["Only there", "1", "0"] in rows
    assert ["Slippage", "–", "10"] in rows
    assert ["2026-01-05 14:31:00", "demo", "SELL", "4", "110", "2"] in rows
    assert ["2026-01-05 14:30:00", "demo", "BUY", "10", "100", "101", "10", "0:00:00"] in rows
    assert Reader(table(found.missed)._repr_html_()).rows[1][:2] == ["2026-01-05 14:31:00", "demo"]


def test_a_list_of_fills() -> None:
    """A row for each, with what it traded."""
    rows = Reader(table(traded().new_fills)._repr_html_()).rows

    assert rows[0] == ["Time (UTC)", "Symbol", "Side", "Quantity", "Price", "Fee", "Order", "Id"]
    assert rows[1] == ["2026-01-05 14:30:00", "demo", "BUY", "10", "100", "1", "demo", "1"]


def test_a_long_list_is_cut_in_the_middle() -> None:
    """Its beginning and its end are what one wants to see, and how much lies between."""
    rows = Reader(table([new_fill(number) for number in range(1234)])._repr_html_()).rows

    assert len(rows) == 1 + 21
    assert rows[11] == ["… 1,214 more …"]
    assert (rows[10][-1], rows[12][-1]) == (new_fill(9).id, new_fill(1224).id)


def test_performances_stand_beside_each_other() -> None:
    """A column for each under its name, which is no markup; as text a line for each."""
    session = traded()
    found = performance(session, session.new_equity_points, session.new_fills)
    other = replace(found, trades=7)

    both = table({"<plan>": found, "paper": other})

    rows = Reader(both._repr_html_()).rows
    assert rows[0] == ["", "<plan>", "paper"]
    assert ["Trades", str(found.trades), "7"] in rows
    assert [[name, value] for name, value, _ in rows[1:]] == Reader(found._repr_html_()).rows
    assert repr(both) == f"<plan>: {found!r}\npaper: {other!r}"


def test_the_dicts_of_a_session() -> None:
    """Positions and resting orders are tables, whatever their keys."""
    session = traded()

    assert Reader(table(session.positions)._repr_html_()).rows[1][0] == "demo"
    assert repr(table(session.open_orders)) == repr(session.open_orders["o-demo"])


def test_as_text() -> None:
    """Where no HTML is shown it is a line for each."""
    fills = traded().new_fills

    assert repr(table(fills)) == f"{fills[0]!r}\n{fills[1]!r}"
    assert (repr(table([])), table([])._repr_html_()) == ("nothing", "<p>Nothing.</p>")


@pytest.mark.parametrize("objects", [[1, 2], [new_fill(1), 5], [new_fill(1), traded()], [Strategy("s")]], ids=repr)
def test_other_lists(objects: list[Any]) -> None:
    """Objects of several kinds, or of others than ours, have no table, and the error says what has."""
    with pytest.raises(TypeError, match="a table shows objects of one kind, such as fills"):
        table(objects)


def test_lists_in_ipython() -> None:
    """With the extension lists of ours are tables, their slices too; other lists are what they were."""
    pytest.importorskip("IPython", reason="IPython is not installed: pip install '.[docs]'")
    from IPython.core.formatters import DisplayFormatter

    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    fills = [new_fill(number) for number in range(5)]

    def html_of(value: object) -> object:
        return shell.display_formatter.format(value)[0].get("text/html")

    load_ipython_extension(shell)
    assert html_of(fills) == table(fills)._repr_html_()
    assert html_of(fills[-2:]) == table(fills[-2:])._repr_html_()
    assert html_of(traded()) == traded()._repr_html_()
    assert [html_of(each) for each in ([], [1, 2], ["a"], [fills[0], 1])] == [None] * 4
    unload_ipython_extension(shell)
    assert html_of(fills) is None
