"""What a ccxt exchange has done since a time: every page of it, whatever the exchange makes of `since` and `limit`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from paper_repo import Fill, LedgerEntry, Order
from paper_repo.engines.broker_data import exact, ms_of
from paper_repo.engines.ccxt.entities import Data, cash_flow, entries, order, position, settled_in
from paper_repo.engines.statement import Statement, unnamed

Question = tuple[str, tuple[Any, ...]]
Questions = Generator[Question, Any, Statement]


class _Asking:
    """What both sources ask: they differ in how a call is made.

    Args:
        exchange: of ccxt, with its markets loaded.
        symbols: what the session trades; most exchanges give trades by symbol only.
        limit: how many trades to ask for at once.
        window: how far a question reaches on exchanges that answer for some days only, whatever else there is.
        payments: ask for deposits, withdrawals and funding, too.
        params: for `fetch_my_trades`, as ccxt takes them.
    """

    def __init__(
        self,
        exchange: Any,
        symbols: Iterable[str],
        *,
        limit: int = 100,
        window: timedelta = timedelta(days=7),
        payments: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.exchange = exchange
        self.symbols = list(symbols)
        self.limit = limit
        self.window = window
        self.payments = payments
        self.params = dict(params or {})

    def _questions(self, since: datetime, resting: Sequence[Order]) -> Questions:
        """The calls to make, one after another; each is sent its answer, and the statement is returned."""
        found: list[Fill | LedgerEntry] = []
        left_out: list[str] = []
        for symbol in self.symbols:
            trades = yield from self._pages("fetch_my_trades", symbol, since, left_out, self.params)
            for trade in trades:
                found += entries(trade)
        if self.payments:
            found += yield from self._payments(since, left_out)
        orders = yield from self._orders(resting, left_out)
        contracts = [each for each in self.symbols if ":" in each]
        balance = yield "fetch_balance", ()
        total = {name: exact(each, f"balance of {name}") for name, each in (balance.get("total") or {}).items()}
        return Statement(
            [each for each in found if isinstance(each, Fill)],
            [each for each in found if not isinstance(each, Fill)],
            orders,
            (yield from self._positions(contracts)) if contracts else {},
            {name: each for name, each in total.items() if name in self._currencies()},
            balances_hold_coins=True,
            left_out=left_out,
        )

    def _pages(
        self, call: str, of: str | None, since: datetime, left_out: list[str], params: Mapping[str, Any]
    ) -> Generator[Question, Any, list[Data]]:
        """All that one call has to give since then; pages may overlap, repeat, or reach some days only."""
        found: dict[str, Data] = {}
        cursor, now = ms_of(since), int(self.exchange.milliseconds())
        is_full = False
        while True:
            page = yield call, (of, cursor, self.limit, params)
            new = {str(each["id"]): each for each in page if str(each["id"]) not in found}
            after_page = max((each["timestamp"] for each in page), default=cursor - 1) + 1
            if new:
                is_full = not found and len(page) >= self.limit
                found |= new
                cursor = max(cursor, after_page - 1)  # the same millisecond again: the page may have cut it in two
            elif cursor < after_page:
                cursor = after_page
            elif cursor + self.window // MILLISECOND < now:
                cursor += self.window // MILLISECOND
            else:
                break
        if is_full:
            left_out.append(
                f"perhaps more of {call} of {of}: the exchange gave {self.limit} and then no others. If it gives the "
                'newest first, use params={"paginate": True} or a larger limit'
            )
        return sorted(found.values(), key=lambda each: each["timestamp"])

    def _orders(self, resting: Sequence[Order], left_out: list[str]) -> Generator[Question, Any, list[Order]]:
        """Those that rest at the exchange, and what has become of ours that do not."""
        found: dict[str, Order] = {}
        for symbol in self.symbols:
            page = yield "fetch_open_orders", (symbol,)
            for each in page:
                _keep_order(each, found, left_out)
        for each in unnamed(resting, found) if self.exchange.has.get("fetchOrder") else ():
            if each.symbol in self.symbols:
                answer = yield "fetch_order", (each.metadata.get("broker_id", each.id), each.symbol)
                if answer is not None:
                    _keep_order(answer, found, left_out)
        return list(found.values())

    def _positions(self, contracts: list[str]) -> Generator[Question, Any, dict[str, Decimal]]:
        held: dict[str, Decimal] = {}
        page = yield "fetch_positions", (contracts,)
        for each in filter(None, map(position, page)):
            held[each.symbol] = held.get(each.symbol, Decimal(0)) + each.quantity
        return held

    def _payments(self, since: datetime, left_out: list[str]) -> Generator[Question, Any, list[LedgerEntry]]:
        found: list[LedgerEntry] = []
        contracts = [each for each in self.symbols if ":" in each]
        for has, call, of in _PAYMENTS:
            if not self.exchange.has.get(has):
                left_out.append(f"{call}: the exchange does not have it")
                continue
            for each in contracts if of == "contracts" else [None]:
                page = yield from self._pages(call, each, since, left_out, {})
                found += filter(None, map(cash_flow, page))
        return found

    def _currencies(self) -> set[str]:
        return {name for symbol in self.symbols for name in (symbol.partition("/")[0], settled_in(symbol))}


MILLISECOND = timedelta(milliseconds=1)
_PAYMENTS = (
    ("fetchDeposits", "fetch_deposits", "account"),
    ("fetchWithdrawals", "fetch_withdrawals", "account"),
    ("fetchFundingHistory", "fetch_funding_history", "contracts"),
)


def _keep_order(answer: Data, found: dict[str, Order], left_out: list[str]) -> None:
    try:
        read = order(answer)
    except ValueError as error:
        left_out.append(str(error))
    else:
        found[read.id] = read


class CcxtSource(_Asking):
    """An exchange of ccxt with blocking calls, for `reconcile`."""

    def ask(self, since: datetime, resting: Sequence[Order]) -> Statement:
        """What the exchange says of trades, orders, positions and balances since this time."""
        questions = self._questions(since, resting)
        try:
            question = next(questions)
            while True:
                question = questions.send(self._call(*question))
        except StopIteration as done:
            statement: Statement = done.value
            return statement

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return getattr(self.exchange, name)(*arguments)
        except Exception as error:
            if _is_unknown_order(error):
                return None
            raise


class AsyncCcxtSource(_Asking):
    """An exchange of ccxt.async_support or ccxt.pro, for `async_reconcile`."""

    async def ask(self, since: datetime, resting: Sequence[Order]) -> Statement:
        """What the exchange says of trades, orders, positions and balances since this time."""
        questions = self._questions(since, resting)
        try:
            question = next(questions)
            while True:
                question = questions.send(await self._call(*question))
        except StopIteration as done:
            statement: Statement = done.value
            return statement

    async def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return await getattr(self.exchange, name)(*arguments)
        except Exception as error:
            if _is_unknown_order(error):
                return None
            raise


def _is_unknown_order(error: Exception) -> bool:
    """Whether it is ccxt's OrderNotFound; exchanges forget closed orders after some days."""
    return any(each.__name__ == "OrderNotFound" for each in type(error).__mro__)
