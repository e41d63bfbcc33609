"""What is committed in SQLite's write-ahead log, read without SQLite (https://www.sqlite.org/fileformat2.html#walformat)."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""How a log begins, and the byte order of its checksums."""

_HEADER, _FRAME = 32, 24
"""The sizes of its header and of that of each page in it."""


def committed_pages(path: Path) -> tuple[int, dict[int, bytes]]:
    """The page size of the log, and the newest committed version of each page in it; 0 and none if there are none."""
    try:
        data = path.read_bytes()
        magic, _, size = struct.unpack_from(">3I", data)
        order = _MAGIC[magic]
        checksum = _checksum(order, data[:24], (0, 0))
        if checksum != struct.unpack_from(">2I", data, 24) or size & (size - 1):
            return 0, {}
    except (OSError, struct.error, KeyError):
        return 0, {}
    return size, _pages(data, size, order, checksum)


def _pages(data: bytes, size: int, order: str, checksum: tuple[int, int]) -> dict[int, bytes]:
    """The pages of all frames up to the last commit; the first frame with a wrong checksum ends the log."""
    committed: dict[int, bytes] = {}
    waiting: dict[int, bytes] = {}
    for start in range(_HEADER, len(data) - _FRAME - size + 1, _FRAME + size):
        number, pages_then = struct.unpack_from(">2I", data, start)
        page = data[start + _FRAME : start + _FRAME + size]
        checksum = _checksum(order, data[start : start + 8] + page, checksum)
        told = struct.unpack_from(">2I", data, start + 16)
        if data[start + 8 : start + 16] != data[16:24] or checksum != told:
            break
        waiting[number] = page
        if pages_then:
            committed |= waiting
            waiting.clear()
    return committed


def _checksum(order: str, data: bytes, before: tuple[int, int]) -> tuple[int, int]:
    first, second = before
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
