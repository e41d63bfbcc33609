"""Many statements sent at once: what each changed, as if they had been sent one by one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from paper_repo import InvalidSessionError, PaperRepoError, SessionRepository
from paper_repo.core.repository import internals_of
from paper_repo.storage.base import Storage
from tests.builders import new_session
from tests.postgres.proxies import through

COUNT = 12

Changes = list[tuple[Any, dict[str, Any]]]


class _Undone(Exception):  # noqa: N818
    """What a block is left with so that the next one finds everything as it was."""


def release(storage: Storage, session_id: str, owner: str = "me") -> tuple[Any, dict[str, Any]]:
    """A statement that changes a row where this owner has claimed the session."""
    return storage.claims.release, {"id": session_id, "owner": owner}


def claimed(repository: SessionRepository) -> None:
    """Store sessions, each claimed by "me"."""
    for number in range(COUNT):
        session = new_session(id=str(number))
        session.start()
        repository.save(session)
    assert len(repository.claim_active("me", ttl=60)) == COUNT


@pytest.mark.parametrize("way", ["at once", "one by one"])
def test_each_tells_what_it_changed(pooled_url: str, way: str) -> None:
    """One that finds no row is no error, and those after it are run; the same as one by one, and behind a pooler."""
    with SessionRepository(pooled_url) as repository:
        claimed(repository)
        storage = internals_of(repository).storage
        changes: Changes = [release(storage, str(number), "me" if number % 3 else "you") for number in range(COUNT)]
        changes += [release(storage, "nobody"), release(storage, "1"), release(storage, "0")]

        for _ in range(8):  # the statement comes to be prepared where that is possible
            run = storage.change_many if way == "at once" else lambda each: Storage.change_many(storage, each)
            with suppress(_Undone), repository.atomic():
                found = run(changes)
                raise _Undone

            assert found == [int(bool(number % 3)) for number in range(COUNT)] + [0, 0, 1]


def test_nothing_is_nothing(url: str) -> None:
    """An empty list changes no rows."""
    with SessionRepository(url) as repository, repository.atomic():
        assert internals_of(repository).storage.change_many([]) == []


def test_they_do_not_wait_for_each_others_answers(url: str) -> None:
    """All have been sent before the first answer has come."""
    with through(url) as proxy, SessionRepository(proxy.url()) as repository:
        claimed(repository)
        storage = internals_of(repository).storage
        with repository.atomic():
            proxy.withhold_answers_until(b"the last of them")
            changes = [release(storage, str(number)) for number in range(COUNT)]

            assert storage.change_many([*changes, release(storage, "the last of them")]) == [1] * COUNT + [0]


@pytest.mark.parametrize("place", [0, 5, COUNT])
def test_an_error_of_one_is_the_error_of_all(pooled_url: str, place: int) -> None:
    """It is told as it would be alone; what the others changed is not stored, and the next transaction works."""
    with SessionRepository(pooled_url) as repository:
        claimed(repository)
        storage = internals_of(repository).storage
        changes = [release(storage, str(number)) for number in range(COUNT)]
        bad = storage.claims.take, {"id": "0", "owner": "me", "ttl": "soon"}

        with pytest.raises(PaperRepoError, match="soon"), repository.atomic():
            storage.change_many([*changes[:place], bad, *changes[place:]])

        with repository.atomic():
            assert storage.change_many(changes) == [1] * COUNT


def test_what_cannot_be_kept_is_refused_before_anything_is_sent(url: str) -> None:
    """The transaction goes on, without any of them."""
    with SessionRepository(url) as repository:
        claimed(repository)
        storage = internals_of(repository).storage
        with repository.atomic():
            with pytest.raises(InvalidSessionError, match="NUL"):
                storage.change_many([release(storage, "0"), release(storage, "1", owner="a\0b")])
            assert storage.change_many([release(storage, "0")]) == [1]
