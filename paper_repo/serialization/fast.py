"""The schemas at the speed of hand-written code: plain functions for what every save and load passes through.

`schemas.py` stays the only description of the serialised form; `fast_writing` and `fast_reading` give the same text and
the same entities, several times faster (property tests hold the two equal). Whatever they are not for, and every error,
goes through marshmallow itself, so that the messages are the same.

A column is what a database keeps: text, a whole number, None, and JSON text for everything that has parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from marshmallow import fields

from paper_repo.domain import PaperTradingSession
from paper_repo.domain.nesting import on_fresh_stack
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization import schemas
from paper_repo.serialization.fast_reading import LOADS, read_session
from paper_repo.serialization.fast_writing import DUMPS, NO_ACCOUNT, Known, json_text, session_columns
from paper_repo.serialization.fields import AmountsField, EntitiesField, EntityField, JsonField
from paper_repo.serialization.json_data import from_json, to_json
from paper_repo.serialization.schemas import Data

__all__ = [
    "JSON_COLUMNS",
    "NO_ACCOUNT",
    "Known",
    "dump",
    "from_columns",
    "from_json",
    "load",
    "remember_state",
    "to_columns",
    "to_json",
]

T = TypeVar("T")

_REFUSALS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What these functions raise for what they are not for; anything else is a caller's own, as of a signal handler."""


def to_columns(session: PaperTradingSession, known: Known | None = None) -> Data:
    """The session as columns.

    Args:
        known: what was found out the last time; the texts of what has not changed are taken from there, and the new
            ones are kept in it.

    Raises:
        InvalidSessionError: the session holds something that would not come back equal; the message names the path.
    """
    try:
        return session_columns(session, {} if known is None else known)
    except _REFUSALS:
        data = NO_ACCOUNT | schemas.dump(session)
        data["keeps_own_accounts"] = int(data["keeps_own_accounts"] is not False)
        return {name: _written(value) if isinstance(value, dict | list) else value for name, value in data.items()}


def remember_state(session: PaperTradingSession, known: Known) -> None:
    """Write the state beforehand, most of the work of `to_columns` where it is large; what is wrong that tells."""
    with suppress(*_REFUSALS):
        json_text("state", session.state, known)


def _written(value: Any) -> str:
    try:
        return to_json(value)
    except RecursionError:  # on the caller's stack, which may have little room left
        return on_fresh_stack(to_json, value)


def from_columns(columns: Mapping[str, Any]) -> PaperTradingSession:
    """The session that was written as `columns`.

    Raises:
        InvalidSessionError: they do not describe one; the messages name every path that is wrong.
    """
    try:
        return read_session(columns)
    except _REFUSALS:
        return schemas.load(PaperTradingSession, _plain(columns))


def dump(entity: Any) -> Data:
    """The plain data of a fill or an equity point, as `schemas.dump` gives it."""
    try:
        return DUMPS[type(entity)](entity)
    except _REFUSALS:
        return schemas.dump(entity)


def load(kind: type[T], data: Mapping[str, Any]) -> T:
    """The entity of type `kind` that `data` describes, as `schemas.load` gives it.

    Raises:
        InvalidSessionError: `data` does not describe one; the messages name every path that is wrong.
    """
    try:
        entity: T = LOADS[kind](data)
        return entity
    except _REFUSALS:
        return schemas.load(kind, data)


def _plain(columns: Mapping[str, Any]) -> Data:
    """Columns as plain data; text that is not JSON stays text, for marshmallow to complain about."""
    data = {name: value for name, value in columns.items() if value is not None or name not in NO_ACCOUNT}
    if data.get("keeps_own_accounts") in (0, 1):
        data["keeps_own_accounts"] = bool(data["keeps_own_accounts"])
    for name in JSON_COLUMNS:
        if isinstance(data.get(name), str):
            try:
                data[name] = from_json(data[name])
            except (ValueError, RecursionError) as error:
                raise InvalidSessionError({name: [f"is not JSON: {error}."]}) from error
    return data


JSON_COLUMNS = tuple(
    name
    for name, field in schemas.fields_of(PaperTradingSession).items()
    if isinstance(field, JsonField | EntityField | EntitiesField | AmountsField | fields.List)
)
"""The columns of a session that hold JSON text."""
