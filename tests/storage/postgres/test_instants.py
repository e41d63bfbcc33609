"""How times that PostgreSQL sends are read, whatever the session's time zone is."""

from __future__ import annotations

import psycopg
import pytest

from paper_repo.storage.postgres.connections import InstantLoader

TIMES = [
    ("2026-11-28 20:30:34.27+00", "2026-11-28T20:30:34.270000+00:00"),
    ("2026-11-28 20:30:34+00", "2026-11-28T20:30:34.000000+00:00"),
    ("2026-11-29 02:15:34.000001+05:45", "2026-11-28T20:30:34.000001+00:00"),
    ("2026-11-28 16:30:34.5-04", "2026-11-28T20:30:34.500000+00:00"),
    ("1890-01-01 00:19:32.5+00:19:32", "1890-01-01T00:00:00.500000+00:00"),
    ("2026-01-01 00:00:00+14", "2025-12-31T10:00:00.000000+00:00"),
    ("10000-01-01 05:44:59.999999+05:45", "9999-12-31T23:59:59.999999+00:00"),
    ("0001-12-31 19:00:00-05 BC", "0001-01-01T00:00:00.000000+00:00"),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times_come_in_utc(text: str, expected: str) -> None:
    """ISO text of fixed width, with the very moment that was sent."""
    assert InstantLoader(1184).load(text.encode()) == expected


@pytest.mark.parametrize("text", ["28/11/2026 20:30:34 UTC", "Sat Nov 28 20:30:34 2026 UTC", "28.11.2026 20:30:34 UTC"])
def test_other_forms_are_refused(text: str) -> None:
    """A form in which day and month can be taken for each other is never guessed at."""
    with pytest.raises(psycopg.NotSupportedError, match="DateStyle"):
        InstantLoader(1184).load(text.encode())


@pytest.mark.parametrize("text", ["0044-03-15 00:00:00+00 BC", "10000-01-02 00:00:00+01", "infinity"])
def test_what_python_has_no_time_for(text: str) -> None:
    """What somebody else has stored is left to the check of the row that it is in."""
    assert InstantLoader(1184).load(text.encode()) == text
