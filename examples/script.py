"""A script that trades a year of bars, can be killed at any moment, and continues where it stopped.

    python examples/script.py sessions.db

Kill it (Ctrl-C, or `kill -9`) and start it again: the result is that of an uninterrupted run.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from paper_repo import Fill, PaperTradingSession, SessionRepository, Strategy

BARS = 250


def prices() -> Iterator[float]:
    """Stands for your data feed: a random walk that is the same in every run."""
    walk, price = random.Random(2026), 100.0
    for _ in range(BARS):
        price = round(price * (1 + walk.gauss(0.0005, 0.02)), 2)
        yield price


def trade(session: PaperTradingSession, bar: int, price: float) -> None:
    """One bar of a crossover: what it must remember is in `session.state`, so that it is saved with the fills."""
    state = session.state
    for name, days in (("fast", 10), ("slow", 30)):
        state[name] = price if state[name] is None else state[name] + (price - state[name]) / days
    holds, wants = "ACME" in session.positions, state["fast"] > state["slow"]
    if holds != wants:
        session.apply_fill(Fill(f"bar-{bar}", "ACME", "BUY" if wants else "SELL", quantity=100, price=price, fee=1))
    session.mark({"ACME": price})
    state["bar"] = bar


def main(path: str) -> None:
    """Resume the session that is RUNNING, or begin one; trade the bars that it has not traded yet."""
    with SessionRepository(path) as repository:
        session = next(iter(repository.get_active()), None)
        if session is None:
            state = {"bar": -1, "fast": None, "slow": None}
            session = PaperTradingSession(strategy=Strategy("crossover"), initial_cash=100_000, state=state)
            session.start()
        for bar, price in enumerate(prices()):
            if bar > session.state["bar"]:
                trade(session, bar, price)
                repository.save(session)  # the fill, the books, the curve and the state: all of this bar, or nothing
        session.stop()
        repository.save(session)
        print(f"{session.fill_count} fills, equity {session.equity}")


if __name__ == "__main__":
    main(*sys.argv[1:])
