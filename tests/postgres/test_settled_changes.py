"""A change is reported when no transaction is open that may have taken a number before it: else that one is missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from paper_repo import SessionRepository
from tests.builders import new_session

Change = Callable[[SessionRepository], object]

CHANGES: dict[str, Change] = {
    "save": lambda repository: repository.save(new_session(id="second")),
    "deletion": lambda repository: repository.delete("second"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("begins", ["before", "meanwhile"])
def test_what_was_begun_earlier_is_not_missed(url: str, change: str, begins: str) -> None:
    """A change that is committed while an earlier one is not is reported after that, and both are."""
    with SessionRepository(url) as one, SessionRepository(url) as other:
        if change == "deletion":
            one.save(new_session(id="second"))
        changes = one.watch()
        if begins == "before":
            changes.begin()
        with other.atomic():
            other.save(new_session(id="first"))
            CHANGES[change](one)
            changes.begin()
            assert not changes.look()
        with changes:
            assert changes.look()
            found = [changes.take(), changes.take()]

    assert [each and (each.session_id, each.deleted) for each in found] == [
        ("first", False),
        ("second", change == "deletion"),
    ]
