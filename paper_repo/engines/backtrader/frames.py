"""A frame: a session as it was at the end of a bar, which is stored while the engine goes on with the next ones.

Ctrl-C may come between any two lines: history changes hands in one step of Python's own, which has happened or has not.
"""

from __future__ import annotations

from typing import Any

from paper_repo import PaperTradingSession
from paper_repo.domain.new_fills import NewFills
from paper_repo.domain.waiting import NewClosedOrders, NewEntries


def frame_of(session: PaperTradingSession) -> PaperTradingSession:
    """A copy that shares the new history with the session until `leave_history`; for a repository it is the same."""
    frame = object.__new__(PaperTradingSession)
    state = session.__getstate__().items()
    vars(frame).update({name: type(each)(each) if isinstance(each, dict) else each for name, each in state})
    frame._tracking = session._tracking
    return frame


def leave_history(session: PaperTradingSession) -> None:
    """Leave the new history to the frame alone: what comes from now on is not the frame's."""
    fresh = {
        "new_fills": NewFills((), session.fill_count),
        "new_equity_points": [],
        "new_ledger_entries": NewEntries((), session.ledger_count),
        "new_closed_orders": NewClosedOrders((), session.closed_order_count),
    }
    vars(session).update(fresh)


def give_back(session: PaperTradingSession, frame: PaperTradingSession) -> None:
    """Let the session know what was stored of its frame; what was not waits again. Done twice it does no harm."""
    if session.new_fills is frame.new_fills:
        return
    session._tracking = frame._tracking
    history = _joined(frame, session)
    vars(session).update(history, version=frame.version, updated_at=frame.updated_at)
    vars(frame).update(history)


def _joined(frame: PaperTradingSession, session: PaperTradingSession) -> dict[str, Any]:
    """The history that waits in a frame, before what waits in its session."""
    fills, later = frame.new_fills, session.new_fills
    entries, added = frame.new_ledger_entries, session.new_ledger_entries
    orders = frame.new_closed_orders
    return {
        "new_fills": NewFills([*fills, *later], fills.before, [*fills.booked, *later.booked]),
        "new_equity_points": [*frame.new_equity_points, *session.new_equity_points],
        "new_ledger_entries": NewEntries([*entries, *added], entries.before, [*entries.places, *added.places]),
        "new_closed_orders": NewClosedOrders([*orders, *session.new_closed_orders], orders.before),
    }
