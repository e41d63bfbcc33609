"""Where a command writes: tables to standard output, progress and complaints to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from paper_repo.cli.exit_codes import FAILED, USAGE, CommandError

T = TypeVar("T")

WIDTH_WITHOUT_TERMINAL = 1000
"""So wide that no table in a pipe or a file loses anything."""


def output() -> Console:
    """Standard output, at the terminal's width; wide when it is none."""
    console = Console(highlight=False, emoji=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


def complaints() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """What moves a progress bar on by so much; see `progress_bar`."""
    done = 0
    with progress_bar(what) as step:

        def advance(by: int) -> None:
            nonlocal done
            done += by
            step(done, total or 0)

        yield advance


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], object]]:
    """What the library calls as `progress`: a bar on standard error that shows how much is done, out of how much.

    It appears with the first step, and only on a terminal. A total of 0 is not known.
    """
    console = complaints()
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)

    def step(done: int, total: int) -> None:
        bar.start()  # does nothing the second time, and without a terminal
        bar.update(task, completed=done, total=total or None)

    try:
        yield step
    finally:
        if bar.live.is_started:
            bar.stop()


def confirm(question: str, yes: bool, otherwise: str) -> None:
    """Ask, unless `yes` has answered already.

    Raises:
        CommandError: the answer is no, or there is nobody to ask; it says `otherwise`.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{otherwise}: there is nobody to ask; use --yes", USAGE)
    if not typer.confirm(question, err=True):
        raise CommandError(otherwise, FAILED)


def counted(items: Iterable[T], advance: Callable[[int], object], step: int = 1000) -> Iterator[T]:
    """The same items, and a word to `advance` after each so many."""
    for number, item in enumerate(items, 1):
        yield item
        if not number % step:
            advance(step)


def print_json(document: Any) -> None:
    """One JSON document."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=True)
    sys.stdout.write("\n")


def print_json_stream(head: dict[str, Any], name: str, items: Iterable[Any]) -> None:
    """One JSON document with a long list under `name`, which is written as it comes."""
    write = sys.stdout.write
    write(json.dumps(head, indent=2)[:-2] + f',\n  "{name}": [')
    separator = "\n    "
    for item in items:
        write(separator + json.dumps(item))
        separator = ",\n    "
    write("\n  ]\n}\n" if separator[0] == "," else "]\n}\n")
