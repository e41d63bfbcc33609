"""`paper-repo demo`: a process that trades is killed half-way, a new one goes on, and both are shown doing it."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from paper_repo.cli import formatting, tables
from paper_repo.cli.commands.inspect import examine
from paper_repo.cli.database import name_of, opened, place_of
from paper_repo.cli.destinations import require_no_odd_file
from paper_repo.cli.exit_codes import FAILED, CommandError
from paper_repo.cli.options import PassphraseFile, between
from paper_repo.cli.passphrases import passphrase_of
from paper_repo.cli.terminal import output
from paper_repo.core.repository import SessionRepository
from paper_repo.demo.market import symbols, trading_days
from paper_repo.demo.run import (
    FIRST,
    SECOND,
    UNINTERRUPTED,
    Began,
    Compared,
    DemoError,
    Event,
    Killed,
    Report,
    Traded,
    run,
)
from paper_repo.demo.strategy import INITIAL_CASH
from paper_repo.storage.address import Address

KEPT = "demo.db"
"""Where `--keep` keeps the session."""

EVERY = 25
"""Without a terminal, a line is printed each time this many days have been traded."""


def demo(
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="FILE|URL",
            help="Keep the session in this database. By default a file that is removed at the end.",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            metavar="DAYS",
            callback=between(0.1, 1e6),
            help="Days per second, to watch it. By default as fast as possible.",
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", metavar="", help=f"Keep the session, in {KEPT} in this folder unless --db names another."
        ),
    ] = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Watch a session survive kill -9: a strategy trades a year of real prices, is killed half-way, and continues."""
    console = output()
    db = db or (KEPT if keep else None)
    with tempfile.TemporaryDirectory(prefix="paper_repo-demo-", ignore_cleanup_errors=True) as folder:
        path = place_of(db) if db else Path(folder) / "demo.db"
        if isinstance(path, Path):
            require_no_odd_file(path)
        repository, passphrase = _opened(path, passphrase_file)
        with repository:
            pass  # a file that cannot be used is better refused before anything is shown
        _introduce(console, path)
        compared = _told(console, run(path, Path(folder) / "uninterrupted.db", speed, passphrase))
        _show_checks(console, compared)
        with SessionRepository(path, passphrase=passphrase) as repository:
            _show_session(console, repository, compared.session_id)
    _say_where(console, path, compared.session_id, kept=db is not None)
    if not compared.passed:
        raise CommandError("the resumed run differs from the uninterrupted one", FAILED)


def _opened(path: Address, passphrase_file: Path | None) -> tuple[SessionRepository, str | None]:
    """The repository, and the passphrase for the processes that trade, which nobody is asked for again."""
    passphrase = passphrase_of(path, passphrase_file) if isinstance(path, Path) else None
    if passphrase is None:
        return opened(path, passphrase_file, ask=False), None
    return SessionRepository(path, passphrase=passphrase), passphrase


def _introduce(console: Console, path: Address) -> None:
    days, traded = trading_days(), ", ".join(symbols())
    console.print(Text("A paper-trading session survives kill -9", "bold"))
    console.print(
        f"A moving-average crossover trades {traded} for {len(days)} days, {days[0].date} to {days[-1].date},\n"
        f"with {formatting.money(INITIAL_CASH)} USD of pretend money. After every day its session is saved to\n"
        f"{name_of(path)}\n",
    )


def _told(console: Console, demo: Generator[Event, None, None]) -> Compared:
    """The demo, shown event by event; returns the last one."""
    try:
        with closing(demo) as events, _Watch(console) as watch:
            for event in events:
                match event:
                    case Began(process, report):
                        watch.begin(process, report)
                    case Traded(process, report):
                        watch.day(report)
                    case Killed(report):
                        watch.killed(report)
                    case Compared():
                        return event
    except DemoError as error:
        raise CommandError(str(error)) from error
    raise AssertionError("the demo ends with a comparison")


class _Watch:
    """Shows the processes at their work: a bar for each on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Progress | None = None
        self._last = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end_bar()

    def begin(self, process: str, report: Report) -> None:
        """A process has begun: say what it is about to do."""
        self._end_bar()
        self._console.print(Text(_HEADINGS[process].format(pid=report.pid), "bold"))
        if process == SECOND:
            self._console.print(f"   {_standing(report)}")
        if self._console.is_terminal:
            self._bars = Progress(
                TextColumn(" "), BarColumn(24), TextColumn("{task.description}"), console=self._console
            )
            self._bars.start()
            self._bars.add_task("", total=len(trading_days()), completed=report.days)
        self._last = report.days

    def day(self, report: Report) -> None:
        """A day is stored."""
        if self._bars is not None:
            self._bars.update(TaskID(0), completed=report.days, description=_brief(report))
        elif report.days - self._last >= EVERY or report.days == len(trading_days()):
            self._last = report.days
            self._console.print(f"   {_standing(report)}")

    def killed(self, report: Report) -> None:
        """The first process has been killed."""
        self._end_bar()
        told = f"   killed with SIGKILL, in the middle of trading, after it had saved day {report.days}"
        self._console.print(Text(told, "red"))

    def _end_bar(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


_HEADINGS = {
    FIRST: "1  A process trades (pid {pid})",
    SECOND: "2  A new process (pid {pid}) asks for get_active(), finds the session and continues",
    UNINTERRUPTED: "3  The same without interruption, in another file (pid {pid})",
}


def _brief(report: Report) -> str:
    """What stands beside a bar; both fit in 80 columns."""
    day = f"{report.days:>3} of {len(trading_days())}  {report.date}"
    return f"{day}  {formatting.money(report.equity):>12}  {formatting.count(report.fills, 'fill')}"


def _standing(report: Report) -> str:
    return (
        f"day {report.days:>3} of {len(trading_days())}  {report.date or 'before the first':<10}  "
        f"equity {formatting.money(report.equity):>12}  "
        f"{report.positions} open, {report.orders} resting, {formatting.count(report.fills, 'fill')}"
    )


def _show_checks(console: Console, compared: Compared) -> None:
    console.print(Text("4  Compared with the uninterrupted run, to the last digit", "bold"))
    for check in compared.checks:
        sign, style = ("=", "green") if check.passed else ("≠", "red")
        console.print(Text(f"   {sign} ", style).append(f"{check.what:<26}", "").append(check.found, "bright_black"))
    verdict = "all equal: nothing was lost, nothing was changed" if compared.passed else "NOT EQUAL"
    console.print(Text(f"   {verdict}\n", "bold green" if compared.passed else "bold red"))


def _show_session(console: Console, repository: SessionRepository, session_id: str) -> None:
    session = repository.get_by_id(session_id)
    assert session is not None
    curve, figures = examine(repository, session)
    console.print(tables.session_page(session, figures, curve, console.width))
    console.print()


def _say_where(console: Console, path: Address, session_id: str, *, kept: bool) -> None:
    if kept:
        console.print(Text(f"The session is kept in {name_of(path)}; try next:", "bold"))
        short = session_id[:8]
        for command in ("list", f"show {short}", f"report {short} --output report.html"):
            console.print(f"   paper-repo {command} --db {shlex.quote(name_of(path))}", soft_wrap=True)
    else:
        console.print(f"The database was {path}; it has been removed.")
        console.print("To keep it and look at it: paper-repo demo --keep", soft_wrap=True)
