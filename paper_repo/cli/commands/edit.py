"""The commands that change or clear away: rename, delete, prune."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from paper_repo.cli import formatting, tables
from paper_repo.cli.database import existing, find_id, short_id
from paper_repo.cli.exit_codes import CONFLICT, NOT_FOUND, USAGE, CommandError
from paper_repo.cli.options import (
    CreatedFromOption,
    CreatedToOption,
    DbOption,
    SessionId,
    StatusOption,
    StrategyOption,
    SymbolOption,
    YesOption,
    complete_id,
    filters,
)
from paper_repo.cli.terminal import confirm, output
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import PaperTradingSession, SessionStatus
from paper_repo.domain.selection import SessionFilters

ENDED = [SessionStatus.STOPPED, SessionStatus.FAILED]
SHOWN = 20


def rename(
    session_id: SessionId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    db: DbOption = None,
    force: Annotated[bool, typer.Option("--force", help="Even if a program may be trading it.")] = False,
) -> None:
    """Give a session another name."""
    with existing(db) as repository:
        session = _load(repository, session_id)
        if session.status in (SessionStatus.RUNNING, SessionStatus.PAUSED) and not force:
            raise CommandError(
                f"{_called(session)} is {session.status}: a program that trades it would find its next save refused; "
                "stop it first, or use --force if none does",
                CONFLICT,
            )
        before, session.name = session.name, name
        repository.save(session)
    output().print(Text(f"renamed {formatting.printable(before)!r} to {formatting.printable(name)!r}"))


def delete(
    session_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Ids, or their beginnings.", autocompletion=complete_id)
    ],
    db: DbOption = None,
    yes: YesOption = False,
) -> None:
    """Delete sessions with their whole history."""
    with existing(db) as repository:
        sessions = [_load(repository, each) for each in dict.fromkeys(session_ids)]
        for session in sessions:
            output().print(
                Text(f"{_called(session)}, {session.status}, {formatting.count(session.fill_count, 'fill')}")
            )
        confirm(
            f"Delete {formatting.count(len(sessions), 'session')} with all their history?", yes, "nothing was deleted"
        )
        with repository.atomic():
            deleted = sum(repository.delete(each.id) for each in {session.id: session for session in sessions}.values())
    output().print(f"deleted {formatting.count(deleted, 'session')}")


def prune(
    db: DbOption = None,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    created_from: CreatedFromOption = None,
    created_to: CreatedToOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    yes: YesOption = False,
) -> None:
    """Delete many sessions at once: those that have ended (STOPPED or FAILED, unless --status says otherwise)."""
    if not any((status, strategy, symbol, created_from, created_to)):
        raise CommandError("say which sessions: --created-to 90d, --status, --strategy or --symbol", USAGE)
    chosen = filters(status or ENDED, strategy, symbol, created_from, created_to)
    with existing(db) as repository:
        number = repository.count(**chosen)
        if not number:
            output().print("no session to delete")
            return
        _show_doomed(repository, chosen, number)
        if dry_run:
            output().print(f"would delete {formatting.count(number, 'session')}")
            return
        confirm(f"Delete {formatting.count(number, 'session')} with all their history?", yes, "nothing was deleted")
        deleted = repository.delete_many(**chosen)
    output().print(f"deleted {formatting.count(deleted, 'session')}")


def _show_doomed(repository: SessionRepository, chosen: SessionFilters, number: int) -> None:
    console = output()
    doomed = repository.get_summaries(**chosen, limit=SHOWN)
    ids = {each.id: short_id(repository, each.id) for each in doomed}
    console.print(tables.session_list(doomed, ids, datetime.now(UTC), console.width))
    if number > len(doomed):
        console.print(Text(f"… and {number - len(doomed):,} more", "bright_black"))


def _load(repository: SessionRepository, wanted: str) -> PaperTradingSession:
    session = repository.get_by_id(find_id(repository, wanted))
    if session is None:
        raise CommandError(f"session {wanted!r} was deleted meanwhile", NOT_FOUND)
    return session


def _called(session: PaperTradingSession) -> str:
    return f"{formatting.printable(session.id)} ({formatting.printable(session.name)})"
