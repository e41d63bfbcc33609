"""`llms.txt` beside the pages: what the manual holds, a line for each page, with a link to its source as text."""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

import paper_repo


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the file when the pages are built."""
    if error is None and app.builder.format == "html":
        Path(app.outdir, "llms.txt").write_text(text(app), encoding="utf-8")


def text(app: Sphinx) -> str:
    """The file: the name, a summary, and each page in the order of the manual with its first sentence."""
    summary = (paper_repo.__doc__ or "").splitlines()[0]
    env = app.env
    pages = [name for name in [env.config.root_doc, *_in_order(app, env.config.root_doc)] if name in env.all_docs]
    lines = [f"- [{env.titles[name].astext()}](_sources/{name}.md.txt): {_first_sentence(app, name)}" for name in pages]
    return "\n".join([f"# paper_repo {paper_repo.__version__}", "", f"> {summary}", "", "## Pages", "", *lines, ""])


def _in_order(app: Sphinx, page: str) -> list[str]:
    found = []
    for below in app.env.toctree_includes.get(page, []):
        found += [below, *_in_order(app, below)]
    return list(dict.fromkeys(found))


def _first_sentence(app: Sphinx, page: str) -> str:
    for paragraph in app.env.get_doctree(page).findall(nodes.paragraph):
        return " ".join(paragraph.astext().split()).partition(". ")[0].rstrip(".:") + "."
    return ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of it."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
