"""Sessions to report on: the demo's year, and some whose texts are anything but harmless."""

from __future__ import annotations

import random
from datetime import timedelta

from paper_repo import CashFlow, EquityPoint, Fill, Order, PaperTradingSession, Strategy
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session as new_demo_session
from paper_repo.demo.strategy import trade_day
from tests.builders import START, moment

EVIL = (
    "</script></style></title><script>document.title='PWNED';window.pwned=1</script><img src=x onerror=window.pwned=1>"
    "\"'><svg/onload=window.pwned=1>`${window.pwned=1}`&amp;&lt;\u202e\x00\x1b]0;x\x07<!--<script>{{7*7}}"
)
"""Markup in every form, quotes, a template, control characters, and what turns the text around."""


def demo_session() -> PaperTradingSession:
    """The demo's session at the end of its year."""
    session = new_demo_session()
    session.id = "demo"
    session.start()
    for day in trading_days():
        trade_day(session, day)
    return session


def account_session() -> PaperTradingSession:
    """A session with cash flows, of which a deposit is larger than all it gains, and with closed orders."""
    session = PaperTradingSession(
        id="account", name="Dividends and deposits", strategy=Strategy("hold"), initial_cash=10_000, created_at=START
    )
    session.start(START)
    session.apply_fill(Fill("f-1", "KO", "BUY", 100, 60, 1, executed_at=START))
    for day in range(60):
        at = START + timedelta(days=day)
        if day == 30:
            session.apply_cash_flow(CashFlow("paid", "DEPOSIT", 5_000, at))
        if day % 10 == 5:
            session.place_order(Order(f"o-{day}", "KO", "BUY", "LIMIT", 10, limit_price=50, created_at=at))
            session.cancel_order(f"o-{day}", at + timedelta(hours=6))
            session.apply_cash_flow(CashFlow(f"d-{day}", "DIVIDEND", "46.00", at, symbol="KO"))
            session.apply_cash_flow(CashFlow(f"t-{day}", "TAX", "-6.90", at, symbol="KO"))
        session.mark({"KO": 60 + day % 7}, at)
    session.apply_cash_flow(CashFlow("out", "WITHDRAWAL", -2_000, START + timedelta(days=60)))
    session.mark({}, START + timedelta(days=60))
    return session


def evil_session() -> PaperTradingSession:
    """A session in which every text is one that a stranger may have chosen to do harm."""
    session = PaperTradingSession(
        id=EVIL,
        name=EVIL,
        strategy=Strategy(EVIL, EVIL, {EVIL: EVIL}),
        symbols=[EVIL],
        base_currency=EVIL,
        initial_cash=1000,
        metadata={EVIL: EVIL},
    )
    session.start()
    for number, price in enumerate((10, 12, 11, 15)):
        side = "SELL" if number % 2 else "BUY"
        own = f"{EVIL}{number}"
        session.apply_fill(Fill(own, EVIL, side, 2, price, executed_at=moment(number), order_id=own))
        session.mark({EVIL: price}, moment(number))
    session.apply_fill(Fill("open", EVIL, "BUY", 2, 9, executed_at=moment(8)))
    session.place_order(Order(EVIL, EVIL, "SELL", "STOP_LIMIT", 1, limit_price=3, stop_price=4, created_at=moment(9)))
    session.fail(EVIL)
    return session


def walk(number: int, days: int = 300) -> PaperTradingSession:
    """A session whose equity wanders about, always in the same way for the same number."""
    dice = random.Random(number)
    session = PaperTradingSession(
        id=f"walk-{number}", name=f"Walk {number}", strategy=Strategy("walk"), initial_cash=1000 * (number + 1)
    )
    equity = float(session.initial_cash)
    for day in range(days):
        equity *= 1 + dice.gauss(0.0004, 0.01)
        session.record_equity(EquityPoint(START + timedelta(days=day), 0, round(equity, 2)))
    return session
