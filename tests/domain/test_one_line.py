"""What objects say of themselves: one line that tells them apart, of any of them, and nothing that may be secret."""

from __future__ import annotations

import decimal
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from paper_repo import (
    CashFlow,
    EquityPoint,
    Fill,
    Instrument,
    Order,
    PaperTradingSession,
    Performance,
    Position,
    SessionSummary,
    Split,
    Strategy,
    SymbolChange,
    compare,
    performance,
    round_trips,
    trades,
)
from paper_repo.domain.one_line import amount
from tests import strategies
from tests.builders import moment

SECRET = "hunter2"
AT = "2026-01-05 14:30:00 UTC"


def traded() -> PaperTradingSession:
    """A session that has made a trade and holds a position."""
    session = PaperTradingSession(
        id="abc", name="demo", strategy=Strategy("sma", "1", {"fast": 10, "slow": 30}), initial_cash=10_000
    )
    session.start()
    session.apply_fill(Fill("f-1", "AAPL", "BUY", quantity=10, price="189.50", fee="0.350", executed_at=moment(0)))
    session.apply_fill(Fill("f-2", "AAPL", "SELL", quantity=10, price="190.50", fee="0.35", executed_at=moment(1)))
    session.apply_fill(Fill("f-3", "IBM", "SELL", quantity=3, price="1000", executed_at=moment(2)))
    session.mark({"IBM": 900}, at=moment(3))
    return session


SESSION = traded()
DEARER = compare(SESSION, SESSION, SESSION.new_fills, [replace(SESSION.new_fills[0], price=190)])
PERFORMANCE = (
    "<Performance total return +3.09 %, net P&L +309.30, Sharpe ratio unknown, max drawdown 0.00 %, 1 trade, "
    "100.0 % won>"
)
LINES: list[tuple[Any, str]] = [
    (DEARER, "<Comparison not the same, 1 matched, 2 missed, 0 extra, slippage +5.00>"),
    (
        compare(SESSION, SESSION, SESSION.new_fills, SESSION.new_fills),
        "<Comparison the same, 3 matched, 0 missed, 0 extra, slippage 0.00>",
    ),
    (
        DEARER.matched[0],
        f"<MatchedFill BUY 10 AAPL, expected at 189.50, actual at 190, cost +5.00, {AT}>",
    ),
    (
        DEARER.missed[1],
        "<UnmatchedFill 3 of <Fill 'f-3' SELL 3 IBM at 1,000, fee 0, 2026-01-05 14:32:00 UTC>>",
    ),
    (SESSION, "<PaperTradingSession 'abc' 'demo' RUNNING, equity 10,309.30 USD, 1 position, 3 fills, version 0>"),
    (
        SessionSummary.of(SESSION),
        "<SessionSummary 'abc' 'demo' RUNNING, equity 10,309.30 USD, net P&L +309.30, 1 position, 3 fills, version 0>",
    ),
    (SESSION.strategy, "<Strategy 'sma' version '1' with fast, slow>"),
    (SESSION.new_fills[0], f"<Fill 'f-1' BUY 10 AAPL at 189.50, fee 0.35, {AT}>"),
    (
        Fill("f", "BTC/USDT", "SELL", "0.00012345", "60000", "1E-9", moment(0), "o-1", "BTC", "hedge"),
        f"<Fill 'f' SELL 0.00012345 BTC/USDT at 60,000, fee 1E-9 BTC, {AT}, order 'o-1', position 'hedge'>",
    ),
    (SESSION.new_equity_points[0], "<EquityPoint 2026-01-05 14:33:00 UTC, equity 10,309.30, cash 13,009.30>"),
    (EquityPoint(moment(0), None, 5), f"<EquityPoint {AT}, equity 5, cash unknown>"),
    (
        SESSION.positions["IBM"],
        "<Position short 3 IBM, average price 1,000, last 900, unrealized P&L +300>",
    ),
    (
        Position("ES", 3, 10, 4, moment(0), currency="EUR", position_id="hedge"),
        "<Position long 3 ES 'hedge', average price 3.33333333333333…, last 4, unrealized P&L +2 EUR>",
    ),
    (
        trades(SESSION.new_fills)[0],
        f"<Trade long 10 AAPL, 189.50 to 190.50, net P&L +9.30, {AT} to 2026-01-05 14:31:00 UTC>",
    ),
    (
        round_trips(SESSION.new_fills)[0],
        f"<RoundTrip long 10 AAPL, 189.50 to 190.50, net P&L +9.30, {AT} to 2026-01-05 14:31:00 UTC>",
    ),
    (
        performance(SESSION, SESSION.new_equity_points, SESSION.new_fills),
        PERFORMANCE,
    ),
    (
        Order("o-1", "AAPL", "BUY", "STOP_LIMIT", 10, 4, "99.5", "99", created_at=moment(0)),
        "<Order 'o-1' BUY 10 AAPL STOP_LIMIT, limit 99.5, stop 99, PARTIALLY_FILLED (4 filled), GTC>",
    ),
    (CashFlow("d", "DEPOSIT", 1000, moment(0)), f"<CashFlow 'd' DEPOSIT +1,000, {AT}>"),
    (Split("s", "IBM", 2, moment(0)), f"<Split 's' IBM 2 for 1, {AT}>"),
    (SymbolChange("c", "FB", "META", moment(0)), f"<SymbolChange 'c' FB to META, {AT}>"),
    (Instrument("ES", "USD", 50, "MARGIN"), "<Instrument ES in USD, multiplier 50, settled by MARGIN>"),
]


@pytest.mark.parametrize(("it", "line"), LINES, ids=[type(each).__name__ for each, _ in LINES])
def test_the_line(it: object, line: str) -> None:
    """It says who it is, and what one looks for in it."""
    assert repr(it) == line


@given(session=strategies.sessions())
def test_any_object(session: PaperTradingSession) -> None:
    """Of any object it is one line of at most a screen's width or three, which nothing hides or turns around."""
    found: list[object] = [
        session,
        session.strategy,
        SessionSummary.of(session),
        *session.new_fills,
        *session.new_equity_points,
        *session.positions.values(),
        *session.open_orders.values(),
        *session.new_closed_orders,
        *session.new_ledger_entries,
        *session.instruments.values(),
    ]
    for each in found:
        line = repr(each)
        assert line.isprintable()
        assert len(line) < 600
        assert "cannot be described" not in line


@pytest.mark.parametrize(
    "name",
    ["a\nb", "\x1b[31mred", "\u202ereversed", "'>", "x" * 5000],
    ids=["lines", "escape", "bidi", "quote", "long"],
)
def test_hostile_names(name: str) -> None:
    """A stranger's text stays in its quotes, on its line, and within a length that can be read."""
    named = PaperTradingSession(id="a", name=name, strategy=Strategy(name), base_currency=name, initial_cash=1)
    for line in (repr(named), repr(named.strategy), repr(Fill("1", name, "BUY", 1, 1, fee_currency=name))):
        assert line.isprintable()
        assert "\x1b" not in line
        assert len(line) < 400


def test_an_object_that_is_half_made() -> None:
    """A debugger that stops in a constructor is told the type, and no error."""
    for kind in (PaperTradingSession, Fill, Order, Performance):
        assert repr(object.__new__(kind)) == f"<{kind.__name__}, which cannot be described>"


def test_nothing_secret() -> None:
    """Neither the values of parameters, nor state, nor metadata."""
    data = {"key": SECRET}
    session = PaperTradingSession(
        strategy=Strategy("s", parameters=data), initial_cash=1, state=data, metadata=data, error=SECRET
    )
    fill = Fill("1", "A", "BUY", 1, 1, metadata=data)

    assert SECRET not in repr([session, session.strategy, SessionSummary.of(session), fill])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234567.5", "1,234,567.5"),
        ("1000.00", "1,000.00"),
        ("0.1000", "0.10"),
        ("-0.00", "-0.00"),
        ("1E+3", "1E+3"),
        ("0.000000012345", "1.2345E-8"),
        ("1234567890123456789012345.123456789", "1.234567890E+24…"),
        (f"0.{'12' * 30}", f"0.{'12' * 15}…"),
        (f"1.{'12' * 30}E+99", f"1.{'12' * 13}1…E+99"),
    ],
)
def test_amounts(value: str, text: str) -> None:
    """With separators and every digit that counts; where there are too many, a mark says that some are left out."""
    with decimal.localcontext(prec=3):
        assert amount(Decimal(value)) == text
