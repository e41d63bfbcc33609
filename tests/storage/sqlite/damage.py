"""A real file with a known past, and what a reader may find in it: a state that it once had, or an error of ours."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from paper_repo import PaperRepoError, PaperTradingSession, SessionRepository
from tests.builders import full_session, moment, new_fill, new_session

SUFFIXES = ("", "-wal")


class Past:
    """A folder with copies of a file, open and closed, and all the states that it has had."""

    def __init__(self, folder: Path, states: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.states = states


def write_past(path: Path, copies: Path) -> list[dict[str, Any]]:
    """Write sessions to a file, copy it with its -wal while it is open, and return the states after each commit."""
    running = new_session(id="running", strategy=full_session().strategy)
    running.start(at=moment(0))
    states = [{}]
    with SessionRepository(path) as repository:
        for session in (full_session(), running, new_session(id="created"), new_session(id="third")):
            repository.save(session)
            states.append(content(repository))
        for number in range(1, 4):
            for each in range(30):
                running.apply_fill(new_fill(number * 100 + each))
                running.mark({"AAPL": number * each + 1}, at=moment(number * 100 + each))
            running.state["counter"] = "x" * 700 * number
            repository.save(running)
            states.append(content(repository))
        repository.delete("third")
        states.append(content(repository))
        copy(path, copies / "open.db")
    copy(path, copies / "closed.db")
    return states


def copy(source: Path, target: Path) -> None:
    """Copy a file with its -wal, as it lies."""
    for suffix in SUFFIXES:
        if Path(f"{source}{suffix}").exists():
            shutil.copyfile(f"{source}{suffix}", f"{target}{suffix}")
        else:
            Path(f"{target}{suffix}").unlink(missing_ok=True)


def content(repository: SessionRepository) -> dict[str, Any]:
    """All that a repository gives back, by session id."""
    return {each.id: of_session(repository, each) for each in repository.get_all()}


def of_session(repository: SessionRepository, session: PaperTradingSession) -> tuple[Any, ...]:
    """All that a repository gives back of one session."""
    return session, repository.get_fills(session.id), repository.get_equity_curve(session.id)


def answers(path: Path) -> dict[str, Any]:
    """What each way of reading the file gives: its answer, or the error."""
    repository = SessionRepository(path, busy_timeout=1)
    ways = {
        "all": lambda: content(repository),
        "reported": lambda: sound(repository),
        "active": lambda: [each.id for each in repository.get_active()],
        "summaries": lambda: {each.id: each for each in repository.get_summaries()},
        "count": lambda: repository.count(),
        "one": lambda: repository.get_by_id("running"),
        "fills": lambda: repository.get_fills("running"),
        "points": lambda: repository.get_equity_curve("running"),
    }
    found: dict[str, Any] = {}
    try:
        for name, way in ways.items():
            try:
                found[name] = way()
            except PaperRepoError as error:
                found[name] = error
    finally:
        repository.close()
    return found


def sound(repository: SessionRepository) -> tuple[list[PaperTradingSession], list[PaperRepoError]]:
    """What is sound of the sessions, and the errors of the others."""
    found = repository.get_all(errors="report")
    return list(found), found.errors
