"""GUARANTEES.md says of every promise what it rests on, what it does not cover, and which tests show it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.unshown import unshown

ROOT = Path(__file__).parents[1]
PROMISES = re.findall(r"^### (.*?)(?=^##|\Z)", (ROOT / "GUARANTEES.md").read_text(), flags=re.MULTILINE | re.DOTALL)
TESTS = re.compile(r"`((?:tests|paper_repo)/[\w/]+\.py)(?:::(\w+))?`")


def exists(file: str, test: str) -> bool:
    """Whether there is such a file with a function of this name, or of any when none is given."""
    if not (ROOT / file).is_file():
        return False
    nodes = ast.walk(ast.parse((ROOT / file).read_text()))
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return test in names if test else any(name.startswith("test_") for name in names)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda text: text.splitlines()[0][:50])
def test_every_promise_is_whole(promise: str) -> None:
    """Each promise is a sentence, with its grounds, its limits and its tests."""
    sentence = promise.splitlines()[0]

    assert sentence.endswith(".")
    for part in ("- Rests on: ", "- Does not cover: ", "- Tests: "):
        assert promise.count(part) == 1


@pytest.mark.parametrize("promise", PROMISES, ids=lambda text: text.splitlines()[0][:50])
def test_every_test_that_is_named_exists(promise: str) -> None:
    """Each test is there, in the file that is named."""
    named = TESTS.findall(promise)

    assert named
    assert [f"{file}::{test}" for file, test in named if not exists(file, test)] == []


def test_what_a_skipped_test_leaves_unshown() -> None:
    """It is told with its sentence and why, by one of its cases or by its file, and no other sentence is."""
    case = "tests/facade/test_group_commit.py::test_a_bad_save_fails_alone[asyncio]"

    found = unshown({case: "no loop", "tests/frozen/test_frozen.py": "no hook", "tests/soak/test_soak.py": "no disk"})

    assert found == {
        "When many tasks save at once, a save that fails harms no other.": {"no loop": [case]},
        "Under mixed load, memory, open files and SQLite's log stay bounded however long it lasts, and nothing is lost "
        "or duplicated.": {"no disk": ["tests/soak/test_soak.py"]},
    }
