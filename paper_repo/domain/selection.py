"""Which sessions a list shows and in which order, and what it shows of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypedDict, TypeVar

from paper_repo.domain.session import PaperTradingSession
from paper_repo.domain.status import SessionStatus
from paper_repo.domain.trading import Fill
from paper_repo.domain.values import LARGEST_COUNT, ROUNDED, choice, optional_instant
from paper_repo.errors import CorruptDatabaseError

T = TypeVar("T")

OrderBy = Literal["created_at", "updated_at", "name", "equity", "net_pnl"]
ORDERS: tuple[OrderBy, ...] = ("created_at", "updated_at", "name", "equity", "net_pnl")

OnDamage = Literal["raise", "report"]
"""What a list does about a session that is stored but cannot be read."""


class Loaded(list[T]):
    """What was loaded; a list, which also says what could not be.

    `errors`, empty unless damage was to be reported, has a `CorruptRecordError` for each session that is there but
    cannot be read, and a `CorruptDatabaseError` when the file is damaged so that there may be more than it shows.
    """

    def __init__(self, found: Iterable[T] = (), errors: Iterable[CorruptDatabaseError] = ()) -> None:
        super().__init__(found)
        self.errors = list(errors)


class SessionFilters(TypedDict, total=False):
    """Which sessions: the keyword arguments of `count` and `delete_many`. What is left out, or None, does not filter.

    status: one or several; strategy: the strategy's name; symbol: one that the session trades; created_from and
    created_to: aware datetimes, from the first (included) to the second (excluded).
    """

    status: SessionStatus | str | Iterable[SessionStatus | str] | None
    strategy: str | None
    symbol: str | None
    created_from: datetime | None
    created_to: datetime | None


class SessionQuery(SessionFilters, total=False):
    """Which sessions and in which order: the keyword arguments of `get_all`, `get_summaries` and `iterate`.

    order_by: "created_at" (the default), "updated_at", "name", "equity" or "net_pnl", amounts in exact order; ties are
    broken by id; descending: the other way round; limit: how many at most; offset: how many to pass over first;
    errors: "raise" (the default) for a session that cannot be read, or "report" to get the others, and `Loaded.errors`.
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
    created_from: datetime | None = None
    created_to: datetime | None = None
    order_by: OrderBy = "created_at"
    descending: bool = False
    limit: int | None = None
    offset: int = 0
    errors: OnDamage = "raise"

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> Selection:
        """The selection that these keyword arguments describe.

        Raises:
            TypeError: an argument that there is not.
            ValueError: a value that makes no sense; the message lists what does.
        """
        _refuse_unknown(query, SessionQuery)
        arguments = dict(query)
        status = arguments.pop("status", None)
        for name in ("created_from", "created_to"):
            arguments[name] = optional_instant(arguments.get(name), name)
        selection = cls(statuses=_statuses(status), **arguments)
        selection._check()
        return selection

    @classmethod
    def of_filters(cls, filters: Mapping[str, Any]) -> Selection:
        """As `of`, for what takes filters only: an order or a limit, which it would not keep to, is a TypeError."""
        _refuse_unknown(filters, SessionFilters)
        return cls.of(filters)

    def matches(self, session: PaperTradingSession) -> bool:
        """Whether the filters let `session` through."""
        return (
            (self.statuses is None or session.status in self.statuses)
            and (self.strategy is None or session.strategy.name == self.strategy)
            and (self.symbol is None or self.symbol in session.symbols)
            and (self.created_from is None or session.created_at >= self.created_from)
            and (self.created_to is None or session.created_at < self.created_to)
        )

    def among(self, sessions: Iterable[PaperTradingSession]) -> list[PaperTradingSession]:
        """Those of `sessions` that are asked for, in the order asked for."""
        found = sorted(
            filter(self.matches, sessions),
            key=lambda session: (getattr(session, self.order_by), session.id),
            reverse=self.descending,
        )
        return found[self.offset :] if self.limit is None else found[self.offset : self.offset + self.limit]

    def _check(self) -> None:
        if self.order_by not in ORDERS:
            raise ValueError(f"order_by is one of {', '.join(ORDERS)}, not {self.order_by!r}")
        _check_limit(self.limit)
        if not _from_zero(self.offset):
            raise ValueError(f"offset is a whole number from 0, not {self.offset!r}")
        if self.errors not in ("raise", "report"):
            raise ValueError(f"errors is 'raise' or 'report', not {self.errors!r}")


@dataclass(frozen=True)
class SessionSummary:
    """What a list shows of a session. Amounts are in `base_currency`, times in UTC."""

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
        """Net P&L as a fraction of the initial cash; None when there was none."""
        return float(ROUNDED.divide(self.net_pnl, self.initial_cash)) if self.initial_cash else None

    @classmethod
    def of(cls, session: PaperTradingSession) -> SessionSummary:
        """The summary of a session at hand."""
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


def _statuses(status: object) -> frozenset[SessionStatus] | None:
    if status is None:
        return None
    several = [status] if isinstance(status, str) or not isinstance(status, Iterable) else status
    return frozenset(choice(SessionStatus, each, "status") for each in several)


def check_page(after: object, limit: object) -> None:
    """Raise a ValueError unless these two can name a part of a history: a fill or its place, and a number or None."""
    if not isinstance(after, str | Fill) and not _from_zero(after):
        raise ValueError(f"after is a fill, its id, or its place in the history (0: from the start), not {after!r}")
    _check_limit(limit)


def _refuse_unknown(arguments: Mapping[str, Any], known: type) -> None:
    unknown = arguments.keys() - known.__annotations__.keys()
    if unknown:
        raise TypeError(f"unknown argument {min(unknown)!r}; there are: {', '.join(known.__annotations__)}")


def _check_limit(limit: object) -> None:
    if limit is not None and not _from_zero(limit):
        raise ValueError(f"limit is a whole number from 0, or None for all, not {limit!r}")


def _from_zero(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST_COUNT
