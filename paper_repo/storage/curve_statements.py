"""What a database is asked about an equity curve to choose the points of a chart."""

from __future__ import annotations

from typing import Any

from peewee import SQL, fn

from paper_repo.storage.placeholders import value
from paper_repo.storage.statements import Statement


class CurveStatements:
    """The statements for the curve of one session.

    Args:
        table: of the equity points.
        keeps_text: whether its amounts are text; otherwise they are numbers already.
    """

    def __init__(self, table: Any, keeps_text: bool) -> None:
        number = table.equity.cast("REAL") if keeps_text else table.equity
        mine = table.session == value("session_id")
        between = mine & (table.sequence >= value("first")) & (table.sequence <= value("last"))
        self.extent: Statement = Statement(
            table.select(fn.MIN(table.sequence), fn.MAX(table.sequence), fn.COUNT(SQL("*"))).where(mine)
        )
        """The first and the last place, and how many there are."""
        self.time: Statement = Statement(table.select(table.at).where(mine, table.sequence == value("place")))
        """The time of the point at a place."""
        self.range: Statement = Statement(
            table.select(fn.MIN(table.at), fn.MAX(table.at), fn.MIN(number), fn.MAX(number)).where(between)
        )
        """Between which times and values the points from a first to a last place are."""
        self.extremes: Statement = Statement(
            table.select(table.sequence, table.equity)
            .where(between, (number <= value("low")) | (number >= value("high")))
            .order_by(table.sequence)
        )
        """Those of these points that are not above `low`, or not below `high`."""
