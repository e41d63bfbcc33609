"""Everything that is printed: answers to standard output, progress and complaints to standard error.

Whatever a command prints goes through here and is made harmless: `SafeConsole` takes no text for markup and sends no
character that a terminal would obey, except for our own colours and lines.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from paper_repo.cli import streams
from paper_repo.cli.escaping import harmless, one_line
from paper_repo.cli.exit_codes import FAILED, USAGE, CommandError

T = TypeVar("T")

WIDTH_WITHOUT_TERMINAL = 1000
"""So wide that no table in a pipe or a file loses anything."""


_IN_ASCII = str.maketrans("–…▲▼▶■○‖✗≠┈─│┤", "-~^v>#o=x!.-||")
"""What stands for our own signs on a terminal that has no others than those of ASCII; each as wide as before."""


class SafeConsole(Console):
    """A console that shows text as it is: no markup, and characters that a terminal would obey as visible escapes.

    A terminal that does not know Unicode gets signs of ASCII for ours, and question marks in names.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, each harmless; control segments are rich's own."""
        narrow = not self.encoding.lower().startswith("utf")
        for text, style, control in super().render(renderable, options):
            shown = text if control else harmless(text)
            yield Segment(shown.translate(_IN_ASCII) if narrow else shown, style, control)


def output() -> SafeConsole:
    """Standard output, for the answer to a question: at the terminal's width, or wide when there is no terminal.

    Raises:
        CommandError: standard output is closed, so that the answer would be lost.
    """
    streams.require_output()
    return _standard_output()


def say(message: str) -> None:
    """Tell on standard output what has been done; whoever has closed it does not want to know."""
    _standard_output().print(Text(message), soft_wrap=True)


def complaints() -> SafeConsole:
    """Standard error."""
    return SafeConsole(stderr=True, soft_wrap=True)


def note(message: str) -> None:
    """Tell on standard error, where it does not mix with what is written, what has been done."""
    complaints().print(Text(one_line(message)))


def complain(message: str) -> None:
    """Say why a command failed, in one line."""
    complaints().print(Text(f"paper-repo: {one_line(message)}", "red"))


def _standard_output() -> SafeConsole:
    console = SafeConsole(soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """What moves a progress bar: called with how much more is done."""
    done = 0
    with progress_to(what) as step:

        def advance(more: int) -> None:
            nonlocal done
            done += more
            step(done, total)

        yield advance


@contextmanager
def progress_to(what: str) -> Iterator[Callable[[int, int | None], object]]:
    """What moves a progress bar: called with how much is done, and how much there is in all if that is known.

    The bar appears on standard error with the first move, and only on a terminal.
    """
    console = complaints()
    if not console.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=None)

    def step(done: int, total: int | None) -> None:
        bar.start()  # does nothing the second time
        bar.update(task, completed=done, total=total)

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
        raise CommandError(f"{otherwise}: this command needs a terminal to ask for confirmation; use --yes", USAGE)
    try:
        if typer.confirm(one_line(question), err=True):
            return
    except typer.Abort as error:
        raise_if_interrupted(error)
    raise CommandError(otherwise, FAILED)


def raise_if_interrupted(abort: typer.Abort) -> None:
    """Raise the KeyboardInterrupt that a prompt has turned into an Abort, as it does with the end of the input."""
    cause = abort.__cause__ or abort.__context__
    if isinstance(cause, KeyboardInterrupt):
        complaints().print()  # the question has no line end
        raise cause


def counted(items: Iterable[T], advance: Callable[[int], object], step: int = 1000) -> Iterator[T]:
    """The same items, reported to `advance` a thousand at a time."""
    for number, item in enumerate(items, 1):
        yield item
        if not number % step:
            advance(step)


def print_json(document: Any) -> None:
    """One JSON document."""
    streams.require_output()
    sys.stdout.write(json_text(document, indent=2) + "\n")


def print_json_line(document: Any) -> None:
    """One JSON document in a line of its own, which its reader has at once."""
    sys.stdout.write(json_text(document) + "\n")
    sys.stdout.flush()


def print_json_stream(head: dict[str, Any], name: str, items: Iterable[Any]) -> None:
    """One JSON document with a long list under `name`, written item by item."""
    print_json_lists(head, {name: map(json_text, items)})


def print_json_lists(head: dict[str, Any], lists: Mapping[str, Iterable[str]]) -> None:
    """One JSON document with long lists under their names, whose items are JSON text, written item by item."""
    streams.require_output()
    write = sys.stdout.write
    write(json_text(head, indent=2)[:-2])
    for name, items in lists.items():
        write(f',\n  "{name}": [')
        separator = "\n    "
        for item in items:
            write(separator + item)
            separator = ",\n    "
        write("\n  ]" if separator[0] == "," else "]")
    write("\n}\n")


def json_text(document: Any, indent: int | None = None) -> str:
    """ASCII text; DEL is the one control character that json leaves as it is."""
    return json.dumps(_finite(document), indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def _finite(value: Any) -> Any:
    """The value with null for the floats that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
