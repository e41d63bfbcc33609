"""How amounts, times and names are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from paper_repo.cli import formatting
from paper_repo.cli.zones import UTC_ZONE
from tests.strategies import amounts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1234567.891", "1,234,567.89"),
        ("-0.5", "-0.50"),
        ("0", "0.00"),
        ("-0.001", "0.00"),
        ("1E+3", "1,000.00"),
        ("1E+30", "1.000000E+30"),
        ("-12E-40", "-1.200000E-39"),
        ("0E-40", "0"),
    ],
)
def test_money_is_shown_to_the_cent(amount: str, shown: str) -> None:
    """With thousands separators; what would fill the screen is shown by its exponent, and zero never has a sign."""
    assert formatting.money(Decimal(amount)) == shown


@pytest.mark.parametrize(("amount", "shown"), [("12", "+12.00"), ("-12", "-12.00"), ("0", "0.00"), ("0.001", "0.00")])
def test_a_gain_has_a_sign_as_a_loss_has(amount: str, shown: str) -> None:
    """So they can be told apart without colours."""
    assert formatting.signed(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amounts_shown", "places"),
    [
        (["10000", "-123.4567", "0"], 2),
        (["10000", "0.05"], 2),
        (["10000", "0.00001234"], 8),
        (["10000", "0.001"], 3),
        (["10000", "4E-17"], 2),
        (["1", "1.00123456", "0.00001234"], 8),
        (["0.5", "0.55"], 2),
        (["100", "100.12345"], 2),
        (["99", "99.123450"], 5),
        (["1E-20"], 2),
        (["0"], 2),
        ([], 2),
    ],
)
def test_money_has_as_many_places_as_hide_nothing(amounts_shown: list[str], places: int) -> None:
    """Two for most accounts; all up to eight for what would be shown as nothing, and for small accounts such as BTC."""
    assert formatting.places_of(*map(Decimal, amounts_shown), None) == places


@pytest.mark.parametrize("number", [None, float("inf"), -float("inf"), float("nan")])
def test_what_is_no_figure_is_unknown(number: float | None) -> None:
    """A ratio of amounts that no float holds, too."""
    assert formatting.percent(number) == formatting.ratio(number) == formatting.UNKNOWN


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("544.4700", "544.47"), ("10", "10.00"), ("0.00001234", "0.00001234"), ("1.123456789", "1.12345679")],
)
def test_a_price_keeps_its_digits(amount: str, shown: str) -> None:
    """Two places at least, eight at most, and no zeros behind them."""
    assert formatting.price(Decimal(amount)) == shown


@pytest.mark.parametrize(("amount", "shown"), [("1000.0", "1,000"), ("-0.5", "-0.5"), ("0.00000001", "0.00000001")])
def test_a_quantity_keeps_its_digits(amount: str, shown: str) -> None:
    """Whole ones are shown whole."""
    assert formatting.quantity(Decimal(amount)) == shown


def test_an_average_has_two_places_more_than_the_price() -> None:
    """It is as fine as makes sense, up to eight places."""
    assert formatting.average(Decimal(2) / 3, Decimal("1.25")) == "0.6667"
    assert formatting.average(Decimal(2) / 3, Decimal("0.00001234")) == "0.66666667"


@pytest.mark.parametrize(
    ("fraction", "shown"), [(0.1163, "+11.63 %"), (-0.05, "-5.00 %"), (0.0, "0.00 %"), (-0.0, "0.00 %"), (None, "–")]
)
def test_a_fraction_is_shown_as_a_percentage(fraction: float | None, shown: str) -> None:
    """With its sign; what is unknown is a dash."""
    assert formatting.percent(fraction) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(minutes=61), "1 h ago"),
        (timedelta(hours=47), "1 d ago"),
        (timedelta(days=30), "30 d ago"),
        (timedelta(days=31), "2026-01-29"),
    ],
)
def test_how_long_ago_is_told_in_one_unit(passed: timedelta, shown: str) -> None:
    """After a month it is the day."""
    assert formatting.ago(NOW - passed, NOW) == shown


def test_what_is_not_there_is_a_dash() -> None:
    """Times, prices and ratios that are unknown look alike."""
    found = {
        formatting.ago(None, NOW),
        formatting.moment(None, UTC_ZONE),
        formatting.stamp(None, UTC_ZONE),
        formatting.day(None, UTC_ZONE),
        formatting.price(None),
        formatting.ratio(None),
    }

    assert found == {"–"}


@pytest.mark.parametrize(("number", "shown"), [(1, "1 fill"), (0, "0 fills"), (1234, "1,234 fills")])
def test_things_are_counted(number: int, shown: str) -> None:
    """One thing is singular."""
    assert formatting.count(number, "fill") == shown


@given(amounts(exponents=1000))
def test_every_amount_can_be_shown(amount: Decimal) -> None:
    """Whatever a session can hold has a short text."""
    for shown in (
        formatting.money(amount),
        formatting.signed(amount),
        formatting.price(amount),
        formatting.quantity(amount),
    ):
        assert 0 < len(shown) < 50


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (timedelta(0), "0 s"),
        (timedelta(milliseconds=40), "0 s"),
        (timedelta(milliseconds=400), "0.4 s"),
        (timedelta(seconds=-2), "-2 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=12, seconds=5), "12 min"),
        (timedelta(hours=5, minutes=20), "5 h 20 min"),
        (timedelta(hours=15, minutes=20), "15 h"),
        (timedelta(days=4, hours=6), "4 d 6 h"),
        (timedelta(days=-1234), "-1,234 d"),
    ],
)
def test_a_length_of_time_has_one_unit_or_two(length: timedelta, shown: str) -> None:
    """As much as one wants to know of it."""
    assert formatting.span(length) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("192.34978664", "192.3498"), ("665.605", "665.605"), ("12", "12.00"), ("0.0000123456", "0.00001235")],
)
def test_an_average_price_is_rounded_further_the_larger_it_is(amount: str, shown: str) -> None:
    """Four places, and eight below one."""
    assert formatting.average_price(Decimal(amount)) == shown
