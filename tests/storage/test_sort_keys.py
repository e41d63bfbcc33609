"""Decimals as text that sorts as the numbers do."""

from __future__ import annotations

import decimal
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paper_repo.storage.sort_keys import sort_key
from tests.strategies import amounts, hostile_contexts

close_together = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple),
    st.integers(-3, 3),
)
any_amount = close_together | amounts(exponents=900)


@example(Decimal(9), Decimal(10))
@example(Decimal(-9), Decimal(-10))
@example(Decimal(-1), Decimal("-1.5"))
@example(Decimal("0.1"), Decimal("0.09"))
@example(Decimal("-0"), Decimal("1E-1000"))
@example(Decimal("1E+1000"), Decimal("9.99E+999"))
@given(any_amount, any_amount)
def test_texts_compare_as_the_numbers_do(one, other):
    """For any two numbers the texts stand in the order of the numbers, and are equal for equal ones."""
    keys = sort_key(one), sort_key(other)

    assert (keys[0] < keys[1], keys[0] == keys[1]) == (one < other, one == other)


@given(any_amount, st.integers(0, 20), hostile_contexts())
def test_equal_numbers_have_equal_texts(number, zeros, context):
    """How a number is written, and the caller's decimal context, make no difference."""
    sign, digits, exponent = number.as_tuple()
    longer = Decimal((sign, digits + (0,) * zeros, exponent - zeros))

    with decimal.localcontext(context):
        keys = sort_key(number), sort_key(longer)

    assert keys[0] == keys[1] == sort_key(number)


@pytest.mark.parametrize("zero", ["0", "-0", "0.000", "0E+999", "-0E-999"])
def test_there_is_one_zero(zero):
    """All zeros are one number, between the negative and the positive ones."""
    assert sort_key(Decimal("-1E-1000")) < sort_key(Decimal(zero)) < sort_key(Decimal("1E-1000"))
    assert sort_key(Decimal(zero)) == sort_key(Decimal(0))


@given(st.lists(any_amount, max_size=20))
def test_sqlite_sorts_them_alike(numbers):
    """SQLite's own comparison of the texts gives the order of the numbers."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (place, key TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(i, sort_key(each)) for i, each in enumerate(numbers)])
        found = [numbers[place] for (place,) in connection.execute("SELECT place FROM t ORDER BY key")]

    assert found == sorted(numbers)
