"""Kills itself with SIGKILL at each statement in turn, each time in a new child and on a new file.

Usage: python dying.py CASE FOLDER; see `CASES`. For each statement, before and after it, FOLDER gets a file; a line
`file statement` tells which statement it was at.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from paper_repo import Fill, PaperTradingSession, SessionRepository, SQLiteSessionRepository, Strategy

PREPARED = "prepared.db"


class DyingCursor(sqlite3.Cursor):
    """Kills the process before or after the statement that it was told."""

    left = 0
    side = "before"
    log: Callable[[str], object]

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        cls = DyingCursor
        now = not cls.left
        cls.left -= 1
        if now:
            cls.log(sql)
            if cls.side == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        super().execute(sql, parameters)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return self


class DyingConnection(sqlite3.Connection):
    """Has dying cursors."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(DyingCursor)


def session(session_id: str, fills: int = 2) -> PaperTradingSession:
    """A session that was never saved, with fills and equity points."""
    session = PaperTradingSession(id=session_id, strategy=Strategy("sma"), initial_cash=10000)
    add(session, fills)
    return session


def add(session: PaperTradingSession, fills: int) -> None:
    """Book so many more fills."""
    for _ in range(fills):
        session.apply_fill(Fill(f"{session.fill_count + 1}", "AAPL", "BUY", 1, "100.25"))
        session.mark({"AAPL": session.fill_count})


def create(path: Path) -> None:
    """Create a file by saving two sessions together."""
    with SessionRepository(path) as repository:
        repository.save_many([session("left"), session("right")])


def save(path: Path, journal: str = "wal") -> None:
    """Save two sessions together that are stored."""
    with SessionRepository(path, journal=journal) as repository:
        pair = [repository.get_by_id("left"), repository.get_by_id("right")]
        for each in pair:
            assert each is not None
            add(each, 2)
        repository.save_many([each for each in pair if each is not None])


def block(path: Path) -> None:
    """Do the same in blocks of an async repository."""

    async def main() -> None:
        async with SQLiteSessionRepository(path) as repository, repository.atomic():
            for name in ("left", "right"):
                async with repository.atomic():
                    each = await repository.get_by_id(name)
                    assert each is not None
                    add(each, 2)
                    await repository.save(each)

    asyncio.run(main())


def delete(path: Path) -> None:
    """Delete two sessions together."""
    with SessionRepository(path) as repository, repository.atomic():
        repository.delete("left")
        repository.delete("right")


CASES = {"create": create, "save": save, "block": block, "delete": delete}


def dies(case: Callable[[Path], None], path: Path, number: int, side: str) -> bool:
    """Run `case` in a child that kills itself at statement `number`; whether there was one of that number."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    DyingCursor.left, DyingCursor.side = number, side
    DyingCursor.log = lambda sql: os.write(1, f"{path.name} {' '.join(sql.split())}\n".encode())
    sqlite3.connect = partial(sqlite3.connect, factory=DyingConnection)
    case(path)
    os._exit(0)


def main(name: str, folder: Path) -> None:
    """Let children die at every statement of the case."""
    if name != "create":
        create(folder / PREPARED)
    for number in itertools.count():
        for side in ("before", "after"):
            path = folder / f"{number}-{side}.db"
            if name != "create":
                shutil.copy(folder / PREPARED, path)
            if not dies(CASES[name], path, number, side):
                return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
