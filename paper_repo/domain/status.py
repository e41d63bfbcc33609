"""The life cycle of a session: which status may follow which."""

from __future__ import annotations

from enum import StrEnum


class SessionStatus(StrEnum):
    """The status of a session. CREATED, RUNNING, PAUSED, STOPPED or FAILED; the value is the name."""

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
"""Each step of the life cycle: the statuses from which it is possible, and the status it leads to."""


def steps_from(status: SessionStatus) -> list[str]:
    """The names of the steps that `status` allows."""
    return [name for name, (sources, _) in STEPS.items() if status in sources]
