"""Parts of a file's schema that SQLite would run and that this library does not make, such as triggers.

A trigger runs for whoever writes to its table; a view, a generated column or the expression of an index for whoever
reads. What should be there is found out from the migration scripts, which are run on a database in memory.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from paper_repo.storage.schema import HISTORY_TABLE
from paper_repo.storage.tables import SQLITE_COLUMN_TYPES

PRAGMAS = (("trusted_schema", 0),)
"""For every connection: no expression in the schema may call what has effects outside of the database
(https://www.sqlite.org/pragma.html#pragma_trusted_schema)."""

_MAY_RUN = re.compile(
    r"\b(?:CHECK|GENERATED|AS|COLLATE|SELECT|USING|WHERE|VIRTUAL|CONFLICT)\b|DEFAULT\s*\(|/\*|--", re.IGNORECASE
)
"""What the text of a table or an index needs for something to run, or to hide it."""

_PLAIN_TABLE = re.compile(r"CREATE TABLE\b", re.IGNORECASE)

KNOWN = "57a598fc563a5b7e2dec404b3573f8d84c9b03bbc4ab030bcd5c286fcd84a491"
"""The `fingerprint` of what SQLite runs in the newest files of this library: their views, which only read."""

Part = tuple[str, str]
"""What it is, such as "table", and its name."""

Parts = dict[Part, tuple[object, object]]
"""Each with the table that it belongs to, and its text."""


def foreign_part(connection: Any, version: int, scripts: Path) -> str | None:
    """What the file has that may run and that this library does not make, in words; None where there is nothing.

    Only the list of what there is is read, so that none of it runs. Plain tables and indexes of somebody's own may be
    there: nothing happens by them.

    Args:
        version: of the schema, as the file tells it; where that is damaged, another version may fit.
        scripts: the folder of the migration scripts.
    """
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    running = running_parts({(kind, name): (table, text) for kind, name, table, text in rows})
    if not running or fingerprint(running) == KNOWN:
        return None  # as in most files, which saves running the migration scripts to find out
    left = [_unexpected(running, expected_parts(each, scripts)) for each in (version, *_versions(scripts))]
    if not all(left):
        return None
    kind, name = min(left, key=len)[0]  # of the version that fits best: the others do not know all that is ours
    return f"the {kind} {name!r}" + (f" on {running[kind, name][0]!r}" if kind in ("trigger", "index") else "")


def fingerprint(parts: Parts) -> str:
    """A text that is different for other parts."""
    return hashlib.sha256(repr(sorted(parts.items())).encode("utf-8", "surrogatepass")).hexdigest()


def running_parts(parts: Parts) -> Parts:
    """Those that SQLite runs on its own."""
    return {(kind, name): (table, text) for (kind, name), (table, text) in parts.items() if _may_run(kind, text)}


def _unexpected(found: Parts, expected: Parts) -> list[Part]:
    return [part for part, what in found.items() if expected.get(part) != what]


def _may_run(kind: object, text: object) -> bool:
    """Whether SQLite runs something for whoever uses what this is."""
    if kind == "index":
        return isinstance(text, str) and bool(_MAY_RUN.search(text) or text.count("(") != 1)
    return kind != "table" or not isinstance(text, str) or not _PLAIN_TABLE.match(text) or bool(_MAY_RUN.search(text))


def _versions(scripts: Path) -> list[int]:
    """The schema versions that the scripts make, the newest first."""
    return sorted((int(each.name[:4]) for each in scripts.glob("[0-9]*.py")), reverse=True)


@lru_cache(16)
def expected_parts(version: int, scripts: Path) -> Parts:
    """Everything that a new file of this schema version has."""
    from playhouse.migrations import Runner  # on demand: it is slow to import

    database = SqliteDatabase(":memory:", field_types=SQLITE_COLUMN_TYPES)
    with database.connection_context():
        runner = Runner(database, str(scripts), table_name=HISTORY_TABLE)
        runner.History.create_table()
        for each in runner.migrations():
            if each.idx <= version:
                each.load().up(runner.migrator, database)
        rows = database.execute_sql("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {(kind, name): (table, text) for kind, name, table, text in rows}
