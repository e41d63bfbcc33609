"""Which guarantees a run has not shown, because a test of theirs was skipped where it ran."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

GUARANTEES = Path(__file__).parents[1] / "GUARANTEES.md"
TESTS = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def unshown(skipped: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """The sentences of GUARANTEES.md of which a test was skipped, each with the reasons and what was skipped for them.

    Args:
        skipped: why, by test as pytest names it, or by file of which none ran.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for promise in re.split(r"^### ", GUARANTEES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        named = TESTS.findall(promise)
        for test in sorted(skipped):
            file, _, rest = test.partition("::")
            name = rest.rpartition("::")[2].partition("[")[0]
            if any(_is_of(file, name, where, which) for where, which in named):
                reasons = found.setdefault(promise.splitlines()[0], {})
                reasons.setdefault(skipped[test], []).append(test)
    return found


def _is_of(file: str, name: str, where: str, which: str) -> bool:
    """Whether what was skipped, a test, a file or a folder, is what a sentence names, or holds it."""
    if name:
        return file == where and which in ("", name)
    return file == where or where.startswith(f"{file}/")
