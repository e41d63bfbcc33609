"""Runs of nautilus_trader as stored sessions (`pip install 'paper_repo[nautilus]'`):

    ImportableActorConfig(
        actor_path="paper_repo.engines.nautilus:SessionRecorder",
        config_path="paper_repo.engines.nautilus:SessionRecorderConfig",
        config={"path": "sessions.db", "session_id": "ema-cross", "venue": "SIM", "bar_types": [bar_type]},
    )

or, with an engine at hand, `engine.add_actor(SessionRecorder(SessionRecorderConfig(...)))`.
"""

try:
    import nautilus_trader as _engine  # noqa: F401
except ImportError as _error:
    raise ImportError(
        "paper_repo.engines.nautilus needs nautilus_trader: pip install 'paper_repo[nautilus]'"
    ) from _error

from paper_repo.engines.nautilus.entities import fill, instrument, order
from paper_repo.engines.nautilus.recorder import SessionRecorder, SessionRecorderConfig

__all__ = ["SessionRecorder", "SessionRecorderConfig", "fill", "instrument", "order"]
