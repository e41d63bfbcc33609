"""Those who save the same sessions on PostgreSQL; `path` is the URL of a database of their own."""

from __future__ import annotations

import importlib

from benchmarks.contenders.interface import Contender

REFERENCE = "asyncpg by hand"
"""What the awaited ones are measured in multiples of."""

PLAIN_REFERENCE = "psycopg by hand"
"""The same for plain calls."""

_MODULES = ("asyncpg_by_hand", "psycopg_by_hand", "sqlalchemy_asyncio", "paper_repo_sessions")


def find() -> tuple[list[Contender], dict[str, str]]:
    """Every contender, and why others are missing."""
    found: list[Contender] = []
    missing: dict[str, str] = {}
    for module in _MODULES:
        try:
            found += importlib.import_module(f"{__name__}.{module}").CONTENDERS
        except ImportError as error:
            missing[module] = str(error)
    return found, missing
