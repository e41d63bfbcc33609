"""Sessions to report on: the demo's year, and some whose texts are anything but harmless."""

from __future__ import annotations

import random
from datetime import timedelta

from paper_repo import EquityPoint, Fill, Order, PaperTradingSession, Strategy
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
