"""Works on one database while it is disturbed: a broker that repeats itself, interrupts, other programs, moved files.

Usage: python disturbed.py CASE PLACE SEED SECONDS; see `CASES`. It prints, as JSON, what was done, and fails where a
fill is lost or doubled, or where nobody makes any progress. It is a program of its own because coverage would wait for
its own lock for ever if an interrupt came just after it had taken that.
"""

from __future__ import annotations

import faulthandler
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from paper_repo import BusyError, ConflictError, Fill, SessionRepository, StorageError
from tests.builders import START, new_session

CASH = 1_000_000_000
HUNG = 120
"""After how many seconds in which nobody has come any further the program is ended with the stack of every thread."""
LAST_REPEATED = 50
"""How many fills of the past the broker repeats at most."""


class TimeLimitError(Exception):
    """What the signal handler raises, as a task queue's time limit does."""


class Trader:
    """Books numbered fills of one session, of which its broker repeats some, until its time is over."""

    def __init__(self, work: Work, name: str) -> None:
        self.name = name
        self.acknowledged = 0
        self._work = work
        self._reported = 0
        self._dice = random.Random(f"{work.seed} {name}")

    def step(self) -> None:
        """Have one or a few fills reported, and store those that are new in one of several ways."""
        dice, work = self._dice, self._work
        self._reported = max(self._reported, self.acknowledged) + (dice.random() < 0.8)
        first = max(1, self.acknowledged + 1 - dice.choice([0, 0, 3, LAST_REPEATED]))
        fills = [fill(number) for number in range(first, self._reported + 1)]
        fills += dice.sample(fills, min(2, len(fills)))  # a broker repeats, and not in order
        way = dice.random()
        if way < 0.6:
            self._book(work.repository, fills)
        elif way < 0.8:
            with work.repository.atomic():
                self._book(work.repository, fills)
        elif way < 0.9:
            with work.repository.atomic(), suppress(ZeroDivisionError), work.repository.atomic():
                self._book(work.repository, fills)
                raise ZeroDivisionError
            return
        else:
            work.repository.get_fills(self.name, after=max(0, self.acknowledged - 3))
            work.repository.get_summaries(limit=3)
            return
        self.acknowledged = max(self.acknowledged, self._reported)

    def _book(self, repository: SessionRepository, fills: list[Fill]) -> None:
        session = repository.get_by_id(self.name)
        assert session is not None
        for new in repository.get_unrecorded(self.name, fills):
            session.apply_fill(new)
        repository.save(session)


class Work:
    """What all do on one database: two threads, and the main one, which is interrupted.

    Args:
        repository: it, opened.
        seed: of everything that is random.
        seconds: for how long.
    """

    def __init__(self, repository: SessionRepository, seed: str, seconds: float) -> None:
        self.repository = repository
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.traders = [Trader(self, f"trader {number}") for number in range(3)]
        self._end = time.monotonic() + seconds
        self._dice = random.Random(seed)
        self._progress = time.monotonic()
        repository.save_many([new_session(id=each.name, initial_cash=CASH, cash=CASH) for each in self.traders])

    def run(self, disturb: Callable[[], None]) -> None:
        """Work until the time is over; `disturb` is called between two steps of the main thread now and then."""
        failures: list[BaseException] = []

        def steadily(trader: Trader) -> None:
            try:
                while time.monotonic() < self._end:
                    self._try(trader)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=steadily, args=(each,)) for each in self.traders[1:]]
        for thread in threads:
            thread.start()
        try:
            while time.monotonic() < self._end and not failures:
                faulthandler.dump_traceback_later(HUNG, exit=True)
                with suppress(TimeLimitError), self._interrupted():
                    self._try(self.traders[0])
                if self._dice.random() < 0.02:
                    disturb()
            for thread in threads:
                thread.join()
        finally:
            faulthandler.cancel_dump_traceback_later()
        assert failures == []

    def _try(self, trader: Trader) -> None:
        try:
            trader.step()
            self.counts["steps"] += 1
        except (BusyError, ConflictError) as error:
            self.counts[type(error).__name__] += 1
        except StorageError as error:
            self.counts[str(error)] += 1

    @contextmanager
    def _interrupted(self) -> Iterator[None]:
        """Raise an exception in the main thread at a random moment of the block, or not."""

        def interrupt(number: int, frame: FrameType | None) -> None:
            self.counts["interrupts"] += 1
            raise TimeLimitError

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, self._dice.choice([0, self._dice.uniform(1e-5, 3e-3)]))
            yield
        finally:
            while True:  # one may come while the timer is stopped
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    signal.signal(signal.SIGALRM, before)
                    break
                except TimeLimitError:
                    continue

    def check(self) -> None:
        """What was acknowledged is stored once, the books say the same, and nothing is held."""
        assert self.counts["interrupts"]
        for trader in self.traders:
            session = self.repository.get_by_id(trader.name)
            assert session is not None
            numbers = [int(each.id) for each in self.repository.get_fills(trader.name)]
            assert sorted(numbers) == list(range(1, len(numbers) + 1)), "lost or doubled"
            assert len(numbers) >= trader.acknowledged > 0, "lost"
            assert session.fill_count == len(numbers)
            assert session.cash == CASH - sum(map(cost, numbers)), "doubled or lost in the books"
            self.repository.save(session)
            self.counts["fills"] += len(numbers)
        assert self.repository.check().ok


def cost(number: int) -> int:
    """The price of the fill of this number, by which one that is missing or doubled shows in the cash."""
    return 1 + number % 97


def fill(number: int) -> Fill:
    """The fill of this number, the same each time."""
    return Fill(str(number), "AAPL", "BUY", 1, price=cost(number), executed_at=START)


def file(place: str, seed: str, seconds: float) -> Counter[str]:
    """On a file that is moved away and back: while it is away every save is refused; when it is back all go on."""
    path = Path(place)
    with SessionRepository(path, durability="normal", busy_timeout=5) as repository:
        work = Work(repository, seed, seconds)

        def move() -> None:
            away = path.with_name("away.db")
            path.rename(away)
            try:
                repository.save(new_session())
            except StorageError:
                work.counts["moves"] += 1
            else:
                raise AssertionError("a save was acknowledged while the file was away")
            finally:
                away.rename(path)

        work.run(move)
        work.check()
    return work.counts


def server(place: str, seed: str, seconds: float) -> Counter[str]:
    """On a server; from time to time another program comes, with connections of its own."""
    with SessionRepository(place, busy_timeout=5) as repository:
        work = Work(repository, seed, seconds)

        def reconnect() -> None:
            with SessionRepository(place, busy_timeout=5) as another:
                assert another.exists("trader 0")
            work.counts["other programs"] += 1

        work.run(reconnect)
        work.check()
    return work.counts


CASES: dict[str, Callable[[str, str, float], Counter[str]]] = {"file": file, "server": server}


if __name__ == "__main__":
    case, place, seed, seconds = sys.argv[1:]
    sys.stdout.write(json.dumps(CASES[case](place, seed, float(seconds))))
