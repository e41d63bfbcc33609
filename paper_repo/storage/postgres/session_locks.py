"""Which transaction of this process may write which session, where several of them write at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from paper_repo.errors import BusyError
from paper_repo.storage.errors import TurnedBackError


class Turns:
    """A session belongs to the transaction that has written it until that one has ended.

    The database sees to that too, by its locks; but it does not know that two threads may save the same object, which
    one of them may have to give back as it was.

    Args:
        patience: how long to wait for a session, in seconds.
        when_freed: what is called, in its thread, by a transaction that had a session and has ended.
    """

    def __init__(self, patience: float, when_freed: Sequence[Callable[[], None]] = ()) -> None:
        self._patience = patience
        # Entered itself, not by its condition: an exception such as Ctrl-C cannot come between that and the block.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._owners: dict[str, object] = {}
        self._wanted: dict[object, str] = {}  # by whom; each waits for one at a time
        self._when_freed = when_freed

    def take(self, me: object, session_id: str) -> None:
        """Wait until no other transaction has written this session; it belongs to the transaction `me` from now on.

        Raises:
            BusyError: the other one has not ended in time.
            TurnedBackError: the other one waits for this one.
        """
        if self._owners.get(session_id) is me:
            return
        with self._lock:
            self._wanted[me] = session_id
            try:
                if self._waits_for(me, session_id):
                    raise TurnedBackError(f"two transactions, of which one writes {session_id!r}, wait for each other")
                if not self._changed.wait_for(lambda: session_id not in self._owners, self._patience):
                    raise BusyError(
                        f"another transaction of this program that has written session {session_id!r} was open for "
                        f"longer than the busy timeout ({self._patience:g} s); repeat the call"
                    )
                self._owners[session_id] = me
            finally:
                del self._wanted[me]

    def free(self, me: object) -> None:
        """Give back every session of the transaction `me`, which has ended."""
        with self._lock:
            mine = [session_id for session_id, owner in self._owners.items() if owner is me]
            for session_id in mine:
                del self._owners[session_id]
            if mine:
                self._changed.notify_all()
        for call in self._when_freed if mine else ():
            call()

    def are_free(self, me: object, session_ids: Iterable[str]) -> bool:
        """Whether nobody but the transaction `me` has written any of these."""
        return all(self._owners.get(each, me) is me for each in session_ids)

    def _waits_for(self, me: object, session_id: str) -> bool:
        """Whether the owner of this session waits, for one who waits for one ..., for `me`."""
        owner = self._owners.get(session_id)
        while owner is not None and owner is not me:
            owner = self._owners.get(self._wanted.get(owner, ""))
        return owner is me
