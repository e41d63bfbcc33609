"""Correcting a stored fill: it leaves the books, another one may take its place, and the books are rebuilt."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from paper_repo.domain import Fill, LedgerEntry, PaperTradingSession, order_book
from paper_repo.domain.checked import require
from paper_repo.domain.history import booking_order
from paper_repo.domain.replay import replay
from paper_repo.domain.values import invalid, utc_now

_BOOKS = ("cash", "positions", "balances", "realized_pnl", "fees_paid", "net_deposits", "income", "currency_pnl")


def corrected(fills: Sequence[Fill], fill_id: str, symbol: str | None) -> Fill:
    """The fill of this id among all of a session's fills, marked as taken out of the books.

    Raises:
        InvalidSessionError: there is none, several symbols have one, or it was corrected before.
    """
    found = [each for each in fills if each.id == fill_id and symbol in (None, each.symbol)]
    if not found:
        raise invalid(f"fills.{fill_id}", "the session has no fill of this id" + (f" of {symbol}." if symbol else "."))
    if len(found) > 1:
        of = ", ".join(each.symbol for each in found)
        raise invalid(f"fills.{fill_id}", f"several symbols have a fill of this id, {of}; give the symbol too.")
    if found[0].corrected_at is not None:
        raise invalid(f"fills.{fill_id}", f"was corrected already, at {found[0].corrected_at}.")
    return dataclasses.replace(found[0], corrected_at=utc_now())


def replacing(replacement: Fill | None, old: Fill, fills: Sequence[Fill]) -> Fill | None:
    """`replacement` as what stands for the fill `old`, and is of the same order if it names none.

    Raises:
        InvalidSessionError: it is no fill, of another symbol, or one of its id is stored.
    """
    if replacement is None:
        return None
    require(Fill, replacement, "replacement")
    if replacement.symbol != old.symbol:
        raise invalid("replacement.symbol", f"is {replacement.symbol}, and the fill is of {old.symbol}.")
    if any((each.symbol, each.id) == (replacement.symbol, replacement.id) for each in fills):
        raise invalid("replacement.id", f"{replacement.id!r} is stored already; give it an id of its own.")
    return dataclasses.replace(replacement, replaces=old.id, order_id=replacement.order_id or old.order_id)


def rebuild(
    session: PaperTradingSession,
    fills: Iterable[Fill],
    entries: Iterable[tuple[int, LedgerEntry]],
    old: Fill,
    replacement: Fill | None,
) -> None:
    """Give a loaded session the books that follow from these fills, and let the replacement wait to be saved.

    Args:
        session: its resting orders count the replacement instead of `old`.
        fills: all of its fills, `old` as the one that was corrected.
        entries: its ledger entries, each with its place among the fills.
        old: what is taken out of the books.
        replacement: what stands for it.

    Raises:
        InvalidSessionError: its program keeps accounts of its own, which nobody else can rebuild; or the order of the
            replacement has less left than it trades.
    """
    if session.keeps_own_accounts:
        message = (
            "its books cannot be rebuilt, since its program keeps its own accounts (or it was stored before paper_repo "
            "knew); assign what is right, and save it."
        )
        raise invalid("keeps_own_accounts", message)
    waiting = [] if replacement is None else [replacement]
    rebuilt = replay(session, [*booking_order(fills, entries), *waiting])
    for name in _BOOKS:
        session.__dict__[name] = rebuilt.__dict__[name]
    order_book.corrected(session, old, replacement).apply(session)
    for each in waiting:
        session.new_fills.book(each)
