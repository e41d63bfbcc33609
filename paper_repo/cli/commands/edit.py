"""The commands that change or clear away: rename, delete, prune."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from paper_repo.cli import formatting
from paper_repo.cli.database import existing, loaded, short_id
from paper_repo.cli.escaping import printable, quoted
from paper_repo.cli.exit_codes import CONFLICT, USAGE, CommandError
from paper_repo.cli.options import (
    CreatedFromOption,
    CreatedToOption,
    DbOption,
    PassphraseFile,
    SessionId,
    SessionIds,
    StatusOption,
    StrategyOption,
    SymbolOption,
    YesOption,
    ZoneOption,
    filters,
    readable,
)
from paper_repo.cli.terminal import confirm, output, say
from paper_repo.cli.zones import UTC_ZONE, Zone
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import PaperTradingSession, SessionStatus
from paper_repo.domain.selection import SessionFilters

ENDED = [SessionStatus.STOPPED, SessionStatus.FAILED]
SHOWN = 20


def rename(
    session_id: SessionId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.", callback=readable)],
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    force: Annotated[
        bool, typer.Option("--force", metavar="", help="Rename it even if a program may be trading it.")
    ] = False,
) -> None:
    """Give a session another name."""
    with existing(db, passphrase_file) as repository:
        session = loaded(repository, session_id)
        if session.status in (SessionStatus.RUNNING, SessionStatus.PAUSED) and not force:
            raise CommandError(
                f"{_called(session)} is {session.status}, and a program that trades it could not save it afterwards; "
                "stop the program first, or use --force if there is none",
                CONFLICT,
            )
        before, session.name = session.name, name
        repository.save(session)
    say(f"renamed {quoted(before)} to {quoted(name)}")


def delete(
    session_ids: SessionIds,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    yes: YesOption = False,
) -> None:
    """Delete sessions with their whole history."""
    with existing(db, passphrase_file) as repository:
        sessions = [loaded(repository, each) for each in dict.fromkeys(session_ids)]
        for session in sessions:
            say(f"{_called(session)}, {session.status}, {formatting.count(session.fill_count, 'fill')}")
        confirm(
            f"Delete {formatting.count(len(sessions), 'session')} with the whole history?", yes, "nothing was deleted"
        )
        with repository.atomic():
            deleted = sum(repository.delete(each.id) for each in {session.id: session for session in sessions}.values())
    say(f"deleted {formatting.count(deleted, 'session')}")


def prune(
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    created_from: CreatedFromOption = None,
    created_to: CreatedToOption = None,
    zone: ZoneOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Show what would be deleted, and delete nothing.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Delete many sessions at once: those that have ended (STOPPED or FAILED), unless --status names others."""
    if not any((status, strategy, symbol, created_from, created_to)):
        raise CommandError("say which sessions to delete: --created-to 90d, --status, --strategy or --symbol", USAGE)
    chosen = filters(status or ENDED, strategy, symbol, created_from, created_to)
    with existing(db, passphrase_file) as repository:
        number = repository.count(**chosen)
        if not number:
            say("no session to delete")
            return
        _show_doomed(repository, chosen, number, zone or UTC_ZONE)
        if dry_run:
            say(f"would delete {formatting.count(number, 'session')}")
            return
        confirm(f"Delete {formatting.count(number, 'session')} with the whole history?", yes, "nothing was deleted")
        deleted = repository.delete_many(**chosen)
    say(f"deleted {formatting.count(deleted, 'session')}")


def _show_doomed(repository: SessionRepository, chosen: SessionFilters, number: int, zone: Zone) -> None:
    from paper_repo.cli import tables

    console = output()
    doomed = repository.get_summaries(**chosen, limit=SHOWN)
    ids = {each.id: short_id(repository, each.id) for each in doomed}
    console.print(tables.session_list(doomed, ids, datetime.now(UTC), console.width, zone))
    if number > len(doomed):
        console.print(f"… and {number - len(doomed):,} more", style="bright_black")


def _called(session: PaperTradingSession) -> str:
    return f"{printable(session.id)} ({printable(session.name)})"
