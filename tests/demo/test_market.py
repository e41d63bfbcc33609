"""The demo's prices."""

from datetime import UTC, date, datetime
from decimal import Decimal

from paper_repo.demo.market import Bar, symbols, trading_days


def test_a_year_of_days_comes_oldest_first_with_a_bar_for_every_symbol() -> None:
    """Every day of the packaged data has the four symbols, and days never go back."""
    days = trading_days()

    assert len(days) == 251
    assert (days[0].date, days[-1].date) == (date(2012, 3, 1), date(2013, 3, 1))
    assert [day.date for day in days] == sorted({day.date for day in days})
    assert {tuple(day.bars) for day in days} == {("AAPL", "GOOG", "IBM", "MSFT")}
    assert symbols() == ("AAPL", "GOOG", "IBM", "MSFT")


def test_prices_are_the_exact_decimals_of_the_file() -> None:
    """A bar holds what the file says, digit by digit."""
    first = trading_days()[0]

    expected = Bar(Decimal("548.17"), Decimal("548.21"), Decimal("538.77"), Decimal("544.47"), 24402500)
    assert first.bars["AAPL"] == expected
    assert first.closes["AAPL"] == Decimal("544.47")


def test_every_bar_is_possible() -> None:
    """The high is the highest of a day's prices and the low the lowest."""
    for day in trading_days():
        for bar in day.bars.values():
            assert bar.low <= min(bar.open, bar.close)
            assert bar.high >= max(bar.open, bar.close)
            assert bar.volume > 0


def test_a_day_opens_and_closes_in_utc() -> None:
    """Times of a day are aware."""
    first = trading_days()[0]

    assert first.opens_at == datetime(2012, 3, 1, 14, 30, tzinfo=UTC)
    assert first.closes_at == datetime(2012, 3, 1, 21, 0, tzinfo=UTC)
