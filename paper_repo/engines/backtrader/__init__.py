"""Runs of backtrader as stored sessions that can be resumed (`pip install 'paper_repo[backtrader]'`):

    from paper_repo.engines.backtrader import SessionRecorder

    cerebro.addanalyzer(SessionRecorder, path="sessions.db", session_id="sma-cross", resume=True)
    cerebro.run()

How the parts go together: `recorder` is the analyzer, `recording` what it stores; `booking` turns what the engine tells
into fills, orders and cash flows of the session; `snapshot` is what the broker must be given back to go on, `encoding`
its form as JSON, `restoring` the way back; `warming` holds the strategy and the broker still while the feeds repeat
what is stored; `attributes` are the strategy's own.
"""

try:
    import backtrader as _engine  # noqa: F401
except ImportError as _error:
    raise ImportError(
        "paper_repo.engines.backtrader needs backtrader: pip install 'paper_repo[backtrader]'"
    ) from _error

from paper_repo.engines.backtrader.recorder import SessionRecorder
from paper_repo.engines.backtrader.resuming import Resumption

__all__ = ["Resumption", "SessionRecorder"]
