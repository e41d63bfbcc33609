"""What a watch reports of a session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A session was saved or deleted, by whomever.

    - `session_id`: which one.
    - `version`: the version stored now; of a deleted session, the last one it had.
    - `deleted`: whether it was deleted.
    - `position`: where this stands among all changes of the database. Positions only grow; `watch(after=position)` goes
      on behind this change, also after a restart.
    """

    session_id: str
    version: int
    deleted: bool
    position: int
