"""Error codes of a server: a class of codes is known by its beginning, and a code of its own before its class."""

from __future__ import annotations

import psycopg
import pytest

from paper_repo import BusyError, InvalidSessionError, PaperRepoError, StorageError
from paper_repo.storage.postgres.errors import by_sqlstate

CODES = [
    ("08006", StorageError, "the connection to the server failed"),
    ("28P01", StorageError, "refuses this user"),
    ("57P03", StorageError, "shut down, or is starting"),
    ("57014", StorageError, "ended the call before"),
    ("53300", BusyError, "no connection to spare"),
    ("22P05", InvalidSessionError, "cannot keep"),
    ("ZZ999", StorageError, "db: what the server says"),
]


@pytest.mark.parametrize(("code", "kind", "advice"), CODES)
def test_what_a_code_means(code: str, kind: type[PaperRepoError], advice: str) -> None:
    """Each says what to do, with the server's own words."""
    error = psycopg.DatabaseError("what the server says")
    error.sqlstate = code

    found = by_sqlstate(error, "db")

    assert type(found) is kind
    assert advice in str(found)
