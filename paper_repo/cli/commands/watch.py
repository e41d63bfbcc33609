"""The command that follows what programs save: watch."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.live import Live

from paper_repo.cli import json_output, streams
from paper_repo.cli.database import existing
from paper_repo.cli.exit_codes import USAGE, CommandError
from paper_repo.cli.following import Following, Sorting
from paper_repo.cli.keys import single_keys
from paper_repo.cli.live_page import View, live_page
from paper_repo.cli.options import (
    DbOption,
    PassphraseFile,
    StatusOption,
    StrategyOption,
    SymbolOption,
    ZoneOption,
    filters,
)
from paper_repo.cli.terminal import SafeConsole, output, print_json_line
from paper_repo.cli.zones import UTC_ZONE, Zone
from paper_repo.core.repository import SessionRepository
from paper_repo.domain.selection import SessionFilters
from paper_repo.watching import SessionChanges

GLANCE = 0.2
"""How long, in seconds, a key is waited for before the database is looked at again."""
TICK = 1.0
"""How often, in seconds, the page is drawn again though nothing was saved: it says how long ago that was."""

TERMINATED = 128 + signal.SIGTERM


def watch(
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    sort: Annotated[
        Sorting,
        typer.Option(
            "--sort",
            metavar="FIELD",
            help="Sort by name, equity, net_pnl, since_opened, last_fill or saved; keys change it while it runs.",
        ),
    ] = Sorting.NAME,
    zone: ZoneOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", metavar="", help="Print a line of JSON for each session, and then for each change, for a pipe."
        ),
    ] = False,
) -> None:
    """Follow what runs in a live table: equity, P&L since you opened it, the last fill. q ends it.

    It shows what programs save, as soon as they have saved it: RUNNING and PAUSED sessions, and whatever changes.
    """
    chosen = filters(status, strategy, symbol, None, None)
    if as_json:
        streams.require_output()
        with existing(db, passphrase_file) as repository:
            _print_lines(repository, chosen)
        return
    console = output()
    if not console.is_terminal or console.is_dumb_terminal:
        raise CommandError("a live table needs a terminal; --json prints lines for a pipe or a file", USAGE)
    with existing(db, passphrase_file) as repository:
        _follow(repository, chosen, console, sort, zone or UTC_ZONE)


def _follow(
    repository: SessionRepository, chosen: SessionFilters, console: SafeConsole, sort: Sorting, zone: Zone
) -> None:
    """Show the live table until q or Ctrl-C, and leave its last state on the screen."""
    interrupted = False
    with repository.watch() as changes:  # which begins before the sessions are read, so that no save is missed
        following = Following(repository, chosen)
        view = View(sort)
        try:
            view = _shown_until_the_end(changes, following, console, view, zone)
        except KeyboardInterrupt:
            interrupted = True
        except EOFError:  # the terminal has gone, and there is nobody to tell
            return
    console.print(live_page(following, view, zone, None, console.width))
    if interrupted:
        raise KeyboardInterrupt


def _shown_until_the_end(
    changes: SessionChanges, following: Following, console: SafeConsole, view: View, zone: Zone
) -> View:
    drawn_at = -TICK
    with (
        _ended_by_a_signal(),
        single_keys() as wait,
        Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        while True:
            news = _taken(changes, following)
            if news or time.monotonic() - drawn_at >= TICK:
                live.update(live_page(following, view, zone, console.height, console.width), refresh=True)
                drawn_at = time.monotonic()
            key = wait(GLANCE)
            if key == "q":
                return view
            if key:
                view, drawn_at = view.after(key), -TICK


def _taken(changes: SessionChanges, following: Following) -> bool:
    """Read whatever has been saved since; whether there was anything."""
    news = False
    while changes.look():
        while (change := changes.take()) is not None:
            following.take(change)
            news = True
    return news


@contextmanager
def _ended_by_a_signal() -> Iterator[None]:
    """A block that a request to end leaves in order, so that the terminal is as before."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_lines(repository: SessionRepository, chosen: SessionFilters) -> None:
    """A line for each session that is followed, and one for each change, until Ctrl-C."""
    with repository.watch() as changes:
        following = Following(repository, chosen)
        for row in following.sorted(Sorting.NAME, reverse=False):
            print_json_line(json_output.of_followed("opened", row.summary.id, row))
        for change in changes:
            was_followed = change.session_id in following.rows
            found = following.take(change)
            if found is not None or was_followed:
                event = "saved" if found is not None else "deleted" if change.deleted else "left"
                print_json_line(json_output.of_followed(event, change.session_id, found))
