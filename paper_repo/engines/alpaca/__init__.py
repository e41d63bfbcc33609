"""Orders, executions, positions and activities of Alpaca as ours, and what it has done while nobody listened:

    from paper_repo.engines.alpaca import AlpacaSource, reconcile

    print(reconcile(repository, session, AlpacaSource(trading_client, session.symbols)))

The functions take alpaca-py's objects and Alpaca's own JSON alike, and need no alpaca-py. JSON is exact; the models of
activities and of the stream hold floats, which count by their shortest form.
"""

from paper_repo.engines.alpaca.entities import cash_flow, crypto_fee, fill, order, orders, position
from paper_repo.engines.alpaca.source import AlpacaSource
from paper_repo.engines.reconciling import (
    Reconciliation,
    async_book_once,
    async_reconcile,
    book_once,
    reconcile,
)
from paper_repo.engines.statement import Difference, Statement

__all__ = [
    "AlpacaSource",
    "Difference",
    "Reconciliation",
    "Statement",
    "async_book_once",
    "async_reconcile",
    "book_once",
    "cash_flow",
    "crypto_fee",
    "fill",
    "order",
    "orders",
    "position",
    "reconcile",
]
