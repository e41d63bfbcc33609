"""Exit codes are what scripts look at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paper_repo.cli.exit_codes import (
    CONFLICT,
    FAILED,
    MEANINGS,
    NOT_FOUND,
    USAGE,
    CommandError,
    exit_code,
    is_expected,
)
from paper_repo.errors import BusyError, ClaimLostError, ConflictError, CorruptDatabaseError, SessionNotFoundError

CODES = [
    (CommandError("no"), FAILED),
    (CommandError("no", USAGE), USAGE),
    (SessionNotFoundError("one"), NOT_FOUND),
    (ConflictError("one", 1, 2), CONFLICT),
    (ClaimLostError("one", "me", "you"), CONFLICT),
    (BusyError("busy"), CONFLICT),
    (CorruptDatabaseError("damaged"), FAILED),
]


@pytest.mark.parametrize(("error", "code"), CODES)
def test_what_an_error_is_to_a_script(error: Exception, code: int) -> None:
    """Every kind of error has its code, and all of them are expected."""
    assert exit_code(error) == code
    assert is_expected(error)


def test_the_codes_are_these() -> None:
    """They are documented, and never change."""
    assert (FAILED, USAGE, NOT_FOUND, CONFLICT) == (1, 2, 3, 4)


def test_the_manual_words_them_as_the_help_does() -> None:
    """Each in a row of its table."""
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")

    told = re.findall(r"^\| (\d+) \| (.+) \|$", page, flags=re.MULTILINE)
    assert {int(code): meaning for code, meaning in told} == MEANINGS
