"""What callers name or repeat: a fill is known by its symbol and its id, a ledger entry by its id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from paper_repo.domain import Fill
from paper_repo.domain.history import AnyBooked, Booked
from paper_repo.domain.new_fills import FillKey, fill_key
from paper_repo.domain.secrecy import shown
from paper_repo.errors import InvalidSessionError


def by_key(reported: Iterable[AnyBooked]) -> dict[FillKey | str, AnyBooked]:
    """Fills and ledger entries by what makes each the same one when it comes again; the first of each, in their order.

    Raises:
        InvalidSessionError: one of them is neither.
    """
    if not isinstance(reported, Iterable):
        raise InvalidSessionError({"reported": [f"must be several fills or ledger entries, not {shown(reported)}."]})
    found: dict[FillKey | str, AnyBooked] = {}
    for index, each in enumerate(reported):
        if not isinstance(each, Booked):
            message = f"must be a Fill, CashFlow, Split or SymbolChange, not {shown(each)}."
            raise InvalidSessionError({f"reported[{index}]": [message]})
        found.setdefault(fill_key(each) if isinstance(each, Fill) else each.id, each)
    return found


def place_after(session_id: str, after: str | Fill, symbol: str | None, places: Mapping[str, int]) -> int:
    """The place in the history of the fill that `after` names.

    Args:
        after: its id, or the fill itself.
        symbol: which the fill is of that is meant, if it has one of this id.
        places: of the fills of this id, by symbol.

    Raises:
        ValueError: there is none, or several symbols have one and none of them is named.
    """
    named = after.symbol if isinstance(after, Fill) else symbol
    if named is not None and named in places:
        return places[named]
    fill_id = after.id if isinstance(after, Fill) else after
    if isinstance(after, Fill) or not places:
        of = f" of {named}" if isinstance(after, Fill) else ""
        raise ValueError(f"after={fill_id!r}: session {session_id!r} has no fill of this id{of}")
    if len(places) > 1:
        raise ValueError(
            f"after={fill_id!r}: session {session_id!r} has fills of this id for {', '.join(places)}; "
            "give the fill itself instead of its id"
        )
    return next(iter(places.values()))
