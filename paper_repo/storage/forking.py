"""What objects do when their process forks, before it in the parent and after it in both."""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakValueDictionary


class HeedsForks(Protocol):
    """Something with locks or connections that a forked child must not share with its parent."""

    def before_fork(self) -> None:
        """Make ready for a fork, in a short time."""
        return

    def after_fork_in_parent(self) -> None:
        """Go on as before."""
        return

    def after_fork_in_child(self) -> None:
        """Begin anew, in the only thread there is."""
        return


def heed_forks(each: HeedsForks) -> None:
    """Tell `each` about every fork for as long as it lives."""
    _heeding[id(each)] = each


_heeding: WeakValueDictionary[int, HeedsForks] = WeakValueDictionary()
_told: list[HeedsForks] = []
_turn = threading.Lock()


def _all() -> list[HeedsForks]:
    return [each for reference in _heeding.valuerefs() if (each := reference()) is not None]


def _before() -> None:
    _turn.acquire()  # by one thread at a time
    _told[:] = _all()
    for each in _told:
        each.before_fork()


def _after_in_parent() -> None:
    for each in reversed(_told):
        each.after_fork_in_parent()
    _told.clear()
    _turn.release()


def _after_in_child() -> None:
    global _turn
    _turn = threading.Lock()
    _told.clear()
    for each in _all():
        each.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # there are no forks on Windows
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
