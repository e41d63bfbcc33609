"""A disk on which things may or may not have arrived when the power goes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.powercut.recording import Created, Event, Linked, Removed, Renamed, Resized, Synced, Written

SECTOR = 512
"""What a disk writes wholly or not at all, in bytes."""


@dataclass(eq=False)
class File:
    """What is on the disk of a file for certain, and what was done to it since."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Written | Resized] = field(default_factory=list)


class Disk:
    """A folder, changed step by step.

    What was synced stays. Of the rest, whole sectors of any write may be missing, in any combination. Names that were
    made or taken away since the folder was synced may be as they were, but they change in their order, as in every file
    system that keeps a journal of its names.
    """

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._names: dict[str, File] = {}
        self._pending_names: list[dict[str, File | None]] = []

    def do(self, event: Event) -> None:
        """Let the program take one step."""
        match event:
            case Created(name):
                self._files[name] = File()
                self._pending_names.append({name: self._files[name]})
            case Removed(name):
                del self._files[name]
                self._pending_names.append({name: None})
            case Linked(name, new):
                self._files[new] = self._files[name]
                self._pending_names.append({new: self._files[new]})
            case Renamed(name, new):
                self._files[new] = self._files.pop(name)
                self._pending_names.append({name: None, new: self._files[new]})
            case Written(name) | Resized(name):
                self._files[name].pending.append(event)
            case Synced("."):
                self._names = _renamed(self._names, self._pending_names)
                self._pending_names = []
            case Synced(name):
                file = self._files[name]
                for change in file.pending:
                    _apply(file.content, change, _everything)
                file.pending = []

    def without_pending(self) -> dict[str, bytes]:
        """The files, by name, if nothing had arrived but what was synced."""
        return {name: bytes(file.content) for name, file in self._names.items()}

    def with_pending(self) -> dict[str, bytes]:
        """The files if everything had arrived: what other programs see, and what is left when only the program dies."""
        return self._cut(len(self._pending_names), _everything)

    def torn(self, dice: random.Random) -> dict[str, bytes]:
        """The files if some sectors had arrived and others not."""
        share = dice.choice([0.1, 0.5, 0.9])
        return self._cut(dice.randint(0, len(self._pending_names)), lambda: dice.random() < share)

    def _cut(self, names: int, arrives: Callable[[], bool]) -> dict[str, bytes]:
        left = {}
        for name, file in _renamed(self._names, self._pending_names[:names]).items():
            content = bytearray(file.content)
            for change in file.pending:
                _apply(content, change, arrives)
            left[name] = bytes(content)
        return left


def _renamed(names: dict[str, File], changes: list[dict[str, File | None]]) -> dict[str, File]:
    after: dict[str, File | None] = dict(names)
    for each in changes:
        after |= each
    return {name: file for name, file in after.items() if file is not None}


def _apply(content: bytearray, change: Written | Resized, arrives: Callable[[], bool]) -> None:
    if isinstance(change, Resized):
        if arrives():
            _resize(content, change.size)
        return
    start, end = change.offset, change.offset + len(change.data)
    while start < end:
        next_sector = min(end, start - start % SECTOR + SECTOR)
        if arrives():
            _resize(content, max(len(content), next_sector))
            content[start:next_sector] = change.data[start - change.offset : next_sector - change.offset]
        start = next_sector


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _everything() -> bool:
    return True
