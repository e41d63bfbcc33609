"""The database that a command works on, and the session that an id on the command line means."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher
from pathlib import Path
from typing import cast

from paper_repo.cli.escaping import printable, quoted
from paper_repo.cli.exit_codes import NOT_FOUND, USAGE, CommandError
from paper_repo.cli.passphrases import passphrase_of
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import PaperTradingSession
from paper_repo.domain.selection import SessionSummary
from paper_repo.storage.address import Address
from paper_repo.storage.options import Journal
from paper_repo.storage.sqlite.paths import checked_path
from paper_repo.storage.sqlite.storage import JOURNALS

VARIABLE = "PAPER_REPO_DB"
JOURNAL = "PAPER_REPO_JOURNAL"
"""The variable with the journal of a file; all programs that have the file open must use the same one."""
USUAL_NAMES = ("sessions.db", "demo.db")
"""How databases are called in the examples of the manual, and by the demo."""

SHORTEST_ID = 8
_FILE_URL = "sqlite:///"
_LOOKED_THROUGH, _LIKE_ENOUGH = 2000, 0.6


def place_of(chosen: Address | None) -> Address:
    """The file or URL that was chosen, or the file in the user's data folder."""
    if not chosen:
        from platformdirs import user_data_path  # which most people's variable makes unnecessary

        return user_data_path("paper_repo", appauthor=False) / "sessions.db"
    text = str(chosen)
    if text.startswith(_FILE_URL):
        return Path(text.removeprefix(_FILE_URL))
    return text if "://" in text else Path(chosen)


def name_of(place: Address) -> str:
    """The database as people see it, without a password."""
    if isinstance(place, Path):
        return str(place)
    with _readable_errors(place):
        return internals_of(SessionRepository(place)).storage.name


def is_missing(place: Address) -> bool:
    """Whether the file does not exist; for a server, only opening it tells."""
    return isinstance(place, Path) and not place.exists()


def existing(chosen: Address | None, passphrase_file: Path | None = None, *, ask: bool = True) -> SessionRepository:
    """The repository on a file that exists.

    Raises:
        CommandError: it does not; reading must not create it.
    """
    place = place_of(chosen)
    if is_missing(place):
        raise CommandError(f"there is no database at {place}; {_way_out(chosen)}", NOT_FOUND)
    return opened(place, passphrase_file, ask=ask)


def _way_out(chosen: Address | None) -> str:
    """What to do where there is no database: use the one that lies in this folder, if nothing else was meant."""
    here = [] if chosen else [name for name in USUAL_NAMES if Path(name).is_file()]
    if here:
        return f"there is {' and '.join(here)} in this folder: add --db {here[0]}, or set {VARIABLE}={here[0]}"
    return f"name one with --db or {VARIABLE}, or create one: paper-repo demo --db FILE, paper-repo import FILE"


def existing_or_new(chosen: Address | None, passphrase_file: Path | None = None) -> SessionRepository:
    """The repository on a file that is created if necessary, in a folder of the user's own if none was chosen."""
    place = place_of(chosen)
    _make_folder(chosen, place)
    return opened(place, passphrase_file)


def _make_folder(chosen: Address | None, place: Address) -> None:
    if not chosen and isinstance(place, Path):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def absent_file(chosen: Address | None) -> Path | None:
    """The file that is to be created, in a folder of the user's own if none was chosen; None where there is one."""
    place = place_of(chosen)
    if not isinstance(place, Path) or os.path.lexists(place):
        return None
    with _readable_errors(place):
        checked_path(place)
    _make_folder(chosen, place)
    return place


def opened(place: Address, passphrase_file: Path | None = None, *, ask: bool = True) -> SessionRepository:
    """The repository at a path or URL, with its passphrase if it has one; a person may be asked for it, if `ask`.

    Raises:
        CommandError: the URL or an option makes no sense; the message tells no password.
    """
    with _readable_errors(place):
        if isinstance(place, Path):
            return SessionRepository(
                place, passphrase=passphrase_of(place, passphrase_file, ask=ask), journal=journal()
            )
        if passphrase_file is not None:
            raise CommandError("--passphrase-file is for files; a server has its own encryption", USAGE)
        return SessionRepository(place)


def journal() -> Journal:
    """The journal that was chosen for files.

    Raises:
        CommandError: there is no such journal.
    """
    chosen = os.environ.get(JOURNAL) or "wal"
    if chosen not in JOURNALS:
        raise CommandError(f"{JOURNAL} is one of {', '.join(JOURNALS)}, not {chosen!r}", USAGE)
    return cast(Journal, chosen)


@contextmanager
def _readable_errors(place: Address) -> Iterator[None]:
    """A block in which an address is understood: what makes no sense in it is a usage error."""
    try:
        yield
    except ValueError as error:
        raise CommandError(_without_password(str(error), str(place)), USAGE) from None


def _without_password(message: str, url: str) -> str:
    """The message, unless it quotes a part of the URL's password, as messages about misread URLs do."""
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    pieces = [piece for piece in re.split(r"[^\w]+", password) if piece]
    if not any(piece in message for piece in pieces):
        return message
    return (
        "the address of the database cannot be read; write special characters of its password as %XX, such as %40 for @"
    )


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
        raise CommandError(f"{quoted(wanted)} is the beginning of several ids: {candidates}", USAGE)
    raise CommandError(f"there is no session {quoted(wanted)}{_hint(repository, wanted)}", NOT_FOUND)


def loaded(repository: SessionRepository, wanted: str) -> PaperTradingSession:
    """The session that `wanted` names.

    Raises:
        CommandError: there is none, or more than one.
    """
    session = repository.get_by_id(find_id(repository, wanted))
    if session is None:
        raise CommandError(f"session {quoted(wanted)} has just been deleted by another program", NOT_FOUND)
    return session


def short_id(repository: SessionRepository, session_id: str) -> str:
    """The first characters of the id that name one session only, at least eight."""
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
    return "; did you mean " + ", ".join(f"{printable(each.id)} ({printable(each.name)})" for each in near) + "?"


def _likeness(wanted: str, summary: SessionSummary) -> float:
    """How well the id or the name matches what was typed, from 0 to 1."""
    wanted = wanted.lower()
    if len(wanted) >= 3 and (wanted in summary.id.lower() or wanted in summary.name.lower()):
        return 1
    candidates = (summary.id[: len(wanted)], summary.id, summary.name)
    return max(SequenceMatcher(None, wanted, each.lower()).ratio() for each in candidates)
