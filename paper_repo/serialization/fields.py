"""How the values of entities are serialised: amounts as decimal text, times as ISO 8601 text in UTC of fixed width."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from marshmallow import Schema, ValidationError, fields

from paper_repo.domain.secrecy import kind_of, shown
from paper_repo.domain.values import UTC
from paper_repo.errors import InvalidSessionError
from paper_repo.serialization.json_data import json_copy

_ErrorMessages: TypeAlias = dict[str, str | list[Any] | dict[Any, Any]]


class AmountField(fields.Field[Decimal]):
    """An exact decimal, as text."""

    default_error_messages: _ErrorMessages = {"invalid": "{input} is not a decimal number as text."}

    def _serialize(self, value: Decimal | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=shown(value))
        try:
            return Decimal(value)
        except InvalidOperation:
            raise self.make_error("invalid", input=shown(value)) from None


class InstantField(fields.Field[datetime]):
    """A moment in UTC, as ISO 8601 text of fixed width, so that text order is time order."""

    default_error_messages: _ErrorMessages = {
        "invalid": "{input} is no time in UTC like '2026-01-31T14:30:00.000000+00:00'."
    }

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else instant_text(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.make_error("invalid", input=shown(value)) from None
        if moment.tzinfo is not UTC or instant_text(moment) != value:
            raise self.make_error("invalid", input=shown(value))
        return moment


class JsonField(fields.Field[Any]):
    """JSON data, which comes back equal or is refused."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return json_copy(value, attr or "")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"must be a JSON object, not {kind_of(value)}.")
        return value


class FlagField(fields.Field[bool]):
    """True or False, and nothing that only looks like it."""

    default_error_messages: _ErrorMessages = {"invalid": "must be true or false, not {input}."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=shown(value))
        return value


class EntityField(fields.Nested):
    """One entity inside another."""

    def _serialize(self, nested_obj: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        try:
            return super()._serialize(nested_obj, attr, obj, **kwargs)  # type: ignore[no-untyped-call]
        except InvalidSessionError as error:
            raise _under(attr, error) from None


class EntitiesField(fields.Dict):
    """Entities by the name that each of them carries itself."""

    def __init__(self, kind: type[Any], schema: type[Schema], key: str, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=fields.Nested(schema), **options)
        self.kind = kind
        self.key = key

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if wrong := self._wrong(value):
            raise InvalidSessionError({f"{attr}.{name}": messages for name, messages in wrong.items()})
        return super()._serialize(value, attr, obj, **kwargs)  # type: ignore[no-untyped-call]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        entities = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        if wrong := self._wrong(entities):
            raise ValidationError(wrong)
        return entities

    def _wrong(self, entities: Mapping[Any, Any]) -> dict[Any, list[str]]:
        """What is wrong with the entities that are of another type, or under another name than their own."""
        wrong = {}
        for name, entity in entities.items():
            if not isinstance(entity, self.kind):
                wrong[name] = [f"must be of type {self.kind.__name__}, not {shown(entity)}."]
            elif getattr(entity, self.key) != name:
                wrong[name] = [f"is kept under another {self.key} than its own, {shown(getattr(entity, self.key))}."]
        return wrong


class AmountsField(fields.Dict):
    """Amounts by the currency that they are in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=AmountField(), **options)


def _under(prefix: str | None, error: InvalidSessionError) -> InvalidSessionError:
    return InvalidSessionError({f"{prefix}.{path}": texts for path, texts in error.messages.items()})


def instant_text(moment: datetime) -> str:
    """A moment in UTC as text of fixed width."""
    return moment.isoformat("T", "microseconds")
