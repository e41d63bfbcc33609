"""The real alpaca-py: its models read like Alpaca's JSON, and its client is reconciled (tox -e engines)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("alpaca")

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # alpaca-py imports what websockets deprecates
    from alpaca.trading.client import TradingClient
    from alpaca.trading.models import NonTradeActivity, Order, Position, TradeActivity, TradeUpdate

from paper_repo import SessionRepository
from paper_repo.engines.alpaca import AlpacaSource, cash_flow, crypto_fee, fill, order, orders, position, reconcile
from tests.engines.loopback import serving
from tests.engines.test_alpaca import BEGAN, ORDERS, RECORDED, SYMBOLS, Client, NotFoundError, new_session


@pytest.mark.parametrize("name", [each for each in ORDERS if each != "notional"])
def test_models_of_orders_read_like_their_json(name: str) -> None:
    """With legs; times of models have microseconds as ours have."""
    assert orders(Order(**ORDERS[name])) == orders(ORDERS[name])


def test_models_of_executions_payments_and_positions_read_like_their_json() -> None:
    """Their floats count by their shortest form."""
    for each in RECORDED["activities"]:
        if each["activity_type"] == "FILL":
            assert fill(TradeActivity(**each)) == fill(each)
        else:
            model = NonTradeActivity(**each)
            assert cash_flow(model, SYMBOLS) == cash_flow(each, SYMBOLS)
            assert crypto_fee(model, SYMBOLS) == crypto_fee(each, SYMBOLS)
    for each in RECORDED["updates"]:
        assert fill(TradeUpdate(**each)) == fill(each)
        assert order(TradeUpdate(**each).order) == order(each["order"])
    for each in RECORDED["positions"]:
        assert position(Position(**each), BEGAN) == position(each, BEGAN)


def test_a_real_client_is_reconciled(tmp_path: Path) -> None:
    """By HTTP, as alpaca-py asks; an order that nobody knows is a 404."""
    recorded = Client(page=3)

    def answer(path: str, query: dict[str, str]) -> Any:
        try:
            return recorded.get(path.removeprefix("/v2"), query)
        except NotFoundError:
            raise KeyError(path) from None

    session = new_session()
    session.place_order(order({**ORDERS["limit"], "filled_qty": "0"}))
    session.place_order(order({**ORDERS["short"], "id": "never-sent"}))
    with serving(answer) as address, SessionRepository(tmp_path / "s.db") as repository:
        client = TradingClient("key", "secret", paper=True, url_override=address)
        report = reconcile(repository, session, AlpacaSource(client, SYMBOLS))
        again = reconcile(repository, session, AlpacaSource(client, SYMBOLS))
        client._session.close()  # nothing public closes it

    assert (len(report.fills), len(report.entries), again.stored) == (4, 5, 9)
    assert "order never-sent: OPEN in the session, none at the broker" in map(str, report.differences)
    assert [each for each in report.differences if each.kind == "cash"] == []
