"""A tick: new prices for every position, an equity point, and a save."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from time import perf_counter
from typing import Any

from benchmarks.bench import Bench, delete
from benchmarks.contenders import REFERENCE
from benchmarks.contenders.interface import Contender
from benchmarks.measure import Sample, Turn, take_turns
from benchmarks.report import Section
from benchmarks.tables import multiples, times
from benchmarks.workload import START, Workload

Prices = dict[str, str]


def ticks(bench: Bench) -> Section:
    """Marking 20 positions and saving, at NORMAL, beside dataclasses and sqlite3 by hand doing the same."""
    columns: dict[str, dict[str, Sample]] = {}
    with ExitStack() as stack:
        takers = {each.name: _Taker(each, bench, stack) for each in bench.ours if not each.is_async}
        for title, operation in (("mark and save", _Taker.time_both), ("mark alone", _Taker.time_mark)):
            turns = {name: _turn(operation, taker, bench.scale.saves) for name, taker in takers.items()}
            columns[title] = take_turns(turns, bench.scale.rounds, f"ticks, {title}")
    return Section(
        "A tick",
        "A session of 20 positions gets a new price for each, works out what it is worth, appends that as an equity "
        "point, and is saved at NORMAL. By hand: the prices are assigned to plain dataclasses as Decimals. Prices come "
        "as text, and are made outside of the clock.",
        [multiples(columns), times(columns)],
    )


def _turn(operation: Callable[[_Taker, int], float], taker: _Taker, count: int) -> Turn:
    return lambda: operation(taker, count)


class _Taker:
    """A contender with a session in a file of its own."""

    def __init__(self, contender: Contender, bench: Bench, stack: ExitStack) -> None:
        path = bench.new_path()
        stack.callback(delete, path)
        self._store: Any = contender.open(path, "normal")
        stack.callback(self._store.close)
        self._types: Any = contender.types
        self._session = Workload().session(contender.types, "session-0")
        self._mark = self._by_hand if contender.name == REFERENCE else self._session.mark
        self._step = 0
        self._store.save(self._session)

    def time_both(self, count: int) -> float:
        """Seconds a tick with its save."""
        return self._time(count, self._tick)

    def time_mark(self, count: int) -> float:
        """Seconds a tick without it."""
        elapsed = self._time(count, self._mark)
        self._store.save(self._session)
        return elapsed

    def _time(self, count: int, call: Callable[[Prices, Any], object]) -> float:
        elapsed = 0.0
        for _ in range(count):
            self._step += 1
            symbols = enumerate(self._session.positions)
            prices = {symbol: f"{150 + (self._step + 13 * number) % 997 / 100:.2f}" for number, symbol in symbols}
            at = START + timedelta(seconds=self._step)
            started = perf_counter()
            call(prices, at)
            elapsed += perf_counter() - started
        return elapsed / count

    def _tick(self, prices: Prices, at: Any) -> None:
        self._mark(prices, at)
        self._store.save(self._session)

    def _by_hand(self, prices: Prices, at: Any) -> None:
        session, worth = self._session, Decimal(0)
        for symbol, price in prices.items():
            session.positions[symbol].last_price = Decimal(price)
        for position in session.positions.values():
            worth += position.quantity * position.last_price
        session.record_equity(self._types.EquityPoint(at, session.cash, session.cash + worth))
