"""The commands that look into a session's account: trades, orders, positions, cash."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

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
from paper_repo.core.repository import SessionRepository
from paper_repo.domain import CashFlow, CashFlowKind, Order, OrderStatus, PaperTradingSession
from paper_repo.domain.selection import is_chosen, resting

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
        found = (
            (number, each)
            for number, each in enumerate(repository.trade_history(session.id), 1)
            if symbol in (None, each.symbol) and within(each.exit_at, since, until)
        )
        if as_json:
            documents = (json_output.of_trade(*each) for each in _for_json(found, limit))
            print_json_stream({"session_id": session.id}, "trades", documents)
            return
        latest = Latest.of(found, limit)
    table = account_tables.trade_table(latest.rows, session.base_currency, zone or UTC_ZONE)
    print_rows(table, len(latest.rows), "closed trade")
    latest.say_what_is_left_out("closed trade")


WhichOption = Annotated[
    Wanted,
    typer.Option("--which", metavar="WHICH", help="The open ones, the closed ones, or all: open, closed, all."),
]
OrderStatusOption = Annotated[
    list[OrderStatus] | None,
    options.choices_option(
        "--status",
        "Only orders with this status: pending, open, partially_filled, filled, cancelled, rejected or expired. "
        "Can be repeated.",
    ),
]


def orders(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    wanted: WhichOption = Wanted.ALL,
    status: OrderStatusOption = None,
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
        found = (
            each
            for each in _orders(repository, session, wanted)
            if (not status or each.status in status) and is_chosen(each, symbol, since, until)
        )
        if as_json:
            documents = map(json_output.of_order, _for_json(found, limit))
            print_json_stream({"session_id": session.id}, "orders", documents)
            return
        latest = Latest.of(found, limit)
    table = account_tables.order_table(latest.rows, zone or UTC_ZONE, closed=True)
    print_rows(table, len(latest.rows), "order")
    latest.say_what_is_left_out("order")


def _orders(repository: SessionRepository, session: PaperTradingSession, wanted: Wanted) -> Iterator[Order]:
    """As `get_orders` gives them, one by one."""
    if wanted is not Wanted.OPEN:
        yield from repository.order_history(session.id)
    if wanted is not Wanted.CLOSED:
        yield from resting(session)


def positions(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    symbol: SymbolOption = None,
    zone: ZoneOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what a session holds: its open positions, with their value and their profit at the last known price.

    Of a future, the value is the whole contract's; the account has only the profit of it.
    """
    with existing(db, passphrase_file) as repository:
        session = loaded(repository, session_id)
    found = [each for each in session.positions.values() if symbol in (None, each.symbol)]
    if as_json:
        print_json({"session_id": session.id, "positions": [json_output.of_position(each) for each in found]})
        return
    table = account_tables.position_table(found, session.base_currency, zone or UTC_ZONE)
    print_rows(table, len(found), "open position")
    if len(found) == len(session.positions) > 0:
        places = formatting.places_of(session.unrealized_pnl, session.market_value, currency=session.base_currency)
        total = f"{formatting.signed(session.unrealized_pnl, places)} {printable(session.base_currency)}"
        note = f"unrealized P&L of all: {total}"
        output().print(Text(note, "bright_black"))


KindOption = Annotated[
    list[CashFlowKind] | None,
    options.choices_option(
        "--kind",
        "Only cash flows of this kind: deposit, withdrawal, dividend, interest, funding, tax, fee or other. "
        "Can be repeated.",
    ),
]


def cash(
    session_id: SessionId,
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    kind: KindOption = None,
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
        found = (
            each
            for _, each in repository.ledger_history(session.id)
            if (not kind or (isinstance(each, CashFlow) and each.kind in kind))
            and symbol in (None, each.symbol)
            and within(each.at, since, until)
        )
        if as_json:
            head = {"session_id": session.id, "balances": json_output.of_balances(session)}
            print_json_stream(head, "entries", map(json_output.of_entry, _for_json(found, limit)))
            return
        latest = Latest.of(found, limit)
    output().print(account_tables.balance_table(session))
    output().print()
    table = account_tables.ledger_table(latest.rows, session.base_currency, zone or UTC_ZONE)
    print_rows(table, len(latest.rows), "cash flow")
    latest.say_what_is_left_out("entry", "entries")


@dataclass(frozen=True, slots=True)
class Latest(Generic[T]):
    """The latest of what was found, however much that was."""

    rows: Collection[T]
    total: int

    @classmethod
    def of(cls, found: Iterable[T], limit: int | None) -> Latest[T]:
        """The latest `limit` of them; None for as many as a table has by default, 0 for all."""
        most = options.LIST_LENGTH if limit is None else limit
        rows, total = deque[T](maxlen=most or None), 0
        for total, each in enumerate(found, 1):  # noqa: B007 - the last number is the total
            rows.append(each)
        return cls(rows, total)

    def say_what_is_left_out(self, noun: str, plural: str = "") -> None:
        """A line below the table, if it has not all of them."""
        if len(self.rows) < self.total:
            whole = formatting.count(self.total, noun, plural)
            output().print(Text(f"the latest {len(self.rows):,} of {whole}; --limit 0 shows all", "bright_black"))


def _for_json(found: Iterable[T], limit: int | None) -> Iterable[T]:
    """All of them one by one, unless a limit was given."""
    return Latest.of(found, limit).rows if limit else found
