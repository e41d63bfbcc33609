"""What keeps the orders of a session and its fills in step from one save to the next.

A session object knows the orders that rest and what waits to be saved. Of the orders that were closed before and of the
fills that were stored before only the database knows, and it is asked where a save has an order or a fill that could
contradict them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from paper_repo.core.saves import Save
from paper_repo.domain.values import EXACT
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization.json_data import from_json
from paper_repo.serialization.schemas import Data
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.statements import FEW_IDS

LATEST_FILLS = 100
"""How many of a session's last fills are looked at for those of an order that is placed after them."""


class Stored(Protocol):
    """What is stored of one session."""

    def closed_orders(self, ids: Sequence[str]) -> Iterable[str]:
        """Those of these ids that closed orders have."""

    def has_fill(self, fill: Data) -> bool:
        """Whether there is a fill of this id and symbol."""

    def corrected_order(self, symbol: str, fill_id: str) -> str | None:
        """The order of this fill if it was corrected; None if not, if it has no order, or there is no such fill."""

    def latest_fills(self) -> Iterable[tuple[Any, ...]]:
        """The orders and quantities of the last `LATEST_FILLS` fills that were not corrected."""


class StoredRows:
    """What the rows of a database say of one session."""

    def __init__(self, storage: Storage, session_id: str) -> None:
        self._storage = storage
        self._id = session_id

    def closed_orders(self, ids: Sequence[str]) -> Iterator[str]:
        """Those of these ids that closed orders have."""
        statements = self._storage.statements
        if 0 < len(ids) <= FEW_IDS:
            padded = [*ids, *[ids[-1]] * (FEW_IDS - len(ids))]
            row = {"session_id": self._id, **{f"id {number}": each for number, each in enumerate(padded)}}
            found = self._storage.fetch_rows(statements.select_few_order_ids, row)
            yield from (order_id for (order_id,) in found)
            return
        for some in queries.in_parts(ids):
            query = queries.select_ids(statements.tables.orders, self._id, some)
            yield from (order_id for (order_id,) in self._storage.fetch_all(query))

    def has_fill(self, fill: Data) -> bool:
        """Whether there is a fill of this id and symbol."""
        return self._fill(fill["symbol"], fill["id"]) is not None

    def corrected_order(self, symbol: str, fill_id: str) -> str | None:
        """The order of this fill if it was corrected; None if not, if it has no order, or there is no such fill."""
        row = self._fill(symbol, fill_id)
        if row is None:
            return None
        fill = dict(zip(self._storage.statements.fill_columns, row, strict=True))
        return None if fill["corrected_at"] is None else fill["order_id"]

    def _fill(self, symbol: str, fill_id: str) -> tuple[Any, ...] | None:
        row = {"session_id": self._id, "id": fill_id, "symbol": symbol}
        return self._storage.fetch_one(self._storage.statements.select_fill, row)

    def latest_fills(self) -> Iterable[tuple[Any, ...]]:
        """The orders and quantities of the last `LATEST_FILLS` fills that were not corrected."""
        row = {"session_id": self._id, "limit": LATEST_FILLS}
        return self._storage.fetch_rows(self._storage.statements.select_latest_orders, row)


def has_to_ask(save: Save) -> bool:
    """Whether a bound save has anything that could contradict what is stored."""
    return bool(save.open_orders or save.filled_orders)


def require_in_step(save: Save, stored: Stored) -> None:
    """Require that a bound save contradicts no order that was closed, and no fill that was stored, before.

    Raises:
        InvalidSessionError: an order has the id of one that was closed, lacks fills that are stored, or was closed
            before a fill of it.
    """
    ids = [*save.open_orders, *save.filled_orders]
    closed = set(stored.closed_orders(ids)) if save.columns["closed_order_count"] else set()
    session_id = save.session.id
    used = sorted(closed.intersection(save.open_orders))
    if used:
        raise used_orders(used, session_id)
    late = [
        fill for order_id in save.filled_orders if order_id in closed for fill in save.fills
        if fill["order_id"] == order_id and not _stands_for_its_own(fill, stored)
        and not stored.has_fill(fill)  # one that is stored is another error
    ]  # fmt: skip
    if late:
        raise _late_fills(late, session_id)
    if save.open_orders and save.expected_counts.fills and not save.columns["keeps_own_accounts"]:
        _require_counted(save, stored)


def _stands_for_its_own(fill: Data, stored: Stored) -> bool:
    """Whether it replaces a corrected fill of its order, which the order counted when it was closed."""
    replaced = fill.get("replaces")
    return replaced is not None and stored.corrected_order(fill["symbol"], replaced) == fill["order_id"]


def _require_counted(save: Save, stored: Stored) -> None:
    """Require that new orders count their fills that were stored before they were placed."""
    early = _quantities({}, (each for each in stored.latest_fills() if each[0] in save.open_orders))
    if not early:
        return
    new = [each for each in save.fills if each["order_id"] in early and not stored.has_fill(each)]
    now = _quantities(early, ((each["order_id"], each["quantity"]) for each in new))
    orders = from_json(save.columns["open_orders"])
    counted = {order_id: Decimal(orders[order_id]["filled_quantity"]) for order_id in early}
    messages = {
        f"open_orders.{order_id}": [_message(counted[order_id], early[order_id])]
        for order_id, filled in now.items()
        if filled > counted[order_id]
    }
    if messages:
        raise InvalidSessionError(messages, save.session.id)


def _message(counted: Decimal, early: Decimal) -> str:
    return (
        f"counts {counted} as filled, without the {early} of its fills that were stored before it was placed: place it "
        "with these in filled_quantity, or, if they are those of another order, under an id of its own."
    )


def _quantities(before: Mapping[str, Decimal], fills: Iterable[tuple[str, Any]]) -> dict[str, Decimal]:
    """The sum of the quantities of each order, and of what it had before."""
    sums = dict(before)
    for order_id, quantity in fills:
        sums[order_id] = EXACT.add(sums.get(order_id, Decimal(0)), Decimal(quantity))
    return sums


def used_orders(ids: Iterable[str], session_id: str) -> InvalidSessionError:
    """The error of a save whose orders have ids of orders that were closed before."""
    message = "an order of this id was closed before; give this one an id of its own."
    return InvalidSessionError({f"orders.{order_id}": [message] for order_id in ids}, session_id)


def _late_fills(fills: Iterable[Data], session_id: str) -> InvalidSessionError:
    message = (
        "its order {order_id!r} was closed before, so it cannot be a fill of that; if it has really happened, load the "
        "session again and apply it without an order_id."
    )
    return InvalidSessionError({f"new_fills.{fill['id']}": [message.format_map(fill)] for fill in fills}, session_id)
