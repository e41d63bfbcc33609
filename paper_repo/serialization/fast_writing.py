"""Sessions, fills and points as what a database keeps, at the speed of plain functions: see `fast`."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quote
from operator import is_, itemgetter
from typing import Any

from paper_repo.domain import (
    EquityPoint,
    Fill,
    Instrument,
    Order,
    OrderStatus,
    PaperTradingSession,
    Position,
    Settlement,
    Strategy,
)
from paper_repo.domain.nesting import is_too_deep
from paper_repo.domain.positions import ONE
from paper_repo.domain.values import ZERO
from paper_repo.serialization import schemas
from paper_repo.serialization.json_data import refuse_lone_surrogates, scan, to_json, to_json_once
from paper_repo.serialization.primitives import instant_text
from paper_repo.serialization.schemas import Data
from paper_repo.serialization.seldom import seldom

Known = dict[str, Any]
"""By field, what was last written of a session, and the JSON text that it gave."""


def session_columns(session: PaperTradingSession, known: Known) -> Data:
    """The session as columns."""
    return {
        "id": session.id,
        "name": session.name,
        "strategy": strategy_text(session.strategy, known),
        "symbols": _symbols_text(session.symbols, known),
        "base_currency": session.base_currency,
        "status": session.status._name_,
        "initial_cash": str(session.initial_cash),
        "cash": str(session.cash),
        "positions": _entities_text("positions", session.positions, _position_member, known),
        "open_orders": _entities_text("open_orders", session.open_orders, _order_member, known),
        "realized_pnl": str(session.realized_pnl),
        "fees_paid": str(session.fees_paid),
        "state": json_text("state", session.state, known),
        "metadata": json_text("metadata", session.metadata, known),
        "error": session.error,
        "created_at": instant_text(session.created_at),
        "started_at": _optional_instant_text(session.started_at),
        "stopped_at": _optional_instant_text(session.stopped_at),
        "updated_at": _optional_instant_text(session.updated_at),
        "version": session.version,
        "fill_count": session.fill_count,
        **_account_columns(session, known),
    }


NO_ACCOUNT: Data = dict.fromkeys(schemas.defaults_of(PaperTradingSession))
"""The columns of an account that uses nothing but cash, positions and orders: NULL, all of them."""


def _account_columns(session: PaperTradingSession, known: Known) -> Data:
    fields = session.__dict__
    amounts = _account_amounts(fields)
    parts: tuple[dict[str, Any], ...] = _account_parts(fields)
    entries, orders = session.ledger_count, session.closed_order_count
    owns = int(session.keeps_own_accounts)
    if not (any(parts) or entries or orders) and all(map(is_, amounts, _NO_AMOUNTS)):
        return _OWN if owns else _BOOKED
    instruments, balances, rates, positions, opening = parts
    texts = [None if (text := str(each)) == "0" else text for each in amounts]
    return {
        "instruments": _members_text("instruments", instruments, _instrument_member, known),
        "balances": _amounts_text(balances),
        "rates": _amounts_text(rates),
        "opening_positions": _members_text("opening_positions", positions, _position_member, known),
        "opening_balances": _amounts_text(opening),
        **dict(zip(AMOUNT_COLUMNS, texts, strict=True)),
        "ledger_count": entries or None,
        "closed_order_count": orders or None,
        "keeps_own_accounts": owns,
    }


AMOUNT_COLUMNS = ("opening_worth", "net_deposits", "income", "currency_pnl", "other_value")
_PART_COLUMNS = ("instruments", "balances", "rates", "opening_positions", "opening_balances")
_account_amounts = itemgetter(*AMOUNT_COLUMNS)
_account_parts = itemgetter(*_PART_COLUMNS)
_NO_AMOUNTS = (ZERO,) * len(AMOUNT_COLUMNS)
_BOOKED, _OWN = ({**NO_ACCOUNT, "keeps_own_accounts": owns} for owns in (0, 1))


def _members_text(
    field: str, entities: Mapping[str, Any], member: Callable[[str, Any, Times], str], known: Known
) -> str | None:
    return _entities_text(field, entities, member, known) if entities else None


def _amounts_text(amounts: Mapping[str, Decimal]) -> str | None:
    if not amounts:
        return None
    for name, each in amounts.items():
        if type(name) is not str or type(each) is not Decimal or not each.is_finite():
            raise TypeError
    return "{" + ",".join([f'{quote(name)}:"{each!s}"' for name, each in amounts.items()]) + "}"


def _instrument_member(name: str, instrument: Any, times: Times) -> str:
    if type(instrument) is not Instrument or instrument.symbol != name:
        raise TypeError
    required = {
        "symbol": instrument.symbol,
        "currency": instrument.currency,
        "multiplier": str(instrument.multiplier),
        "settlement": instrument.settlement._name_,
    }
    return f"{quote(name)}:{to_json(required | seldom(instrument))}"


def strategy_text(strategy: Strategy, known: Known) -> str:
    """The JSON text of a strategy."""
    parameters = json_text("parameters", strategy.parameters, known)
    return f'{{"name":{quote(strategy.name)},"version":{quote(strategy.version)},"parameters":{parameters}}}'


def position_text(position: Position, opened_at: str) -> str:
    """The JSON text of a position, which was opened at this time."""
    text = (
        f'{{"symbol":{quote(position.symbol)},"quantity":"{position.quantity!s}",'
        f'"cost_basis":"{position.cost_basis!s}","last_price":"{position.last_price!s}",'
        f'"opened_at":"{opened_at}","realized_pnl":"{position.realized_pnl!s}"}}'
    )
    is_plain = position.multiplier is ONE and position.settlement is Settlement.CASH
    if is_plain and not (position.currency or position.position_id or position.metadata):
        return text
    return _with_more(text, position)


def _with_more(text: str, entity: Any) -> str:
    """The JSON text of an entity, of which `text` holds the required fields, with the others that say something."""
    more = seldom(entity)
    return f"{text[:-1]},{to_json(more)[1:]}" if more else text


def order_text(order: Order, created_at: str) -> str:
    """The JSON text of an order, which was created at this time."""
    text = (
        f'{{"id":{quote(order.id)},"symbol":{quote(order.symbol)},"side":"{order.side._name_}",'
        f'"type":"{order.type._name_}","quantity":"{order.quantity!s}","filled_quantity":"{order.filled_quantity!s}",'
        f'"limit_price":{_optional_amount_text(order.limit_price)},'
        f'"stop_price":{_optional_amount_text(order.stop_price)},'
        f'"time_in_force":"{order.time_in_force._name_}","created_at":"{created_at}"}}'
    )
    return _with_more(text, order) if _says_more(order) else text


_TOLD_BY_QUANTITIES = (OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED)


def _says_more(order: Order) -> bool:
    """Whether any of the order's seldom fields says something."""
    return bool(
        order.status not in _TOLD_BY_QUANTITIES
        or order.trail_amount
        or order.trail_percent
        or order.expires_at
        or order.reduce_only
        or order.post_only
        or order.parent_id
        or order.oco_group
        or order.position_id
        or order.closed_at
        or order.metadata
    )


def _fill_data(fill: Fill) -> Data:
    data = {
        "id": fill.id,
        "symbol": fill.symbol,
        "side": fill.side._name_,
        "quantity": str(fill.quantity),
        "price": str(fill.price),
        "fee": str(fill.fee),
        "executed_at": instant_text(fill.executed_at),
        "order_id": fill.order_id,
    }
    says_more = fill.fee_currency or fill.position_id or fill.rate or fill.fee_rate or fill.corrected_at
    return data | seldom(fill) if says_more or fill.replaces or fill.metadata else data


def _point_data(point: EquityPoint) -> Data:
    return {
        "at": instant_text(point.at),
        "cash": None if point.cash is None else str(point.cash),
        "equity": str(point.equity),
    }


def _order_data(order: Order) -> Data:
    data = {
        "id": order.id,
        "symbol": order.symbol,
        "side": order.side._name_,
        "type": order.type._name_,
        "quantity": str(order.quantity),
        "filled_quantity": str(order.filled_quantity),
        "limit_price": None if order.limit_price is None else str(order.limit_price),
        "stop_price": None if order.stop_price is None else str(order.stop_price),
        "time_in_force": order.time_in_force._name_,
        "created_at": instant_text(order.created_at),
    }
    return data | seldom(order) if _says_more(order) else data


DUMPS: dict[type, Callable[[Any], Data]] = {Fill: _fill_data, EquityPoint: _point_data, Order: _order_data}

Times = dict[str, tuple[datetime, str]]
"""By the name of its entity, a time and its text; to compare a time takes a tenth of what it takes to write it."""


def _entities_text(
    field: str, entities: Mapping[str, Any], member: Callable[[str, Any, Times], str], known: Known
) -> str:
    """The JSON text of frozen entities by name.

    Where most of them are the same objects from one time to the next, it keeps their texts and writes only the others
    again. Where they are not, keeping (and freeing) them would cost more than writing, so that only a few are kept, to
    notice when that changes. Their times, which are the same in the next object of a name, are kept.
    """
    times = _times(known, field, entities)
    names, held = list(entities), list(entities.values())
    before, old, kept = known.get(field, _NOTHING)
    few = slice(None, None, 1 + len(held) // 4)
    compared = held if kept else held[few]
    same = before == names and 2 * sum(map(is_, compared, old)) >= len(compared)
    if same and kept:
        texts = [
            as_before if entity is one_before else member(name, entity, times)
            for name, entity, one_before, as_before in zip(names, held, old, kept, strict=True)
        ]
    else:
        texts = [member(name, entity, times) for name, entity in entities.items()]
    known[field] = (names, held, texts) if same else (names, held[few], ())
    return "{" + ",".join(texts) + "}"


_NOTHING: tuple[Any, Any, Any] = (None, (), ())


def _position_member(name: str, position: Any, times: Times) -> str:
    if type(position) is not Position or position.id != name:
        raise TypeError
    return f"{quote(name)}:{position_text(position, _time_text(name, position.opened_at, times))}"


def _order_member(name: str, order: Any, times: Times) -> str:
    if type(order) is not Order or order.id != name:
        raise TypeError
    return f"{quote(name)}:{order_text(order, _time_text(name, order.created_at, times))}"


def _times(known: Known, field: str, entities: Mapping[str, Any]) -> Times:
    """The times that were written of these entities the last time, and perhaps of a few that are gone."""
    times: Times = known.setdefault(f"{field}.times", {})
    if len(times) > 2 * len(entities) + 8:
        times.clear()
    return times


def _time_text(name: str, moment: datetime, times: Times) -> str:
    kept = times.get(name)
    if kept is None or kept[0] != moment:
        kept = times[name] = moment, instant_text(moment)
    return kept[1]


def json_text(field: str, value: Any, known: Known) -> str:
    """The JSON text of the data of one field, which is written only when it has changed.

    What `marshal` makes of JSON data tells any two apart, 1 from 1.0 and True too, in a fraction of the time.
    """
    kept: tuple[bytes, str] | None = known.get(field)
    try:
        mark = marshal.dumps(value, _MARSHAL_BY_VALUE)
    except ValueError:  # marshal does not know it
        mark = None
    if kept and kept[0] == mark:
        return kept[1]
    text = to_json(value) if mark is not None else to_json_once(value)
    if is_too_deep(text):
        raise TypeError
    refuse_lone_surrogates(text, value)
    twin = scan(text)[0]
    if mark is not None and marshal.dumps(twin, _MARSHAL_BY_VALUE) == mark:
        known[field] = mark, text
    elif twin != value:
        raise TypeError
    return text


_MARSHAL_BY_VALUE = 2
"""The last version of marshal's format that depends on nothing but the values (3 and later: on shared objects)."""


def _symbols_text(symbols: tuple[str, ...], known: Known) -> str:
    """The JSON text of a tuple of texts, which is written only for another object."""
    kept: tuple[object, str] | None = known.get("symbols")
    if kept is None or kept[0] is not symbols:
        kept = known["symbols"] = symbols, to_json(list(symbols))
    return kept[1]


def _optional_instant_text(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)


def _optional_amount_text(value: Decimal | None) -> str:
    return "null" if value is None else f'"{value!s}"'
