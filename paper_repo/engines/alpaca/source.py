"""What an Alpaca account has done since a time, by alpaca-py's TradingClient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from paper_repo import Fill, LedgerEntry, Order
from paper_repo.engines.alpaca.entities import cash_flow, crypto_fee, fill, is_cancelled, orders
from paper_repo.engines.broker_data import exact, plain, text_of
from paper_repo.engines.statement import Statement, unnamed

PAGE = 100
MOST_ORDERS = 500


class AlpacaSource:
    """An Alpaca account, for `reconcile` and `async_reconcile`.

    It asks by `client.get`, so that what comes is Alpaca's own JSON, whose numbers are exact.

    Args:
        client: alpaca-py's `TradingClient`.
        symbols: what the session trades; of an account that several sessions share, only fills and fees of these are
            its own. None for all.
        payments: take dividends, deposits and fees, too; not for an account that several sessions share, where nobody
            can say whose they are.
    """

    def __init__(self, client: Any, symbols: Iterable[str] | None = None, *, payments: bool = True) -> None:
        self.client = client
        self.symbols: tuple[str, ...] | None = None if symbols is None else tuple(symbols)
        self.payments = payments

    def ask(self, since: datetime, resting: Sequence[Order]) -> Statement:
        """What Alpaca says of executions, payments, orders, positions and cash since this time."""
        left_out: list[str] = []
        fills: list[Fill] = []
        entries: list[LedgerEntry] = []
        for activity in self._activities(since):
            self._take(activity, fills, entries, left_out)
        account = self.client.get("/account")
        positions = self.client.get("/positions")
        return Statement(
            fills,
            entries,
            self._orders(resting, left_out),
            {self._own(each["symbol"]): _signed(each) for each in positions if self._is_own(each["symbol"])},
            {account.get("currency") or "USD": exact(account["cash"], "cash of the account")},
            left_out=left_out,
        )

    def _activities(self, since: datetime) -> Iterator[dict[str, Any]]:
        """All activities since then, each once; pages that repeat end it."""
        seen: set[str] = set()
        query: dict[str, Any] = {"after": since.isoformat(), "direction": "asc", "page_size": PAGE}
        while True:
            page = [plain(each) for each in self.client.get("/account/activities", query)]
            new = [each for each in page if each["id"] not in seen]
            yield from new
            if not new:
                return
            seen |= {each["id"] for each in new}
            query = {**query, "page_token": page[-1]["id"]}

    def _take(
        self, activity: dict[str, Any], fills: list[Fill], entries: list[LedgerEntry], left_out: list[str]
    ) -> None:
        kind, symbol = text_of(activity["activity_type"]), activity.get("symbol")
        if symbol and not self._is_own(symbol):
            return
        names = self.symbols or ()
        if kind == "FILL":
            executed = fill({**activity, "symbol": self._own(activity["symbol"])})
            fills += [executed] if executed else []
            return
        fee = crypto_fee(activity, names)
        paid = cash_flow(activity, names) if self.payments else None
        if fee is not None:
            fills.append(fee)
        elif paid is not None:
            entries.append(paid)
        elif self.payments and not is_cancelled(activity):
            left_out.append(
                f"activity {activity['id']} ({kind} {symbol or ''}): it moves no money; where it changes a position, "
                "book a Split, a SymbolChange or a Fill"
            )

    def _orders(self, resting: Sequence[Order], left_out: list[str]) -> list[Order]:
        """Those that rest at Alpaca, and what has become of ours that do not."""
        found: dict[str, Order] = {}
        seen: set[str] = set()  # also of symbols that are not the session's
        until: str | None = None
        while True:
            query: dict[str, Any] = {"status": "open", "limit": MOST_ORDERS, "nested": "true", "direction": "desc"}
            page = self.client.get("/orders", query if until is None else {**query, "until": until})
            new = [each for each in page if each["id"] not in seen]
            for each in new:
                self._keep(each, found, left_out)
            if len(page) < MOST_ORDERS or not new:
                break
            seen |= {each["id"] for each in new}
            until = page[-1]["submitted_at"]
        for each in unnamed(resting, found):
            answer = self._order(each)
            if answer is not None:
                self._keep(answer, found, left_out)
        return list(found.values())

    def _keep(self, answer: Any, found: dict[str, Order], left_out: list[str]) -> None:
        if answer.get("symbol") and not self._is_own(answer["symbol"]):
            return
        try:
            found |= {each.id: each for each in orders(answer)}
        except ValueError as error:
            left_out.append(str(error))

    def _order(self, order: Order) -> Any:
        """By Alpaca's id, or by the client's; None where it knows neither."""
        broker_id = order.metadata.get("broker_id", order.id)
        for path, query in (
            (f"/orders/{broker_id}", {"nested": "true"}),
            ("/orders:by_client_order_id", {"client_order_id": order.id}),
        ):
            try:
                return self.client.get(path, query)
            except Exception as error:
                if getattr(error, "status_code", None) not in _UNKNOWN:
                    raise
        return None

    def _is_own(self, symbol: str) -> bool:
        return self.symbols is None or self._own(symbol) in self.symbols

    def _own(self, symbol: str) -> str:
        """The name by which the session knows it: positions and fees write "BTCUSD" for "BTC/USD"."""
        return next((each for each in self.symbols or () if each.replace("/", "") == symbol), symbol)


_UNKNOWN = frozenset({404, 422})  # 422: a text that is no id of Alpaca's


def _signed(position: dict[str, Any]) -> Decimal:
    quantity = exact(position["qty"], f"qty of {position['symbol']}")
    return -abs(quantity) if position.get("side") == "short" else quantity
