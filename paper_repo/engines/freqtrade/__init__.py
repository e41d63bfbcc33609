"""Strategies of freqtrade whose orders and fills are stored as a session (`pip install 'paper_repo[freqtrade]'`):

from paper_repo.engines.freqtrade import SessionRecorder

class MyStrategy(SessionRecorder, IStrategy):
    paper_repo = {"path": "sessions.db", "session_id": "my-bot", "resume": True}
"""

try:
    import freqtrade as _engine  # noqa: F401
except ImportError as _error:
    raise ImportError("paper_repo.engines.freqtrade needs freqtrade: pip install 'paper_repo[freqtrade]'") from _error

from paper_repo.engines.freqtrade.entities import fill, funding, order
from paper_repo.engines.freqtrade.recorder import SessionRecorder

__all__ = ["SessionRecorder", "fill", "funding", "order"]
