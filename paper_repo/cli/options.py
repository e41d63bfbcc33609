"""The arguments and options that several commands share."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from paper_repo.cli.database import VARIABLE, existing
from paper_repo.domain import SessionStatus
from paper_repo.domain.selection import SessionFilters

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def moment(given: str) -> datetime:
    """A day, a time (in UTC unless it says otherwise), or how long ago: 2026-01-31, 2026-01-31T14:30, 90d, 12h, 30m."""
    if match := re.fullmatch(r"(\d{1,6})([dhm])", given):
        try:
            return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
        except OverflowError:
            raise typer.BadParameter(f"{given!r} is before the year 1.") from None
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(
            f"{given!r} is no time; write 2026-01-31, 2026-01-31T14:30, or how long ago: 90d, 12h, 30m."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def complete_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids in the database that begin with what was typed; nothing when there is no database to look into."""
    typed = ctx.params.get("db")
    try:
        with existing(typed or None) as repository:
            return repository.find_ids(incomplete, limit=100)
    except Exception:  # completion must never complain
        return []


def filters(
    status: list[SessionStatus] | None,
    strategy: str | None,
    symbol: str | None,
    created_from: datetime | None,
    created_to: datetime | None,
) -> SessionFilters:
    """What the options of a command say about which sessions are meant."""
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


DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar=VARIABLE,
        metavar="FILE|URL",
        show_envvar=True,
        help="The database, a file or the URL of one; by default the one in your data folder.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document, for programs; amounts as exact text.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
SessionId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The session's id, or its beginning when that is enough.", autocompletion=complete_id
    ),
]
SessionIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Ids, or their beginnings; all without any.", autocompletion=complete_id),
]
StatusOption = Annotated[
    list[SessionStatus] | None,
    typer.Option("--status", case_sensitive=False, help="Only these; may be given several times."),
]
StrategyOption = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="Only of this strategy.")]
SymbolOption = Annotated[str | None, typer.Option("--symbol", metavar="SYMBOL", help="Only with this symbol.")]
CreatedFromOption = Annotated[
    datetime | None,
    typer.Option(
        "--created-from",
        metavar="TIME",
        parser=moment,
        help="Only created then or later: 2026-01-31, 2026-01-31T14:30 (UTC), 90d (ago).",
    ),
]
CreatedToOption = Annotated[
    datetime | None, typer.Option("--created-to", metavar="TIME", parser=moment, help="Only created before this time.")
]
SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        metavar="TIME",
        parser=moment,
        help="Only from then on: 2026-01-31, 2026-01-31T14:30 (UTC), 90d (ago).",
    ),
]
UntilOption = Annotated[
    datetime | None, typer.Option("--until", metavar="TIME", parser=moment, help="Only before this time.")
]
