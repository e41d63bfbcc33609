"""The points that a chart of an equity curve draws, chosen by the database: what `downsample` chooses of all points.

The curve is cut into columns of time. For each column the database finds the first and the last point, and the
candidates for the lowest and the highest. Only the points that are returned become entities and are compared with
their checksums; a missing point is found anywhere in the curve.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, cast

from paper_repo.core import history, history_rows
from paper_repo.domain import EquityPoint
from paper_repo.domain.downsampling import columns_in, downsample_stream, place_in_time
from paper_repo.storage import queries
from paper_repo.storage.base import Storage
from paper_repo.storage.curve_statements import CurveStatements
from paper_repo.storage.statements import Statement

LARGEST_RANGE = 20_000
"""How many points are looked at in one query, so that those of equal value need little memory."""

_ROUNDING = 1e-12
"""How far the float that the database makes of an amount may be from it, relative to it."""

_AT_ONCE = 500


class Point(NamedTuple):
    """What an `EquityPoint` has, without its checks, and its place in the curve."""

    at: datetime
    cash: Decimal | None
    equity: Decimal
    place: int


class _OutOfOrderError(Exception):
    """The times of the points go back, or a value is beyond the range of floats."""


def chart_points(storage: Storage, session_id: str, max_points: int) -> list[EquityPoint]:
    """At most `max_points` of the equity points of a session; see `downsample`.

    Raises:
        CorruptRecordError: a point is missing, or one that is returned was changed.
        ValueError: `max_points` is below 4.
    """
    columns = columns_in(max_points)
    storage.require_sound()
    with storage.snapshot():
        curve = _Curve(storage, session_id)
        last = curve.last_place()
        if last <= max_points:
            return list(history.read_points(storage, session_id))
        try:
            places = curve.chosen(columns, last)
        except _OutOfOrderError:
            found = downsample_stream(
                bulk_points(storage, session_id), max_points, start=curve.at(1), end=curve.at(last)
            )
            places = {cast("Point", each).place for each in found}
        return curve.points(sorted(places))


def bulk_points(storage: Storage, session_id: str) -> Iterator[Any]:
    """The equity points one by one, each a `Point`: unchanged since they were written, so no entity checks them."""
    for rows in history.unchanged_points(storage, session_id):
        try:
            points = _points(rows)
        except (ValueError, ArithmeticError):
            points = [_point_or_error(session_id, row) for row in rows]
        yield from points


def _points(rows: list[tuple[Any, ...]]) -> list[Point]:
    moment = datetime.fromisoformat
    return [
        Point(moment(at), None if cash is None else Decimal(cash), Decimal(equity), place)
        for _, place, at, cash, equity, _ in rows
    ]


def _point_or_error(session_id: str, row: tuple[Any, ...]) -> Point:
    try:
        return _points([row])[0]
    except (ValueError, ArithmeticError) as error:
        raise history_rows.corrupt(session_id, f"equity point {row[1]}: {error}") from error


class _Curve:
    """The equity curve of one session, read with as few rows as possible."""

    def __init__(self, storage: Storage, session_id: str) -> None:
        self._storage = storage
        self._id = session_id
        self._table = storage.statements.tables.equity
        self._statements = CurveStatements(self._table, storage.keeps_text)

    def last_place(self) -> int:
        """How many points there are."""
        first, last, count = self._ask(self._statements.extent)[0]
        if count and (first != 1 or last != count):
            raise history_rows.corrupt(self._id, history.INCOMPLETE)
        return int(count)

    def at(self, place: int) -> datetime:
        """The time of the point at this place."""
        return self._moment(self._ask(self._statements.time, place=place)[0][0])

    def chosen(self, columns: int, last: int) -> set[int]:
        """The places of the four points of each of these columns."""
        start, end = self.at(1), self.at(last)
        if end <= start:
            raise _OutOfOrderError
        places: set[int] = set()
        first = 1
        for column in range(columns):
            column_of = partial(place_in_time, start=start, end=end, columns=columns)
            following = bisect_right(range(last + 1), column, lo=first, key=lambda place: column_of(self.at(place)))
            if following > first:
                places |= {first, following - 1, *self._lowest_and_highest(first, following - 1, column, column_of)}
            first = following
        return places

    def _lowest_and_highest(
        self, first: int, last: int, column: int, column_of: Callable[[datetime], int]
    ) -> tuple[int, int]:
        """The places of the lowest and of the highest point, or of the first of several."""
        lowest: tuple[int, Decimal] | None = None
        highest: tuple[int, Decimal] | None = None
        for begin in range(first, last + 1, LARGEST_RANGE):
            extent = {"first": begin, "last": min(begin + LARGEST_RANGE - 1, last)}
            earliest, latest, low, high = self._ask(self._statements.range, **extent)[0]
            if {column_of(self._moment(earliest)), column_of(self._moment(latest))} != {column}:
                raise _OutOfOrderError
            rows = self._ask(self._statements.extremes, **extent, low=_about(low, 1), high=_about(high, -1))
            found = [(place, self._amount(place, text)) for place, text in rows]
            lower, higher = min(found, key=itemgetter(1)), max(found, key=itemgetter(1))
            lowest = lower if lowest is None or lower[1] < lowest[1] else lowest
            highest = higher if highest is None or higher[1] > highest[1] else highest
        assert lowest is not None
        assert highest is not None
        return lowest[0], highest[0]

    def points(self, places: list[int]) -> list[EquityPoint]:
        """The points at these places, each compared with its checksum."""
        table, found = self._table, []
        for begin in range(0, len(places), _AT_ONCE):
            query = queries.select_history(table, self._id, self._storage.statements.equity_columns)
            query = query.where(table.sequence.in_(places[begin : begin + _AT_ONCE]))
            found += [history_rows.point(self._storage, row) for row in self._storage.fetch_all(query)]
        return found

    def _ask(self, statement: Statement, **values: Any) -> list[tuple[Any, ...]]:
        return self._storage.fetch_rows(statement, {"session_id": self._id, **values})

    def _moment(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except (TypeError, ValueError) as error:
            raise history_rows.corrupt(self._id, f"the time of an equity point: {error}") from error

    def _amount(self, place: int, text: str) -> Decimal:
        try:
            return Decimal(text)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise history_rows.corrupt(self._id, f"equity point {place}: {text!r} is no amount") from error


def _about(number: Any, direction: int) -> Any:
    """The number, moved by as much as the database may have rounded it; exact numbers stay as they are."""
    if not isinstance(number, float):
        return number
    if not math.isfinite(number):
        raise _OutOfOrderError
    return number + direction * abs(number) * _ROUNDING
