"""The directive `command-help`: a section for each command of `paper-repo`, with what its `--help` prints."""

from __future__ import annotations

import os
from unittest import mock

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.testing import CliRunner

from paper_repo.cli.app import COMMANDS, app

WIDTH = 88


def help_of(*command: str) -> str:
    """What `paper-repo COMMAND --help` prints, without colours and without empty lines around it."""
    settings = {"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH), "NO_COLOR": "1", "TERM": "dumb"}
    with mock.patch.dict(os.environ, settings):
        result = CliRunner().invoke(app, [*command, "--help"], prog_name="paper-repo")
    if result.exit_code:
        raise RuntimeError(f"paper-repo {' '.join(command)} --help ended with {result.exit_code}: {result.output}")
    return "\n".join(line.rstrip() for line in result.stdout.strip("\n").splitlines()).strip("\n ") + "\n"


class CommandHelp(SphinxDirective):
    """`command-help`, without arguments; what stands in it is for those who read the page without a build."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """A section for each command, in the order of the help."""
        return [self.section(name) for name in COMMANDS]

    def section(self, name: str) -> nodes.section:
        """The section of one command."""
        text = help_of(name)
        block = nodes.literal_block(text, text, language="text")
        section = nodes.section("", nodes.title(text=f"paper-repo {name}"), block, ids=[f"paper-repo-{name}"])
        section["names"] = [f"paper-repo {name}"]
        self.state.document.note_explicit_target(section)
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
