"""The arguments and options that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from paper_repo.cli.database import VARIABLE, existing
from paper_repo.cli.escaping import shell_word
from paper_repo.cli.passphrases import PASSPHRASE
from paper_repo.cli.zones import LOCAL, UTC_ZONE, Zone, names_that_begin, zone_of
from paper_repo.cli.zones import VARIABLE as ZONE_VARIABLE
from paper_repo.domain import SessionStatus
from paper_repo.domain.selection import SessionFilters

T = TypeVar("T", str, list[str], None)

MOST = 1_000_000_000
"""More rows than anybody looks at, and few enough for every database to count."""
MOST_POINTS = 1_000_000
LIST_LENGTH = 50
"""How many rows a table has by default."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def moment(given: str) -> datetime:
    """A day, a time, or how long ago: 2026-01-31, 2026-01-31T14:30, 90d, 12h, 30m; without a zone if it names none."""
    try:
        if match := re.fullmatch(r"([0-9]{1,6})([dhm])", given):
            return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        return datetime.fromisoformat(given)
    except OverflowError:
        raise typer.BadParameter(f"{given!r} is before the year 1.") from None
    except ValueError:
        raise typer.BadParameter(
            f"{given!r} is not a time; write 2026-01-31, 2026-01-31T14:30, or how long ago: 90d, 12h, 30m."
        ) from None


def in_zone(ctx: typer.Context, given: datetime | None) -> datetime | None:
    """The time in UTC of one that was typed: in the zone of --tz, unless it names another."""
    if given is None:
        return None
    zone: Zone = ctx.params.get("zone") or UTC_ZONE
    try:
        return zone.understood(given)
    except OverflowError:
        raise typer.BadParameter(f"{given} is before the year 1 or after the year 9999, in UTC.") from None


def zone(given: str) -> Zone:
    """A time zone by its name."""
    try:
        return zone_of(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def length(given: str) -> timedelta:
    """A length of time: 30s, 5m, 2h, 1d."""
    match = re.fullmatch(r"([0-9]{1,6})([dhms])", given)
    if match is None:
        raise typer.BadParameter(f"{given!r} is not a length of time; write 30s, 5m, 2h or 1d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Whether a time is not before `since`, and before `until`."""
    return (since is None or at >= since) and (until is None or at < until)


def readable(given: T) -> T:
    """The text or texts of an argument, which must be UTF-8 without NUL, as everything that is stored is."""
    texts: list[str] = [given] if isinstance(given, str) else given or []
    for each in texts:
        try:
            each.encode()
        except UnicodeEncodeError:
            raise typer.BadParameter(f"{each!r} is not UTF-8 text.") from None
    return given


def rows(given: str) -> int:
    """How many rows to show at most; 0 for all."""
    return _whole(given, 0, MOST)


def points(given: str) -> int:
    """How many points of a curve to show: its first and last, lowest and highest at least."""
    return _whole(given, 4, MOST_POINTS)


def _whole(given: str, least: int, most: int) -> int:
    if re.fullmatch(r"[0-9]{1,19}", given) and least <= int(given) <= most:
        return int(given)
    raise typer.BadParameter(f"{given!r} is not a whole number from {least} to {most:,}.")


def between(least: float, most: float) -> Callable[[float | None], float | None]:
    """What checks the number of an option: it is at least `least` and at most `most`, so neither infinite nor NaN."""

    def check(given: float | None) -> float | None:
        if given is not None and not least <= given <= most:
            raise typer.BadParameter(f"{given} is not a number from {least:g} to {most:g}.")
        return given

    return check


def complete_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids in the database that begin with what was typed, quoted for the shell; nothing when there is no database."""
    shell = os.environ.get("_PAPER_REPO_COMPLETE", "").removeprefix("complete_")
    file = ctx.params.get("passphrase_file")
    try:
        with existing(ctx.params.get("db") or None, Path(file) if file else None, ask=False) as repository:
            words = (shell_word(each, shell) for each in repository.find_ids(incomplete, limit=100))
            return [word for word in words if word is not None]
    except Exception:  # completion must never complain
        return []


def filters(
    status: list[SessionStatus] | None,
    strategy: str | None,
    symbol: str | None,
    created_from: datetime | None,
    created_to: datetime | None,
) -> SessionFilters:
    """Which sessions the options of a command choose."""
    return {
        "status": status or None,
        "strategy": strategy,
        "symbol": symbol,
        "since": created_from,
        "until": created_to,
    }


class Order(StrEnum):
    """What a list can be ordered by."""

    CREATED = "created_at"
    UPDATED = "updated_at"
    NAME = "name"
    EQUITY = "equity"
    NET_PNL = "net_pnl"


DATABASE = "Which database"
"""The part of each help that most people read once."""

DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar=VARIABLE,
        metavar="FILE|URL",
        show_envvar=True,
        rich_help_panel=DATABASE,
        help="The database: a file, or the URL of a server. By default the file in your data folder.",
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        rich_help_panel=DATABASE,
        help=f"For an encrypted database: a file whose first line is the passphrase. "
        f"Otherwise it is taken from {PASSPHRASE}, from a pipe, or you are asked.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", metavar="", help="Print one JSON document, with exact amounts as text.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask for confirmation.")]


def id_argument(text: str, metavar: str = "ID") -> Any:
    """An argument that names a session, or several: a shell completes it, and its help is `text`."""
    return typer.Argument(metavar=metavar, help=text, autocompletion=complete_id, callback=readable)


def rows_option(text: str) -> Any:
    """The option that says how many rows are shown; its help is `text`."""
    return typer.Option("--limit", "-n", metavar="N", parser=rows, help=text)


def choices_option(name: str, text: str) -> Any:
    """An option that can be repeated, with one of the words that its help, `text`, names."""
    return typer.Option(name, case_sensitive=False, metavar=name.removeprefix("--").upper(), help=text)


def time_option(name: str, text: str) -> Any:
    """An option with a time in the zone of --tz; its help is `text`."""
    return typer.Option(name, metavar="TIME", parser=moment, callback=in_zone, help=text)


SessionId = Annotated[
    str, id_argument("The id of the session; its first characters are enough if no other id begins with them.")
]
SessionIds = Annotated[list[str], id_argument("The ids of the sessions, or their first characters.")]
AnySessionIds = Annotated[
    list[str] | None,
    id_argument("The ids of the sessions, or their first characters. Without any: all sessions."),
]
StatusOption = Annotated[
    list[SessionStatus] | None,
    choices_option(
        "--status", "Only sessions with this status: created, running, paused, stopped or failed. Can be repeated."
    ),
]
StrategyOption = Annotated[
    str | None,
    typer.Option("--strategy", metavar="NAME", callback=readable, help="Only sessions of this strategy."),
]
SymbolOption = Annotated[
    str | None, typer.Option("--symbol", metavar="SYMBOL", callback=readable, help="Only this symbol.")
]
CreatedFromOption = Annotated[
    datetime | None,
    time_option(
        "--created-from",
        "Only sessions created at or after this time: 2026-01-31, 2026-01-31T14:30, or 90d (90 days ago).",
    ),
]
CreatedToOption = Annotated[datetime | None, time_option("--created-to", "Only sessions created before this time.")]
SinceOption = Annotated[
    datetime | None,
    time_option("--since", "From this time on: 2026-01-31, 2026-01-31T14:30, or 90d (90 days ago)."),
]
UntilOption = Annotated[datetime | None, time_option("--until", "Before this time.")]
ZoneOption = Annotated[
    Zone | None,
    typer.Option(
        "--tz",
        envvar=ZONE_VARIABLE,
        show_envvar=True,
        metavar="ZONE",
        parser=zone,
        is_eager=True,  # the times that are typed are meant in it
        autocompletion=names_that_begin,
        help="Show times in this zone, and read those that you type in it: America/New_York, Europe/Berlin, "
        f"or {LOCAL} for that of this computer. By default UTC.",
    ),
]
LimitOption = Annotated[
    int | None, rows_option("Show only the latest N (0 = all). By default 50, and all with --json.")
]
