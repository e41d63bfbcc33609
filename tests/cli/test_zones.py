"""The zone in which times are shown and understood."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from paper_repo.cli import formatting
from paper_repo.cli.zones import UTC_ZONE, zone_of
from tests.cli.conftest import DEMO, Run, document

NEW_YORK = zone_of("America/New_York")


@pytest.mark.parametrize(
    ("typed", "name"),
    [("utc", "UTC"), ("Z", "UTC"), ("europe/berlin", "Europe/Berlin"), ("America/New York", "America/New_York")],
)
def test_a_zone_is_named_as_everywhere(typed: str, name: str) -> None:
    """By the names of the time zone database, however they are written."""
    assert zone_of(typed).name == name


@pytest.mark.parametrize(
    ("typed", "near"), [("newyork", "America/New_York"), ("Berlin", "Europe/Berlin"), ("../etc/passwd", "UTC")]
)
def test_a_zone_that_there_is_not_names_the_nearest(typed: str, near: str) -> None:
    """In the message."""
    with pytest.raises(ValueError, match=near):
        zone_of(typed)


def test_a_computer_without_time_zones_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows is, without a package that has them; UTC and its own zone need none."""
    monkeypatch.setattr("paper_repo.cli.zones.available_timezones", set)

    assert (zone_of("utc"), zone_of("Local").info) == (UTC_ZONE, None)
    with pytest.raises(ValueError, match="pip install tzdata"):
        zone_of("Europe/Berlin")


def test_a_time_alone_says_its_zone() -> None:
    """Summer and winter time are told apart."""
    summer, winter = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert formatting.stamp(summer, UTC_ZONE) == "2026-07-01 12:00:00 UTC"
    assert formatting.stamp(summer, NEW_YORK) == "2026-07-01 08:00:00 EDT"
    assert formatting.stamp(winter, NEW_YORK) == "2026-01-01 07:00:00 EST"
    assert NEW_YORK.heading("at") == "at (New York)"


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("name", ["America/New_York", "Asia/Tokyo", "local"])
def test_the_ends_of_the_calendar_are_shown_somehow(at: datetime, name: str) -> None:
    """In UTC, where the zone has no such time."""
    assert formatting.moment(at, zone_of(name))[:3] in ("000", "999")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", DEMO],
        ["fills", DEMO],
        ["equity", DEMO],
        ["trades", DEMO],
        ["orders", DEMO],
        ["positions", DEMO],
    ],
)
def test_every_table_of_times_names_its_zone(run: Run, arguments: list[str]) -> None:
    """UTC unless --tz, or the variable, says otherwise."""
    plain = run(*arguments, width=200).stdout
    given = run(*arguments, "--tz", "America/New_York", width=200).stdout
    from_variable = run(*arguments, width=200, env={"PAPER_REPO_TZ": "America/New_York"}).stdout

    assert "UTC" in plain
    assert "UTC" not in given
    assert "(New York)" in given
    assert from_variable == given


def test_a_time_that_is_typed_is_meant_in_the_zone(run: Run) -> None:
    """Unless it names one itself; the option may stand before or after it."""
    exact = document(run("fills", DEMO, "--json", "--since", "2012-06-01T13:30Z"))["fills"]
    for arguments in (
        ["--since", "2012-06-01T09:30", "--tz", "America/New_York"],
        ["--tz", "America/New_York", "--since", "2012-06-01T09:30"],
        ["--tz", "America/New_York", "--since", "2012-06-01T13:30+00:00"],
    ):
        assert document(run("fills", DEMO, "--json", *arguments))["fills"] == exact


def test_documents_are_in_utc_whatever_the_zone(run: Run) -> None:
    """Programs read the same everywhere."""
    assert run("fills", DEMO, "--json", "--tz", "Asia/Tokyo").stdout == run("fills", DEMO, "--json").stdout


def test_another_zone_is_a_usage_error(run: Run) -> None:
    """One line that names the nearest one."""
    result = run("list", "--tz", "newyork")

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "America/New_York" in result.stderr


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31T23:59"])
def test_a_time_beyond_the_calendar_in_utc_is_a_usage_error(run: Run, time: str) -> None:
    """East or west of it."""
    zone = "Asia/Tokyo" if time.startswith("0") else "America/New_York"

    assert run("fills", DEMO, "--tz", zone, "--since", time).exit_code == 2
