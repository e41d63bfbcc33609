"""Exchanges that answer as ccxt does, from memory: with pages, repetitions and limits of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "ccxt.json").read_text("utf-8"))
DAY = 86_400_000
BEGAN = datetime(2024, 5, 2, 11, tzinfo=UTC)
NOON = 1_714_651_200_000  # of that day


class OrderNotFound(Exception):  # noqa: N818 - as ccxt names it
    """As ccxt's, which is told by its name."""


def trade(number: int, side: str, amount: float, price: float, at: int, **more: Any) -> dict[str, Any]:
    """A trade as ccxt gives it."""
    return {
        "id": str(number),
        "order": more.pop("order", f"o{number}"),
        "timestamp": at,
        "symbol": "BTC/USDT",
        "side": side,
        "type": None,
        "takerOrMaker": "taker",
        "price": price,
        "amount": amount,
        "fee": more.pop("fee", {"currency": "USDT", "cost": 0.1}),
        "info": {},
        **more,
    }


def order(number: str, status: str, **more: Any) -> dict[str, Any]:
    """A limit order to buy one coin, as ccxt gives it."""
    return {
        "id": number,
        "clientOrderId": None,
        "timestamp": NOON,
        "symbol": "BTC/USDT",
        "type": "limit",
        "side": "buy",
        "price": 100.0,
        "amount": 1.0,
        "filled": 0.0,
        "status": status,
        "timeInForce": "GTC",
        "info": {},
        **more,
    }


class Exchange:
    """Trades and orders of an account on a spot exchange.

    Args:
        page: how many trades it gives at most, whatever is asked for.
        reach: how many milliseconds after `since` an answer reaches.
        newest_first: gives the newest trades where there are more than a page, as some exchanges do.
    """

    def __init__(self, *, page: int = 1000, reach: int = 10**15, newest_first: bool = False) -> None:
        self.page, self.reach, self.newest_first = page, reach, newest_first
        self.has = {"fetchOrder": True}
        self.trades: list[dict[str, Any]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self.total: dict[str, float] = {}
        self.now = NOON + DAY
        self.calls: list[tuple[Any, ...]] = []

    def milliseconds(self) -> int:
        """Its clock."""
        return self.now

    def fetch_my_trades(self, symbol: str, since: int, limit: int, params: Any) -> list[dict[str, Any]]:
        """The trades of a page, oldest first."""
        self.calls.append(("fetch_my_trades", symbol, since))
        within = [each for each in self.trades if since <= each["timestamp"] <= since + self.reach]
        within.sort(key=lambda each: each["timestamp"])
        most = min(self.page, limit)
        return within[-most:] if self.newest_first else within[:most]

    def fetch_open_orders(self, symbol: str) -> list[dict[str, Any]]:
        """The orders that rest."""
        return [each for each in self.orders.values() if each["status"] == "open"]

    def fetch_order(self, number: str, symbol: str) -> dict[str, Any]:
        """One order, whatever has become of it."""
        if number not in self.orders:
            raise OrderNotFound(number)
        return self.orders[number]

    def fetch_balance(self) -> dict[str, Any]:
        """What is held of every coin."""
        return {"info": {}, "total": self.total}


class AsyncExchange(Exchange):
    """The same with calls to await."""

    async def fetch_my_trades(self, *arguments: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        """The trades of a page, oldest first."""
        return super().fetch_my_trades(*arguments)

    async def fetch_open_orders(self, symbol: str) -> list[dict[str, Any]]:  # type: ignore[override]
        """The orders that rest."""
        return super().fetch_open_orders(symbol)

    async def fetch_order(self, number: str, symbol: str) -> dict[str, Any]:  # type: ignore[override]
        """One order, whatever has become of it."""
        return super().fetch_order(number, symbol)

    async def fetch_balance(self) -> dict[str, Any]:  # type: ignore[override]
        """What is held of every coin."""
        return super().fetch_balance()
