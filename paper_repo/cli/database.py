"""Which database a command works on, and how it finds a session in it."""

from __future__ import annotations

import os
from difflib import SequenceMatcher
from pathlib import Path
from typing import cast

from platformdirs import user_data_path

from paper_repo.cli.exit_codes import NOT_FOUND, USAGE, CommandError
from paper_repo.cli.formatting import printable
from paper_repo.core.repository import SessionRepository
from paper_repo.domain.selection import SessionSummary
from paper_repo.storage.address import Address
from paper_repo.storage.options import Journal
from paper_repo.storage.sqlite.storage import JOURNALS

VARIABLE = "PAPER_REPO_DB"
PASSPHRASE = "PAPER_REPO_PASSPHRASE"
"""The variable with the passphrase of an encrypted database; arguments of a command can be seen by others."""
JOURNAL = "PAPER_REPO_JOURNAL"
"""The variable with the journal of a file: every program that has it open at once uses the same one."""
SHORTEST_ID = 8
_LOOKED_THROUGH, _LIKE_ENOUGH = 2000, 0.6


def place_of(chosen: Address | None) -> Address:
    """The file or URL that was chosen, or the file in the user's data folder."""
    if not chosen:
        return user_data_path("paper_repo", appauthor=False) / "sessions.db"
    return chosen if "://" in str(chosen) else Path(chosen)


def name_of(place: Address) -> str:
    """What people get to see of it: no password."""
    return SessionRepository(place).storage.name if "://" in str(place) else str(place)


def is_missing(place: Address) -> bool:
    """Whether there is no such file; of a server only opening it tells."""
    return isinstance(place, Path) and not place.exists()


def existing(chosen: Address | None) -> SessionRepository:
    """The repository on a file that is there.

    Raises:
        CommandError: it is not; reading must not create it.
    """
    path = place_of(chosen)
    if is_missing(path):
        raise CommandError(
            f"there is no database at {path}; name one with --db or {VARIABLE}, "
            "or make one: paper-repo demo --db FILE, paper-repo import FILE",
            NOT_FOUND,
        )
    return _repository(path)


def existing_or_new(chosen: Address | None) -> SessionRepository:
    """The repository on a file that is created if it is not there, in a folder of the user's own if none was chosen."""
    path = place_of(chosen)
    if not chosen and isinstance(path, Path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _repository(path)


def journal() -> Journal:
    """The journal that was chosen for files.

    Raises:
        CommandError: there is no such journal.
    """
    chosen = os.environ.get(JOURNAL) or "wal"
    if chosen not in JOURNALS:
        raise CommandError(f"{JOURNAL} is one of {', '.join(JOURNALS)}, not {chosen!r}", USAGE)
    return cast(Journal, chosen)


def _repository(place: Address) -> SessionRepository:
    passphrase = os.environ.get(PASSPHRASE)
    if isinstance(place, Path):
        return SessionRepository(place, passphrase=passphrase, journal=journal())
    return SessionRepository(place, passphrase=passphrase)


def find_id(repository: SessionRepository, wanted: str) -> str:
    """The id of the one session that `wanted` names, whole or shortened.

    Raises:
        CommandError: there is none, or more than one.
    """
    if repository.exists(wanted):
        return wanted
    found = repository.find_ids(wanted, limit=6) if wanted else []
    if len(found) == 1:
        return found[0]
    if found:
        candidates = ", ".join(printable(each) for each in found[:5]) + (", …" if len(found) > 5 else "")
        raise CommandError(f"{printable(wanted)!r} is the beginning of several ids: {candidates}", USAGE)
    raise CommandError(f"there is no session {printable(wanted)!r}{_hint(repository, wanted)}", NOT_FOUND)


def short_id(repository: SessionRepository, session_id: str) -> str:
    """As much of the id as names one session only, and eight characters at least."""
    for length in (SHORTEST_ID, SHORTEST_ID + 4, 2 * SHORTEST_ID, 3 * SHORTEST_ID):
        if len(session_id) <= length + 4:
            break
        if len(repository.find_ids(session_id[:length], limit=2)) == 1:
            return session_id[:length]
    return session_id


def _hint(repository: SessionRepository, wanted: str) -> str:
    latest = repository.get_summaries(order_by="updated_at", descending=True, limit=_LOOKED_THROUGH)
    likeness = {each.id: _likeness(wanted, each) for each in latest if wanted}
    near = [each for each in latest if likeness.get(each.id, 0) >= _LIKE_ENOUGH]
    near = sorted(near, key=lambda each: -likeness[each.id])[:3]
    if not near:
        return "; paper-repo list shows what there is"
    return "; near: " + ", ".join(f"{printable(each.id)} ({printable(each.name)})" for each in near)


def _likeness(wanted: str, summary: SessionSummary) -> float:
    """How much of what was typed is in the id or the name, from 0 to 1."""
    wanted = wanted.lower()
    if len(wanted) >= 3 and (wanted in summary.id.lower() or wanted in summary.name.lower()):
        return 1
    candidates = (summary.id[: len(wanted)], summary.id, summary.name)
    return max(SequenceMatcher(None, wanted, each.lower()).ratio() for each in candidates)
