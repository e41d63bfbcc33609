"""Queries for sessions, and what a list shows of each session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict, TypeVar

from paper_repo.domain import one_line
from paper_repo.domain.drafts import draft_of
from paper_repo.domain.orders import Order, as_placed
from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import LARGEST_COUNT, ROUNDED, choice, optional_instant
from paper_repo.errors import CorruptDatabaseError

T = TypeVar("T")

StatusFilter: TypeAlias = SessionStatus | str | Iterable[SessionStatus | str] | None
"""One status or several, each given as a member of `SessionStatus` or its name; None for any."""

OrderBy: TypeAlias = Literal["created_at", "updated_at", "name", "equity", "net_pnl"]
ORDERS: tuple[OrderBy, ...] = ("created_at", "updated_at", "name", "equity", "net_pnl")

OnDamage: TypeAlias = Literal["raise", "report"]
"""What a list does about a session that cannot be read: raise an error, or report it and load the others."""

WhichOrders: TypeAlias = Literal["all", "open", "closed"]
"""Which orders of a session: those that rest (PENDING, OPEN, PARTIALLY_FILLED), those that are closed, or both."""
WHICH_ORDERS: tuple[WhichOrders, ...] = ("all", "open", "closed")


class Loaded(list[T]):
    """A list of what was loaded, with an attribute `errors` for what could not be loaded.

    Calls with `errors="report"` return it; all others return a plain list. `errors` holds a `CorruptRecordError` for
    each session that is stored but cannot be read, and a `CorruptDatabaseError` if the file is damaged so that sessions
    may be missing.
    """

    def __init__(self, found: Iterable[T] = (), errors: Iterable[CorruptDatabaseError] = ()) -> None:
        super().__init__(found)
        self.errors: list[CorruptDatabaseError] = list(errors)


class SessionFilters(TypedDict, total=False):
    """The keyword arguments of `count` and `delete_many`, as a dictionary. A filter that is None matches everything.

    - `status`: one status or several.
    - `strategy`: the name of the strategy.
    - `symbol`: a symbol that the session trades.
    - `since`, `until`: aware datetimes; only sessions created from the first (included) to the second (excluded).
    """

    status: StatusFilter
    strategy: str | None
    symbol: str | None
    since: datetime | None
    until: datetime | None


class SessionQuery(SessionFilters, total=False):
    """The keyword arguments of `get_all`, `get_summaries` and `iterate`, as a dictionary: filters, order and page.

    - `order_by`: "created_at" (the default), "updated_at", "name", "equity" or "net_pnl"; ties are broken by id.
    - `descending`: reverse the order.
    - `limit`: the maximum number of sessions; None for all.
    - `offset`: how many sessions to skip first.
    - `errors`: "raise" (the default), or "report" to load what can be read, and get the rest as `Loaded.errors`.
    """

    order_by: OrderBy
    descending: bool
    limit: int | None
    offset: int
    errors: OnDamage


class Selection(NamedTuple):
    """A checked query."""

    statuses: frozenset[SessionStatus] | None = None
    strategy: str | None = None
    symbol: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    order_by: OrderBy = "created_at"
    descending: bool = False
    limit: int | None = None
    offset: int = 0
    errors: OnDamage = "raise"

    @classmethod
    def of(
        cls,
        *,
        status: StatusFilter = None,
        since: datetime | None = None,
        until: datetime | None = None,
        **others: Any,
    ) -> Selection:
        """The selection that the keyword arguments of a query describe.

        Raises:
            TypeError: unknown argument.
            ValueError: a value that is not allowed; the message lists the allowed ones.
        """
        selection = cls(
            statuses=_statuses(status),
            since=optional_instant(since, "since"),
            until=optional_instant(until, "until"),
            **others,
        )
        selection._check()
        return selection

    def matches(self, session: PaperTradingSession) -> bool:
        """Whether the session passes the filters."""
        return (
            (self.statuses is None or session.status in self.statuses)
            and (self.strategy is None or session.strategy.name == self.strategy)
            and (self.symbol is None or self.symbol in session.symbols)
            and (self.since is None or session.created_at >= self.since)
            and (self.until is None or session.created_at < self.until)
        )

    def among(self, sessions: Iterable[PaperTradingSession]) -> list[PaperTradingSession]:
        """The sessions that match, in the order of the query."""
        found = sorted(
            filter(self.matches, sessions),
            key=lambda session: (getattr(session, self.order_by), session.id),
            reverse=self.descending,
        )
        return found[self.offset :] if self.limit is None else found[self.offset : self.offset + self.limit]

    def _check(self) -> None:
        if self.order_by not in ORDERS:
            raise ValueError(f"order_by must be one of {', '.join(ORDERS)}, not {self.order_by!r}")
        _check_limit(self.limit)
        if not _from_zero(self.offset):
            raise ValueError(f"offset must be a whole number from 0, not {self.offset!r}")
        if self.errors not in ("raise", "report"):
            raise ValueError(f"errors must be 'raise' or 'report', not {self.errors!r}")


@dataclass(frozen=True, slots=True)
@one_line.described(one_line.summary)
class SessionSummary:
    """The fields of a session that a list shows. Amounts are in `base_currency`, times in UTC."""

    id: str
    name: str
    strategy_name: str
    status: SessionStatus
    symbols: tuple[str, ...]
    base_currency: str
    initial_cash: Decimal
    equity: Decimal
    net_pnl: Decimal
    open_positions: int
    fill_count: int
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None
    updated_at: datetime | None
    version: int

    @property
    def total_return(self) -> float | None:
        """Net P&L as a fraction of the initial cash; None if that was zero."""
        return float(ROUNDED.divide(self.net_pnl, self.initial_cash)) if self.initial_cash else None

    @classmethod
    def of(cls, session: PaperTradingSession) -> SessionSummary:
        """The summary of a session object."""
        return cls(
            id=session.id,
            name=session.name,
            strategy_name=session.strategy.name,
            status=session.status,
            symbols=session.symbols,
            base_currency=session.base_currency,
            initial_cash=session.initial_cash,
            equity=session.equity,
            net_pnl=session.net_pnl,
            open_positions=len(session.positions),
            fill_count=session.fill_count,
            created_at=session.created_at,
            started_at=session.started_at,
            stopped_at=session.stopped_at,
            updated_at=session.updated_at,
            version=session.version,
        )


_draft = draft_of(SessionSummary)


def _statuses(status: object) -> frozenset[SessionStatus] | None:
    if status is None:
        return None
    several = [status] if isinstance(status, str) or not isinstance(status, Iterable) else status
    return frozenset(choice(SessionStatus, each, "status") for each in several)


def check_which(which: object) -> None:
    """Raise a `ValueError` unless this names orders of a session."""
    if which not in WHICH_ORDERS:
        raise ValueError(f"which must be one of {', '.join(WHICH_ORDERS)}, not {which!r}")


def resting(session: PaperTradingSession) -> list[Order]:
    """The open orders of a session in the order in which they were placed."""
    return sorted(session.open_orders.values(), key=as_placed)


def is_chosen(order: Order, symbol: str | None, since: datetime | None, until: datetime | None) -> bool:
    """Whether an order is of this symbol, and was closed (or if open, placed) in this window."""
    at = order.closed_at or order.created_at
    return symbol in (None, order.symbol) and (since is None or at >= since) and (until is None or at < until)


def check_page(after: object, limit: object) -> None:
    """Raise a `ValueError` unless these name a page of a history: a fill, its id or number, and a number or None."""
    if not isinstance(after, str | Fill) and not _from_zero(after):
        raise ValueError(f"after must be a fill, its id or its number in the history (0 for all), not {after!r}")
    _check_limit(limit)


def _check_limit(limit: object) -> None:
    if limit is not None and not _from_zero(limit):
        raise ValueError(f"limit must be a whole number from 0, or None for all, not {limit!r}")


def _from_zero(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST_COUNT


def checked_summary(
    id: str,
    name: str,
    strategy_name: str,
    status: SessionStatus,
    symbols: tuple[str, ...],
    base_currency: str,
    initial_cash: Decimal,
    equity: Decimal,
    net_pnl: Decimal,
    open_positions: int,
    fill_count: int,
    created_at: datetime,
    started_at: datetime | None,
    stopped_at: datetime | None,
    updated_at: datetime | None,
    version: int,
) -> SessionSummary:
    """The same as a call of the class, in a third of the time: a list has many."""
    made = _draft()
    made.id = id
    made.name = name
    made.strategy_name = strategy_name
    made.status = status
    made.symbols = symbols
    made.base_currency = base_currency
    made.initial_cash = initial_cash
    made.equity = equity
    made.net_pnl = net_pnl
    made.open_positions = open_positions
    made.fill_count = fill_count
    made.created_at = created_at
    made.started_at = started_at
    made.stopped_at = stopped_at
    made.updated_at = updated_at
    made.version = version
    made.__class__ = SessionSummary
    done: SessionSummary = made  # which a call of cast() would say at a cost
    return done
