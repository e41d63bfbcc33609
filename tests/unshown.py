"""Which guarantees a run has not shown, because a test of theirs was skipped where it ran."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

GUARANTEES = Path(__file__).parents[1] / "GUARANTEES.md"
TESTS = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def unshown(skipped: Iterable[str]) -> dict[str, list[str]]:
    """The sentences of GUARANTEES.md of which a test was skipped, each with these tests.

    Args:
        skipped: tests as pytest names them, or files of which none ran.
    """
    found: dict[str, list[str]] = {}
    tests = sorted(set(skipped))
    for promise in re.split(r"^### ", GUARANTEES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        named = TESTS.findall(promise)
        for test in tests:
            file, _, rest = test.partition("::")
            name = rest.rpartition("::")[2].partition("[")[0]
            if any(_is_of(file, name, where, which) for where, which in named):
                found.setdefault(promise.splitlines()[0], []).append(test)
    return found


def _is_of(file: str, name: str, where: str, which: str) -> bool:
    """Whether what was skipped, a test, a file or a folder, is what a sentence names, or holds it."""
    if name:
        return file == where and which in ("", name)
    return file == where or where.startswith(f"{file}/")
