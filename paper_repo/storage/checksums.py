"""Checksums of rows: SQLite checks a file's structure, but not its text, in which a digit can change unseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any
from zlib import crc32


class Checksum:
    """The checksum of a row over some of its columns: a 32-bit CRC, which finds every damage shorter than 32 bits."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._values = itemgetter(*columns)

    def of(self, row: Mapping[str, Any]) -> int:
        """The checksum of `row`, as a signed number of 32 bits, which every database has a type for."""
        text = "\x1f".join([each if type(each) is str else f"\0{each}" for each in self._values(row)])
        code = crc32(text.encode("utf-8", "surrogatepass"))
        return code if code < 1 << 31 else code - (1 << 32)
