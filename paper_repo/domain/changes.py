"""What a watch reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A session was saved or deleted, by this or another program.

    - `session_id`: the session.
    - `version`: the version stored now; for a deleted session, its last version.
    - `deleted`: whether it was deleted.
    - `position`: the place of this change among all changes of the database. Positions only grow;
      `watch(after=position)` continues after this change, even after a restart.
    """

    session_id: str
    version: int
    deleted: bool
    position: int
