"""What the modules import: their arrows point one way, and importing the package does nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import paper_repo

PACKAGE = Path(paper_repo.__file__).parent
ROOT = "paper_repo"
ORDER = [
    "errors",
    "domain",
    "watching",
    "reports",
    "interface",
    "serialization",
    "storage",
    "core",
    "facade",
    "maintenance",
    "memory",
    "sync_memory",
    ROOT,  # what `import paper_repo` gives
    "frames",
    "notebook",
    "report",
    "engines",
    "container",
    "testing",
    "demo",
    "desktop",
    "cli",
    "freezing",
    "__main__",
]
"""The parts of the package: each may import from those before it, and from itself."""

OTHERS = {
    "serialization": {"marshmallow"},
    "storage": {"peewee", "playhouse", "psycopg", "sqlcipher3"},
    "watching": {"anyio"},
    "facade": {"anyio"},
    "memory": {"anyio"},
    "frames": {"pyarrow"},
    "engines": {"anyio", "backtesting", "backtrader", "freqtrade", "nautilus_trader", "pandas"},
    "container": {"svcs"},
    "testing": {"anyio", "hypothesis", "pytest"},
    "demo": {"anyio"},
    "desktop": {"PySide6", "anyio", "shiboken6"},
    "cli": {"platformdirs", "rich", "typer"},
    "freezing": {"PyInstaller"},
}
"""What the parts import that neither Python nor the package has; the others import nothing of the kind."""

EXTRAS = {"typer", "rich", "platformdirs", "svcs", "psycopg", "sqlcipher3", "pyarrow", "PySide6"}
SELDOM = {"playhouse.migrations", "paper_repo.watching", "pytest", "hypothesis", "trio"}
DEPENDENCIES = "import anyio, marshmallow, peewee"
"""Peewee itself looks for its drivers, of which psycopg is one."""

WATCHED_IMPORT = f"""
import sys, threading
{DEPENDENCIES}

seen = []

def watch(event, arguments):
    if event == "open":
        name = str(arguments[0])
        if not name.endswith((".py", ".pyc", ".so")) and ".pyc." not in name:
            seen.append((event, name))
    elif event.split(".")[0] in ("sqlite3", "socket", "subprocess", "_thread", "tempfile", "shutil"):
        seen.append((event, str(arguments)))
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.system", "os.fork", "os.posix_spawn"):
        seen.append((event, str(arguments)))

sys.addaudithook(watch)
import paper_repo
found = list(seen)
assert threading.active_count() == 1, threading.enumerate()
print(*found, sep="\\n")
"""


class Import(NamedTuple):
    """One import of one module by another, and where it stands."""

    importer: str
    imported: str
    place: str


def imports() -> Iterator[Import]:
    """Every import in the package, also those inside of functions."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        importer = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(PACKAGE.parent)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                yield from (Import(importer, each.name, place) for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{place}: imports are absolute here"
                for each in node.names:
                    yield Import(importer, _target(node.module or "", each.name), place)


def _target(module: str, name: str) -> str:
    """The module that `from module import name` reaches: `module.name` where that is one of the package."""
    below = PACKAGE.parent.joinpath(*module.split("."), name)
    is_module = module.split(".")[0] == ROOT and (below.is_dir() or below.with_suffix(".py").is_file())
    return f"{module}.{name}" if is_module else module


def part(module: str) -> str:
    """The part of the package that a module of it belongs to."""
    return module.split(".")[1] if "." in module else module


def inside(module: str) -> bool:
    """Whether the module is one of the package."""
    return module.split(".")[0] == ROOT


IMPORTS = list(imports())


def test_every_part_has_its_place() -> None:
    """Every module of the package stands in the order that its imports are held to."""
    assert {part(each.importer) for each in IMPORTS} - set(ORDER) == set()


def test_what_is_private_stays_in_its_module() -> None:
    """No module imports a name of another one that begins with an underscore."""
    wrong = [
        f"{path.relative_to(PACKAGE.parent)}:{node.lineno}: {each.name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and inside(node.module or "")
        for each in node.names
        if each.name.startswith("_")
    ]

    assert wrong == []


def test_the_arrows_point_one_way() -> None:
    """No part imports from one that stands behind it."""
    wrong = [
        each
        for each in IMPORTS
        if inside(each.imported) and ORDER.index(part(each.importer)) < ORDER.index(part(each.imported))
    ]

    assert wrong == []


def test_the_domain_stands_for_itself() -> None:
    """The domain imports from Python's own library and the errors, and from nothing else."""
    others = {
        each.imported
        for each in IMPORTS
        if part(each.importer) == "domain" and each.imported.split(".")[0] not in sys.stdlib_module_names
    }

    assert {each for each in others if not each.startswith("paper_repo.domain")} == {"paper_repo.errors"}


def test_storage_knows_rows_only() -> None:
    """Storage imports from the errors, and of the domain what a list or a claim asks for, but no entity."""
    known = {each.imported for each in IMPORTS if part(each.importer) == "storage" and inside(each.imported)}

    assert {each for each in known if not each.startswith("paper_repo.storage")} == {
        "paper_repo.domain.claims",
        "paper_repo.domain.secrecy",
        "paper_repo.domain.selection",
        "paper_repo.domain.values",
        "paper_repo.errors",
    }


def test_the_fake_has_no_database() -> None:
    """The repository in memory imports nothing of a database, nor of a thread that writes to one."""
    known = {each.imported for each in IMPORTS if part(each.importer) == "memory" and inside(each.imported)}

    assert not any(each.startswith(("paper_repo.storage", "paper_repo.core.repository")) for each in known)
    assert known.isdisjoint({"paper_repo.core.history", "paper_repo.facade.writer", "paper_repo.facade.repository"})


@pytest.mark.parametrize("name", ORDER)
def test_other_packages_stay_in_their_part(name: str) -> None:
    """A part imports no package of others but those that are listed for it."""
    others = {
        each.imported.split(".")[0] for each in IMPORTS if part(each.importer) == name and not inside(each.imported)
    }

    assert others - sys.stdlib_module_names - {"__future__"} == OTHERS.get(name, set())


def test_importing_opens_nothing() -> None:
    """`import paper_repo` opens no file but Python's modules, no database, and starts neither thread nor process."""
    done = subprocess.run([sys.executable, "-c", WATCHED_IMPORT], check=True, capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_importing_takes_no_extra() -> None:
    """`import paper_repo` imports no package of an extra, nothing that tests need, and nothing slow and seldom used."""
    program = (
        f"import sys; {DEPENDENCIES}; before = set(sys.modules); import paper_repo; print(*set(sys.modules) - before)"
    )

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    imported = set(done.stdout.split())
    assert "paper_repo.core.repository" in imported
    assert imported & (EXTRAS | SELDOM) == set()
    assert {part(each) for each in imported if inside(each)} <= set(ORDER[: ORDER.index(ROOT) + 1])
