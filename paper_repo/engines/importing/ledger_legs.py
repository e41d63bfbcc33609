"""Ledgers of exchanges, where a trade is several rows: what was received, what was paid, and the fee."""

from __future__ import annotations

from paper_repo.engines.importing.headings import Headings, folded
from paper_repo.engines.importing.tables import Table


def has_headings(headings: Headings) -> bool:
    """Whether these are the headings of a ledger: an operation, a coin and a change of its balance."""
    names = {folded(each) for each in headings.names}
    return {"operation", "coin", "change"} <= names or {"amount", "amount/balanceunit", "tradeid"} <= names


def read_table(table: Table) -> None:
    """Put the rows of each trade together."""
    raise table.draft.wrong(
        "each row is one leg of a trade (a ledger), which is not read; export the trades of the exchange instead"
    )
