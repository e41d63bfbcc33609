"""Sessions, fills and points from what a database keeps, at the speed of plain functions: see `fast`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
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
from paper_repo.domain.positions import ONE
from paper_repo.domain.values import ordinary_decimal
from paper_repo.serialization import schemas
from paper_repo.serialization.fast_writing import AMOUNT_COLUMNS, NO_ACCOUNT
from paper_repo.serialization.json_data import from_json
from paper_repo.serialization.schemas import Data

T = TypeVar("T")


def read_session(columns: Mapping[str, Any]) -> PaperTradingSession:
    """The session that was written as `columns`."""
    if len(columns) != _SESSION_COLUMNS:
        raise TypeError
    owns = columns["keeps_own_accounts"]
    if owns not in (None, 0, 1):
        raise ValueError
    return PaperTradingSession.as_stored(
        {
            "strategy": _strategy(from_json(columns["strategy"])),
            "status": SessionStatus[columns["status"]],
            "initial_cash": _amount(columns["initial_cash"]),
            "cash": _amount(columns["cash"]),
            "positions": Holdings(_positions(columns["positions"])),
            "open_orders": {name: _order(data, name) for name, data in from_json(columns["open_orders"]).items()},
            "realized_pnl": _amount(columns["realized_pnl"]),
            "fees_paid": _amount(columns["fees_paid"]),
            "created_at": _instant(columns["created_at"]),
            "started_at": _optional_instant(columns["started_at"]),
            "stopped_at": _optional_instant(columns["stopped_at"]),
            "updated_at": _optional_instant(columns["updated_at"]),
            "keeps_own_accounts": owns != 0,
        },
        {
            "id": columns["id"],
            "name": columns["name"],
            "symbols": _texts(from_json(columns["symbols"])),
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
    return {_text(name): _amount(value) for name, value in from_json(text).items()}


def _positions(text: str) -> dict[str, Position]:
    return {name: _position(data, name) for name, data in from_json(text).items()}


def _instruments(text: str) -> dict[str, Instrument]:
    instruments = {name: schemas.load(Instrument, data) for name, data in from_json(text).items()}
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
        return _loaded(Position, data, name)
    symbol, quantity = _text(data["symbol"]), _amount(data["quantity"])
    if not quantity or not name or symbol != name:
        raise ValueError
    return Position.of_checked(
        symbol,
        quantity,
        _amount(data["cost_basis"]),
        _amount(data["last_price"]),
        _instant(data["opened_at"]),
        _amount(data["realized_pnl"]),
        None,
        ONE,
        Settlement.CASH,
        None,
        {},
    )


def _loaded(kind: type[T], data: Data, name: str) -> T:
    """An entity that says more than most: by its schema."""
    entity: Any = schemas.load(kind, data)
    if entity.id != name:
        raise ValueError
    return cast("T", entity)


def _order(data: Data, name: str) -> Order:
    if len(data) != 10:
        return _loaded(Order, data, name)
    order = Order(
        data["id"],
        data["symbol"],
        Side[data["side"]],
        OrderType[data["type"]],
        _amount(data["quantity"]),
        _amount(data["filled_quantity"]),
        _optional_amount(data["limit_price"]),
        _optional_amount(data["stop_price"]),
        TimeInForce[data["time_in_force"]],
        _instant(data["created_at"]),
    )
    if order.id != name:
        raise ValueError
    return order


def _fill(data: Mapping[str, Any]) -> Fill:
    if len(data) != 8:
        return schemas.load(Fill, data)
    fill_id, symbol, quantity = _text(data["id"]), _text(data["symbol"]), _amount(data["quantity"])
    if not fill_id or not symbol or quantity <= 0:
        raise ValueError
    return Fill.of_checked(
        fill_id,
        symbol,
        Side[data["side"]],
        quantity,
        _amount(data["price"]),
        _amount(data["fee"]),
        _instant(data["executed_at"]),
        None if data["order_id"] is None else _text(data["order_id"]),
    )


def _point(data: Mapping[str, Any]) -> EquityPoint:
    if len(data) != 3:
        raise TypeError
    return EquityPoint.of_checked(_instant(data["at"]), _optional_amount(data["cash"]), _amount(data["equity"]))


LOADS: dict[type, Callable[[Any], Any]] = {
    Position: lambda data: _position(data, data["symbol"]),
    Order: lambda data: _order(data, data["id"]),
    Fill: _fill,
    EquityPoint: _point,
}


def _amount(value: Any) -> Decimal:
    if type(value) is not str:
        raise TypeError
    number = ordinary_decimal(value)
    if not number.is_finite():
        raise ValueError
    return number


def _optional_amount(value: Any) -> Decimal | None:
    return None if value is None else _amount(value)


@lru_cache(4096)
def _instant(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if len(value) != 32 or value[26:] != "+00:00" or value[19] != "." or value[10] != "T" or value[5] == "W":
        raise ValueError
    return moment


def _optional_instant(value: Any) -> datetime | None:
    return None if value is None else _instant(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    if not value.isascii():
        value.encode()
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        raise TypeError
    return tuple(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "instruments": _instruments,
    "balances": _amounts,
    "rates": _amounts,
    "opening_positions": _positions,
    "opening_balances": _amounts,
    **dict.fromkeys(AMOUNT_COLUMNS, _amount),
    "ledger_count": _whole,
    "closed_order_count": _whole,
}
