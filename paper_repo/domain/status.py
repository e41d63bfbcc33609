"""The lifecycle of a session: which status may follow which."""

from __future__ import annotations

from enum import StrEnum


class SessionStatus(StrEnum):
    """Where a session stands in its life; the value is the name."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


_ENDED = frozenset({SessionStatus.STOPPED, SessionStatus.FAILED})
_LIVE = frozenset({SessionStatus.RUNNING, SessionStatus.PAUSED})

STEPS: dict[str, tuple[frozenset[SessionStatus], SessionStatus]] = {
    "start": (frozenset({SessionStatus.CREATED}) | _ENDED, SessionStatus.RUNNING),
    "pause": (frozenset({SessionStatus.RUNNING}), SessionStatus.PAUSED),
    "resume": (frozenset({SessionStatus.PAUSED}) | _ENDED, SessionStatus.RUNNING),
    "stop": (_LIVE, SessionStatus.STOPPED),
    "fail": (_LIVE, SessionStatus.FAILED),
}
"""Each step of the lifecycle: the statuses it may be taken from, and the one it leads to."""


def steps_from(status: SessionStatus) -> list[str]:
    """The names of the steps that `status` allows."""
    return [name for name, (sources, _) in STEPS.items() if status in sources]
