"""The directive `schema`: the tables and views of a new file, as SQLite reports them."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from paper_repo import SessionRepository


def statements() -> str:
    """The CREATE statements of every table, view and index of a new file, in the order of their names."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sessions.db"
        logging.getLogger("peewee.migrations").setLevel(logging.WARNING)
        with SessionRepository(path):
            pass
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index', type, name"
            found = [_broken(statement) for (statement,) in connection.execute(query)]
    return ";\n\n".join(found) + ";\n"


def _broken(statement: str) -> str:
    """The same with a line for each column."""
    if statement.startswith("CREATE VIEW"):
        head, select, rest = statement.partition(" AS SELECT ")
        columns, source, table = rest.rpartition(" FROM ")
        return f"{head}{select.rstrip()}\n    " + ",\n    ".join(_columns(columns)) + f"\n{source.strip()} {table}"
    head, bracket, rest = statement.partition(" (")
    if not bracket or not statement.startswith("CREATE TABLE"):
        return statement
    columns = rest[: rest.rindex(")")]
    return f"{head} (\n    " + ",\n    ".join(_columns(columns)) + "\n)" + rest[len(columns) + 1 :]


def _columns(text: str) -> list[str]:
    """What stands between the commas that are in no brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


class Schema(SphinxDirective):
    """`schema`, without arguments; what stands in it is for those who read the page without a build."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The statements."""
        text = statements()
        return [nodes.literal_block(text, text, language="sql")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.add_directive("schema", Schema)
    return {"parallel_read_safe": True}
