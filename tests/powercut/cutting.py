"""What is left of a program's files when the power goes, and what a repository makes of that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from paper_repo import SessionRepository
from paper_repo.core.repository import internals_of
from tests.powercut.disk import Disk
from tests.powercut.recording import Event, Said, Synced


def before_syncs(events: list[Event]) -> list[int]:
    """The moments before every sync, when the most is not synced, and the end: how many events have been by then."""
    return [*(number for number, event in enumerate(events) if isinstance(event, Synced)), len(events)]


def around_syncs(events: list[Event]) -> list[int]:
    """The moments before and after every sync: how many events have been by then."""
    return [number + after for number, event in enumerate(events) if isinstance(event, Synced) for after in (0, 1)]


def cut(
    events: list[Event], moments: list[int], what_is_left: Callable[[Disk], dict[str, bytes]]
) -> list[tuple[list[str], dict[str, bytes]]]:
    """What the program had said before each of these numbers of events, and what is left of its files then."""
    disk, said, cuts = Disk(), "", []
    for number, event in enumerate([*events, Said("")]):
        cuts += [(said.splitlines(), what_is_left(disk)) for moment in moments if moment == number]
        if isinstance(event, Said):
            said += event.text
        else:
            disk.do(event)
    return cuts


def versions_in(left: dict[str, bytes], folder: Path, **options: Any) -> dict[str, int]:
    """The version of every session in the files that are left, each with all of its history; and the file is sound."""
    path = folder / "sessions.db"
    for name in ("sessions.db", "sessions.db-wal", "sessions.db-journal", "sessions.db-shm"):
        (folder / name).unlink(missing_ok=True)
    for name, content in left.items():
        (folder / name).write_bytes(content)
    with SessionRepository(path, **options) as repository:
        found = {session.id: session.version for session in repository.get_all()}
        for session_id, version in found.items():
            fills = [fill.id for fill in repository.get_fills(session_id)]
            assert fills == [f"{session_id} {number}" for number in range(1, version + 1)]
            assert len(repository.get_equity_curve(session_id)) == version
        with closing(internals_of(repository).storage.connect_to(str(path))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found
