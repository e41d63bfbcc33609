"""Which transaction of this process may write which session, where several of them write at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from paper_repo.errors import BusyError
from paper_repo.storage.errors import TurnedBackError
from paper_repo.storage.slots import Waiters


class Turns:
    """A session belongs to the transaction that has written it until that one has ended.

    The database sees to that too, by its locks; but it does not know that two threads may save the same object, which
    one of them may have to give back as it was. As with `Slots`, no lock guards anything here: a signal handler may
    write, or raise, in the middle of each method.

    Args:
        patience: how long to wait for a session, in seconds.
        when_freed: what is called, in its thread, by a transaction that had a session and has ended.
    """

    def __init__(self, patience: float, when_freed: Sequence[Callable[[], None]] = ()) -> None:
        self._patience = patience
        self._waiters = Waiters()
        self._owners: dict[str, object] = {}
        self._wanted: dict[object, str] = {}  # by whom; each waits for one at a time
        self._when_freed = when_freed

    def take(self, me: object, session_id: str) -> None:
        """Wait until no other transaction has written this session; it belongs to the transaction `me` from now on.

        Raises:
            BusyError: the other one has not ended in time.
            TurnedBackError: the other one waits for this one.
        """
        if self._seize(me, session_id):
            return
        self._wanted[me] = session_id
        try:
            if self._waits_for(me, session_id):
                raise TurnedBackError(f"two transactions, of which one writes {session_id!r}, wait for each other")
            if not self._waiters.wait(lambda: self._seize(me, session_id), self._patience):
                raise BusyError(
                    f"another transaction of this program that has written session {session_id!r} was open for "
                    f"longer than the busy timeout ({self._patience:g} s); repeat the call"
                )
        finally:
            self._wanted.pop(me, None)

    def free(self, me: object) -> None:
        """Give back every session of the transaction `me`, which has ended."""
        mine = [session_id for session_id, owner in list(self._owners.items()) if owner is me]
        for session_id in mine:
            del self._owners[session_id]
        if mine:
            self._waiters.tell_all()
        for call in self._when_freed if mine else ():
            call()

    def are_free(self, me: object, session_ids: Iterable[str]) -> bool:
        """Whether nobody but the transaction `me` has written any of these."""
        return all(self._owners.get(each, me) is me for each in session_ids)

    def _seize(self, me: object, session_id: str) -> bool:
        return self._owners.setdefault(session_id, me) is me

    def _waits_for(self, me: object, session_id: str) -> bool:
        """Whether the owner of this session waits, for one who waits for one ..., for `me`."""
        owner = self._owners.get(session_id)
        for _ in range(len(self._wanted)):  # others may wait for each other just now
            if owner is me:
                return True
            owner = self._owners.get(self._wanted.get(owner, ""))
        return owner is me
