"""Sessions, fills and points from what a database keeps, at the speed of plain functions: see `fast`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar, cast

from paper_repo.domain import (
    EquityPoint,
    Fill,
    Instrument,
    Order,
    OrderType,
    PaperTradingSession,
    Position,
    SessionStatus,
    Settlement,
    Side,
    Strategy,
    TimeInForce,
)
from paper_repo.domain.holdings import Holdings
from paper_repo.domain.orders import checked_order
from paper_repo.domain.positions import ONE, checked_position
from paper_repo.domain.session import stored_session
from paper_repo.domain.trading import checked_fill, checked_point
from paper_repo.domain.values import texts
from paper_repo.serialization import schemas
from paper_repo.serialization.fast_writing import AMOUNT_COLUMNS, NO_ACCOUNT
from paper_repo.serialization.json_data import from_json
from paper_repo.serialization.primitives import (
    amount_of,
    instant_of,
    name_of,
    optional_amount_of,
    optional_instant_of,
    symbol_of,
    text_of,
)
from paper_repo.serialization.schemas import Data
from paper_repo.serialization.seldom import seldom_of, with_seldom

T = TypeVar("T")


def read_session(columns: Mapping[str, Any]) -> PaperTradingSession:
    """The session that was written as `columns`."""
    if len(columns) != _SESSION_COLUMNS:
        raise TypeError
    owns = columns["keeps_own_accounts"]
    if owns not in (None, 0, 1):
        raise ValueError
    return stored_session(
        {
            "strategy": _strategy(from_json(columns["strategy"])),
            "symbols": _symbols(columns["symbols"]),
            "status": SessionStatus[columns["status"]],
            "initial_cash": amount_of(columns["initial_cash"]),
            "cash": amount_of(columns["cash"]),
            "positions": Holdings(_positions(columns["positions"])),
            "open_orders": {name: _order(data, name) for name, data in from_json(columns["open_orders"]).items()},
            "realized_pnl": amount_of(columns["realized_pnl"]),
            "fees_paid": amount_of(columns["fees_paid"]),
            "created_at": instant_of(columns["created_at"]),
            "started_at": optional_instant_of(columns["started_at"]),
            "stopped_at": optional_instant_of(columns["stopped_at"]),
            "updated_at": optional_instant_of(columns["updated_at"]),
            "keeps_own_accounts": owns != 0,
        },
        {
            "id": columns["id"],
            "name": columns["name"],
            "base_currency": columns["base_currency"],
            "state": from_json(columns["state"]),
            "metadata": from_json(columns["metadata"]),
            "error": columns["error"],
            "version": columns["version"],
            "fill_count": columns["fill_count"],
            **_account(columns),
        },
    )


_SESSION_COLUMNS = len(schemas.fields_of(PaperTradingSession))
_account_values = itemgetter(*(name for name in NO_ACCOUNT if name != "keeps_own_accounts"))
_NO_VALUES = (None,) * (len(NO_ACCOUNT) - 1)


def _account(columns: Mapping[str, Any]) -> Data:
    """What of an account there is beside cash, positions and orders."""
    if _account_values(columns) == _NO_VALUES:
        return {}
    account: Data = {}
    for name in NO_ACCOUNT:
        value = columns[name]
        if value is not None and name != "keeps_own_accounts":
            account[name] = _READ[name](value)
    return account


def _amounts(text: str) -> dict[str, Decimal]:
    return {text_of(name): amount_of(value) for name, value in from_json(text).items()}


def _positions(text: str) -> dict[str, Position]:
    return {name: _position(data, name) for name, data in from_json(text).items()}


def _instruments(text: str) -> dict[str, Instrument]:
    instruments = {name: with_seldom(Instrument, data) for name, data in from_json(text).items()}
    if any(each.symbol != name for name, each in instruments.items()):
        raise ValueError
    return instruments


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _strategy(data: Data) -> Strategy:
    if len(data) != 3:
        raise TypeError
    return Strategy(data["name"], data["version"], data["parameters"])


def _position(data: Data, name: str) -> Position:
    if len(data) != 6:
        return _under_its_name(with_seldom(Position, data), name)
    symbol, quantity = symbol_of(data["symbol"]), amount_of(data["quantity"])
    if not quantity or symbol != name:
        raise ValueError
    return checked_position(
        symbol,
        quantity,
        amount_of(data["cost_basis"]),
        amount_of(data["last_price"]),
        instant_of(data["opened_at"]),
        amount_of(data["realized_pnl"]),
        None,
        ONE,
        Settlement.CASH,
        None,
        {},
    )


def _under_its_name(entity: T, name: str) -> T:
    if cast("Any", entity).id != name:
        raise ValueError
    return entity


def _order(data: Data, name: str) -> Order:
    if len(data) != 10:
        return _under_its_name(with_seldom(Order, data), name)
    order_id, symbol = name_of(data["id"]), symbol_of(data["symbol"])
    quantity, filled = amount_of(data["quantity"]), amount_of(data["filled_quantity"])
    if order_id != name:
        raise ValueError
    make = checked_order if quantity > 0 and not filled else Order
    return make(
        order_id,
        symbol,
        Side[data["side"]],
        OrderType[data["type"]],
        quantity,
        filled,
        optional_amount_of(data["limit_price"]),
        optional_amount_of(data["stop_price"]),
        TimeInForce[data["time_in_force"]],
        instant_of(data["created_at"]),
    )


def _fill(data: Mapping[str, Any]) -> Fill:
    quantity = amount_of(data["quantity"])
    if quantity <= 0:
        raise ValueError
    return checked_fill(
        name_of(data["id"]),
        symbol_of(data["symbol"]),
        Side[data["side"]],
        quantity,
        amount_of(data["price"]),
        amount_of(data["fee"]),
        instant_of(data["executed_at"]),
        None if data["order_id"] is None else text_of(data["order_id"]),
        None if len(data) == 8 else seldom_of(Fill, data),
    )


def _point(data: Mapping[str, Any]) -> EquityPoint:
    if len(data) != 3:
        raise TypeError
    return checked_point(instant_of(data["at"]), optional_amount_of(data["cash"]), amount_of(data["equity"]))


LOADS: dict[type, Callable[[Any], Any]] = {
    Position: lambda data: _position(data, data["symbol"]),
    Order: lambda data: _order(data, data["id"]),
    Fill: _fill,
    EquityPoint: _point,
}


def _symbols(text: str) -> tuple[str, ...]:
    return _few_symbols(text) if len(text) <= _SHORT else _texts(from_json(text))


_SHORT = 1_000
"""The longest text of symbols that is remembered, in characters: many sessions trade the same few symbols."""


@lru_cache(1024)
def _few_symbols(text: str) -> tuple[str, ...]:
    return _texts(from_json(text))


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        raise TypeError
    return texts(value, "symbols")


_READ: dict[str, Callable[[Any], Any]] = {
    "instruments": _instruments,
    "balances": _amounts,
    "rates": _amounts,
    "opening_positions": _positions,
    "opening_balances": _amounts,
    **dict.fromkeys(AMOUNT_COLUMNS, amount_of),
    "ledger_count": _whole,
    "closed_order_count": _whole,
}
