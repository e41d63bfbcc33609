"""What a session has booked, as one history: its fills and ledger entries, in the order in which they came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from paper_repo.domain.ledger import LedgerEntry
from paper_repo.domain.new_fills import FillKey, fill_key
from paper_repo.domain.trading import Fill

if TYPE_CHECKING:
    from paper_repo.domain.session import PaperTradingSession

Booked: TypeAlias = Fill | LedgerEntry
"""One item of a session's history."""

AnyBooked = TypeVar("AnyBooked", bound=Booked)


def booking_order(
    fills: Iterable[Fill], entries: Iterable[tuple[int, LedgerEntry]], before: int = 0
) -> Iterator[Booked]:
    """Fills and ledger entries as one history.

    Args:
        fills: in the order in which they were booked.
        entries: likewise, each with its place: how many fills the session had when it was booked.
        before: how many fills the session has before the first of `fills`.
    """
    waiting = iter(entries)
    place, entry = next(waiting, (0, None))
    for count, fill in enumerate(fills, before):
        while entry is not None and place <= count:
            yield entry
            place, entry = next(waiting, (0, None))
        yield fill
    if entry is not None:
        yield entry
    yield from (each for _, each in waiting)


def waiting_history(session: PaperTradingSession) -> Iterator[Booked]:
    """What waits to be saved; of a session that was never saved, all of its history."""
    entries = session.new_ledger_entries.placed(session.fill_count)
    return booking_order(session.new_fills, entries, session.new_fills.before)


def time_of(item: Booked) -> datetime:
    """When a fill was executed, or an entry took place."""
    return item.executed_at if isinstance(item, Fill) else item.at


def in_force(history: Iterable[Booked]) -> Iterator[Booked]:
    """The history without the fills that were corrected; what replaces one stands in its place.

    It is read one by one until the first corrected fill; from there on it is kept, since what replaces the fill comes
    later.
    """
    following = iter(history)
    for each in following:
        if isinstance(each, Fill) and each.corrected_at is not None:
            yield from _corrected(list(chain([each], following)))
            return
        yield each


def _corrected(history: list[Booked]) -> Iterator[Booked]:
    corrected: dict[FillKey, Fill] = {
        fill_key(each): each for each in history if isinstance(each, Fill) and each.corrected_at is not None
    }
    by_id = {each.id: each for each in corrected.values()}
    replacements: defaultdict[FillKey, list[Fill]] = defaultdict(list)
    moved = set[FillKey]()
    for each in history:
        if isinstance(each, Fill) and each.replaces is not None:
            original = corrected.get((each.symbol, each.replaces)) or by_id.get(each.replaces)
            if original is not None:
                replacements[fill_key(original)].append(each)
                moved.add(fill_key(each))

    def standing(fill: Fill) -> Iterator[Fill]:
        if fill.corrected_at is None:
            yield fill
        for each in replacements.pop(fill_key(fill), ()):
            yield from standing(each)

    for item in history:
        if not isinstance(item, Fill):
            yield item
        elif fill_key(item) not in moved:
            yield from standing(item)
