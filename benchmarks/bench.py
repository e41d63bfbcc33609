"""What one run is about: who takes part, how large everything is, and where files go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.contenders import REFERENCE
from benchmarks.contenders.interface import Contender, Durability
from benchmarks.measure import Driver, Sample, Turn, take_turns
from benchmarks.workload import Workload

Curves = dict[str, list[tuple[int, Sample]]]
"""For each contender the points of its growth curve."""


@dataclass(frozen=True)
class Scale:
    """How much is measured; `settled`: whether files at FULL begin with a log of full length (`Driver.settle`)."""

    rounds: int = 25
    curve_rounds: int = 15
    settled: bool = True
    saves: int = 20
    tasks: int = 100
    positions: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500)
    sessions: tuple[int, ...] = (1, 10, 100, 1_000, 10_000)
    fills: tuple[int, ...] = (1, 1_000, 10_000, 100_000, 1_000_000)
    at_once: tuple[int, ...] = (1, 3, 10, 30, 100, 300, 1_000)
    large: int = 200
    imports: int = 25
    added_waits: tuple[int, ...] = (0, 300, 1_000, 3_000)
    disk_rounds: int = 5
    file_sessions: int = 20_000
    file_rows: int = 500_000
    file_rounds: int = 3
    memory_saves: int = 100_000
    memory_steps: int = 10
    listed: int = 100_000
    active: int = 100


QUICK = Scale(
    rounds=1,
    curve_rounds=1,
    settled=False,
    saves=2,
    tasks=3,
    positions=(1, 3),
    sessions=(1, 10),
    fills=(1, 10),
    at_once=(1, 3),
    large=10,
    imports=1,
    added_waits=(0, 100),
    disk_rounds=1,
    file_sessions=4,
    file_rows=40,
    file_rounds=1,
    memory_saves=40,
    memory_steps=2,
    listed=200,
    active=3,
)
"""So little that it says nothing about speed, and runs through everything in seconds."""


@dataclass
class Bench:
    """The contenders of one run, with the means to let them take turns."""

    contenders: list[Contender]
    scale: Scale
    directory: Path
    charts: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def new_path(self) -> str:
        """Where another database file can be made."""
        return str(self.directory / f"{next(self._numbers)}.db")

    @contextmanager
    def drivers(
        self, durability: Durability, workload: Workload, sessions: int = 1, only: list[Contender] | None = None
    ) -> Iterator[dict[str, Driver]]:
        """An open file with `sessions` saved sessions for each contender, closed and deleted at the end."""
        with ExitStack() as stack:
            drivers = {}
            for contender in self.contenders if only is None else only:
                path = self.new_path()
                stack.callback(delete, path)
                driver = drivers[contender.name] = Driver(contender, path, durability, workload)
                stack.callback(driver.close)
                driver.add(sessions)
                driver.check()
                if self.scale.settled and durability == "full":
                    driver.settle()
            yield drivers

    def compare(
        self, drivers: dict[str, Driver], operation: Callable[[Driver], float], label: str, rounds: int | None = None
    ) -> dict[str, Sample]:
        """The seconds that `operation` takes on each driver."""

        def turn(driver: Driver) -> Turn:
            return lambda: operation(driver)

        turns = {name: turn(driver) for name, driver in drivers.items()}
        return take_turns(turns, self.scale.rounds if rounds is None else rounds, label)

    @property
    def awaiting(self) -> list[Contender]:
        """The contenders that many tasks can use at once, and the reference, which saves one after another."""
        return [each for each in self.contenders if each.is_async or each.name == REFERENCE]

    @property
    def ours(self) -> list[Contender]:
        """paper_repo's own, and the reference."""
        return [each for each in self.contenders if each.is_ours or each.name == REFERENCE]


def delete(path: str) -> None:
    """Delete a database file, with all that lies beside it."""
    for each in Path(path).parent.glob(Path(path).name + "*"):
        each.unlink()
