"""The directive `example`: a file of examples/ as a block of Python, word for word."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

EXAMPLES = Path(__file__).parents[2] / "examples"


class ExampleFile(SphinxDirective):
    """`example` with the name of a file; what stands in it is for those who read the page without a build."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The block."""
        path = EXAMPLES / self.arguments[0]
        self.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
        return [nodes.literal_block(text, text, language="python")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.add_directive("example", ExampleFile)
    return {"parallel_read_safe": True}
