"""What a strategy is made of appears in no log and no error of a server either."""

from __future__ import annotations

import logging
import traceback

import pytest

from paper_repo import InvalidSessionError, SessionRepository, Strategy
from tests.builders import new_session

SECRET = "the-alpha-9731"


def test_nothing_is_logged_or_quoted(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by statements at DEBUG, nor where the server refuses a text, whose details would quote all of it."""
    caplog.set_level(logging.DEBUG)
    session = new_session(strategy=Strategy("mean", "1", {"alpha": SECRET}))
    unkeepable = new_session(strategy=Strategy("mean", "1", {"alpha": SECRET, "other": "\0"}), state={"a": SECRET})

    with SessionRepository(url) as repository:
        repository.save(session)
        repository.get_all()
        with pytest.raises(InvalidSessionError) as refused:
            repository.save(unkeepable)

    assert "peewee" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in "".join(traceback.format_exception(refused.value))
