"""Closed trades: one for each position, however many slices it was filled in."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from paper_repo.domain import Fill, PaperTradingSession, Position, Side, Strategy
from paper_repo.domain.round_trips import round_trips
from paper_repo.domain.trades import Trade, trades
from paper_repo.domain.values import EXACT
from tests.domain.test_round_trips import START, buy, closed, histories, sell, total


class TestGrouping:
    """What is one trade."""

    def test_nothing(self):
        """Without fills, and while a position is open, there is no trade."""
        assert trades([]) == []
        assert trades([buy(2, 10), sell(1, 11)]) == []

    def test_one_in_one_out(self):
        """A purchase and its sale are one trade of one slice."""
        history = [buy(10, "100.10", "0.25", minute=1), sell(10, "101.30", "0.50", minute=5)]

        (trade,) = trades(history)

        assert trade == Trade(
            symbol="AAPL",
            side=Side.BUY,
            quantity=Decimal(10),
            entry_price=Decimal("100.10"),
            exit_price=Decimal("101.30"),
            entry_at=START + timedelta(minutes=1),
            exit_at=START + timedelta(minutes=5),
            pnl=Decimal("12.00"),
            fees=Decimal("0.75"),
            slices=tuple(round_trips(history)),
        )
        assert (trade.net_pnl, trade.duration) == (Decimal("11.25"), timedelta(minutes=4))

    def test_entry_in_slices(self):
        """An entry that was filled in fifty slices is one trade, at the average price."""
        history = [*(buy(1, 100 + each, "0.01", minute=each) for each in range(50)), sell(50, 130, 1, minute=99)]

        (trade,) = trades(history)

        assert (trade.quantity, trade.entry_price, trade.exit_price) == (50, Decimal("124.5"), 130)
        assert (trade.pnl, trade.fees, trade.net_pnl) == (275, Decimal("1.5"), Decimal("273.5"))
        assert (trade.entry_at, trade.exit_at) == (START, START + timedelta(minutes=99))
        assert trade.slices == tuple(round_trips(history))
        assert len(trade.slices) == 50

    def test_added_and_taken_away(self):
        """What is added and taken away while the position is open belongs to its trade."""
        history = [sell(10, 50), sell(5, 53), buy(3, 48), sell(3, 52), buy(15, 49)]

        (trade,) = trades(history)

        assert (trade.side, trade.quantity) == (Side.SELL, 18)
        assert trade.entry_price == Decimal("51.16666666666666666666666667")
        assert trade.pnl == total(each.pnl for each in round_trips(history)) == 42

    def test_from_the_first_to_the_last(self):
        """A trade lasts from its first slice in to its last one out."""
        (trade,) = trades([buy(2, 10, minute=1), sell(1, 11, minute=4), buy(1, 10, minute=5), sell(2, 12, minute=9)])

        assert (trade.entry_at, trade.exit_at) == (START + timedelta(minutes=1), START + timedelta(minutes=9))

    def test_every_digit_of_one_slice(self):
        """A trade of one slice has the very prices of its fills, however many digits they have."""
        price = "1." + "123456789" * 5

        (trade,) = trades([buy(1, price), sell(1, price)])

        assert trade.entry_price == trade.exit_price == Decimal(price)

    def test_turned(self):
        """A fill that turns the position ends one trade and begins the next; its fee is shared."""
        first, second = trades([buy(10, 100), sell(15, 110, 3), buy(5, 105)])

        assert (first.side, first.quantity, first.pnl, first.fees) == (Side.BUY, 10, 100, 2)
        assert (second.side, second.quantity, second.pnl, second.fees) == (Side.SELL, 5, 25, 1)

    def test_symbols_apart(self):
        """Each symbol has its own trades, which come in the order of their closing."""
        history = [buy(1, 10, symbol="A"), buy(1, 20, symbol="B"), sell(1, 21, symbol="B"), sell(1, 11, symbol="A")]

        assert [each.symbol for each in trades(iter(history))] == ["B", "A"]


def holding(*held):
    """A session that held these positions when it began."""
    positions = {each.id: each for each in held}
    return PaperTradingSession(strategy=Strategy("any"), initial_cash=0, opening_positions=positions)


class TestOpeningPositions:
    """What was held before the first fill."""

    @pytest.mark.parametrize(("quantity", "basis", "way"), [(4, 400, sell), (-4, -400, buy)])
    def test_known(self, quantity, basis, way):
        """A position that was held is closed by what would have opened one, at its average price and time."""
        held = holding(Position("AAPL", quantity, basis, 105, START - timedelta(days=3)))

        (trade,) = trades([way(4, 110, 1), buy(7, 100)], held)

        assert (trade.side, trade.quantity, trade.entry_price) == (Side.BUY if basis > 0 else Side.SELL, 4, 100)
        assert trade.entry_at == START - timedelta(days=3)
        assert (trade.pnl, trade.fees) == (40 if basis > 0 else -40, 1)
        assert round_trips([way(4, 110, 1), buy(7, 100)], held) == list(trade.slices)

    def test_first_out(self):
        """It was there first, so it is sold first."""
        held = holding(Position("AAPL", 1, 90, 90, START))

        found = round_trips([buy(1, 100), sell(1, 110), sell(1, 120)], held)

        assert [each.pnl for each in found] == [20, 20]
        assert len(trades([buy(1, 100), sell(1, 110), sell(1, 120)], held)) == 1

    def test_average_without_an_end(self):
        """An average price that has no end is taken to 28 digits."""
        held = holding(Position("AAPL", 3, 100, 90, START))

        (trade,) = trades([sell(3, 40)], held)

        assert trade.entry_price == Decimal("33." + 26 * "3")
        assert trade.pnl == 20


class TestExactness:
    """Trades and their slices tell the same."""

    @given(history=histories)
    def test_every_slice_is_in_one_trade(self, history):
        """When all is closed, the slices of the trades are the round trips, and the amounts are their sums."""
        history = closed(history)

        found = trades(history)

        slices = [each for trade in found for each in trade.slices]
        assert sorted(slices, key=repr) == sorted(round_trips(history), key=repr)
        assert total(each.pnl for each in found) == total(each.pnl for each in slices)
        assert total(each.fees for each in found) == total(each.fee for each in history)
        for trade in found:
            assert {(each.symbol, each.side) for each in trade.slices} == {(trade.symbol, trade.side)}
            assert trade.quantity == total(each.quantity for each in trade.slices)

    @given(history=histories)
    def test_from_flat_to_flat(self, history):
        """There are as many trades as times that a position became nothing or changed its side."""
        held: dict[str, Decimal] = {}
        ends = 0
        for each in history:
            before = held.get(each.symbol, Decimal(0))
            held[each.symbol] = after = EXACT.add(before, each.signed_quantity)
            ends += bool(before) and (not after or (before > 0) != (after > 0))

        assert len(trades(history)) == ends

    def test_largest_and_smallest(self):
        """Amounts at the edges of what can be kept are matched without an error."""
        small, large = Decimal("1E-1000"), Decimal("1E+1000")

        (trade,) = trades([Fill("1", "A", Side.BUY, large, small), Fill("2", "A", Side.SELL, large, large)])

        assert trade.pnl == EXACT.subtract(EXACT.multiply(large, large), 1)
