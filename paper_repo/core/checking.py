"""The check of everything that is stored in a database."""

from __future__ import annotations

from paper_repo.core import history
from paper_repo.core.sessions import Sessions
from paper_repo.domain.selection import Loaded, Selection
from paper_repo.errors import CorruptDatabaseError
from paper_repo.reports import CheckReport, check_history, check_session


def checked(sessions: Sessions) -> CheckReport:
    """What is wrong with the database, with each session, and with its history."""
    report, storage = CheckReport(), sessions.storage
    for problem in storage.problems():
        report.problem(problem)
    if storage.damage is not None:
        found = sessions.lists.sessions(Selection.of(errors="report"))
        assert isinstance(found, Loaded)  # since errors are to be reported
        report.sessions = len(found)
        for error in found.errors:
            report.problem(str(error), getattr(error, "session_id", None))
        return report
    with storage.snapshot():
        for session_id in sessions.lists.ids():
            _check(report, sessions, session_id)
    return report


def _check(report: CheckReport, sessions: Sessions, session_id: str) -> None:
    storage, records = sessions.storage, sessions.records
    try:
        session = records.get(session_id)
        row = storage.fetch_one(storage.statements.select_summary, {"id": session_id})
        if session is not None and row is not None:
            check_session(report, session, records.summary(row))
            fills, points = history.read_fills(storage, session_id, 0), history.checked_points(storage, session_id)
            check_history(report, session, fills, history.read_entries(storage, session_id), points)
            for _ in history.read_orders(storage, session_id):
                pass  # reading them is the check
    except CorruptDatabaseError as error:
        report.problem(str(error), session_id)
