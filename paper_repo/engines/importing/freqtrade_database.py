"""Databases of freqtrade (tradesv3.sqlite, tradesv3.dryrun.sqlite): its tables `trades` and `orders`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from paper_repo.domain import CashFlowKind
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.cells import time_in
from paper_repo.engines.importing.documents import exact, text_of
from paper_repo.engines.importing.records import Draft, SourceFill, SourceFlow, Stated
from paper_repo.engines.importing.times import TimeReader, zone_named

ZERO = Decimal(0)
KEPT = (
    "enter_tag", "exit_reason", "leverage", "stop_loss", "stop_loss_pct", "initial_stop_loss", "initial_stop_loss_pct",
    "is_stop_loss_trailing", "liquidation_price", "timeframe",
)  # fmt: skip
"""What is kept of each trade."""
NOISE = Decimal("1E-8")
"""How finely freqtrade rounds the profit of a trade."""
WALLET = (
    "SELECT timestamp, sum(total_quote) AS equity FROM wallet_history GROUP BY timestamp "
    "HAVING count(*) = count(total_quote) ORDER BY timestamp"
)
DUST = Decimal("0.01")
"""The largest share of what was bought that is dust: left of a closed trade, since an exchange sells whole lots."""
LARGEST_FEE = Decimal("0.02")
"""The largest share of what was bought that may be a fee."""
FILLED = "o.filled > 0 OR (o.filled IS NULL AND o.status = 'closed')"


def read(path: Path, draft: Draft) -> None:
    """Read a database into the draft. It is only read; a running bot may go on."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            _Database(database, draft).read()
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise draft.wrong(f"the database cannot be read: {error}") from error


class _Database:
    def __init__(self, database: sqlite3.Connection, draft: Draft) -> None:
        self._database, self._draft = database, draft
        self._times = TimeReader(draft, zone_named("UTC"))
        self._trades, self._orders = self._columns("trades"), self._columns("orders")
        if not {"pair", "is_open"} <= self._trades or not {"ft_trade_id", "filled"} <= self._orders:
            raise draft.wrong(
                "it has no tables `trades` and `orders` as freqtrade makes them; open it once with a newer freqtrade, "
                "which brings it up to date"
            )
        self._closed = self._won = self._lost = self._in_coin = self._swept = 0
        self._of_fills = ZERO
        self._has_partial_exits = False

    def _columns(self, table: str) -> set[str]:
        return {row["name"] for row in self._database.execute(f"PRAGMA table_info({table})")}

    def read(self) -> None:
        """Read the filled orders of every trade, one trade after the other."""
        draft = self._draft
        if any(name not in self._trades for name in ("stake_currency", "trading_mode")):
            draft.notes.append("an old database: it was taken as a spot account")
        self._account()
        for trade, orders in self._by_trade():
            draft.rows += 1 + len(orders)
            self._trade(trade, orders)
        unfilled = self._database.execute(f"SELECT count(*) FROM orders o WHERE NOT ({FILLED})").fetchone()[0]
        if unfilled:
            draft.leave_out("orders that were not filled", unfilled)
        self._wallet()
        self._state()

    def _account(self) -> None:
        draft = self._draft
        if "stake_currency" in self._trades:
            found = [row[0] for row in self._database.execute("SELECT DISTINCT stake_currency FROM trades") if row[0]]
            if len(found) > 1:
                draft.notes.append(f"trades are staked in {', '.join(map(str, found))}")
            draft.base_currency = text_of(found[0]) if len(found) == 1 else None
        if "trading_mode" in self._trades:
            modes = [row[0] for row in self._database.execute("SELECT DISTINCT upper(trading_mode) FROM trades")]
            draft.is_margin = "FUTURES" in modes
            if len([mode for mode in modes if mode]) > 1:
                raise draft.wrong("it has trades of several modes (spot, futures); give each its own database")
        if "strategy" in self._trades:
            names = [row[0] for row in self._database.execute("SELECT DISTINCT strategy FROM trades") if row[0]]
            draft.strategy = ", ".join(map(str, names))[:200] or None
        if self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'KeyValueStore'").fetchone():
            for row in self._database.execute("SELECT key, string_value, datetime_value FROM KeyValueStore"):
                draft.metadata[str(row["key"])] = text_of(row["string_value"]) or text_of(row["datetime_value"])

    def _by_trade(self) -> Iterator[tuple[sqlite3.Row, list[sqlite3.Row]]]:
        orders = self._database.execute(
            f"SELECT o.* FROM orders o JOIN trades t ON t.id = o.ft_trade_id WHERE {FILLED} "
            "ORDER BY t.open_date, t.id, o.order_filled_date, o.id"
        )
        waiting = next(orders, None)
        for trade in self._database.execute("SELECT * FROM trades ORDER BY open_date, id"):
            found = []
            while waiting is not None and waiting["ft_trade_id"] == trade["id"]:
                found.append(waiting)
                waiting = next(orders, None)
            yield trade, found

    def _trade(self, row: sqlite3.Row, orders: list[sqlite3.Row]) -> None:
        draft, trade = self._draft, dict(row)
        number = int(trade["id"])
        found, is_short = text_of(trade.get("pair")), bool(trade.get("is_short"))
        if found is None:
            raise draft.wrong("the trade has no pair", row=number, column="pair")
        pair: str = found
        base: str = text_of(trade.get("base_currency")) or pair.partition("/")[0]
        stake = text_of(trade.get("stake_currency")) or pair.partition("/")[2].partition(":")[0] or None
        kept = draft.keep(**{name: _plain(trade.get(name)) for name in KEPT}, trade_id=number)
        entry_side = "sell" if is_short else "buy"
        rest, largest = self._unstated_fee(trade, orders, number, base, entry_side)
        is_paid_in_coin = self._has_fees_in_coin(trade, orders, number, base)
        held = bought = ZERO
        for order_row in orders:
            order = dict(order_row)
            is_entry = order.get("ft_order_side") == entry_side
            paid = rest if order["id"] == largest else ZERO
            fill = self._order(trade, order, number, pair, base, stake, is_entry, is_short, kept, paid, is_paid_in_coin)
            net = EXACT.subtract(Decimal(fill.quantity), Decimal(fill.fee) if fill.fee_currency == base else ZERO)
            held = EXACT.add(held, net if is_entry else EXACT.minus(net))
            bought = EXACT.add(bought, net) if is_entry else bought
        if held and not trade.get("is_open") and abs(held) <= bought * DUST and not draft.is_margin:
            self._sweep(fill, held, number)
        funding = exact(self._draft, trade, "funding_fees", number) or ZERO
        if funding:
            self._fund(trade, orders, number, pair, stake, funding)
        profit = exact(draft, trade, "realized_profit", number) or exact(draft, trade, "close_profit_abs", number)
        if trade.get("is_open"):  # what its partial exits have gained
            self._of_fills = EXACT.add(self._of_fills, profit or ZERO)
            self._has_partial_exits = self._has_partial_exits or bool(profit)
        elif profit is not None:
            self._of_fills = EXACT.add(self._of_fills, EXACT.subtract(profit, funding))
            self._closed += 1
            self._won, self._lost = self._won + (profit > 0), self._lost + (profit < 0)

    def _has_fees_in_coin(self, trade: dict[str, Any], orders: list[sqlite3.Row], number: int, base: str) -> bool:
        """Whether every entry pays its fee in the coin; what a further one has paid freqtrade may find out later."""
        if text_of(trade.get("fee_open_currency")) not in (None, base) or self._draft.is_margin:
            return False
        return any(exact(self._draft, dict(each), "ft_fee_base", number) for each in orders)

    def _sweep(self, last: SourceFill, held: Decimal, number: int) -> None:
        """End a trade that freqtrade has closed, of which dust is left."""
        self._swept += 1
        self._draft.add(
            last._replace(
                side="SELL" if held > 0 else "BUY", quantity=str(abs(held)), price="0", fee="0", fee_currency=None,
                id=f"{number}-dust", order_id=None, metadata={"reason": "left over: less than the exchange sells"},
            )
        )  # fmt: skip

    def _unstated_fee(
        self, trade: dict[str, Any], orders: list[sqlite3.Row], number: int, base: str, entry_side: str
    ) -> tuple[Decimal, Any]:
        """What older versions do not state: the fee in the coin, which a trade has bought and never held.

        Returns:
            The fee, and the id of the order that it is taken from; zero where every order states its own.
        """
        if text_of(trade.get("fee_open_currency")) != base or self._draft.is_margin:
            return ZERO, None
        bought, rest, largest = ZERO, ZERO, (ZERO, None)
        for row in orders:
            order = dict(row)
            if exact(self._draft, order, "ft_fee_base", number):
                return ZERO, None
            amount = exact(self._draft, order, "filled", number) or exact(self._draft, order, "amount", number) or ZERO
            is_entry = order.get("ft_order_side") == entry_side
            rest = EXACT.add(rest, amount if is_entry else EXACT.minus(amount))
            if is_entry:
                bought, largest = (
                    EXACT.add(bought, amount),
                    max(largest, (amount, order["id"]), key=lambda each: each[0]),
                )
        if trade.get("is_open"):
            rest = EXACT.subtract(rest, exact(self._draft, trade, "amount", number) or ZERO)
        return (rest, largest[1]) if 0 < rest <= bought * LARGEST_FEE else (ZERO, None)

    def _order(
        self, trade: dict[str, Any], order: dict[str, Any], number: int, pair: str, base: str, stake: str | None,
        is_entry: bool, is_short: bool, kept: dict[str, Any] | None, rest: Decimal, is_paid_in_coin: bool,
    ) -> SourceFill:  # fmt: skip
        draft = self._draft
        amount, price = self._amount_and_price(order, number)
        filled_at = order.get("order_filled_date") or order.get("order_update_date") or order.get("order_date")
        side = "BUY" if is_entry is not is_short else "SELL"
        rate = exact(draft, trade, "fee_open" if is_entry else "fee_close", number) or ZERO
        in_coin = exact(draft, order, "ft_fee_base", number) or rest
        if not in_coin and is_entry and is_paid_in_coin:
            in_coin = EXACT.multiply(amount, rate)
        paid_in = text_of(trade.get("fee_open_currency" if is_entry else "fee_close_currency"))
        fee, fee_currency = in_coin, stake
        if in_coin > 0:
            fee_currency = base
            self._in_coin += 1
        else:
            fee = EXACT.multiply(rate, EXACT.multiply(amount, price))
        tag = draft.keep(
            order_tag=text_of(order.get("ft_order_tag")),
            order_type=text_of(order.get("order_type")),
            stop_price=_plain(order.get("stop_price")),
            paid_fee_currency=paid_in if paid_in != fee_currency else None,
        )
        fill = SourceFill(
            number,
            self._time(filled_at, number),
            pair,
            side,
            str(amount),
            str(price),
            str(fee),
            stake,
            fee_currency,
            base,
            f"{number}-{order['id']}",
            text_of(order.get("order_id")),
            opens_short=is_short,
            metadata={**(kept or {}), **(tag or {})} or None,
        )
        draft.add(fill)
        return fill

    def _amount_and_price(self, order: dict[str, Any], number: int) -> tuple[Decimal, Decimal]:
        draft = self._draft
        amount = exact(draft, order, "filled", number) or exact(draft, order, "amount", number)
        prices = (exact(draft, order, name, number) for name in ("average", "price", "stop_price", "ft_price"))
        price = next((each for each in prices if each), None)
        if not amount or price is None:
            raise draft.wrong(
                "a filled order has no amount or no price", row=number, fill_id=str(order.get("order_id"))
            )
        return amount, price

    def _fund(
        self, trade: dict[str, Any], orders: list[sqlite3.Row], number: int, pair: str, stake: str | None,
        funding: Decimal,
    ) -> None:  # fmt: skip
        at = trade.get("close_date") or (orders[-1]["order_filled_date"] if orders else None) or trade.get("open_date")
        if trade.get("is_open"):
            self._draft.leave_out("funding of trades that are still open: it still changes")
            return
        self._draft.add_flow(
            SourceFlow(
                number, self._time(at, number), CashFlowKind.FUNDING, str(funding), stake, pair, f"funding-{number}"
            )
        )

    def _time(self, value: Any, number: int) -> int:
        return time_in(self._draft, self._times, str(value), number, "order_filled_date")

    def _wallet(self) -> None:
        """The equity that newer versions write down every day."""
        columns = self._columns("wallet_history")
        if not {"timestamp", "total_quote"} <= columns:
            return
        for row in self._database.execute(WALLET):
            equity = exact(self._draft, dict(row), "equity", 0)
            if equity is not None:
                self._draft.points.append((self._time(row["timestamp"], 0), str(equity)))

    def _state(self) -> None:
        draft = self._draft
        draft.stated.append(Stated("closed trades", "trades", Decimal(self._closed)))
        profit = Stated(
            "realized profit less funding", "net profit of closed trades", self._of_fills, NOISE * self._closed
        )
        draft.stated.append(profit)
        if self._swept:
            draft.notes.append(
                f"{self._swept:,} closed trades have left dust, less than the exchange sells: it was booked as sold "
                "for nothing"
            )
        if self._has_partial_exits:
            draft.reasons.append(
                "gains of partial exits of open trades are matched first in, first out here, and at the average price "
                "by freqtrade"
            )
        if self._in_coin:
            draft.reasons.append(
                f"{self._in_coin:,} fees were paid in the coin: the books have what was received, freqtrade its rates"
            )
        draft.stated.append(Stated("winning trades", "winning trades", Decimal(self._won)))
        draft.stated.append(Stated("losing trades", "losing trades", Decimal(self._lost)))


def _plain(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else value if isinstance(value, str | int | None) else str(value)
