"""What programs book in a session beside plain fills: cash flows, splits, new names, orders with a life, margin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paper_repo import CashFlow, Fill, Instrument, Order, PaperTradingSession, Settlement, Split, SymbolChange
from paper_repo.testing.examples import START, moment

Event = Callable[[PaperTradingSession, int], object]
"""Books something; the number is another one each time."""

INSTRUMENTS = {"ES": Instrument("ES", multiplier=50, settlement=Settlement.MARGIN)}
RATES = {"EUR": "1.10"}

ENTRIES: list[Any] = [
    CashFlow("e-1", "DEPOSIT", "500.10", moment(1)),
    CashFlow("e-1", "DEPOSIT", "7", moment(1)),
    CashFlow("e-2", "DIVIDEND", "4.1", moment(0), "EUR", "A"),
    CashFlow("e-3", "FEE", "-1E-20", moment(2), metadata={"by": ["wire"]}),
    Split("e-4", "ES", 3, moment(2), per=2),
    SymbolChange("e-5", "A", "AX", moment(3)),
]
ORDERS = ["o-1", "o-2", "o-3"]


def _entry(entry: Any) -> Event:
    def book(session: PaperTradingSession, number: int) -> None:
        if isinstance(entry, CashFlow):
            session.apply_cash_flow(entry)
        elif isinstance(entry, Split):
            session.apply_split(entry)
        else:
            session.apply_symbol_change(entry)

    book.__name__ = f"book_{entry.id}"
    return book


def _order(order_id: str) -> list[Event]:
    def place(session: PaperTradingSession, number: int) -> None:
        session.place_order(Order(order_id, "A", "BUY", "LIMIT", 5, limit_price="9.5", created_at=START))

    def cancel(session: PaperTradingSession, number: int) -> None:
        session.cancel_order(order_id, moment(number))

    def fill(session: PaperTradingSession, number: int) -> None:
        session.apply_fill(Fill(f"x-{number}", "A", "BUY", 2, 9, "0.1", moment(number), order_id))

    return [place, cancel, fill]


def _margin(session: PaperTradingSession, number: int) -> None:
    side = "SELL" if number % 3 == 2 else "BUY"
    session.apply_fill(Fill(f"x-{number}", "ES", side, 1 + number % 2, f"500{number % 5}.25", "2.10", moment(number)))


def _mark(session: PaperTradingSession, number: int) -> None:
    session.update_rates({"EUR": f"1.{number}"})


EVENTS: list[Event] = [*map(_entry, ENTRIES), *(each for name in ORDERS for each in _order(name)), _margin, _mark]
"""Everything that can be booked; what the session refuses changes nothing."""
