"""A plain block that a task holds across an `await`: no other task's save becomes a part of it, or reads in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from paper_repo import SessionRepository, TransactionOwnershipError
from tests.builders import new_fill, new_session

pytestmark = pytest.mark.anyio

READS: dict[str, Callable[[SessionRepository], object]] = {
    "get_by_id": lambda repository: repository.get_by_id("a"),
    "exists": lambda repository: repository.exists("a"),
    "get_all": lambda repository: repository.get_all(),
    "count": lambda repository: repository.count(),
    "get_fills": lambda repository: repository.get_fills("a"),
    "iterate": lambda repository: list(repository.iterate()),
}


@pytest.mark.parametrize("way", ["save", "save with a fill", "save_many", "delete", "atomic", *READS])
async def test_another_task_is_refused(path: Path, way: str) -> None:
    """It is told why, nothing of it is stored, and the block goes on."""
    with SessionRepository(path) as repository:
        mine, other = new_session(), new_session()
        repository.save(new_session(id="a"))
        inside, refused = anyio.Event(), anyio.Event()

        async def hold() -> None:
            with repository.atomic():
                repository.save(mine)
                inside.set()
                await refused.wait()
                repository.save(mine)

        def use() -> None:
            if way == "atomic":
                with repository.atomic():
                    pass
            elif way in READS:
                READS[way](repository)
            elif way == "delete":
                repository.delete(mine.id)
            elif way == "save_many":
                repository.save_many([other])
            else:
                repository.save(other)

        if way == "save with a fill":
            other.apply_fill(new_fill(1))
        async with anyio.create_task_group() as group:
            group.start_soon(hold)
            await inside.wait()
            with pytest.raises(TransactionOwnershipError, match="must not be held across an await"):
                use()
            refused.set()
        use()

        assert mine.version == 2
        assert [new for new in (other,) if new.version] == ([other] if way.startswith("save") else [])


async def test_the_task_itself_goes_on(path: Path) -> None:
    """Blocks inside each other in one task, with awaits between, work; so does the next task after the end."""
    with SessionRepository(path) as repository:
        session, next_one = new_session(), new_session()

        async def later() -> None:
            repository.save(next_one)

        with repository.atomic():
            await anyio.lowlevel.checkpoint()
            with repository.atomic():
                await anyio.lowlevel.checkpoint()
                repository.save(session)
        async with anyio.create_task_group() as group:
            group.start_soon(later)

        assert repository.count() == 2


def test_an_event_loop_inside_a_plain_block(path: Path) -> None:
    """What runs inside of a block that no task has begun belongs to it."""
    with SessionRepository(path) as repository:
        session = new_session()

        async def save() -> None:
            repository.save(session)

        with repository.atomic():
            anyio.run(save)

        assert repository.count() == 1
