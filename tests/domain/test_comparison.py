"""Two sessions compared fill by fill."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import Comparison, Fill, Instrument, PaperTradingSession, Strategy, compare
from tests.builders import START, moment, new_session

MINUTE = timedelta(minutes=1)


def fill(number: int, at: float, quantity: str | int = 1, price: str | int = 100, **changes: object) -> Fill:
    """A fill so many seconds after the start."""
    given = {"symbol": "IBM", "side": "BUY", "fee": 0} | changes
    return Fill(f"f-{number}", quantity=quantity, price=price, executed_at=START + timedelta(seconds=at), **given)  # type: ignore[arg-type]


def compared(expected: Sequence[Fill], actual: Sequence[Fill], within: timedelta = MINUTE) -> Comparison:
    """The comparison of two plain sessions with these fills."""
    return compare(new_session(id="a"), new_session(id="b"), expected, actual, within=within)


def matched(found: Comparison) -> list[tuple[str, str, Decimal]]:
    """What belongs together."""
    return [(each.expected.id, each.actual.id, each.quantity) for each in found.matched]


class TestMatching:
    """Which fill belongs to which."""

    def test_the_same_history_agrees_with_itself(self) -> None:
        """Nothing is missed, extra or different."""
        fills = [fill(1, 0), fill(2, 30, side="SELL", price=101), fill(3, 60)]

        found = compared(fills, fills)

        assert found.agrees
        assert matched(found) == [("f-1", "f-1", 1), ("f-2", "f-2", 1), ("f-3", "f-3", 1)]
        assert (found.first_divergence, found.first_difference_of_price, found.slippage) == (None, None, 0)

    def test_the_nearest_in_time_belong_together(self) -> None:
        """A missed fill does not shift all that follow it."""
        found = compared([fill(1, 0), fill(2, 60), fill(3, 120)], [fill(12, 60.5), fill(13, 120.5)])

        assert matched(found) == [("f-2", "f-12", 1), ("f-3", "f-13", 1)]
        assert [each.fill.id for each in found.missed] == ["f-1"]
        assert found.first_divergence == found.missed[0]

    def test_slices_of_a_broker_belong_to_the_one_fill_of_a_backtest(self) -> None:
        """Each for its own quantity; what is not filled is missed."""
        found = compared(
            [fill(1, 0, quantity=100)],
            [fill(11, 1, quantity=30), fill(12, 2, quantity=30), fill(13, 3, quantity="39.5")],
        )

        assert [each.quantity for each in found.matched] == [30, 30, Decimal("39.5")]
        assert [(each.fill.id, each.quantity) for each in found.missed] == [("f-1", Decimal("0.5"))]

    @pytest.mark.parametrize("changes", [{"symbol": "AAPL"}, {"side": "SELL"}])
    def test_another_symbol_or_side_is_another_fill(self, changes: dict[str, str]) -> None:
        """One is missed, the other extra."""
        found = compared([fill(1, 0)], [fill(2, 0, **changes)])

        assert (len(found.matched), len(found.missed), len(found.extra)) == (0, 1, 1)

    def test_too_far_apart_is_not_the_same(self) -> None:
        """The limit itself still is."""
        assert len(compared([fill(1, 0)], [fill(2, 60)]).matched) == 1
        assert len(compared([fill(1, 0)], [fill(2, 60.000001)]).matched) == 0

    def test_a_corrected_fill_does_not_count(self) -> None:
        """What replaces it does."""
        old = fill(1, 0, corrected_at=moment(9))
        new = fill(2, 0, price=99, replaces="f-1")

        assert matched(compared([old, new], [fill(3, 0)])) == [("f-2", "f-3", 1)]

    def test_times_choose_what_is_compared(self) -> None:
        """From the first on, before the second."""
        fills = [fill(number, 60 * number) for number in range(4)]

        found = compare(new_session(), new_session(), fills, fills, since=moment(1), until=moment(3))

        assert (found.expected_fills, found.actual_fills, len(found.matched)) == (2, 2, 2)

    def test_a_limit_below_zero_is_refused(self) -> None:
        """It makes no sense."""
        with pytest.raises(ValueError, match="below zero"):
            compared([], [], within=-MINUTE)


class TestFigures:
    """What the differences cost."""

    def test_slippage_is_what_a_worse_price_costs(self) -> None:
        """A dearer purchase and a cheaper sale cost; the others gain."""
        bought = compared([fill(1, 0, 10, "100.00")], [fill(2, 1, 10, "100.05")])
        sold = compared([fill(1, 0, 10, 100, side="SELL")], [fill(2, -1, 10, 101, side="SELL")])

        assert (bought.matched[0].slippage, bought.slippage) == (Decimal("0.05"), Decimal("0.50"))
        assert (sold.matched[0].slippage, sold.slippage) == (-1, -10)
        assert [each.matched[0].delay.total_seconds() for each in (bought, sold)] == [1, -1]
        assert bought.first_difference_of_price == bought.matched[0]

    def test_multipliers_rates_and_fees_count_in_the_base_currency(self) -> None:
        """Of the second session; a fee in the coin counts at the price of its fill."""
        account = {
            "strategy": Strategy("x"),
            "initial_cash": 100_000,
            "instruments": {"FDAX": Instrument("FDAX", currency="EUR", multiplier=25, settlement="MARGIN")},
            "rates": {"EUR": "1.10"},
        }
        first, second = PaperTradingSession(**account), PaperTradingSession(**account)  # type: ignore[arg-type]
        first.apply_fill(fill(1, 0, 2, 16000, symbol="FDAX", fee=4))
        second.apply_fill(fill(2, 0, 2, 16002, symbol="FDAX", fee=5))
        second.apply_fill(fill(3, 0, 1, 50, symbol="ETH/USD", fee="0.01", fee_currency="ETH"))

        found = compare(first, second, first.new_fills, second.new_fills)

        assert found.slippage == Decimal(2) * 2 * 25 * Decimal("1.10")
        assert found.expected_fees == Decimal("4.40")
        assert found.actual_fees == Decimal("5.50") + Decimal("0.50")
        assert (found.expected_pnl, found.actual_pnl) == (first.net_pnl, second.net_pnl)


TIMES = st.lists(st.integers(0, 500), unique=True, max_size=24)


def test_several_fills_of_one_moment_are_those_of_the_other_session() -> None:
    """A session is equal to itself, also where an order was filled in parts at several prices at once."""
    at, kinds = START, [("1", 3, 100), ("2", 5, 101), ("3", 3, 101), ("4", 5, 100)]
    fills = [Fill(name, "A", "BUY", quantity, price=price, executed_at=at) for name, quantity, price in kinds]
    others = [Fill(f"b{name}", "A", "BUY", quantity, price=price, executed_at=at) for name, quantity, price in kinds]

    for second in (fills, list(reversed(fills)), others, list(reversed(others))):
        found = compared(fills, second, timedelta(0))

        assert [each.cost for each in found.matched] == [0, 0, 0, 0]
        assert (found.missed, found.extra) == ((), ())


def test_two_purchases_of_one_moment_are_each_their_own() -> None:
    """At other prices and of other quantities, so that no part of the one is taken for the other."""
    fills = [
        Fill("1", "IBM", "BUY", 5, 100, executed_at=START),
        Fill("2", "IBM", "BUY", 6, 101, executed_at=START),
    ]

    found = compared(fills, fills)

    assert found.agrees
    assert matched(found) == [("1", "1", 5), ("2", "2", 6)]


@given(times=TIMES, seed=st.integers(0, 2**32), within=st.integers(0, 600))
def test_matching_is_that_of_all_pairs_taken_closest_first(times: list[int], seed: int, within: int) -> None:
    """As one would do it by hand, and every quantity is somewhere once."""
    chance = random.Random(seed)
    sides: tuple[list[Fill], list[Fill]] = ([], [])
    for number, at in enumerate(times):
        sides[chance.random() < 0.5].append(fill(number, at, chance.randint(1, 5)))
    first, second = sides

    found = compared(first, second, timedelta(seconds=within))

    assert sorted(matched(found)) == sorted(by_hand(first, second, within))
    quantity = sum(each.quantity for each in found.matched)
    assert quantity + sum(each.quantity for each in found.missed) == sum(each.quantity for each in first)
    assert quantity + sum(each.quantity for each in found.extra) == sum(each.quantity for each in second)
    turned = compared(second, first, timedelta(seconds=within))
    assert [each.quantity for each in turned.missed] == [each.quantity for each in found.extra]
    assert turned.slippage == -found.slippage


def by_hand(first: list[Fill], second: list[Fill], within: int) -> list[tuple[str, str, Decimal]]:
    """All pairs in the order of their distance, the earlier first, each for what both have left."""
    left = {each.id: each.quantity for each in [*first, *second]}
    pairs = sorted(
        ((a, b) for a in first for b in second),
        key=lambda pair: (abs(pair[0].executed_at - pair[1].executed_at), min(each.executed_at for each in pair)),
    )
    found = []
    for a, b in pairs:
        quantity = min(left[a.id], left[b.id])
        if quantity and abs((a.executed_at - b.executed_at).total_seconds()) <= within:
            left[a.id] -= quantity
            left[b.id] -= quantity
            found.append((a.id, b.id, quantity))
    return found
