"""The commands that look at sessions: list, show, fills, equity, status, info."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import paper_repo
from paper_repo.cli import formatting, json_output, options, tables
from paper_repo.cli.database import existing, is_missing, loaded, name_of, place_of, short_id
from paper_repo.cli.escaping import printable
from paper_repo.cli.fitted_table import print_rows
from paper_repo.cli.options import (
    CreatedFromOption,
    CreatedToOption,
    DbOption,
    JsonOption,
    LimitOption,
    Order,
    PassphraseFile,
    SessionId,
    SinceOption,
    StatusOption,
    StrategyOption,
    SymbolOption,
    UntilOption,
    ZoneOption,
    between,
    filters,
    within,
)
from paper_repo.cli.terminal import output, print_json, print_json_stream, progress
from paper_repo.cli.zones import UTC_ZONE, Zone
from paper_repo.core.repository import SessionRepository, internals_of
from paper_repo.domain import EquityPoint, Fill, PaperTradingSession, SessionStatus
from paper_repo.domain.downsampling import downsample_stream
from paper_repo.domain.selection import SessionSummary

if TYPE_CHECKING:  # a list, which people wait for most often, needs none of it
    from paper_repo.cli.equity_chart import Curve
    from paper_repo.domain.performance import Performance

RESUMABLE = (SessionStatus.PAUSED, SessionStatus.STOPPED, SessionStatus.FAILED)
CURVE_LENGTH = 40
"""How many points the table of a curve has by default."""


def list_sessions(
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    status: StatusOption = None,
    strategy: StrategyOption = None,
    symbol: SymbolOption = None,
    created_from: CreatedFromOption = None,
    created_to: CreatedToOption = None,
    order_by: Annotated[
        Order,
        typer.Option(
            "--order-by",
            metavar="FIELD",
            help="Sort by created_at, updated_at, equity or net_pnl (the latest or highest first), or by name.",
        ),
    ] = Order.CREATED,
    reverse: Annotated[bool, typer.Option("--reverse", "-r", metavar="", help="Reverse the order.")] = False,
    limit: Annotated[
        int | None, options.rows_option("Show at most N (0 = all). By default 50, and all with --json.")
    ] = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sessions, the newest first."""
    chosen = filters(status, strategy, symbol, created_from, created_to)
    most = limit if limit is not None else 0 if as_json else options.LIST_LENGTH
    descending = (order_by is not Order.NAME) is not reverse
    with existing(db, passphrase_file) as repository:
        found = repository.get_summaries(**chosen, order_by=order_by.value, descending=descending, limit=most or None)
        if as_json:
            print_json({"sessions": [json_output.of_summary(each) for each in found]})
            return
        _print_list(repository, found, repository.count(**chosen) if most else len(found), zone or UTC_ZONE)


def _print_list(repository: SessionRepository, found: Sequence[SessionSummary], total: int, zone: Zone) -> None:
    console = output()
    if not found:
        console.print("no sessions")
        return
    ids = {each.id: short_id(repository, each.id) for each in found}
    console.print(tables.session_list(found, ids, datetime.now(UTC), console.width, zone))
    if len(found) < total:
        console.print(Text(f"{len(found):,} of {total:,} sessions; --limit 0 shows all", "bright_black"))


def show(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    periods_per_year: Annotated[
        float,
        typer.Option(
            "--periods-per-year",
            metavar="N",
            callback=between(0.001, 1e9),
            help="How many daily closes a year has, for the Sharpe and Sortino ratios: 252 for shares, 365 for crypto.",
        ),
    ] = 252,
    risk_free_rate: Annotated[
        float,
        typer.Option(
            "--risk-free-rate",
            metavar="RATE",
            callback=between(-0.99, 100),
            help="Per year, as a fraction: 0.03 is 3 %.",
        ),
    ] = 0.0,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one session: equity, performance, equity curve, currencies, positions and resting orders."""
    with existing(db, passphrase_file) as repository, repository.reading():
        session = loaded(repository, session_id)
        curve, figures = examine(repository, session, periods_per_year, risk_free_rate, zone or UTC_ZONE)
    if as_json:
        print_json(json_output.of_session(session, figures))
        return
    console = output()
    console.print(tables.session_page(session, figures, curve, console.width, zone or UTC_ZONE))


def examine(
    repository: SessionRepository,
    session: PaperTradingSession,
    periods_per_year: float = 252,
    rate: float = 0.0,
    zone: Zone = UTC_ZONE,
) -> tuple[Curve, Performance]:
    """The equity curve and the performance of a session, with its history read once."""
    from paper_repo.cli.equity_chart import Curve
    from paper_repo.core.figures import read_performance

    curves: list[Curve] = []

    def watch(points: Iterable[EquityPoint]) -> Iterator[EquityPoint]:
        curves.append(Curve(zone))
        return curves[-1].gather(points)

    with progress("reading the history", session.fill_count) as advance:
        figures = read_performance(
            internals_of(repository).storage,
            session,
            watch=watch,
            advance=advance,
            periods_per_year=periods_per_year,
            risk_free_rate=rate,
        )
    return curves[-1], figures


def fills(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the fills of a session in the order in which they were recorded."""
    with existing(db, passphrase_file) as repository, repository.reading():
        session = loaded(repository, session_id)
        most = limit if limit is not None else 0 if as_json else options.LIST_LENGTH
        plain = symbol is None and since is None and until is None
        start = max(session.fill_count - most, 0) if most and plain else 0
        found: Iterator[tuple[int, Fill]] = (
            (place, fill)
            for place, fill in repository.fill_history(session.id, after=start)
            if symbol in (None, fill.symbol) and within(fill.executed_at, since, until)
        )
        chosen = iter(deque(found, maxlen=most)) if most else found
        if as_json:
            items = (json_output.of_fill(place, fill) for place, fill in chosen)
            print_json_stream({"session_id": session.id}, "fills", items)
            return
        found_rows = list(chosen)
    print_rows(tables.fill_table(found_rows, zone or UTC_ZONE), len(found_rows), "fill")
    if plain and most and session.fill_count > len(found_rows):
        note = f"the latest {len(found_rows):,} of {session.fill_count:,} fills; --limit 0 shows all"
        output().print(Text(note, "bright_black"))


def equity(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    since: SinceOption = None,
    until: UntilOption = None,
    points: Annotated[
        int | None,
        typer.Option(
            "--points",
            metavar="N",
            parser=options.points,
            help="Show at most N points, peaks and troughs among them. By default 40, and all with --json.",
        ),
    ] = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the equity curve of a session as a chart and a table."""
    from paper_repo.cli.equity_chart import Curve

    with existing(db, passphrase_file) as repository, repository.reading():
        session = loaded(repository, session_id)

        def found() -> Iterator[EquityPoint]:
            return (each for each in repository.equity_history(session.id) if within(each.at, since, until))

        if as_json and points is None:
            print_json_stream({"session_id": session.id}, "points", map(json_output.of_point, found()))
            return
        curve, currency = Curve(zone or UTC_ZONE), session.base_currency
        chosen = _thinned(curve, found, points or CURVE_LENGTH)
    if as_json:
        print_json_stream({"session_id": session.id}, "points", map(json_output.of_point, chosen))
    else:
        _print_equity(curve, chosen, currency, zone or UTC_ZONE)


def _thinned(curve: Curve, read: Callable[[], Iterable[EquityPoint]], points: int) -> list[EquityPoint]:
    """At most `points` of the points, read once for the curve and once more to choose: never all of them in memory."""
    deque(curve.gather(read()), maxlen=0)
    if not curve.times:
        return []
    return downsample_stream(read(), points, start=curve.first, end=curve.last)


def _print_equity(curve: Curve, chosen: Sequence[EquityPoint], currency: str, zone: Zone) -> None:
    console, total = output(), len(curve.times)
    if total > 1:
        console.print(curve)
        console.print()
    print_rows(tables.equity_table(chosen, currency, zone), len(chosen), "equity point")
    if len(chosen) < total:
        note = f"{len(chosen):,} of {total:,} points, peaks and troughs among them; --points N shows more"
        console.print(Text(note, "bright_black"))


def status(
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which sessions would resume after a restart: the RUNNING ones."""
    with existing(db, passphrase_file) as repository, repository.reading():
        active = repository.get_active()
        counts = {each.value: repository.count(status=each) for each in SessionStatus}
        ids = {each.id: short_id(repository, each.id) for each in active}
    if as_json:
        print_json({"active": [json_output.of_session(each) for each in active], "counts": counts})
        return
    console = output()
    if active:
        console.print(Text(formatting.count(len(active), "session") + " would resume after a restart", "bold"))
        console.print(tables.active_table(active, ids, datetime.now(UTC), zone or UTC_ZONE))
    else:
        console.print("no session is RUNNING")
        if any(counts[each] for each in RESUMABLE):
            console.print("a program that asks for one of the others by its id can still resume it")
    others = [f"{number:,} {name}" for name, number in counts.items() if number and name != SessionStatus.RUNNING]
    if others:
        console.print(Text("besides: " + ", ".join(others) if active else ", ".join(others), "bright_black"))


def info(db: DbOption = None, passphrase_file: PassphraseFile = None, as_json: JsonOption = False) -> None:
    """Show the versions, the database, its settings, and how much it holds."""
    facts: dict[str, Any] = {"versions": _versions(), "database": {"database": name_of(place_of(db)), "exists": False}}
    if not is_missing(place_of(db)):
        with existing(db, passphrase_file) as repository:
            counts = {each.value: repository.count(status=each) for each in SessionStatus}
            facts["database"] = {**repository.describe(), "exists": True, "by_status": counts}
    if as_json:
        print_json(facts)
    else:
        output().print(_info_table(facts))


def _info_table(facts: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bright_black", no_wrap=True)
    table.add_column(overflow="fold")
    for name, number in facts["versions"].items():
        table.add_row(name, number)
    database = dict(facts["database"])
    table.add_row("", "")
    table.add_row("database", Text(printable(database.pop("database"), None), "bold"))
    if not database.pop("exists"):
        table.add_row("", "does not exist yet")
        return table
    pragmas, by_status = database.pop("pragmas", {}), database.pop("by_status")
    for name, number in {**database, **by_status}.items():
        table.add_row(name.replace("_", " "), f"{number:,}")
    table.add_row("", "")
    for name, value in pragmas.items():
        table.add_row(name, str(value))
    return table


def _versions() -> dict[str, str]:
    import platform
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    found = {"paper_repo": paper_repo.__version__, "Python": platform.python_version()}
    found["SQLite"] = sqlite3.sqlite_version
    for package in ("peewee", "marshmallow", "anyio"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
