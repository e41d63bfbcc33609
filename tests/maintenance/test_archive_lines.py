"""The lines of an archive that are put together from texts: the same bytes as from the data of the entities."""

from __future__ import annotations

from hypothesis import given

from paper_repo.domain import EquityPoint, Fill, PaperTradingSession
from paper_repo.maintenance import archive_lines as lines
from paper_repo.serialization import fast, schemas
from tests import strategies


@given(strategies.sessions())
def test_a_session(session: PaperTradingSession) -> None:
    """It is written from its columns as from its data, whatever it holds."""
    expected = lines.line({"type": "session", **schemas.dump(session)})
    assert lines.session_line(fast.to_columns(session)) == expected


@given(strategies.fills())
def test_a_fill(fill: Fill) -> None:
    """Plain or with all that a fill can say."""
    expected = lines.line({"type": "fill", "sequence": 7, **schemas.dump(fill)})
    assert lines.fill_line(7, fast.dump(fill)) == expected


@given(strategies.equity_points())
def test_an_equity_point(point: EquityPoint) -> None:
    """With its cash, or without."""
    expected = lines.line({"type": "equity", **schemas.dump(point)})
    assert lines.point_line(**fast.dump(point)) == expected
