"""What stands in a query that is built once for a value that every run brings."""

from __future__ import annotations

from peewee import Value


class Placeholder(str):
    """Stands in a query for the value that the row of a later run has under this name."""


def value(name: str) -> Value:
    """The value of this name in the row of a later run."""
    return Value(Placeholder(name), converter=False)
