"""What a recorder says when it resumes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from paper_repo.engines.backtrader.booking import closes_of, symbols_of


@dataclass(frozen=True)
class Resumption:
    """A run that goes on.

    - `at`: the time of the last bar that was stored; the run goes on after it.
    - `warm_up_bars`: how many bars the feeds repeated before that, from which the indicators were computed.
    - `not_restored`: what the run goes on without, a sentence each; empty where it equals an uninterrupted run.
    """

    at: datetime
    warm_up_bars: int
    not_restored: tuple[str, ...]

    def __str__(self) -> str:
        said = f"goes on after {self.at:%Y-%m-%d %H:%M:%S}, with {self.warm_up_bars} bars to warm up the indicators"
        return said + "".join(f"; {each}" for each in self.not_restored)


def other_prices(stored: dict[str, Any], feeds: Sequence[Any]) -> Iterator[str]:
    """That feeds have other prices at the last bar that is stored, which they stand at now."""
    closes = zip(symbols_of(feeds), stored["closes"], closes_of(feeds), strict=True)
    others = [f"{symbol} ({then}, now {now})" for symbol, then, now in closes if then != str(now)]
    if others:
        yield f"feeds with other prices at that bar than those that were recorded: {', '.join(others)}"


def not_restored(stored: dict[str, Any], warm_up_bars: int, strategy: Any, recorder: Any) -> Iterator[str]:
    """What cannot be restored of a run of which `stored` is kept."""
    if warm_up_bars < stored["bars"]:
        yield (
            f"the feeds repeat {warm_up_bars} of the {stored['bars']} bars that are stored: indicators that look "
            "further back, as every exponential average does, begin anew"
        )
    if stored["left_out"]:
        names = ", ".join(stored["left_out"])
        yield f"attributes of {type(strategy).__name__} that have changed and are not named in keep=: {names}"
    others = [name for name, each in strategy.analyzers.getitems() if each is not recorder]
    if others:
        yield f"analyzers that know nothing of what was before: {', '.join(others)}"
    if strategy._tradehistoryon and stored["broker"]["trades"]:
        yield "the history of the trades that are open"
