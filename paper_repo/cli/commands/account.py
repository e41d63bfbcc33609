"""The commands that look into a session's account: trades, orders, positions, cash."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, TypeVar

import typer
from rich.text import Text

from paper_repo.cli import account_tables, formatting, json_output, options
from paper_repo.cli.database import existing, loaded
from paper_repo.cli.escaping import printable
from paper_repo.cli.fitted_table import print_rows
from paper_repo.cli.options import (
    DbOption,
    JsonOption,
    LimitOption,
    PassphraseFile,
    SessionId,
    SinceOption,
    SymbolOption,
    UntilOption,
    ZoneOption,
    within,
)
from paper_repo.cli.terminal import output, print_json, print_json_stream
from paper_repo.cli.zones import UTC_ZONE
from paper_repo.domain import CashFlow, CashFlowKind, OrderStatus

T = TypeVar("T")


class Wanted(StrEnum):
    """Which orders are shown."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


def trades(
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
    """List the closed trades of a session: each a position from its opening until nothing of it was left.

    --since and --until choose by the time of the exit.
    """
    with existing(db, passphrase_file) as repository, repository.reading():
        session = loaded(repository, session_id)
        found = [
            (number, each)
            for number, each in enumerate(repository.get_trades(session.id), 1)
            if symbol in (None, each.symbol) and within(each.exit_at, since, until)
        ]
    latest = _latest(found, limit, as_json)
    if as_json:
        print_json_stream({"session_id": session.id}, "trades", (json_output.of_trade(*each) for each in latest))
        return
    print_rows(account_tables.trade_table(latest, zone or UTC_ZONE), len(latest), "closed trade")
    _say_what_is_left_out(latest, found, "closed trade")


def orders(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    wanted: Annotated[
        Wanted,
        typer.Option("--which", metavar="WHICH", help="Those that are open, closed, or all. By default all."),
    ] = Wanted.ALL,
    status: Annotated[
        list[OrderStatus] | None,
        typer.Option(
            "--status",
            case_sensitive=False,
            metavar="STATUS",
            help="Only orders with this status: pending, open, partially_filled, filled, cancelled, rejected or "
            "expired. Can be repeated.",
        ),
    ] = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the orders of a session: first those that are closed, then those that still rest.

    --since and --until choose by the time at which an order was closed, or made if it still rests.
    """
    with existing(db, passphrase_file) as repository, repository.reading():
        session = loaded(repository, session_id)
        closed = repository.get_orders(session.id) if wanted is not Wanted.OPEN else []
    resting = sorted(session.open_orders.values(), key=lambda each: each.created_at)
    found = [
        each
        for each in [*closed, *(resting if wanted is not Wanted.CLOSED else [])]
        if symbol in (None, each.symbol)
        and (not status or each.status in status)
        and within(each.closed_at or each.created_at, since, until)
    ]
    latest = _latest(found, limit, as_json)
    if as_json:
        print_json_stream({"session_id": session.id}, "orders", map(json_output.of_order, latest))
        return
    table = account_tables.order_table(latest, zone or UTC_ZONE, closed=True)
    print_rows(table, len(latest), "order")
    _say_what_is_left_out(latest, found, "order")


def positions(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    symbol: SymbolOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what a session holds: its open positions, with their value and their profit at the last known price.

    The value of a position that is settled by margin, as of a future, is its notional value; the account is worth only
    its unrealized profit.
    """
    with existing(db, passphrase_file) as repository:
        session = loaded(repository, session_id)
    found = [each for each in session.positions.values() if symbol in (None, each.symbol)]
    if as_json:
        print_json({"session_id": session.id, "positions": [json_output.of_position(each) for each in found]})
        return
    print_rows(account_tables.position_table(found, zone or UTC_ZONE), len(found), "open position")
    if len(found) == len(session.positions) > 0:
        total = formatting.signed(session.unrealized_pnl, formatting.places_of(session.unrealized_pnl))
        note = f"unrealized P&L of all: {total} {printable(session.base_currency)}"
        output().print(Text(note, "bright_black"))


def cash(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    kind: Annotated[
        list[CashFlowKind] | None,
        typer.Option(
            "--kind",
            case_sensitive=False,
            metavar="KIND",
            help="Only cash flows of this kind: deposit, withdrawal, dividend, interest, funding, tax, fee or other. "
            "Can be repeated.",
        ),
    ] = None,
    symbol: SymbolOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a session holds of each currency, and what was paid in and out besides trades.

    Splits of shares and changes of symbols stand among the payments, as they were booked.
    """
    with existing(db, passphrase_file) as repository, repository.reading():
        session = loaded(repository, session_id)
        found = [
            each
            for each in repository.get_ledger(session.id, since=since, until=until)
            if (not kind or (isinstance(each, CashFlow) and each.kind in kind)) and symbol in (None, each.symbol)
        ]
    latest = _latest(found, limit, as_json)
    if as_json:
        head = {"session_id": session.id, "balances": json_output.of_balances(session)}
        print_json_stream(head, "entries", map(json_output.of_entry, latest))
        return
    output().print(account_tables.balance_table(session))
    output().print()
    table = account_tables.ledger_table(latest, session.base_currency, zone or UTC_ZONE)
    print_rows(table, len(latest), "cash flow")
    _say_what_is_left_out(latest, found, "entry", "entries")


def _latest(found: Sequence[T], limit: int | None, as_json: bool) -> Sequence[T]:
    most = limit if limit is not None else 0 if as_json else options.LIST_LENGTH
    return found[-most:] if most else found


def _say_what_is_left_out(latest: Sequence[T], found: Sequence[T], noun: str, plural: str = "") -> None:
    if len(latest) < len(found):
        note = f"the latest {len(latest):,} of {formatting.count(len(found), noun, plural)}; --limit 0 shows all"
        output().print(Text(note, "bright_black"))
