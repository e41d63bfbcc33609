"""What Alpaca sends, as ours, and an account that is reconciled with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import Fill, OrderStatus, OrderType, PaperTradingSession, SessionRepository, Strategy, TimeInForce
from paper_repo.engines.alpaca import AlpacaSource, cash_flow, crypto_fee, fill, order, orders, position, reconcile

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "alpaca.json").read_text("utf-8"))
ORDERS = RECORDED["orders"]
SYMBOLS = ["AAPL", "BTC/USD", "SPY"]
BEGAN = datetime(2024, 5, 2, 14, tzinfo=UTC)


class NotFoundError(Exception):
    """As alpaca-py's APIError."""

    status_code = 404


class Client:
    """Gives what was recorded, by the paths that alpaca-py's client takes."""

    def __init__(self, page: int = 100) -> None:
        self.page = page
        self.activities: list[dict[str, Any]] = RECORDED["activities"]
        self.orders = {each["id"]: each for each in ORDERS.values()}
        self.resting = ["limit", "trailing", "bracket"]

    def get(self, path: str, data: Any = None) -> Any:
        """The answer to a GET."""
        if path == "/account/activities":
            ids = [each["id"] for each in self.activities]
            first = ids.index(data["page_token"]) + 1 if "page_token" in data else 0
            return self.activities[first : first + self.page]
        if path == "/orders":
            return [ORDERS[name] for name in self.resting]
        if path.startswith("/orders/"):
            if path.removeprefix("/orders/") not in self.orders:
                raise NotFoundError
            return self.orders[path.removeprefix("/orders/")]
        if path == "/orders:by_client_order_id":
            raise NotFoundError
        return RECORDED[path.removeprefix("/")]


def new_session() -> PaperTradingSession:
    """A session that began half an hour before the first execution."""
    return PaperTradingSession(id="a", strategy=Strategy("any"), initial_cash=100_000, created_at=BEGAN)


def test_an_execution_has_one_id_in_the_stream_and_in_the_activities() -> None:
    """So that whichever comes second is known."""
    executed, told = fill(RECORDED["activities"][1]), fill(RECORDED["updates"][0])

    assert executed is not None
    assert told is not None
    assert executed == Fill(
        f"{ORDERS['limit']['id']} 4", "AAPL", "BUY", "2.5", "169.468",
        executed_at=datetime(2024, 5, 2, 14, 30, 1, 750275, UTC), order_id=ORDERS["limit"]["id"],
        metadata={"activity_id": RECORDED["activities"][1]["id"]},
    )  # fmt: skip
    assert (told.id, told.symbol, told.quantity, told.price) == (executed.id, "AAPL", Decimal("2.5"), executed.price)
    assert told.metadata["execution_id"] == RECORDED["updates"][0]["execution_id"]
    assert [fill(each) for each in RECORDED["updates"][1:]] == [None, None]


def test_orders_of_every_status() -> None:
    """A partial fill, a full one, a replaced and a rejected one."""
    assert order(ORDERS["limit"]).status is OrderStatus.PARTIALLY_FILLED
    filled = order(ORDERS["filled"])
    assert (filled.status, filled.closed_at) == ("FILLED", datetime(2024, 5, 2, 14, 30, 2, 250000, UTC))
    replaced = order(ORDERS["replaced"])
    assert (replaced.status, replaced.metadata["replaced_by"]) == ("CANCELLED", ORDERS["replaced"]["replaced_by"])
    assert order(ORDERS["rejected"]).status is OrderStatus.REJECTED
    assert order(RECORDED["updates"][2]["order"]).status is OrderStatus.CANCELLED
    assert order(ORDERS["limit"]).metadata == {"client_order_id": "mine-1"}
    assert order(ORDERS["limit"]).expires_at == datetime(2024, 5, 2, 20, tzinfo=UTC)


def test_orders_of_every_type_can_be_placed() -> None:
    """A trailing stop, one for the closing auction, a bracket and an OCO with their legs."""
    session = new_session()
    trailing = session.place_order(order(ORDERS["trailing"]))
    assert (trailing.type, trailing.trail_percent, trailing.stop_price) == (
        "TRAILING_STOP",
        Decimal("1.5"),
        Decimal("169.51"),
    )
    closing = session.place_order(order(ORDERS["on_close"]))
    assert (closing.type, closing.time_in_force) == (OrderType.MARKET_ON_CLOSE, TimeInForce.CLS)

    parent, profit, stop = map(session.place_order, orders(ORDERS["bracket"]))
    assert (profit.parent_id, stop.parent_id, profit.oco_group) == (parent.id, parent.id, stop.oco_group)
    assert profit.status is OrderStatus.PENDING
    one, other = map(session.place_order, orders(ORDERS["oco"]))
    assert (one.oco_group, one.parent_id) == (other.oco_group, other.parent_id)
    session.cancel_order(one.id)
    assert other.id not in session.open_orders


def test_an_order_for_an_amount_of_money_has_no_quantity_before_it_is_filled() -> None:
    """It is refused by name; once filled, that is its quantity."""
    with pytest.raises(ValueError, match="0000000004 has no quantity of one symbol"):
        order(ORDERS["notional"])
    assert order(ORDERS["notional_filled"]).quantity == Decimal("2.945163234")


def test_positions_keep_their_cost_and_sign() -> None:
    """A short one is below zero, whichever sign was sent."""
    long, _, short = (position(each, BEGAN) for each in RECORDED["positions"])
    assert (long.quantity, long.cost_basis, long.last_price) == (4, Decimal("677.92"), 170)
    assert (short.quantity, short.cost_basis) == (-2, -1001)


def test_payments_have_the_kind_of_their_activity() -> None:
    """Dividend, withheld tax, deposit, journal and fee; what moves no money, or was cancelled, is none."""
    paid = [cash_flow(each, SYMBOLS) for each in RECORDED["activities"] if each["activity_type"] != "FILL"]

    assert [(each.kind.value, str(each.amount), each.symbol) if each else None for each in paid] == [
        None,
        ("DIVIDEND", "1.02", "AAPL"),
        ("TAX", "-0.15", "AAPL"),
        ("DEPOSIT", "250", None),
        ("WITHDRAWAL", "-50", None),
        ("FEE", "-0.03", None),
        None,
        None,
    ]


def test_a_fee_in_coins_leaves_the_position_that_alpaca_states() -> None:
    """It costs coins, no cash, and counts as a fee at its price."""
    session = new_session()
    bought, taken = fill(RECORDED["activities"][2]), crypto_fee(RECORDED["activities"][3], SYMBOLS)
    assert bought is not None
    assert taken is not None
    session.apply_fill(bought)
    cash = session.cash
    session.apply_fill(taken)

    assert (session.positions["BTC/USD"].quantity, session.cash) == (Decimal("0.049875"), cash)
    assert session.fees_paid == Decimal("0.000125") * Decimal("64000.123456789")
    assert session.realized_pnl == 0
    assert crypto_fee(RECORDED["activities"][4]) is None


@pytest.mark.parametrize("page", [1, 3, 100])
def test_an_account_is_reconciled_once_to_the_cent(tmp_path: Path, page: int) -> None:
    """Fills, fees in coins and payments; a resting order follows; what cannot be booked is named."""
    session, client = new_session(), Client(page)
    session.place_order(order({**ORDERS["limit"], "filled_qty": "0"}))
    session.place_order(order({**ORDERS["replaced"], "status": "new"}))
    with SessionRepository(tmp_path / "s.db") as repository:
        report = reconcile(repository, session, AlpacaSource(client, SYMBOLS))
        again = reconcile(repository, session, AlpacaSource(client, SYMBOLS))
        assert len(repository.get_fills("a")) == 4
        assert len(repository.get_ledger("a")) == 5

    assert (len(report.fills), len(report.entries), [each.symbol for each in report.closed_orders]) == (4, 5, ["AAPL"])
    assert (again.fills, again.entries, again.stored) == ([], [], 9)
    assert session.open_orders[ORDERS["limit"]["id"]].filled_quantity == 4
    assert session.cash == Decimal("96322.91382716055")
    assert [each.split(":")[0] for each in report.left_out] == ["activity 20240502000000000"]
    assert "(SPLIT AAPL)" in report.left_out[0]
    strays = {ORDERS["trailing"]["id"], ORDERS["bracket"]["id"], *(leg["id"] for leg in ORDERS["bracket"]["legs"])}
    assert {each.name for each in report.differences} == {*strays, "SPY"}


def test_an_account_that_several_sessions_share(tmp_path: Path) -> None:
    """A session takes the fills of its own symbols, and no payments."""
    session = new_session()
    with SessionRepository(tmp_path / "s.db") as repository:
        report = reconcile(repository, session, AlpacaSource(Client(), ["BTC/USD"], payments=False))

    assert {each.symbol for each in report.fills} == {"BTC/USD"}
    assert (report.entries, report.left_out) == ([], [])
    assert [each.kind for each in report.differences] == ["cash"]


class Crowded(Client):
    """An account that rests more orders than a page holds, of which one is ours: the oldest one."""

    def __init__(self) -> None:
        super().__init__()
        limit = ORDERS["limit"]
        self.newest_first = [
            {**limit, "id": f"other-{number}", "symbol": "MSFT", "submitted_at": f"2024-05-02T15:{59 - number // 60:02}"
             f":{59 - number % 60:02}Z"}
            for number in range(1200)
        ] + [limit]  # fmt: skip

    def get(self, path: str, data: Any = None) -> Any:
        """The answer to a GET; orders come in pages, as Alpaca gives them."""
        if path != "/orders":
            return super().get(path, data)
        older = [each for each in self.newest_first if each["submitted_at"] < data.get("until", "3")]
        return older[: data["limit"]]


def test_orders_of_others_do_not_hide_ours(tmp_path: Path) -> None:
    """Pages that have nothing of the session's own are no end."""
    with SessionRepository(tmp_path / "s.db") as repository:
        report = reconcile(repository, new_session(), AlpacaSource(Crowded(), ["AAPL"]))

    assert f"order {ORDERS['limit']['id']}: none in the session, PARTIALLY_FILLED at the broker" in map(
        str, report.differences
    )


def test_an_order_of_an_unknown_type_is_left_out_by_name(tmp_path: Path) -> None:
    """All the rest is booked."""
    client = Client()
    client.get = lambda path, data=None: (  # type: ignore[method-assign]
        [{**ORDERS["limit"], "type": "iceberg"}] if path == "/orders" else Client.get(client, path, data)
    )
    with SessionRepository(tmp_path / "s.db") as repository:
        report = reconcile(repository, new_session(), AlpacaSource(client, SYMBOLS))

    assert f"unknown type of order {ORDERS['limit']['id']}: 'iceberg'" in report.left_out
    assert len(report.fills) == 4


def test_an_alpaca_that_does_not_answer_is_an_error_and_nothing_is_booked(tmp_path: Path) -> None:
    """Only an order that it does not know is taken for gone."""

    class Busy(Client):
        def get(self, path: str, data: Any = None) -> Any:
            if path.startswith("/orders/"):
                error = NotFoundError("too many requests")
                error.status_code = 429
                raise error
            return super().get(path, data)

    session = new_session()
    session.place_order(order({**ORDERS["short"], "id": "sent"}))
    with SessionRepository(tmp_path / "s.db") as repository:
        with pytest.raises(NotFoundError, match="too many requests"):
            reconcile(repository, session, AlpacaSource(Busy(), SYMBOLS))
        assert repository.count() == 0
    assert (list(session.new_fills), list(session.open_orders)) == ([], ["sent"])


def test_a_payment_counts_from_when_it_was_posted_where_alpaca_says_so() -> None:
    """A date alone is a time of that day."""
    paid = {"id": "1", "activity_type": "DIV", "net_amount": "1", "date": "2024-05-03", "symbol": "AAPL"}
    dated, posted = cash_flow(paid), cash_flow({**paid, "created_at": "2024-05-03T09:30:00Z"})

    assert dated is not None
    assert posted is not None
    assert (dated.at.hour, posted.at.hour, posted.at.minute) == (0, 9, 30)


def test_an_order_that_alpaca_does_not_know_is_a_difference(tmp_path: Path) -> None:
    """It is looked for by both ids first."""
    session = new_session()
    session.place_order(order({**ORDERS["short"], "id": "never-sent"}))
    with SessionRepository(tmp_path / "s.db") as repository:
        report = reconcile(repository, session, AlpacaSource(Client(), SYMBOLS))

    assert "order never-sent: OPEN in the session, none at the broker" in map(str, report.differences)
