"""Tables of trades whatever program wrote them: a fill a row, or a round trip a row."""

from __future__ import annotations

from pathlib import Path

from paper_repo.engines.importing import ledger_legs, tradingview
from paper_repo.engines.importing.fill_rows import Fills
from paper_repo.engines.importing.headings import Headings
from paper_repo.engines.importing.records import Draft
from paper_repo.engines.importing.round_trip_rows import RoundTrips
from paper_repo.engines.importing.tables import Table


def read(path: Path, draft: Draft) -> None:
    """Read a table of trades into the draft."""
    table = Table(path, draft, is_heading=_is_heading, may_be_named=True)
    if tradingview.has_headings(table.headings):
        if draft.options.columns:
            raise draft.wrong("it is a list of TradingView, which has columns of its own; name none (columns, --map)")
        tradingview.read_table(table)
    elif ledger_legs.has_headings(table.headings):
        ledger_legs.read_table(table)
    elif _is_round_trips(table):
        RoundTrips(table).read()
    else:
        Fills(table).read()


def _is_heading(headings: Headings) -> bool:
    return headings.fields >= 4 or tradingview.has_headings(headings) or ledger_legs.has_headings(headings)


def _is_round_trips(table: Table) -> bool:
    return bool(table.headings.candidates("entry_price") and table.headings.candidates("exit_price"))
