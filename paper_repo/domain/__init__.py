"""The entities of paper trading and their rules: pure Python, no input or output."""

from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.trading import (
    EquityPoint,
    Fill,
    Order,
    OrderType,
    Position,
    Side,
    Strategy,
    TimeInForce,
)
from paper_repo.domain.values import Amount

__all__ = [
    "Amount",
    "EquityPoint",
    "Fill",
    "Order",
    "OrderType",
    "PaperTradingSession",
    "Position",
    "SessionStatus",
    "Side",
    "Strategy",
    "TimeInForce",
]
