"""Orders, trades, positions and payments of ccxt as ours, and what an exchange has done while nobody listened:

    from paper_repo.engines.ccxt import CcxtSource, reconcile

    print(reconcile(repository, session, CcxtSource(exchange, ["BTC/USDT"])))

The functions take ccxt's unified dictionaries, also those of its streams (`watch_my_trades`, `watch_orders`), and need
no ccxt. Its floats count by their shortest form; an exchange with `exchange.number = str` gives exact texts instead.
"""

from paper_repo.engines.ccxt.entities import cash_flow, entries, fill, instrument, order, position
from paper_repo.engines.ccxt.source import AsyncCcxtSource, CcxtSource
from paper_repo.engines.reconciling import (
    Reconciliation,
    async_book_once,
    async_reconcile,
    book_once,
    reconcile,
)
from paper_repo.engines.statement import Difference, Statement

__all__ = [
    "AsyncCcxtSource",
    "CcxtSource",
    "Difference",
    "Reconciliation",
    "Statement",
    "async_book_once",
    "async_reconcile",
    "book_once",
    "cash_flow",
    "entries",
    "fill",
    "instrument",
    "order",
    "position",
    "reconcile",
]
