"""What every contender offers: a store that saves and loads sessions, and the facts about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

Durability = Literal["full", "normal"]
"""SQLite's `synchronous`: full waits for the disk at every commit, normal only when the log is folded into the file."""


class Store(Protocol):
    """A store with plain calls."""

    def save(self, session: Any) -> object:
        """Write everything of `session`, and what history is new, in one transaction."""

    def load(self, session_id: str) -> Any:
        """The session as an object of its own."""

    def close(self) -> object:
        """Give the file back."""


class AsyncStore(Protocol):
    """The same, awaited."""

    async def save(self, session: Any) -> object:
        """Write everything of `session`, and what history is new, in one transaction."""

    async def load(self, session_id: str) -> Any:
        """The session as an object of its own."""

    async def close(self) -> object:
        """Give the file back."""


@dataclass(frozen=True)
class Tables:
    """Where a contender keeps its rows, for filling a file without a million saves."""

    sessions: str
    session_id: str
    fills: str | None


PLAIN_TABLES = Tables("sessions", "id", "fills")

Open: TypeAlias = Callable[[str, Durability], Store]
OpenAsync: TypeAlias = Callable[[str, Durability], Awaitable[AsyncStore]]


@dataclass(frozen=True)
class Contender:
    """One way to keep sessions in an SQLite file.

    `types` is where its entity classes come from; `packages` are the distributions whose versions matter.
    """

    name: str
    open: Open | OpenAsync
    types: Any
    packages: tuple[str, ...]
    tables: Tables
    is_async: bool = False
    is_ours: bool = False
