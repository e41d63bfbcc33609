"""A made history, written in every shape and format, is read back as it was."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_repo.engines.importing import DecimalSign, import_file


class Made(NamedTuple):
    """One fill of the history."""

    at: datetime
    symbol: str
    is_purchase: bool
    quantity: Decimal
    price: Decimal
    fee: Decimal


def amounts(most: int, places: int) -> st.SearchStrategy[Decimal]:
    """Amounts above zero with so many decimals."""
    return st.integers(1, most * 10**places).map(lambda number: Decimal(number).scaleb(-places))


FILLS = st.lists(
    st.builds(
        Made,
        st.integers(0, 2**24).map(lambda seconds: datetime(2023, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
        st.sampled_from(["IBM", "BRK.B", "A", "1000SHIBUSDT"]),
        st.booleans(),
        amounts(100_000, 4),
        amounts(100_000, 2),
        amounts(100, 2),
    ),
    min_size=1,
    max_size=12,
)
TIMES = {
    "iso": "%Y-%m-%dT%H:%M:%SZ",
    "blank": "%Y-%m-%d %H:%M:%S",
    "points": "%d.%m.%Y %H:%M:%S",
    "year first": "%Y.%m.%d %H:%M:%S",
    "compact": "%Y%m%d;%H%M%S",
    "twelve hours": "%d.%m.%Y %I:%M:%S %p",
    "names": "%d %b %Y %H:%M:%S",
}
SIDES = [("BUY", "SELL"), ("b", "s"), ("BOT", "SLD"), ("Kauf", "Verkauf"), ("long", "short")]
HEADINGS = [
    ("time", "symbol", "side", "qty", "price", "fee"),
    ("Exec Time", "Market", "Buy/Sell", "No. of shares", "T. Price", "Comm/Fee"),
    ("created at", "product", "trade_type", "filled_quantity", "Avg fill price", "fee_paid"),
    ("Datum_Uhrzeit", "Ticker", "Typ", "Menge", "Preis", "Gebuehren"),
]


def number(amount: Decimal, style: str) -> str:
    """An amount as a program writes it."""
    text = {"plain": f"{amount:f}", "thousands": f"{amount:,f}"}.get(style)
    if text is None:
        text = f"{amount:,f}".translate(str.maketrans(",.", {"comma": ".,", "blank": "\u00a0.", "quote": "'."}[style]))
    return text


@settings(max_examples=25, deadline=None)
@given(
    made=FILLS,
    style=st.sampled_from(["plain", "thousands", "comma", "blank", "quote"]),
    times=st.sampled_from(sorted(TIMES)),
    sides=st.sampled_from(SIDES),
    headings=st.sampled_from(HEADINGS),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    is_newest_first=st.booleans(),
    is_signed=st.booleans(),
)
def test_a_history_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    made: list[Made],
    style: str,
    times: str,
    sides: tuple[str, str],
    headings: tuple[str, ...],
    delimiter: str,
    encoding: str,
    is_newest_first: bool,
    is_signed: bool,
) -> None:
    """Whatever the headings, numbers, times, sides, delimiter and encoding, and whichever end comes first."""
    made = sorted(made, key=lambda each: each.at)
    if len({each.at for each in made}) < len(made):
        return  # the order of what happens at once is that of the file
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=delimiter)
    table.writerow(headings)
    for each in reversed(made) if is_newest_first else made:
        quantity = number(each.quantity, style)
        table.writerow(
            [
                each.at.strftime(TIMES[times]),
                each.symbol,
                sides[0] if each.is_purchase else sides[1],
                f"-{quantity}" if is_signed and not each.is_purchase else quantity,
                number(each.price, style),
                number(each.fee, style),
            ]
        )
    path: Path = tmp_path_factory.mktemp("made") / "made.csv"
    path.write_bytes(text.getvalue().encode(encoding))

    sign: DecimalSign = "comma" if style == "comma" else "point"
    report = import_file(
        path,
        None,
        source="csv",
        timezone="UTC",
        allow=["shorts"],
        decimal_sign=sign,
        base_currency="USD",
        rates={"USDT": 1},
    )

    assert report.fills == len(made)
    found = [
        (each.executed_at, each.symbol, each.side == "BUY", each.quantity, each.price, each.fee)
        for each in report.first
    ]
    assert found == [tuple(each) for each in made][: len(found)]
    assert report.session.fees_paid == sum(each.fee for each in made)
    cash = sum((each.quantity * each.price * (-1 if each.is_purchase else 1) - each.fee for each in made), Decimal(0))
    assert report.session.cash + sum(report.session.balances.values(), Decimal(0)) == cash
