"""What counts as an amount, a time and a text."""

from __future__ import annotations

import decimal
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_repo import InvalidSessionError, Side
from paper_repo.domain import values
from paper_repo.domain.secrecy import shown
from tests.strategies import amounts, hostile_contexts, instants, texts

NEW_YORK = timezone(timedelta(hours=-5))


def refused(check, value):
    """The messages by path with which `check` refuses `value`."""
    with pytest.raises(InvalidSessionError) as refusal:
        check(value, "here")
    return refusal.value.messages


class TestAmount:
    """Amounts: exact, finite decimals."""

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            (Decimal("1.50"), "1.50"),
            (7, "7"),
            (-(10**40), "-1" + 40 * "0"),
            ("1234.5678", "1234.5678"),
            (" 1e-8 ", "1E-8"),
            (0.1, "0.1"),
            (1e22, "1E+22"),
            (-2.5, "-2.5"),
        ],
    )
    def test_every_kind_of_number_is_kept_exactly(self, given, kept):
        """Decimals, whole numbers, texts and floats become decimals, a float by its shortest decimal form."""
        number = values.amount(given, "here")

        assert type(number) is Decimal
        assert str(number) == kept

    @given(amounts())
    def test_a_decimal_is_kept_with_all_its_places(self, number):
        """What is a decimal already stays the very same one."""
        assert values.amount(number, "here") is number

    @given(st.floats(allow_nan=False, allow_infinity=False), hostile_contexts())
    def test_a_float_comes_back_from_its_amount(self, number, context):
        """The shortest decimal form of a float is the float again, in any decimal context of the caller."""
        with decimal.localcontext(context):
            kept = values.amount(number, "here")

        assert float(kept) == number

    @given(amounts(), hostile_contexts())
    def test_text_is_not_rounded_by_the_callers_context(self, number, context):
        """All 40 digits of a text are kept, whatever the caller's decimal context."""
        text = str(number)

        with decimal.localcontext(context):
            kept = values.amount(text, "here")

        assert kept.as_tuple() == number.as_tuple()

    def test_a_subclass_becomes_a_plain_decimal(self):
        """A Decimal of another class, which might behave in its own way, is not kept as such."""

        class Money(Decimal):
            pass

        assert type(values.amount(Money("1.5"), "here")) is Decimal

    @pytest.mark.parametrize("number", [True, False])
    def test_bool_is_refused(self, number):
        """True is not an amount, although Python counts with it."""
        assert refused(values.amount, number) == {"here": [f"{number} is not an amount."]}

    @pytest.mark.parametrize(
        "number",
        [
            float("nan"),
            float("inf"),
            float("-inf"),
            "NaN",
            "Infinity",
            Decimal("sNaN"),
            Decimal("-Infinity"),
            Decimal("NaN123"),
        ],
    )
    def test_what_is_not_finite_is_refused(self, number):
        """NaN and the infinities are no amounts, as numbers and as texts."""
        assert "only finite numbers are" in refused(values.amount, number)["here"][0]

    @pytest.mark.parametrize("text", ["", "ten", "1,5", "0x10", "1.2.3", "١e", "\ud800", "1" * 5 + "\0", "1_000", "١"])
    def test_text_that_is_no_number_is_refused(self, text):
        """The message shows how to write an amount, whatever traps the caller's decimal context sets."""
        with decimal.localcontext(decimal.Context(traps=[])):
            lenient = refused(values.amount, text)
        strict = refused(values.amount, text)

        assert "is not an amount" in lenient["here"][0]
        assert "write it like '1234.56'" in strict["here"][0]

    @pytest.mark.parametrize(
        ("kind", "given", "kept"),
        [("int64", 3, "3"), ("uint8", 255, "255"), ("float32", 0.1, "0.1"), ("float64", 0.1, "0.1")],
    )
    def test_the_numbers_of_numpy_are_amounts(self, kind, given, kept):
        """Every DataFrame has them; a float of any size counts as its own shortest decimal form."""
        numpy = pytest.importorskip("numpy")

        found = values.amount(getattr(numpy, kind)(given), "here")

        assert (type(found), str(found)) == (Decimal, kept)

    @pytest.mark.parametrize("kind", ["float32", "float64"])
    def test_what_is_no_number_in_numpy_is_refused(self, kind):
        """NaN is no amount, in whatever size."""
        numpy = pytest.importorskip("numpy")

        assert "only finite numbers" in refused(values.amount, getattr(numpy, kind)("nan"))["here"][0]

    @pytest.mark.parametrize("number", [None, b"1", [1], Fraction(1, 2), 1j, (0, (1,), 0)])
    def test_other_things_are_refused(self, number):
        """The message lists what may be given."""
        assert "give a Decimal, an int, a str or a float" in refused(values.amount, number)["here"][0]

    @pytest.mark.parametrize("number", ["1E+1000", "-9.99E+1000", "1E-1000", "123E-1000", "0E-1000", 10**1000])
    def test_the_largest_and_smallest_are_kept(self, number):
        """Amounts reach from 1E-1000 to below 1E+1001."""
        assert values.amount(number, "here") == Decimal(number)

    @pytest.mark.parametrize("number", ["1E+1001", "1E-1001", "1.5E-1000", "0E+2000", "1E+999999", 10**1001])
    def test_what_is_beyond_is_refused(self, number):
        """An amount whose products could not be exact is refused."""
        assert "outside the range 1E-1000 to 1E+1000" in refused(values.amount, number)["here"][0]

    def test_positive_is_above_zero(self):
        """A quantity of zero or less is refused, and the message shows it."""
        assert values.positive("0.01", "here") == Decimal("0.01")
        assert refused(values.positive, 0) == {"here": ["must be above zero, not 0."]}
        assert refused(values.positive, "-1.5") == {"here": ["must be above zero, not -1.5."]}

    def test_optional_may_be_none(self):
        """None stays None where an amount is optional."""
        assert values.optional_amount(None, "here") is None
        assert values.optional_amount("2", "here") == 2


class TestCount:
    """Whole numbers."""

    def test_whole_numbers_from_zero_are_kept(self):
        """Zero is one of them, and so is the largest that every database can keep."""
        assert values.count(0, "here") == 0
        assert values.count(2**53, "here") == 2**53

    @pytest.mark.parametrize("number", [-1, 1.0, "1", True, None, Decimal(1), 2**53 + 1])
    def test_other_numbers_are_refused(self, number):
        """A version or a count is never guessed from something like it."""
        assert "must be a whole number from 0" in refused(values.count, number)["here"][0]


class TestInstant:
    """Times: aware, kept in UTC."""

    @given(instants())
    def test_a_time_of_any_zone_is_the_same_time_in_utc(self, moment):
        """Zones are converted; not a microsecond is lost."""
        kept = values.instant(moment, "here")

        assert kept == moment
        assert kept.tzinfo is UTC
        assert type(kept) is datetime

    def test_the_zone_of_the_machine_changes_nothing(self, monkeypatch):
        """A time is converted to UTC wherever the program runs."""
        with monkeypatch.context() as patched:
            patched.setenv("TZ", "FAR-9")
            time.tzset()
            kept = values.instant(datetime(2026, 1, 5, 12, tzinfo=NEW_YORK), "here")
        time.tzset()

        assert kept == datetime(2026, 1, 5, 17, tzinfo=UTC)

    def test_a_time_in_utc_is_kept_as_it_is(self):
        """No copy is made of what is right already."""
        moment = datetime(2026, 1, 5, tzinfo=UTC)

        assert values.instant(moment, "here") is moment

    def test_a_fold_is_dropped(self):
        """UTC has no hour that comes twice, so that no two ways of writing one moment are kept."""
        moment = datetime(2026, 1, 5, tzinfo=UTC, fold=1)

        assert repr(values.instant(moment, "here")) == repr(datetime(2026, 1, 5, tzinfo=UTC))

    def test_a_subclass_becomes_a_plain_datetime(self):
        """A datetime of another library is kept as a plain one."""

        class Stamp(datetime):
            pass

        kept = values.instant(Stamp(2026, 1, 5, 1, 2, 3, 4, tzinfo=UTC), "here")

        assert type(kept) is datetime
        assert kept == datetime(2026, 1, 5, 1, 2, 3, 4, tzinfo=UTC)

    def test_a_naive_time_is_refused_with_a_way_out(self):
        """The message says how to give a time its zone."""
        (message,) = refused(values.instant, datetime(2026, 1, 5))["here"]  # noqa: DTZ001

        assert "has no time zone" in message
        assert "datetime.now(timezone.utc)" in message
        assert "value.replace(tzinfo=...)" in message

    def test_a_zone_that_does_not_know_is_no_zone(self):
        """A tzinfo without an offset leaves a time naive."""

        class Nowhere(tzinfo):
            def utcoffset(self, moment):
                return None

        assert "has no time zone" in refused(values.instant, datetime(2026, 1, 5, tzinfo=Nowhere()))["here"][0]

    @pytest.mark.parametrize(
        "moment",
        [
            datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        ],
    )
    def test_a_time_outside_of_the_calendar_is_refused(self, moment):
        """The first and last hours of the calendar may have no counterpart in UTC."""
        assert "outside the years 1 to 9999" in refused(values.instant, moment)["here"][0]

    @pytest.mark.parametrize("moment", [None, "2026-01-05T00:00:00+00:00", 0, datetime(2026, 1, 5).date()])  # noqa: DTZ001
    def test_other_things_are_refused(self, moment):
        """Texts, numbers and dates are no times."""
        assert "must be a datetime with a time zone" in refused(values.instant, moment)["here"][0]

    def test_optional_may_be_none(self):
        """None stays None where a time is optional."""
        assert values.optional_instant(None, "here") is None
        assert values.optional_instant(datetime(2026, 1, 5, tzinfo=NEW_YORK), "here") == datetime(
            2026, 1, 5, 5, tzinfo=UTC
        )

    @pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
    def test_pandas_times_are_equal_or_refused(self, zone):
        """Microseconds are kept, in a plain datetime; nanoseconds are never cut off silently."""
        whole = pd.Timestamp("2024-01-02 03:04:05.123456", tz=zone)

        assert values.instant(whole, "here") == whole
        assert type(values.instant(whole, "here")) is datetime
        assert ".floor('us')" in refused(values.instant, whole + pd.Timedelta(1, "ns"))["here"][0]

    def test_no_time_is_refused(self):
        """pandas' missing time is told as any other wrong value, where a time is optional, too."""
        for check in (values.instant, values.optional_instant):
            assert refused(check, pd.NaT) == {"here": ["NaT is not a time."]}

    def test_now_is_in_utc(self):
        """The default of every time is an aware one."""
        assert values.utc_now().tzinfo is UTC


class TestText:
    """Texts."""

    @given(texts())
    def test_any_unicode_text_is_kept(self, text):
        """NUL, control characters and emoji are text as well."""
        assert values.text(text, "here") == text
        assert values.optional_text(text, "here") == text

    def test_a_subclass_becomes_plain_text(self):
        """A member of a text enumeration is kept as its text."""
        assert type(values.text(Side.BUY, "here")) is str
        assert type(values.identifier(Side.BUY, "here")) is str

    def test_a_lone_surrogate_is_refused(self):
        """What cannot be written as UTF-8 is refused, and the message says where it stands."""
        assert refused(values.text, "ab\ud800") == {
            "here": ["has a lone surrogate at position 2, so it is not Unicode text."]
        }

    @pytest.mark.parametrize("text", [None, b"text", 5])
    def test_other_things_are_refused(self, text):
        """Bytes and numbers are not taken for their text."""
        assert refused(values.text, text) == {"here": [f"must be text, not {shown(text)}."]}

    def test_an_identifier_is_not_empty(self):
        """An id or a symbol has at least one character."""
        assert values.identifier("-", "here") == "-"
        assert refused(values.identifier, "") == {"here": ["must not be empty."]}

    @pytest.mark.parametrize("text", [" ", " BTC", "BTC\n", "\tBTC", "BTC\N{NO-BREAK SPACE}", "BTC\N{LINE SEPARATOR}"])
    def test_an_identifier_has_no_white_space_at_its_ends(self, text):
        """What nobody sees would make another id or symbol; inside of one it is seen."""
        expected = f"{text!r} begins or ends with white space; strip() removes it."

        assert refused(values.identifier, text) == {"here": [expected]}
        assert values.identifier("BRK B", "here") == "BRK B"

    def test_optional_may_be_none(self):
        """None stays None where a text is optional."""
        assert values.optional_text(None, "here") is None

    def test_texts_become_a_tuple(self):
        """Lists and generators of texts are kept as a tuple."""
        assert values.texts(["AAPL", "MSFT"], "here") == ("AAPL", "MSFT")
        assert values.texts((each for each in "ab"), "here") == ("a", "b")

    @pytest.mark.parametrize("several", ["AAPL", 5, None])
    def test_a_single_text_is_not_several(self, several):
        """'AAPL' is not taken for the symbols A, A, P and L."""
        assert "must be several texts, such as ('AAPL', 'MSFT')" in refused(values.texts, several)["here"][0]

    def test_each_of_several_texts_is_checked(self):
        """The path counts from 0 to the one that is wrong."""
        assert refused(values.texts, ["AAPL", ""]) == {"here[1]": ["must not be empty."]}
        assert refused(values.texts, ["AAPL", "MSFT", 5]) == {"here[2]": ["must be text, not 5."]}


class TestChoice:
    """Members of an enumeration."""

    @pytest.mark.parametrize("side", [Side.BUY, "BUY", "buy", "Buy"])
    def test_a_member_or_its_name_in_any_case_is_taken(self, side):
        """A name need not be written in capitals."""
        assert values.choice(Side, side, "here") is Side.BUY

    @pytest.mark.parametrize("side", ["HOLD", "", None, 1, b"BUY"])
    def test_other_things_are_refused(self, side):
        """The message lists the names."""
        with pytest.raises(InvalidSessionError, match=r"here: must be one of BUY, SELL, not "):
            values.choice(Side, side, "here")

    def test_a_member_of_another_enumeration_counts_by_its_text(self):
        """A program's own text enumeration may be used where the names are equal."""

        class Theirs(StrEnum):
            BUY = "buy"

        assert values.choice(Side, Theirs.BUY, "here") is Side.BUY
