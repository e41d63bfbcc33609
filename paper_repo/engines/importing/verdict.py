"""What an import says when it is done: what was read, booked, kept and left out, and how it compares with the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from paper_repo.domain import Fill, PaperTradingSession
from paper_repo.engines.importing.records import Stated

FLOAT_NOISE = Decimal("1E-9")
"""What a program that computes in floats may differ by, of the figure itself."""


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """A figure that the file states, beside what was booked."""

    name: str
    stated: Decimal
    booked: Decimal
    rounding: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        """What was booked, less what the file states."""
        return self.booked - self.stated

    @property
    def is_equal(self) -> bool:
        """Whether they are the same, but for the rounding of the file and of its program's floats."""
        exponent = self.stated.as_tuple().exponent
        places = Decimal(5).scaleb(exponent - 1) if isinstance(exponent, int) and exponent <= 0 else Decimal(0)
        return abs(self.difference) <= max(places, self.rounding, abs(self.stated) * FLOAT_NOISE)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "name": self.name,
            "stated": str(self.stated),
            "booked": str(self.booked),
            "difference": str(self.difference),
            "equal": self.is_equal,
        }

    def __str__(self) -> str:
        told = f"{self.name}: {_short(self.stated)} in the file, {_short(self.booked)} booked"
        if not self.difference:
            return f"{told}: equal"
        if self.is_equal:
            return f"{told}: equal as far as the file is exact"
        return f"{told}: differs by {_short(self.difference)}"


@dataclass(frozen=True)
class ImportReport:
    """What an import has done, or would do; `print` it to read it.

    - `is_new`: whether the session was made by this import, or was there before.
    - `rows_read`: of the file; `fills`, `flows`: what they make; `booked_fills`, `booked_flows`: those that were not
      stored before.
    - `left_out`: how many rows were not booked, by reason; `money_left_out`: the amounts in those of them that say what
      money has moved, by reason and by currency.
    - `kept`: the fields that were kept in the `metadata` of fills and cash flows; `unread_columns`: the columns of a
      table that were not read.
    - `fees`: by currency, as the file has them; `unbooked_fees`: those of them that were not booked.
    - `comparisons`: with the file's own figures; `agrees`: whether all of them are equal, and no money was left out.
    - `round_trips`, `trades`: how many were closed, first in first out and by position.
    - `notes`: what was assumed; `reasons`: why figures may differ, beside rows and fees that were not booked.
    - `session`: as it was stored, or would be.
    - `first`: the first fills.
    """

    source: str
    file: str
    is_dry_run: bool
    is_new: bool
    session: PaperTradingSession
    rows_read: int
    fills: int
    flows: int
    booked_fills: int
    booked_flows: int
    round_trips: int
    trades: int
    left_out: Mapping[str, int]
    kept: tuple[str, ...]
    fees: Mapping[str, Decimal]
    unbooked_fees: Mapping[str, Decimal]
    comparisons: tuple[ComparedFigure, ...]
    money_left_out: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    unread_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    first: tuple[Fill, ...] = field(default=(), repr=False)

    @property
    def agrees(self) -> bool:
        """Whether every figure that the file states is equal to what was booked, and no money was left out."""
        return not self.money_left_out and all(each.is_equal for each in self.comparisons)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        session = self.session
        place = f"in the new session {session.id!r}" if self.is_new else f"to session {session.id!r}"
        verbs = ("would book", "booked") if self.is_new else ("would add", "added")
        lines = [
            (
                f"{self.file}: {_count(self.rows_read, 'row')} read as {self.source}: {_count(self.fills, 'fill')}, "
                f"{_count(self.flows, 'payment')}"
            ),
            (
                f"{verbs[not self.is_dry_run]} {_count(self.booked_fills, 'fill')} and "
                f"{_count(self.booked_flows, 'payment')} {place}, in {session.base_currency}"
            ),
        ]
        known = self.fills - self.booked_fills + self.flows - self.booked_flows
        if known:
            lines.append(f"stored already: {known:,}")
        lines += [
            f"left out: {_count(count, 'row')}: {self._with_money(reason)}" for reason, count in self.left_out.items()
        ]
        if self.kept:
            lines.append(f"kept in metadata: {', '.join(self.kept)}")
        if self.unread_columns:
            lines.append(f"columns not read: {', '.join(self.unread_columns)}")
        lines += [f"not booked: fees of {_short(fee)} {name}" for name, fee in self.unbooked_fees.items()]
        lines += self.notes
        lines += map(str, self.comparisons)
        lines.append(self.verdict)
        return lines

    def _with_money(self, reason: str) -> str:
        """Why rows were left out, and what they come to."""
        found = self.money_left_out.get(reason)
        return f"{reason} ({_sums(found)})" if found else reason

    @property
    def verdict(self) -> str:
        """The comparison in one line."""
        different = [each for each in self.comparisons if not each.is_equal]
        if different:
            return f"verdict: {len(different)} of {len(self.comparisons)} figures differ; {self._reason()}"
        equal = "equal to the file's own figures" if self.comparisons else ""
        if self.money_left_out:
            sums: dict[str, Decimal] = {}
            for each in self.money_left_out.values():
                for currency, amount in each.items():
                    sums[currency] = sums.get(currency, Decimal(0)) + amount
            return f"verdict: {equal and f'{equal}, but '}rows with amounts were left out: {_sums(sums)}"
        return f"verdict: {equal}" if equal else "the file states no totals: nothing to compare with"

    def _reason(self) -> str:
        """What may explain the difference."""
        reasons = [*self.reasons, *(f"fees in {name} are not booked" for name in self.unbooked_fees)]
        reasons += [
            f"{_count(count, 'row')} left out ({self._with_money(reason)})" for reason, count in self.left_out.items()
        ]
        reasons += [f"columns not read: {', '.join(self.unread_columns)}"] if self.unread_columns else []
        return "; ".join(reasons) if reasons else "every row was booked, so the file counts otherwise"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, with exact amounts as text."""
        session = self.session
        return {
            "source": self.source,
            "file": self.file,
            "dry_run": self.is_dry_run,
            "new_session": self.is_new,
            "session_id": session.id,
            "base_currency": session.base_currency,
            "rows_read": self.rows_read,
            "fills": self.fills,
            "flows": self.flows,
            "booked_fills": self.booked_fills,
            "booked_flows": self.booked_flows,
            "round_trips": self.round_trips,
            "trades": self.trades,
            "left_out": dict(self.left_out),
            "money_left_out": {
                reason: {currency: str(amount) for currency, amount in sums.items()}
                for reason, sums in self.money_left_out.items()
            },
            "kept": list(self.kept),
            "unread_columns": list(self.unread_columns),
            "fees": {name: str(fee) for name, fee in self.fees.items()},
            "unbooked_fees": {name: str(fee) for name, fee in self.unbooked_fees.items()},
            "initial_cash": str(session.initial_cash),
            "cash": str(session.cash),
            "realized_pnl": str(session.realized_pnl),
            "fees_paid": str(session.fees_paid),
            "positions": {
                key: {"quantity": str(each.quantity), "cost_basis": str(each.cost_basis)}
                for key, each in session.positions.items()
            },
            "comparisons": [each.to_dict() for each in self.comparisons],
            "agrees": self.agrees,
            "notes": list(self.notes),
            "reasons": list(self.reasons),
        }


def compared(stated: Stated, booked: Decimal) -> ComparedFigure:
    """The figure beside what was booked."""
    return ComparedFigure(stated.name, stated.value, booked, stated.rounding)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sums(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{_short(amount)} {currency}" for currency, amount in amounts.items())


def _short(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
