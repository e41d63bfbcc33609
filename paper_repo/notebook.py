"""Lists of sessions, fills, orders and trades as tables in a notebook.

A session, a performance and a comparison show themselves as tables; a list cannot, since it is a list. Either load the
extension, after which every list of one kind of ours is shown so, whatever it was sliced or picked from:

    %load_ext paper_repo.notebook

or ask for one table, in any notebook that shows HTML:

    from paper_repo.notebook import table

    table(repository.get_fills(session_id)[-10:])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from paper_repo.domain import html_tables
from paper_repo.domain.performance import Performance

__all__ = ["PerformanceTable", "Table", "load_ipython_extension", "table", "unload_ipython_extension"]


class Table:
    """Some objects, which a notebook shows as a table; as text it is one line for each."""

    def __init__(self, objects: Iterable[Any] | Mapping[str, Any]) -> None:
        self._objects = list(objects.values() if isinstance(objects, Mapping) else objects)
        self._columns = html_tables.columns_of(self._objects)
        if self._objects and self._columns is None:
            kinds = ", ".join(sorted({type(each).__name__ for each in self._objects}))
            raise TypeError(
                f"a table shows objects of one kind, such as fills, orders, trades, positions or sessions, not {kinds}"
            )

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._objects)) or "nothing"

    def _repr_html_(self) -> str:
        return "<p>Nothing.</p>" if self._columns is None else html_tables.table(self._objects, self._columns)


class PerformanceTable:
    """Performances, which a notebook shows beside each other; as text it is one line for each."""

    def __init__(self, named: Mapping[str, Performance]) -> None:
        self._named = dict(named)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {each!r}" for name, each in self._named.items())

    def _repr_html_(self) -> str:
        return html_tables.performances(self._named)


def table(objects: Iterable[Any] | Mapping[str, Any]) -> Table | PerformanceTable:
    """A table of sessions, summaries, fills, orders, trades, round trips, positions, cash flows or equity points, or
    of the matched or unmatched fills of a comparison; or of performances, one beside the other.

    Of more than 20 it shows the first and the last ten.

    Args:
        objects: a list of one kind, or a mapping to them, such as `session.positions`. Performances by the names that
            are to stand above them: `table({"plan": expected, "paper": actual})`.

    Raises:
        TypeError: they are of several kinds, or of one that has no table.
    """
    if isinstance(objects, Mapping) and objects and all(isinstance(each, Performance) for each in objects.values()):
        return PerformanceTable(objects)
    return Table(objects)


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext paper_repo.notebook` calls: from now on lists of our objects are shown as tables."""
    shell.display_formatter.formatters["text/html"].for_type(list, _html)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext paper_repo.notebook` calls: lists are shown as text again."""
    shell.display_formatter.formatters["text/html"].pop(list, None)


def _html(found: list[Any]) -> str | None:
    """The table; None, for which IPython takes the text, where it is another list."""
    columns = html_tables.columns_of(found) if found else None
    return None if columns is None else html_tables.table(found, columns)
