"""The directive `public-names`: the documentation of everything that `import paper_repo` gives, in groups.

The names come from `paper_repo.__all__`, so that a new one cannot be forgotten. A docstring's indented example is shown
as code.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import paper_repo
from paper_repo import IPaperTradingSessionRepository, SessionRepository

CHECKED = "~paper_repo.domain.checked.Checked["
FIGURES = ("comparison", "performance", "round_trips", "time_weighted", "trades", "downsampling")
SAME_METHODS = {
    "AsyncSessionRepository": "IPaperTradingSessionRepository",
    "SQLiteSessionRepository": "IPaperTradingSessionRepository",
    "InMemorySessionRepository": "IPaperTradingSessionRepository",
    "SyncInMemorySessionRepository": "SessionRepository",
}
"""The repositories whose methods are documented with another class."""


def group_of(value: Any) -> str:
    """The page that documents this object."""
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return "types"
    if inspect.isclass(value):
        if issubclass(value, BaseException):
            return "errors"
        if issubclass(value, SessionRepository | IPaperTradingSessionRepository):
            return "repositories"
    place = "/".join(_files(value))
    if "/domain/" not in place:
        return "maintenance"
    return "figures" if any(f"/{name}.py" in place for name in FIGURES) else "entities"


def _files(value: Any) -> Iterator[str]:
    """The files in which its functions are written; `__module__` names the package for all of them."""
    if inspect.isclass(value):
        found = [each for each in vars(value).values() if inspect.isfunction(each) or isinstance(each, property)]
        functions = [each.fget if isinstance(each, property) else each for each in found]
        yield from sorted({each.__code__.co_filename for each in functions} - {"<string>"})
    yield getattr(inspect.getmodule(value), "__file__", "") or ""
    if inspect.isfunction(value):
        yield value.__code__.co_filename


class PublicNames(SphinxDirective):
    """`public-names` with the name of a group."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The documentation of each name of the group, in alphabetical order; last those that refer to another one."""
        (group,) = self.arguments
        lines = StringList()
        for name in sorted(paper_repo.__all__, key=lambda name: (name in SAME_METHODS, name.lower())):
            value = getattr(paper_repo, name)
            if group_of(value) == group:
                for line in self.entry(name, value):
                    lines.append(line, "public_names")
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(lines, 0, node)
        return list(node.children)

    def entry(self, name: str, value: Any) -> Iterator[str]:
        """The lines that document one name."""
        if inspect.isclass(value):
            yield f".. autoclass:: paper_repo.{name}"
            if name in SAME_METHODS:
                yield from ("", f"   Its methods are those of :class:`{SAME_METHODS[name]}`.")
            elif not issubclass(value, BaseException):
                yield "   :members:"
        elif inspect.isfunction(value):
            yield f".. autofunction:: paper_repo.{name}"
        else:
            shown = str(value).replace("paper_repo.domain.", "").replace("typing.", "")
            yield from (f".. py:data:: {name}", "   :module: paper_repo", "", f"   ``{shown}``")
        yield ""


def show_what_is_given(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Show the type that a checked attribute takes, not the descriptor that checks it, and `...` for a new value."""
    while signature and (start := signature.find(CHECKED)) >= 0:
        place = end = start + len(CHECKED)
        depth, comma = 1, 0
        while depth:
            depth += (signature[end] == "[") - (signature[end] == "]")
            comma = comma or (end if depth == 1 and signature[end] == "," else 0)
            end += 1
        signature = signature[:start] + signature[place:comma] + signature[end:]
    return signature and signature.replace("<factory>", "..."), returned


def show_examples(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Turn the indented parts of a docstring that stand by themselves into blocks of Python."""
    shown: list[str] = []
    inside = False
    for number, line in enumerate(lines):
        starts = number > 0 and not lines[number - 1].strip() and line.startswith("    ")
        if starts and not inside and not (shown and _in_section(shown)):
            shown += [".. code-block:: python", ""]
            inside = True
        inside = inside and (not line.strip() or line.startswith("    "))
        shown.append(line)
    lines[:] = shown


def _in_section(lines: list[str]) -> bool:
    """Whether the last line belongs to a section such as `Args:`."""
    return bool([each for each in lines if each.strip()][-1].startswith("    "))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-signature", show_what_is_given)
    app.connect("autodoc-process-docstring", show_examples, priority=400)  # before napoleon
    return {"parallel_read_safe": True}
