"""docs/json.md says what `--json` prints: every key of every command, and no other."""

from __future__ import annotations

import inspect
import json
import re
import sqlite3
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository
from paper_repo.cli.app import COMMANDS
from tests.builders import new_session
from tests.cli.conftest import DEMO, Run
from tests.cli.test_compare import on_paper
from tests.processes.running import unmeasured

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
SAMPLE = Path(__file__).parents[1] / "engines" / "importing" / "samples" / "tradingview_trades.csv"
TOP = ("the document", "each line")


def documented() -> dict[str, set[str]]:
    """By command, the paths of the keys that the page names."""
    _, *sections = re.split(r"^### `paper-repo (\w+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: set(_paths(text)) for name, text in zip(sections[::2], sections[1::2], strict=True)}


def _paths(section: str) -> list[str]:
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("|")][2:]
    return [
        key if place in TOP else f"{place}.{key}"
        for where, keys in rows
        for place in ([where.strip()] if where.strip() in TOP else re.findall(r"`([^`]+)`", where))
        for key in re.findall(r"`([^`]+)`", keys)
    ]


def found(value: Any, known: set[str], path: str = "") -> set[str]:
    """The paths of the keys in a document; what the page does not look into is one."""
    if isinstance(value, list):
        return {each for item in value for each in found(item, known, f"{path}[]")}
    if not isinstance(value, dict) or (path and not any(each.startswith(f"{path}.") for each in known)):
        return set()
    below = {f"{path}.{name}" if path else name: item for name, item in value.items()}
    return set(below) | {each for place, item in below.items() for each in found(item, known, place)}


DOCUMENTED = documented()


def test_every_command_that_prints_json_is_on_the_page() -> None:
    """And none that does not."""
    with_json = set()
    for name, entry in COMMANDS.items():
        module, _, function = entry.function.partition(":")
        parameters = inspect.signature(getattr(import_module(f"paper_repo.cli.commands.{module}"), function)).parameters
        if "as_json" in parameters:
            with_json.add(name)

    assert set(DOCUMENTED) == with_json


@pytest.mark.parametrize("name", sorted(set(DOCUMENTED) - {"watch"}))
def test_the_page_names_every_key(run: Run, database: Path, account: str, name: str) -> None:
    """Of a plain session, of an account that has everything, and of one that is damaged."""
    calls: dict[str, list[list[str]]] = {name: [[]] for name in ("list", "status", "info", "check")}
    calls |= {"compare": [[DEMO, "paper"], [account, DEMO]], "equity": [[DEMO]]}
    calls |= {"import": [[str(SAMPLE), "--from", "tradingview", "--timezone", "UTC", "--dry-run"]]}
    with SessionRepository(database) as repository:
        repository.save(on_paper(repository.get_fills(DEMO)))
        unbalanced = new_session()
        unbalanced.cash += 5
        repository.save(unbalanced)
    if name == "check":
        _damage(database)

    keys = set[str]()
    for arguments in calls.get(name, [[account], [DEMO]]):
        keys |= found(json.loads(run(name, *arguments, "--json").stdout), DOCUMENTED[name])

    assert keys == DOCUMENTED[name]


def test_the_page_names_every_key_of_a_watch(database: Path) -> None:
    """Of its lines."""
    command = [sys.executable, "-m", "paper_repo", "watch", "--json", "--status", "stopped", "--db", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=unmeasured()) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        process.kill()

    assert found(line, DOCUMENTED["watch"]) == DOCUMENTED["watch"]


def _damage(database: Path) -> None:
    """A fill that cannot be read."""
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE paper_trading_fills SET price = 'much' WHERE sequence = 50")
    connection.close()
