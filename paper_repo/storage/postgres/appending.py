"""One statement that changes a row and appends others to it, if the row was as expected; else it does nothing.

What takes several statements by themselves needs one round trip so, and is whole or nothing without a BEGIN. A row to
be appended that is there already is an error of the whole statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from paper_repo.storage.postgres.values import keepable
from paper_repo.storage.statements import Statement
from paper_repo.storage.tables import Row

_RETURNING = " RETURNING "
"""What Peewee ends an INSERT with."""


def as_one(changes: Sequence[tuple[Statement, Row]]) -> tuple[str, Sequence[object]]:
    """The text and the values of one statement that makes the first of these changes and, if it was made, the others.

    Raises:
        InvalidSessionError: a row holds what PostgreSQL cannot keep.
    """
    values = [statement.values(keepable(row)) for statement, row in changes]
    if len(changes) == 1:
        return changes[0][0].sql, values[0]
    text = _joined(*(statement.sql for statement, _ in changes))
    return text, [value for each in values for value in each]


@lru_cache(256)
def _joined(first: str, *inserts: str) -> str:
    appended = [f"appended{place} AS ({_from_changed(insert)})" for place, insert in enumerate(inserts)]
    change, _, _ = first.partition(_RETURNING)
    return f"WITH changed AS ({change}{_RETURNING}1), {', '.join(appended)} SELECT 1 FROM changed"


def _from_changed(insert: str) -> str:
    """An INSERT of one row that does so for each changed row, of which there is one or none."""
    into, _, values = insert.partition(_RETURNING)[0].partition(" ON CONFLICT ")[0].partition(" VALUES (")
    return f"{into} SELECT {values.removesuffix(')')} FROM changed"
