"""Histories of sessions as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, BinaryIO

from paper_repo.cli import json_output
from paper_repo.cli.escaping import printable, spreadsheet_cell
from paper_repo.cli.terminal import counted, progress
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import CashFlow, EquityPoint, Fill, Order
from paper_repo.domain.selection import SessionFilters, resting
from paper_repo.serialization.dicts import to_dict
from paper_repo.serialization.fast import to_json
from paper_repo.serialization.schemas import Data, fields_of

AMOUNTS = frozenset(
    {
        *("quantity", "price", "fee", "cash", "equity", "rate", "fee_rate", "amount", "pnl", "fees", "net_pnl"),
        *("entry_price", "exit_price", "multiplier", "filled_quantity", "remaining_quantity"),
        *("limit_price", "stop_price", "trail_amount", "trail_percent"),
    }
)
"""The columns of numbers; the others are text."""

EXCEL = "utf-8-sig"
"""The encoding by whose first bytes Excel knows that text is UTF-8."""


class Format(StrEnum):
    """What `export` writes."""

    ARCHIVE = "archive"
    FILLS = "fills"
    EQUITY = "equity"
    TRADES = "trades"
    ORDERS = "orders"
    CASH_FLOWS = "cash-flows"


def write_table(
    repository: SessionRepository,
    file: BinaryIO,
    ids: list[str] | None,
    chosen: SessionFilters,
    form: Format,
    encoding: str,
    exact_text: bool,
) -> tuple[int, int]:
    """Write one table of these sessions, or of those that the filters choose; how many sessions, and how many rows."""
    columns, rows = TABLES[form]
    lines = io.TextIOWrapper(file, encoding=encoding, newline="", write_through=True)
    safe = _unchanged if exact_text else _safe_row
    if file is sys.stdout.buffer and sys.stdout.isatty():
        safe = _visible_row
    table = csv.DictWriter(lines, ["session_id", *columns])
    table.writeheader()
    with repository.reading(), progress("exporting", None) as advance:
        ids, written = ids or [each.id for each in repository.get_summaries(**chosen)], 0
        for session_id in ids:
            for row in counted(rows(repository, session_id), advance):
                cells = {name: _cell(value) for name, value in row.items()}
                table.writerow(safe({"session_id": session_id, **cells}))
                written += 1
    lines.detach()
    return len(ids), written


def _cell(value: Any) -> Any:
    """A value as one cell: what has parts as JSON text, and nothing where there is nothing in it."""
    if isinstance(value, dict):
        return to_json(value) if value else ""
    return str(value).lower() if isinstance(value, bool) else value


def _unchanged(row: dict[str, Any]) -> dict[str, Any]:
    return row


def _safe_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row for a spreadsheet; a negative amount begins as a formula does, and is a number all the same."""
    return {
        name: spreadsheet_cell(value) if isinstance(value, str) and name not in AMOUNTS else value
        for name, value in row.items()
    }


def _visible_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row for the eyes of somebody at a terminal."""
    return {name: printable(value, None) if isinstance(value, str) else value for name, value in row.items()}


def _fill_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    return (json_output.of_fill(place, fill) for place, fill in repository.fill_history(session_id))


def _equity_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    return map(json_output.of_point, repository.equity_history(session_id))


def _trade_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    return (json_output.of_trade(number, each) for number, each in enumerate(repository.trade_history(session_id), 1))


def _order_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    """The closed orders, and then those that rest."""
    session = repository.get_by_id(session_id)
    still_open = resting(session) if session is not None else ()
    return map(json_output.of_order, chain(repository.order_history(session_id), still_open))


def _cash_flow_rows(repository: SessionRepository, session_id: str) -> Iterator[Data]:
    flows = (each for _, each in repository.ledger_history(session_id) if isinstance(each, CashFlow))
    return map(to_dict, flows)


TABLES: dict[Format, tuple[Sequence[str], Callable[[SessionRepository, str], Iterator[Data]]]] = {
    Format.FILLS: (("sequence", *fields_of(Fill)), _fill_rows),
    Format.EQUITY: (tuple(fields_of(EquityPoint)), _equity_rows),
    Format.TRADES: (json_output.trade_keys(), _trade_rows),
    Format.ORDERS: ((*fields_of(Order), "remaining_quantity"), _order_rows),
    Format.CASH_FLOWS: (tuple(fields_of(CashFlow)), _cash_flow_rows),
}
"""The columns of each table behind the session's id, and its rows."""
