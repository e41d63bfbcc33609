"""Lines drawn with characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo.cli.chart import draw


def test_a_rising_line() -> None:
    """It goes from the lower left to the upper right, two dots a column and four a row."""
    line = draw([0, 1, 2, 3], [0, 1, 2, 3], 4, 2)

    upper, lower = line.rows
    assert upper[0] == lower[-1] == " "
    assert upper[-1] != " "
    assert lower[0] != " "


def test_one_dot_a_cell_where_there_is_no_braille() -> None:
    """Asterisks draw the same line more coarsely."""
    assert draw([0, 1, 2, 3], [0, 1, 2, 3], 4, 4, ascii_only=True).rows == ["   *", "  * ", " *  ", "*   "]


def test_braille_dots_are_where_they_belong() -> None:
    """A single cell: two points, at the top left and the bottom right, and what joins them."""
    assert draw([0, 1], [1, 0], 1, 1).rows == [chr(0x2800 + 0x01 + 0x02 + 0x20 + 0x80)]


def test_a_flat_line_lies_in_the_middle() -> None:
    """Equal values are no reason to divide by zero."""
    assert draw([0, 1, 2], [5, 5, 5], 3, 3, ascii_only=True).rows == ["   ", "***", "   "]


def test_a_single_point_is_drawn() -> None:
    """It stands at the left."""
    assert draw([7], [3], 3, 1, ascii_only=True).rows == ["*  "]


def test_a_jump_is_joined() -> None:
    """No row between two neighbours stays empty."""
    rows = draw([0, 1], [0, 100], 2, 10, ascii_only=True).rows

    assert all("*" in row for row in rows)


def test_a_line_needs_a_point() -> None:
    """Nothing cannot be drawn."""
    with pytest.raises(ValueError, match="needs at least one point"):
        draw([], [], 10, 10)


def test_the_row_of_a_value() -> None:
    """The highest value lies in the first row, the lowest in the last."""
    line = draw([0, 1], [10, 20], 5, 4)

    assert (line.row_of(20), line.row_of(15), line.row_of(10)) == (0, 2, 3)


@given(
    st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=50),
    st.integers(1, 40),
    st.integers(1, 12),
    st.booleans(),
)
def test_every_line_fills_its_frame(ys: list[float], width: int, height: int, ascii_only: bool) -> None:
    """It has the size asked for, and reaches the first and the last row unless it is flat."""
    line = draw([float(x) for x in range(len(ys))], ys, width, height, ascii_only=ascii_only)

    assert [len(row) for row in line.rows] == [width] * height
    if min(ys) < max(ys):
        assert line.rows[0].strip()
        assert line.rows[-1].strip()
