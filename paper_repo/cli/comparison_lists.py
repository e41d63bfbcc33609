"""What is kept of a comparison to be shown when all fills have passed by: little, however many there are."""

from __future__ import annotations

import heapq
import zlib
from array import array
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from paper_repo.cli import json_output
from paper_repo.cli.terminal import json_text
from paper_repo.domain.comparison import MatchedFill, Tally, UnmatchedFill

_MICROSECOND = timedelta(microseconds=1)
_AT_ONCE = 1 << 16


class Highlights(Tally):
    """The rows that the tables of a comparison show.

    Args:
        most: how many rows each table has at most; 0 for all.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._delays = array("q")
        self._dearest: list[tuple[Decimal, int, MatchedFill]] = []
        self.shown_missed: list[UnmatchedFill] = []
        self.shown_extra: list[UnmatchedFill] = []
        self.at_other_prices: int = 0
        """How many matched fills have a cost."""
        self.missed_in_part: int = 0
        self.extra_in_part: int = 0
        """Of how many missed and extra fills another part was matched."""

    def add_matched(self, pair: MatchedFill) -> None:
        """Keep its delay, and the pair if it is one of the costliest."""
        super().add_matched(pair)
        self._delays.append(pair.delay // _MICROSECOND)
        if not pair.cost:
            return
        self.at_other_prices += 1
        entry = (abs(pair.cost), -self.at_other_prices, pair)
        if not self._most or len(self._dearest) < self._most:
            heapq.heappush(self._dearest, entry)
        else:
            heapq.heappushpop(self._dearest, entry)

    def add_missed(self, fill: UnmatchedFill) -> None:
        """Keep the first ones."""
        super().add_missed(fill)
        self.missed_in_part += fill.quantity != fill.fill.quantity
        self._keep(self.shown_missed, fill)

    def add_extra(self, fill: UnmatchedFill) -> None:
        """Keep the first ones."""
        super().add_extra(fill)
        self.extra_in_part += fill.quantity != fill.fill.quantity
        self._keep(self.shown_extra, fill)

    def _keep(self, fills: list[UnmatchedFill], fill: UnmatchedFill) -> None:
        if not self._most or len(fills) < self._most:
            fills.append(fill)

    @property
    def dearest(self) -> list[MatchedFill]:
        """The costliest pairs, whether they cost or gain; of those that cost the same, the earliest first."""
        return [pair for _, _, pair in sorted(self._dearest, reverse=True)]

    @property
    def median_delay(self) -> timedelta:
        """The delay of the matched fill in the middle, of which there must be one."""
        return sorted(self._delays)[len(self._delays) // 2] * _MICROSECOND


class Documents(Tally):
    """The JSON documents of all pairs and fills, which come behind the figures that are known last.

    Args:
        most: how many of each kind are kept at most; None for all.
    """

    def __init__(self, most: int | None) -> None:
        super().__init__()
        self._most = most
        self.lists: dict[str, PackedTexts] = {name: PackedTexts() for name in ("matched", "missed", "extra")}

    def add_matched(self, pair: MatchedFill) -> None:
        """Keep its document."""
        super().add_matched(pair)
        if self._most is None or self.matched <= self._most:
            self.lists["matched"].append(json_text(json_output.of_matched(pair)))

    def add_missed(self, fill: UnmatchedFill) -> None:
        """Keep its document."""
        super().add_missed(fill)
        if self._most is None or self.missed <= self._most:
            self.lists["missed"].append(json_text(json_output.of_unmatched(fill, "missed")))

    def add_extra(self, fill: UnmatchedFill) -> None:
        """Keep its document."""
        super().add_extra(fill)
        if self._most is None or self.extra <= self._most:
            self.lists["extra"].append(json_text(json_output.of_unmatched(fill, "extra")))


class PackedTexts:
    """A long list of lines of ASCII text, compressed: about a tenth of their size."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._size = 0
        self._packed: list[bytes] = []

    def append(self, line: str) -> None:
        """Add a text without line ends."""
        self._waiting.append(line)
        self._size += len(line)
        if self._size >= _AT_ONCE:
            self._packed.append(zlib.compress("\n".join(self._waiting).encode("ascii"), 1))
            self._waiting.clear()
            self._size = 0

    def __iter__(self) -> Iterator[str]:
        for each in self._packed:
            yield from zlib.decompress(each).decode("ascii").split("\n")
        yield from self._waiting
