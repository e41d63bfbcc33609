"""Checksums of rows: SQLite checks a file's structure, but not its text, in which a digit can change unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any
from zlib import crc32


class Checksum:
    """The checksum of a row over some of its columns: a 32-bit CRC, which finds every damage shorter than 32 bits.

    Args:
        columns: what every row has.
        later: what rows have got since; NULL counts for nothing, so that older rows keep their checksums.
    """

    def __init__(self, columns: Iterable[str], later: Sequence[str] = ()) -> None:
        self._columns = tuple(columns)
        self._values = itemgetter(*self._columns)
        self._names = later
        self._later: Any = itemgetter(*later) if later else None
        self._nothing = (None,) * len(later)

    def among(self, columns: Sequence[str]) -> Callable[[Sequence[Any]], int]:
        """A function that computes the checksum of rows given as sequences of the values of these columns."""
        places = {name: place for place, name in enumerate(columns)}
        values = itemgetter(*(places[name] for name in self._columns))
        later = itemgetter(*(places[name] for name in self._names)) if self._names else None

        def checksum(row: Sequence[Any]) -> int:
            text = _joined(values(row))
            return _signed(text if later is None else text + self._more(later(row)))

        return checksum

    def of(self, row: Mapping[str, Any]) -> int:
        """The checksum of `row`, as a signed number of 32 bits, which every database has a type for."""
        text = _joined(self._values(row))
        return _signed(text + self._more(self._later(row)) if self._names else text)

    def _more(self, later: tuple[Any, ...]) -> str:
        """What the values of the later columns add to the text of a row."""
        if later == self._nothing:
            return ""
        pairs = zip(self._names, later, strict=True)
        return "".join([f"\x1e{name}\x1f{each}" for name, each in pairs if each is not None])

    def of_plain(self, row: Mapping[str, Any]) -> int:
        """The checksum of a row without values in the later columns, which it may lack."""
        return _signed(_joined(self._values(row)))


def _joined(values: Sequence[Any]) -> str:
    return "\x1f".join([each if type(each) is str else f"\0{each}" for each in values])


def _signed(text: str) -> int:
    code = crc32(text.encode("utf-8", "surrogatepass"))
    return code if code < 1 << 31 else code - (1 << 32)
