"""Holds the strategy and the broker still while the feeds repeat bars that are stored, so that indicators warm up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OF_THE_STRATEGY = (
    "next",
    "prenext",
    "nextstart",
    "next_open",
    "prenext_open",
    "nextstart_open",
    "notify_cashvalue",
    "notify_fund",
    "notify_timer",
)


class Warming:
    """Replaces what the engine calls, on the two objects alone, until `end`.

    `is_new` is asked at every call whether the present bar is a new one. The first call on a new bar calls `begin`,
    which must call `end`, and then what was called.
    """

    def __init__(self, strategy: Any, is_new: Callable[[], bool], begin: Callable[[], None]) -> None:
        self._is_new, self._begin = is_new, begin
        self._held = [(strategy.broker, "next"), *((strategy, name) for name in OF_THE_STRATEGY)]
        for owner, name in self._held:
            setattr(owner, name, self._holding(getattr(owner, name)))

    def _holding(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **options: Any) -> Any:
            if not self._is_new():
                return None
            if self._held:
                self._begin()
            return call(*arguments, **options)

        return held

    def end(self) -> None:
        """Let the engine call the two themselves again."""
        for owner, name in self._held:
            delattr(owner, name)
        self._held = []
