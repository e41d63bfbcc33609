"""The worked examples of docs/accounts.md, against sheets that are computed apart from the books, in fractions."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from paper_repo.demo.market import trading_days
from paper_repo.domain.history import waiting_history
from paper_repo.domain.replay import differences, replay

TEXT = (Path(__file__).parents[1] / "docs" / "accounts.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## (.*?)$", flags=re.MULTILINE)


def run(title: str) -> dict[str, Any]:
    """What the example below this heading leaves behind."""
    section = TEXT.partition(f"## {title}\n")[2] if title else TEXT
    match = re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert match is not None
    names: dict[str, Any] = {}
    exec(match[1], names)
    return names


TITLES = [
    title for title in SECTION.findall(TEXT) if "```python" in TEXT.partition(f"## {title}\n")[2].split("\n## ")[0]
]


def test_futures() -> None:
    """The demo's year on contracts: equity is the cash, less what all fills took and cost, and what is held."""
    session = run("Futures")["session"]
    cash, held = Fraction(1_000_000), dict.fromkeys(session.symbols, Fraction(0))

    for fill in session.new_fills:
        quantity = Fraction(fill.quantity) * (1 if fill.side == "BUY" else -1)
        cash -= quantity * Fraction(fill.price) * 10 + Fraction(fill.fee)
        held[fill.symbol] += quantity
    closes = trading_days()[-1].closes
    worth = sum(quantity * Fraction(closes[symbol]) * 10 for symbol, quantity in held.items())

    assert Fraction(session.equity) == cash + worth
    assert {key: Fraction(each.quantity) for key, each in session.positions.items()} == {
        symbol: quantity for symbol, quantity in held.items() if quantity
    }
    assert Fraction(session.fees_paid) == sum(Fraction(fill.fee) for fill in session.new_fills)
    assert Fraction(session.cash) == Fraction(session.initial_cash) + Fraction(session.realized_pnl - session.fees_paid)


def test_a_share_of_another_currency() -> None:
    """Dollars and euros as on the page."""
    names = run("A share of another currency, with a dividend and a split")
    session, trade = names["session"], names["trade"]
    dollars, euros = Fraction(10_000) - 5500, Fraction(5000)

    euros -= 40 * 100 + 5
    before = euros + 4000
    euros += 60 - Fraction("15.825")
    after = euros + 4000
    euros += 80 * 55 - 5

    assert (Fraction(session.cash), Fraction(session.balances["EUR"])) == (dollars, euros)
    assert Fraction(session.equity) == dollars + euros * Fraction("1.05")
    assert Fraction(session.income) == Fraction("44.175") * Fraction("1.12")
    assert Fraction(session.currency_pnl) == before * Fraction("0.02") - after * Fraction("0.07")
    assert Fraction(session.realized_pnl) == Fraction(trade.pnl) == (80 * 55 - 4000) * Fraction("1.05")
    assert Fraction(session.fees_paid) == Fraction(trade.fees) == 5 * Fraction("1.10") + 5 * Fraction("1.05")


def test_a_fee_in_the_coin() -> None:
    """Coins and dollars as on the page."""
    names = run("A crypto account that pays fees in the coin")
    session, trade = names["session"], names["trade"]
    coins = Fraction("0.5") - Fraction("0.0005")

    proceeds = coins * 44_000

    assert Fraction(session.cash) == 30_000 - 20_000 + proceeds - Fraction("21.978")
    assert Fraction(session.realized_pnl) == Fraction(trade.pnl) == proceeds - coins * 40_000
    assert Fraction(session.fees_paid) == Fraction(trade.fees) == 20 + Fraction("21.978")
    assert session.equity == session.cash


def test_deposits() -> None:
    """4 %, as on the page."""
    names = run("Deposits, and what was held before")

    expected = Fraction(1600, 1500) * Fraction(1950, 2000) - 1
    assert names["figures"].total_return == pytest.approx(float(expected))
    assert names["session"].equity == Decimal(1950)


@pytest.mark.parametrize("title", ["", *TITLES])
def test_the_identity_holds_and_the_history_explains_it(title: str) -> None:
    """At the end of every example equity is what the page says it is, and what a replay of its history gives."""
    session = run(title)["session"]

    assert session.equity == (
        session.initial_cash
        + session.opening_worth
        + session.net_deposits
        + session.realized_pnl
        + session.unrealized_pnl
        + session.income
        + session.currency_pnl
        - session.fees_paid
        + session.other_value
    )
    assert differences(session, replay(session, waiting_history(session))) == []
