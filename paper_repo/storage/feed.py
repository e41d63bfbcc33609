"""A connection of its own that looks for changes in a database, for as long as somebody watches."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

from paper_repo.errors import RepositoryClosedError
from paper_repo.storage.errors import Translated
from paper_repo.storage.forking import heed_forks
from paper_repo.storage.statements import Statements


class ChangeFeed:
    """Looks for changes in the database `name`; any thread may use it, one at a time.

    Args:
        name: what messages call the database.
        database: a connection to it that is not open yet, and not bound to a thread.
        statements: those of its kind of database.
        translated: makes the driver's errors ours.
    """

    def __init__(self, name: str, database: Any, statements: Statements, translated: Translated) -> None:
        self._name = name
        self._statements = statements
        self._translated = translated
        self._closed = threading.Event()
        self._using = threading.Lock()
        self._database = database
        with self._translated:
            self._database.connect()
        weakref.finalize(self, self._database.close).atexit = False
        heed_forks(self)

    def newest(self) -> int:
        """The position of the newest change; 0 when there was none."""
        return int(self._fetch(self._statements.newest_change, {})[0][0])

    def look(self, after: int, limit: int) -> Sequence[tuple[Any, ...]]:
        """The changes behind `after`, in their order, at most `limit`: session id, version, deleted, position."""
        return self._fetch(self._statements.select_changes, {"after": after, "limit": limit})

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is closed."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Close the connection, when a look that is under way has ended; from any thread."""
        self._closed.set()
        with self._using:
            self._database.close()

    def before_fork(self) -> None:
        """Close the connection, which a child must not inherit; whoever looks next opens one of its own."""
        self._using.acquire()
        self._database.close()

    def after_fork_in_parent(self) -> None:
        """Go on looking."""
        self._using.release()

    def after_fork_in_child(self) -> None:
        """Go on looking, in the child's own name."""
        self._using = threading.Lock()

    def _fetch(self, statement: Any, row: dict[str, Any]) -> list[tuple[Any, ...]]:
        with self._using, self._translated:
            self._require_open()
            rows: list[tuple[Any, ...]] = statement.run(self._database.execute_sql, row).fetchall()
            return rows

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise RepositoryClosedError(f"{self._name}: the watch was closed")
