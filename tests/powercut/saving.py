"""Takes `STEPS` steps with a repository, each one commit, and prints how many are done.

Usage: python saving.py PATH DURABILITY JOURNAL [PASSPHRASE]. On the way the repository is closed and opened again, and
a write-ahead log grows until SQLite moves it into the file and begins it anew.
"""

from __future__ import annotations

import os
import sys

from paper_repo import Fill, PaperTradingSession, SessionRepository, Strategy

STEPS = 40
REOPENED_AFTER = (5, 12)
LARGE_FROM = 14
LARGE = "0123456789abcdef" * 16_000
"""Some of it makes a session so large that SQLite's log is moved into the file after a few saves."""


def expected(done: int) -> dict[str, int]:
    """The versions of the sessions that are stored after so many steps."""
    versions: dict[str, int] = {}
    for step in range(done):
        for name in names(step):
            versions[name] = versions.get(name, 0) + 1
        for name in deleted(step):
            del versions[name]
    return versions


def names(step: int) -> list[str]:
    """Which sessions this step saves."""
    if step % 10 == 7:
        return [f"gone {step}"]
    return ["left", "right"] if step % 3 == 1 else ["one"]


def deleted(step: int) -> list[str]:
    """Which sessions this step deletes."""
    return names(step - 1) if step % 10 == 8 else []


def take(repository: SessionRepository, step: int) -> None:
    """Save one session or two, and perhaps delete one, in a block."""
    with repository.atomic():
        for name in names(step):
            session = repository.get_by_id(name) or PaperTradingSession(
                id=name, strategy=Strategy("sma"), initial_cash=10000
            )
            session.apply_fill(Fill(f"{name} {session.version + 1}", "AAPL", "BUY", 1, "100.25"))
            session.mark({"AAPL": 100 + step})
            session.state = {"step": step, "large": LARGE if step >= LARGE_FROM else ""}
            repository.save(session)
        for name in deleted(step):
            assert repository.delete(name)


def main(path: str, durability: str, journal: str, passphrase: str | None = None) -> None:
    """Take every step."""
    repository = SessionRepository(path, durability=durability, journal=journal, passphrase=passphrase)
    for step in range(STEPS):
        if step in REOPENED_AFTER:
            repository.close()
            repository = SessionRepository(path, durability=durability, journal=journal, passphrase=passphrase)
        take(repository, step)
        os.write(1, f"{step + 1}\n".encode())
    repository.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
