"""Results of LEAN (QuantConnect): the order events, beside the result with its totals.

A backtest writes `NAME.json` and `NAME-order-events.json` into one folder. Either may be named: fills are read from the
events, and what they are compared with from the result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from paper_repo.domain import Instrument, Settlement
from paper_repo.domain.values import EXACT
from paper_repo.engines.importing.documents import exact, text_of
from paper_repo.engines.importing.files import read_json
from paper_repo.engines.importing.records import Draft, SourceFill, Stated

ZERO = Decimal(0)
EVENTS = "-order-events.json"
FILLED = frozenset({"filled", "partiallyfilled", "partially_filled", "3", "2"})
FUTURE = re.compile(r"[A-Z0-9]{1,4}[0-9]{2}[FGHJKMNQUVXZ][0-9]{2}")
"""The name of a future: what it is on, then day, month and year of its end, such as ES15H24."""
NOT_FILLED = frozenset(
    [
        *("new", "submitted", "canceled", "cancelled", "none", "invalid", "cancelpending", "updatesubmitted"),
        *("0", "1", "5", "6", "7", "8", "9"),
    ]
)


def read(path: Path, draft: Draft) -> None:
    """Read a result or its order events into the draft."""
    document = read_json(path)
    result: Any = None
    if isinstance(document, list):
        events = document
        sibling = path.with_name(path.name.removesuffix(EVENTS) + ".json")
        if path.name.endswith(EVENTS) and sibling.is_file():
            result = read_json(sibling)
            draft.notes.append(f"compared with {sibling.name}")
    elif isinstance(document, dict):
        result, sibling = document, path.with_name(f"{path.stem}{EVENTS}")
        if sibling.is_file():
            events = read_json(sibling)
            draft.notes.append(f"order events were read from {sibling.name}")
        else:
            events = _events_in(document)
    else:
        raise draft.wrong("it is neither a result of LEAN nor its order events")
    if not isinstance(events, list) or not events:
        raise draft.wrong(
            f"it has no order events; put {path.stem}{EVENTS}, which LEAN writes beside it, into the same folder"
        )
    reader = _Events(draft)
    for number, event in enumerate(events, 1):
        draft.rows += 1
        if not isinstance(event, dict):
            raise draft.wrong("an order event is not an object", row=number)
        reader.add({_name(key): value for key, value in event.items()}, number)
    reader.finish()
    if isinstance(result, dict):
        _compare(result, draft, reader)


def _events_in(document: Mapping[str, Any]) -> list[Any]:
    """The events of the orders of a result, if it has them (live results and older versions do)."""
    orders = document.get("orders") or document.get("Orders") or {}
    found: list[Any] = []
    for order in orders.values() if isinstance(orders, dict) else orders:
        if isinstance(order, dict):
            events = order.get("events") or order.get("Events")
            found += events if isinstance(events, list) else []
    return found


def _name(key: str) -> str:
    """A key whatever its style: order-id, orderId, OrderId."""
    return re.sub(r"[-_ ]", "", str(key)).casefold()


class _Events:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.fees = ZERO
        self.fills = 0

    def add(self, event: Mapping[str, Any], number: int) -> None:
        """Take an event, if it is a fill."""
        draft, status = self._draft, str(event.get("status", "")).casefold()
        quantity = exact(draft, event, "fillquantity", number) or ZERO
        if status in NOT_FILLED or not quantity:
            draft.leave_out(f"order events: {status or 'no status'}")
            return
        if status not in FILLED:
            raise draft.wrong(f"the status {status!r} is not known", row=number, column="status")
        price, at = exact(draft, event, "fillprice", number), exact(draft, event, "time", number)
        symbol = (
            text_of(event.get("symbolvalue")) or text_of(event.get("symbolpermtick")) or text_of(event.get("symbol"))
        )
        if price is None or at is None or symbol is None:
            raise draft.wrong("the fill has no price, no time or no symbol", row=number)
        fee = exact(draft, event, "orderfeeamount", number) or ZERO
        order, own = event.get("orderid"), event.get("ordereventid")
        currency = text_of(event.get("fillpricecurrency"))
        self.fees, self.fills = EXACT.add(self.fees, fee), self.fills + 1
        self._require_instrument(symbol, text_of(event.get("symbol")) or "")
        draft.add(
            SourceFill(
                number,
                int(at * 1_000_000),
                symbol,
                "BUY" if quantity > 0 else "SELL",
                str(abs(quantity)),
                str(price),
                str(fee),
                currency,
                text_of(event.get("orderfeecurrency")) or currency,
                symbol[: -len(currency)] if currency and symbol.endswith(currency) and symbol != currency else None,
                f"{order}-{own}" if own is not None else str(event.get("id") or f"{order}-{number}"),
                str(order) if order is not None else None,
                opens_short=True,  # the engine sells what is not held as a short sale
                metadata=draft.keep(
                    message=text_of(event.get("message")), is_assignment=bool(event.get("isassignment")) or None
                ),
            )
        )

    def _require_instrument(self, symbol: str, identifier: str) -> None:
        """Options count a hundred; what futures count has to be said."""
        kind = identifier.partition(" ")[2].upper()
        if symbol in self._draft.instruments:
            return
        if re.search(r"\b\d{6}[CP]\d{8}\b", symbol):
            self._draft.instruments[symbol] = Instrument(symbol, multiplier=Decimal(100))
        elif kind and FUTURE.fullmatch(symbol):
            self._draft.instruments[symbol] = Instrument(symbol, settlement=Settlement.MARGIN)

    def finish(self) -> None:
        """State what the events say."""
        draft = self._draft
        draft.stated.append(Stated("fills among the order events", "fills", Decimal(self.fills)))


def _compare(result: Mapping[str, Any], draft: Draft, events: _Events) -> None:
    """What the result states of the account."""
    performance = _part(result, "totalPerformance")
    trades, portfolio = _part(performance, "tradeStatistics"), _part(performance, "portfolioStatistics")
    statistics, runtime = _part(result, "statistics"), _part(result, "runtimeStatistics")
    start = _money(portfolio, "startEquity") or _money(statistics, "Start Equity")
    if start is not None:
        draft.initial_cash = start
    fees = _money(statistics, "Total Fees") or _money(runtime, "Fees")
    if fees is not None:
        draft.stated.append(Stated("Total Fees", "fees", abs(fees)))
    count = _money(trades, "totalNumberOfTrades")
    if count is not None:
        draft.stated.append(Stated("totalNumberOfTrades", "round trips", count))
    profit = _money(trades, "totalProfitLoss")
    if profit is not None:
        draft.stated.append(Stated("totalProfitLoss", "profit", profit, Decimal("0.01")))
    net = _money(runtime, "Net Profit")
    if net is not None:
        draft.stated.append(Stated("Net Profit", "net profit of closed trades", net, Decimal("0.01")))
    end, is_flat = _money(portfolio, "endEquity") or _money(statistics, "End Equity"), not _money(runtime, "Holdings")
    if end is not None and start is not None and is_flat:
        draft.stated.append(Stated("End Equity", "equity", end, Decimal("0.01")))
    draft.points += list(_curve(result))
    algorithm = _part(result, "algorithmConfiguration")
    draft.strategy = text_of(algorithm.get("name")) or draft.strategy
    draft.base_currency = text_of(algorithm.get("accountCurrency")) or draft.base_currency


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name) or document.get(name[0].upper() + name[1:])
    return found if isinstance(found, dict) else {}


def _money(part: Mapping[str, Any], name: str) -> Decimal | None:
    """A figure that may be written for people: $1,234.50."""
    value = part.get(name)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    if not isinstance(value, str) or len(value) > 100:
        return None
    text = re.sub(r"[^0-9.\-]", "", value)
    return Decimal(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None


def _curve(result: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The points of the chart Strategy Equity."""
    charts = _part(result, "charts")
    series = _part(_part(charts, "Strategy Equity"), "series") if "Strategy Equity" in charts else {}
    values = _part(series, "Equity").get("values") if series else None
    found = []
    for each in values if isinstance(values, list) else ():
        if isinstance(each, list) and len(each) >= 2:
            at, equity = each[0], each[-1]
        elif isinstance(each, dict):
            at, equity = each.get("x"), each.get("y")
        else:
            continue
        if isinstance(at, int) and isinstance(equity, int | Decimal):
            found.append((at * 1_000_000, str(equity)))
    return found
