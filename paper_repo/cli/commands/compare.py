"""The command that lays two sessions side by side: compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from paper_repo.cli import json_output, options
from paper_repo.cli.comparison_lists import Documents, Highlights
from paper_repo.cli.database import existing, loaded
from paper_repo.cli.options import (
    DbOption,
    JsonOption,
    PassphraseFile,
    SinceOption,
    SymbolOption,
    UntilOption,
    ZoneOption,
)
from paper_repo.cli.terminal import counted, output, print_json_lists, progress
from paper_repo.cli.zones import UTC_ZONE
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import Fill, PaperTradingSession
from paper_repo.domain.comparison import WITHIN, Tally, compare_passing

T = TypeVar("T", bound=Tally)

TABLE_LENGTH = 10
"""How many rows each table has by default."""


ExpectedId = Annotated[
    str,
    options.id_argument(
        "The session that says what should have been traded, as a backtest: its id, or the first characters.",
        "EXPECTED",
    ),
]
ActualId = Annotated[str, options.id_argument("The session to be judged, as the paper or live run.", "ACTUAL")]
OtherDbOption = Annotated[
    str | None,
    typer.Option(
        "--other-db",
        metavar="FILE|URL",
        rich_help_panel=options.DATABASE,
        help="The database of the second session, if it is another one.",
    ),
]
OtherPassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--other-passphrase-file",
        metavar="FILE",
        rich_help_panel=options.DATABASE,
        help="A file whose first line is the passphrase of the other database, if it is encrypted.",
    ),
]
WithinOption = Annotated[
    timedelta | None,
    typer.Option(
        "--within",
        metavar="LENGTH",
        parser=options.length,
        help="How far apart in time two fills are at most that are taken for the same: 30s, 5m, 2h, 1d. "
        "By default 5m; take 1d for a backtest on daily bars.",
    ),
]
RowsOption = Annotated[
    int | None,
    options.rows_option("Show at most N rows of each table (0 = all). By default 10, and all with --json."),
]


def compare(
    expected_id: ExpectedId,
    actual_id: ActualId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    other_db: OtherDbOption = None,
    other_passphrase_file: OtherPassphraseFile = None,
    within: WithinOption = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: RowsOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two sessions fill by fill: a backtest with a paper run, or a paper run with a live one.

    It shows what was missed and what was extra, what worse prices have cost (slippage), fees, P&L, and where they part.
    """
    within = WITHIN if within is None else within
    first = existing(db, passphrase_file)
    second = existing(other_db, other_passphrase_file) if other_db else first
    with ExitStack() as opened:
        for each in {id(first): first, id(second): second}.values():
            opened.enter_context(each)
            opened.enter_context(each.reading())
        expected, actual = loaded(first, expected_id), loaded(second, actual_id)

        def found(make: Callable[[], T]) -> T:
            with progress("reading the histories", expected.fill_count + actual.fill_count) as advance:
                return compare_passing(
                    make,
                    expected,
                    actual,
                    lambda: counted(_fills(first, expected, symbol), advance),
                    lambda: counted(_fills(second, actual, symbol), advance),
                    within=within,
                    since=since,
                    until=until,
                )

        if as_json:
            documents = found(lambda: Documents(limit or None))
        else:
            most = TABLE_LENGTH if limit is None else limit
            highlights = found(lambda: Highlights(most))
    if as_json:
        print_json_lists(json_output.of_comparison(expected, actual, documents), documents.lists)
        return
    from paper_repo.cli.comparison_page import comparison_page

    page = comparison_page(
        expected,
        actual,
        highlights,
        zone=zone or UTC_ZONE,
        within=within,
        whole=symbol is None and since is None and until is None,
    )
    output().print(page)


def _fills(repository: SessionRepository, session: PaperTradingSession, symbol: str | None) -> Iterator[Fill]:
    return (fill for _, fill in repository.fill_history(session.id) if symbol in (None, fill.symbol))
