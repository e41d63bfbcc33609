"""The lines of an archive: JSON of what is stored, each written in exactly one way.

The bulk of an archive (sessions, fills without rarely used fields, equity points) is assembled from texts as they are
stored. That is several times faster than encoding every value again, and gives the same bytes.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quote
from typing import Any

from paper_repo.domain import CashFlow, Fill, LedgerEntry, Order, PaperTradingSession, Split, SymbolChange
from paper_repo.serialization import fast, schemas
from paper_repo.serialization.schemas import Data

FORMAT = "paper_repo archive"
VERSION = 2
"""The version of the format that is written; a reader refuses later ones. Version 1 had no ledger entries, no closed
orders and none of the fields that may be left out."""

ENTRY_TYPES: dict[type[Any], str] = {CashFlow: "cash_flow", Split: "split", SymbolChange: "symbol_change"}

PLAIN_FILL = len(schemas.fields_of(Fill)) - len(schemas.defaults_of(Fill))
"""How many fields a fill has without those that are rarely used."""


def line(data: Data) -> bytes:
    """A line with this data."""
    return fast.to_json(data).encode("ascii") + b"\n"


def session_line(columns: Data) -> bytes:
    """The line of a session with these columns, as `fast.to_columns` gives them."""
    parts = ['"type":"session"']
    for name in _SESSION_FIELDS:
        value = columns[name]
        if name in _IN_JSON:
            if value is not None:
                parts.append(f'"{name}":{value}')
        elif name == "keeps_own_accounts":
            if value == 0:
                parts.append('"keeps_own_accounts":false')
        elif type(value) is str:
            parts.append(f'"{name}":{quote(value)}')
        elif value is not None:
            parts.append(f'"{name}":{value:d}')
        elif name not in fast.NO_ACCOUNT:
            parts.append(f'"{name}":null')
    return ("{" + ",".join(parts) + "}\n").encode("ascii")


def fill_line(sequence: int, data: Data) -> bytes:
    """The line of the fill at this place in the history."""
    if len(data) == PLAIN_FILL:
        return plain_fill_line(sequence, *data.values())
    return line({"type": "fill", "sequence": sequence, **data})


def plain_fill_line(
    sequence: int,
    fill_id: str,
    symbol: str,
    side: str,
    quantity: str,
    price: str,
    fee: str,
    executed_at: str,
    order_id: str | None,
) -> bytes:
    """The line of a fill without rarely used fields."""
    order = "null" if order_id is None else quote(order_id)
    return (
        f'{{"type":"fill","sequence":{sequence:d},"id":{quote(fill_id)},"symbol":{quote(symbol)},"side":"{side}",'
        f'"quantity":"{quantity}","price":"{price}","fee":"{fee}","executed_at":"{executed_at}","order_id":{order}}}\n'
    ).encode("ascii")


def point_line(at: str, cash: str | None, equity: str) -> bytes:
    """The line of an equity point."""
    held = "null" if cash is None else f'"{cash}"'
    return f'{{"type":"equity","at":"{at}","cash":{held},"equity":"{equity}"}}\n'.encode("ascii")


def entry_line(after_fill: int, entry: LedgerEntry) -> bytes:
    """The line of a ledger entry, with the number of fills that were booked before it."""
    return line({"type": ENTRY_TYPES[type(entry)], "after_fill": after_fill, **schemas.dump(entry)})


def order_line(order: Order) -> bytes:
    """The line of a closed order; `type` is the line's, and `order_type` the order's."""
    data = schemas.dump(order)
    return line({"type": "order", "order_type": data.pop("type"), **data})


_SESSION_FIELDS = tuple(schemas.fields_of(PaperTradingSession))
_IN_JSON = frozenset(fast.JSON_COLUMNS)
