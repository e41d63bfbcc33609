"""Reports of NautilusTrader; the samples were written by the engine itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, SourceFileError
from paper_repo.engines.importing import ImportReport, import_file

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize(
    ("name", "cash", "open_positions"),
    [("net", "999630.19713300", 1), ("hedge", "999897.44713300", 15), ("spot", "979946.95625500", 1)],
)
def test_reports_of_nautilus(name: str, cash: str, open_positions: int, repository: SessionRepository) -> None:
    """The cash that the engine's account had at the end, to the last digit: netting, hedging and spot."""
    path = SAMPLES / f"nautilus_{name}_fills.csv"

    report = import_file(path, repository, source="nautilus", session_id="n", initial_cash=1_000_000)

    assert report.session.cash == Decimal(cash)
    assert len(report.session.positions) == open_positions
    assert [each.name for each in report.comparisons] == [f"total of USDT in nautilus_{name}_account.csv"]
    assert report.agrees
    assert repository.check().ok


@pytest.mark.parametrize("name", ["nautilus_spot_positions.csv", "nautilus_net_orders.csv"])
def test_coarser_reports_of_nautilus(name: str, repository: SessionRepository) -> None:
    """Averages make the same books, but for the rounding of floats."""
    cash = {"nautilus_spot_positions.csv": "979946.956255", "nautilus_net_orders.csv": "999630.197133"}

    report = import_file(SAMPLES / name, repository, source="nautilus", session_id="n", initial_cash=1_000_000)

    assert round(report.session.cash, 6) == Decimal(cash[name])
    assert report.agrees


FILLS = "client_order_id,instrument_id,trade_id,position_id,order_side,last_qty,last_px,currency,commission,ts_event"
ORDERS = "client_order_id,instrument_id,side,filled_qty,avg_px,commissions,ts_last"
POSITIONS = (
    "position_id,instrument_id,entry,quantity,peak_qty,ts_opened,ts_closed,avg_px_open,avg_px_close,commissions,"
    "realized_pnl"
)
AT = "2024-01-01 00:19:00+00:00"


def dry(folder: Path, heading: str, *rows: str, **options: Any) -> ImportReport:
    """What comes out of a report with these rows."""
    path = folder / "run_fills.csv"
    path.write_text("\n".join((heading, *rows)) + "\n", encoding="utf-8")
    return import_file(path, None, source="nautilus", **options)


@pytest.mark.parametrize(
    ("instrument", "symbol", "currency", "fee"),
    [
        ("BTCUSDT.BINANCE", "BTCUSDT", "USDT", "0.1 USDT"),
        ("ETH-USD.COINBASE", "ETH-USD", "USD", "0.1 USD"),
        ("ADABUSD-240329.BINANCE", "ADABUSD-240329", "BUSD", "['0.1 BUSD']"),
        ("ESM4.XCME", "ESM4", "USD", "0.1 USD"),
        ("ESM4", "ESM4", "USD", "0.05 USD, 0.05 USD"),
    ],
)
def test_the_currency_of_an_instrument(instrument: str, symbol: str, currency: str, fee: str, tmp_path: Path) -> None:
    """Is that of its name, else that of its fee."""
    columns = FILLS.replace("currency,", "")
    row = f'O-1,{instrument},T-1,nan,BUY,2,10,"{fee}",{AT}'

    found = dry(tmp_path, columns, row)

    assert (found.session.symbols, found.session.base_currency) == ((symbol,), currency)
    assert (found.fees, found.first[0].position_id) == ({currency: Decimal("0.1")}, None)


def test_orders_that_were_not_filled(tmp_path: Path) -> None:
    """Are left out, like blank rows."""
    found = dry(tmp_path, ORDERS, f"O-1,A-USD.X,BUY,2,10,[],{AT}", f"O-2,A-USD.X,BUY,0,nan,[],{AT}", ",,,,,,")

    assert (found.fills, found.left_out) == (1, {"orders that were not filled": 1, "blank row": 1})


def test_positions_that_are_open_or_short(tmp_path: Path) -> None:
    """An open one has no exit, a partly closed one the exit of what was closed; a short one begins with a sale."""
    found = dry(
        tmp_path,
        POSITIONS,
        f"P-1,A-USD.X,BUY,2,2,{AT},,10,,['0.2 USD'],0 USD",
        f"P-2,B-USD.X,SELL,0,3,{AT},{AT},10,8,['0.3 USD'],5.7 USD",
        f"P-3,C-USD.X,BUY,1,4,{AT},{AT},10,12,[],6 USD",
        f"P-4,C-USD.X,BUY,0,0,{AT},{AT},10,12,[],0 USD",
    )

    assert {symbol: each.quantity for symbol, each in found.session.positions.items()} == {"P-1": 2, "P-3": 1}
    assert found.session.net_pnl == Decimal("13.5")  # of the open ones at the last price
    assert found.left_out == {"positions without a quantity": 1}
    assert [each.name for each in found.comparisons] == ["closed positions", "realized_pnl"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"O-1,A-USD.X,T-1,,HOLD,2,10,USD,,{AT}", "row 2, fill 'T-1': the row has no side, quantity"),
        (f"O-1,A-USD.X,T-1,,BUY,2,10,USD,1 USD and 2 EUR,{AT}", "row 2, column 'commission': .* several currencies"),
        (f"O-1,A-USD.X,T-1,,BUY,many,10,USD,1 USD,{AT}", "row 2, column 'last_qty', fill 'T-1': 'many' is not"),
        ("O-1,A-USD.X,T-1,,BUY,2,10,USD,1 USD,today", "row 2, column 'ts_event', fill 'T-1': 'today' is not a time"),
    ],
)
def test_a_row_that_makes_no_fill(row: str, told: str, tmp_path: Path) -> None:
    """Is named by its place."""
    with pytest.raises(SourceFileError, match=rf"^run_fills\.csv, {told}"):
        dry(tmp_path, FILLS, row)


def test_the_account_beside_the_fills(tmp_path: Path) -> None:
    """Is compared when the initial cash is said, in the base currency; rows that are none of it are passed over."""
    row = f"O-1,A-USD.X,T-1,,BUY,2,10,USD,1 USD,{AT}"
    (tmp_path / "run_account.csv").write_text(f",total,currency\n{AT},5,EUR\n{AT},79,USD\nshort\n")

    assert dry(tmp_path, FILLS, row).comparisons == ()
    assert dry(tmp_path, FILLS, row, initial_cash=100).agrees
    assert dry(tmp_path, FILLS, row, initial_cash=100).comparisons[0].name == "total of USD in run_account.csv"


def test_a_fee_in_the_coin_of_a_perpetual(tmp_path: Path) -> None:
    """Cannot be taken out of what was bought, so it needs a rate, or is allowed to be kept only."""
    row = f"O-1,BTCUSD-PERP.X,T-1,,BUY,2,10,USD,0.01 BTC,{AT}"

    with pytest.raises(SourceFileError, match="the fee in row 2 is paid in BTC, of which no rate in USD") as caught:
        dry(tmp_path, FILLS, row)
    allowed = dry(tmp_path, FILLS, row, allow=["unpriced-fees"])
    priced = dry(tmp_path, FILLS, row, rates={"BTC": 100})

    assert caught.value.option == "unpriced-fees"
    assert (allowed.unbooked_fees, allowed.session.equity) == ({"BTC": Decimal("0.01")}, 0)
    assert priced.session.fees_paid == 1
