"""A frame: a session as it was at the end of a bar, which is stored while the engine goes on with the next ones."""

from __future__ import annotations

from paper_repo import PaperTradingSession
from paper_repo.domain.new_fills import NewFills
from paper_repo.domain.waiting import NewClosedOrders, NewEntries


def take_frame(session: PaperTradingSession) -> PaperTradingSession:
    """A copy that has the session's new history from now on, and for a repository is the same object."""
    frame = object.__new__(PaperTradingSession)
    fields, copied = vars(session), vars(frame)
    for name, value in session.__getstate__().items():
        copied[name] = type(value)(value) if isinstance(value, dict) else value
    frame._tracking = session._tracking
    fields["new_fills"] = NewFills((), session.fill_count)
    fields["new_equity_points"] = []
    fields["new_ledger_entries"] = NewEntries((), session.ledger_count)
    fields["new_closed_orders"] = NewClosedOrders((), session.closed_order_count)
    return frame


def give_back(session: PaperTradingSession, frame: PaperTradingSession) -> None:
    """Let the session know what has been stored of its frame; what has not waits again."""
    fields, stored = vars(session), vars(frame)
    session._tracking = frame._tracking
    fields["version"], fields["updated_at"] = stored["version"], stored["updated_at"]
    if frame.new_equity_points or frame.new_fills or frame.new_ledger_entries or frame.new_closed_orders:
        _give_back_history(session, frame)


def _give_back_history(session: PaperTradingSession, frame: PaperTradingSession) -> None:
    fields = vars(session)
    fills, later = frame.new_fills, session.new_fills
    fields["new_fills"] = NewFills([*fills, *later], fills.before, [*fills.booked, *later.booked])
    fields["new_equity_points"] = [*frame.new_equity_points, *session.new_equity_points]
    entries, added = frame.new_ledger_entries, session.new_ledger_entries
    fields["new_ledger_entries"] = NewEntries([*entries, *added], entries.before, [*entries.places, *added.places])
    orders = frame.new_closed_orders
    fields["new_closed_orders"] = NewClosedOrders([*orders, *session.new_closed_orders], orders.before)
