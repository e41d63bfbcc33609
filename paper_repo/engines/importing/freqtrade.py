"""Results of freqtrade's backtests (JSON, or the zip archive that it is in) and databases of its dry and live runs.

The orders of a trade are read, not its rates, which are rounded averages. Leverage changes no amount; funding is a
payment of its own. The fee that a spot order has paid in the coin that it bought is taken out of what it received.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper_repo.domain import CashFlowKind
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing import freqtrade_database
from paper_repo.engines.importing.documents import exact, text_of
from paper_repo.engines.importing.files import open_source, read_json
from paper_repo.engines.importing.records import Draft, SourceFill, SourceFlow, Stated

ZERO = Decimal(0)
KEPT = (
    "enter_tag", "exit_reason", "leverage", "stop_loss_abs", "stop_loss_ratio", "initial_stop_loss_abs",
    "initial_stop_loss_ratio", "min_rate", "max_rate",
)  # fmt: skip
"""What is kept of each trade."""


def read(path: Path, draft: Draft) -> None:
    """Read a result or a database into the draft."""
    with open_source(path) as file:
        is_database = file.read(16) == b"SQLite format 3\0"
    if is_database:
        freqtrade_database.read(path, draft)
    else:
        _Result(_strategy(read_json(path), draft), draft).read()


def _strategy(document: Any, draft: Draft) -> Mapping[str, Any]:
    """The result of the strategy that is imported."""
    found = document.get("strategy") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not found:
        raise draft.wrong("it is not a backtest result: it has no 'strategy'; name a backtest-result file")
    wanted = draft.options.strategy
    if wanted is None and len(found) > 1:
        raise draft.wrong(f"it has results of {', '.join(found)}; name one: strategy=... (--strategy)")
    name = wanted or next(iter(found))
    result = found.get(name)
    if not isinstance(result, dict) or not isinstance(result.get("trades"), list):
        raise draft.wrong(f"there is no result of strategy {name!r} in it; it has {', '.join(found)}")
    draft.strategy = name
    return result


class _Result:
    def __init__(self, result: Mapping[str, Any], draft: Draft) -> None:
        self._result, self._draft = result, draft
        self._funding = ZERO
        self._row = 0

    def read(self) -> None:
        """Read every trade, in the order in which they were opened."""
        result, draft = self._result, self._draft
        draft.base_currency = text_of(result.get("stake_currency"))
        draft.is_margin = str(result.get("trading_mode", "spot")).casefold() == "futures"
        draft.initial_cash = exact(draft, result, "starting_balance", 0)
        trades = [each for each in result["trades"] if isinstance(each, dict)]
        if len(trades) != len(result["trades"]):
            raise draft.wrong("a trade is not an object; the file is damaged")
        numbered = sorted(enumerate(trades, 1), key=lambda each: self._opened(each[1], each[0]))
        for number, trade in numbered:
            draft.rows += 1
            self._row = number
            self._trade(trade)
        self._state(trades)

    def _opened(self, trade: Mapping[str, Any], number: int) -> int:
        at = trade.get("open_timestamp")
        if not isinstance(at, int):
            raise self._draft.wrong(
                "the trade has no 'open_timestamp'; export the result with a newer freqtrade", row=number
            )
        return at

    def _trade(self, trade: Mapping[str, Any]) -> None:
        draft, number = self._draft, self._row
        pair, is_short = text_of(trade.get("pair")), bool(trade.get("is_short"))
        if pair is None:
            raise draft.wrong("the trade has no 'pair'", row=number, column="pair")
        orders = trade.get("orders") or self._as_orders(trade)
        kept = draft.keep(**{name: _plain(trade.get(name)) for name in KEPT}) or {}
        last = 0
        for index, order in enumerate(orders, 1):
            at = order.get("order_filled_timestamp")
            if at is None:
                draft.leave_out("orders that were not filled")
                continue
            amount = exact(draft, order, "filled", number) or exact(draft, order, "amount", number)
            price = exact(draft, order, "safe_price", number)
            if price is None or not amount:
                raise draft.wrong(f"order {index} of the trade has no price or no amount", row=number)
            is_entry = bool(order.get("ft_is_entry", (order.get("ft_order_side") == "buy") is not is_short))
            last = max(last, int(at) * 1000)
            rate = exact(draft, trade, "fee_open" if is_entry else "fee_close", number) or ZERO
            fee = EXACT.multiply(rate, EXACT.multiply(amount, price))
            tag = draft.keep(tag=text_of(order.get("ft_order_tag")))
            draft.add(
                SourceFill(
                    number,
                    int(at) * 1000,
                    pair,
                    "BUY" if is_entry is not is_short else "SELL",
                    str(amount),
                    str(price),
                    str(fee),
                    draft.base_currency,
                    id=f"{pair}-{trade['open_timestamp']}-{index}",
                    opens_short=is_short,
                    metadata={**kept, **(tag or {})} or None,
                )
            )
        funding = exact(draft, trade, "funding_fees", number) or ZERO
        if funding:
            self._fund(trade, pair, funding, last)

    def _fund(self, trade: Mapping[str, Any], pair: str, funding: Decimal, at: int) -> None:
        self._funding = EXACT.add(self._funding, funding)
        funded = trade.get("close_timestamp")
        self._draft.add_flow(
            SourceFlow(
                self._row,
                int(funded) * 1000 if isinstance(funded, int) else at,
                CashFlowKind.FUNDING,
                str(funding),
                self._draft.base_currency,
                pair,
                f"funding-{pair}-{trade['open_timestamp']}",
            )
        )

    def _as_orders(self, trade: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The orders of a result that was written before freqtrade stored them."""
        amount, is_open = trade.get("amount"), bool(trade.get("is_open"))
        found = [(True, "open_rate", "open_timestamp")]
        found += [] if is_open else [(False, "close_rate", "close_timestamp")]
        if "the orders are missing; rounded rates were taken" not in self._draft.notes:
            self._draft.notes.append("the orders are missing; rounded rates were taken")
        return [
            {
                "ft_is_entry": entry,
                "amount": amount,
                "safe_price": trade.get(rate),
                "order_filled_timestamp": trade.get(at),
            }
            for entry, rate, at in found
        ]

    def _state(self, trades: list[dict[str, Any]]) -> None:
        draft, result = self._draft, self._result
        figures: list[tuple[str, Any]] = [
            ("profit_total_abs", "net profit"), ("final_balance", "cash"), ("total_trades", "trades"),
            ("wins", "winning trades"), ("losses", "losing trades"),
        ]  # fmt: skip
        is_open = any(trade.get("is_open") for trade in trades)
        for name, figure in figures:
            value = exact(draft, result, name, 0)
            if value is not None and not (is_open and figure == "cash"):
                draft.stated.append(Stated(name, figure, value))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value if isinstance(value, str | int | bool | None) else None
