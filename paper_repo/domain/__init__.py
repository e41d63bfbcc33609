"""The entities of paper trading and their rules: pure Python, no input or output."""

from paper_repo.domain.instruments import Instrument, Settlement
from paper_repo.domain.ledger import CashFlow, CashFlowKind, LedgerEntry, Split, SymbolChange
from paper_repo.domain.orders import Order, OrderStatus, OrderType, TimeInForce
from paper_repo.domain.positions import Position
from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.trading import EquityPoint, Fill, Side, Strategy
from paper_repo.domain.values import Amount

__all__ = [
    "Amount",
    "CashFlow",
    "CashFlowKind",
    "EquityPoint",
    "Fill",
    "Instrument",
    "LedgerEntry",
    "Order",
    "OrderStatus",
    "OrderType",
    "PaperTradingSession",
    "Position",
    "SessionStatus",
    "Settlement",
    "Side",
    "Split",
    "Strategy",
    "SymbolChange",
    "TimeInForce",
]
