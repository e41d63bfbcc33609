"""A database and its connections: opened once, closed once, and given up by the children of a fork."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from paper_repo.errors import (
    CorruptDatabaseError,
    RepositoryClosedError,
    TransactionError,
)
from paper_repo.storage.connections import Connections, Loan
from paper_repo.storage.errors import Translated
from paper_repo.storage.feed import ChangeFeed
from paper_repo.storage.forking import HeedsForks, heed_forks
from paper_repo.storage.slots import Slots
from paper_repo.storage.transactions import Mine, Transaction

CONNECTIONS = 16
"""How many connections a repository has at most."""


class Opening(HeedsForks, ABC):
    """One database, with a pool of connections for any number of threads; it knows of transactions, not of rows.

    Args:
        name: what messages call the database; never a password in it.
        busy_timeout: in seconds.
    """

    damage: str | None = None
    """What was found to be wrong with the structure of the database when it was opened."""

    writers: ClassVar[int] = 1
    """How many transactions of one process may write at a time."""

    def __init__(self, name: str, busy_timeout: float) -> None:
        if isinstance(busy_timeout, bool) or not isinstance(busy_timeout, int | float) or not 0 <= busy_timeout < 1e6:
            raise ValueError(f"busy_timeout is a number of seconds from 0, not {busy_timeout!r}")
        self.name = name
        self.identity: object = object()
        """Stands for this database, and for no other one."""
        self.busy_timeout: float = float(busy_timeout)
        self._translated = self._errors()
        self._closed = False
        self._is_opening = False
        self._when_freed: list[Callable[[], None]] = []
        self._prepare()
        heed_forks(self)

    def _prepare(self) -> None:
        """Everything that belongs to this process alone, so that a forked child starts with its own."""
        self._opened = False
        self._opening = threading.RLock()
        self._writing = Slots(self.writers)
        self._mine = Mine()
        self._feeds: weakref.WeakSet[ChangeFeed] = weakref.WeakSet()
        self._connections = self._pool()

    @abstractmethod
    def _pool(self) -> Connections:
        """A new pool of connections, none of them open yet."""

    @abstractmethod
    def _errors(self) -> Translated:
        """A context whose errors of the driver's leave as ours."""

    @abstractmethod
    def _open(self) -> None:
        """Create or recognise the database, and bring its schema to the present version."""

    # Opening and closing

    def open(self) -> None:
        """Do what is done once before the first use."""
        if self._opened and not self._closed:
            return
        if self._closed:
            raise RepositoryClosedError(f"{self.name}: the repository was closed")
        with self._opening:
            if self._is_opening:
                raise TransactionError(
                    f"{self.name}: it is being opened by the call that a signal handler has interrupted; "
                    "repeat this later"
                )
            if not self._opened:
                try:
                    self._is_opening = True
                    self._open()
                    self._opened = True
                finally:
                    self._is_opening = False
                    if not self._opened:
                        self._connections.close_idle()

    def require_sound(self) -> None:
        """Raise a `CorruptDatabaseError` where damage was found, which makes every answer and every write doubtful."""
        self.open()
        if self.damage is not None:
            raise CorruptDatabaseError(
                f"{self.name}: the file is damaged; keep a copy of it, save what can be read with `paper-repo salvage`,"
                f" or restore a backup; nothing is written to it (SQLite says: {self.damage})"
            )

    def close(self) -> None:
        """Wait for the calls that are under way, then close every connection; from any thread."""
        if self._transaction() is not None:
            raise TransactionError(f"{self.name}: cannot be closed inside a transaction; leave the block first")
        self._closed = True
        with self._translated:
            self._connections.close(self.busy_timeout)
        for feed in list(self._feeds):
            feed.close()

    # Forks

    def before_fork(self) -> None:
        """Wait for the calls of other threads, then close the connections that nobody uses.

        A child that inherits one cannot use the file safely any more, not even by a connection of its own: SQLite takes
        the locks of the inherited one, which the child does not have, for its own
        (https://www.sqlite.org/howtocorrupt.html, 2.6).
        """
        self._opening.acquire()
        self._frozen = self._connections.freeze(threading.get_ident())

    def after_fork_in_parent(self) -> None:
        """Let the other threads go on."""
        self._connections.thaw(self._frozen)
        self._opening.release()

    def after_fork_in_child(self) -> None:
        """Leave the connections that were in use to the parent, unused and unclosed, and begin with none."""
        self._has_inherited = self._connections.abandon()
        self._prepare()

    # Changes

    def open_feed(self) -> ChangeFeed:
        """A connection beside the pool that looks for changes; closed with this, if not before."""
        self.open()
        feed = self._feed()
        self._feeds.add(feed)
        if self._closed:
            feed.close()
        return feed

    @abstractmethod
    def _feed(self) -> ChangeFeed:
        """A new connection that looks for changes."""

    # What this thread has open

    def _transaction(self) -> Transaction | None:
        """What the calls of this thread belong to, if it has a block open."""
        found = self._mine.transaction
        return None if found is None or found.is_over else found

    def in_transaction(self) -> bool:
        """Whether this thread has a transaction open."""
        found = self._mine.transaction
        return found is not None and not found.is_over and found.depth > 0

    @contextmanager
    def _while_opening(self) -> Iterator[Any]:
        """A connection for what is done before the first use."""
        loan = Loan()
        try:
            with self._translated:
                yield self._connections.lend(loan)
        finally:
            self._connections.take_back(loan)
