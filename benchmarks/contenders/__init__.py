"""Every contender, a module each; one whose packages are missing is reported, not left out."""

from __future__ import annotations

import importlib

from benchmarks.contenders.interface import Contender

REFERENCE = "sqlite3 by hand"
"""What everything is measured in multiples of."""

_MODULES = {
    "sqlite3_by_hand": (REFERENCE,),
    "peewee_by_hand": ("Peewee by hand",),
    "sqlalchemy_orm": ("SQLAlchemy 2 ORM",),
    "paper_repo_sessions": ("SessionRepository", "SQLiteSessionRepository"),
    "aiosqlite_by_hand": ("aiosqlite by hand",),
    "langgraph_saver": ("LangGraph's AsyncSqliteSaver",),
    "peewee_pwasyncio": ("peewee pwasyncio",),
    "sqlalchemy_asyncio": ("SQLAlchemy asyncio",),
}
NAMES = tuple(name for names in _MODULES.values() for name in names)


def find(wanted: tuple[str, ...] = ()) -> tuple[list[Contender], dict[str, str]]:
    """The contenders whose names contain one of `wanted` (all by default; the reference always), and why some miss."""
    found: list[Contender] = []
    missing: dict[str, str] = {}
    for module, names in _MODULES.items():
        chosen = [name for name in names if _is_wanted(name, wanted)]
        if not chosen:
            continue
        try:
            contenders = importlib.import_module(f"benchmarks.contenders.{module}").CONTENDERS
        except ImportError as error:
            missing.update(dict.fromkeys(chosen, str(error)))
        else:
            found += [each for each in contenders if each.name in chosen]
    return found, missing


def _is_wanted(name: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or name == REFERENCE or any(each.lower() in name.lower() for each in wanted)
