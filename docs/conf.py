"""How Sphinx builds the manual: `tox -e docs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parent.parent)]

import paper_repo  # noqa: E402  # of the checkout, where nothing is installed

project = "paper_repo"
author = "the paper_repo authors"
copyright = author  # noqa: A001  # Sphinx calls it so
version = release = paper_repo.__version__
html_title = f"paper_repo {release}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "commands",
    "examples",
    "llms",
    "public_names",
    "schema_tables",
]
exclude_patterns = ["_build", "_ext"]

html_theme = "furo"
html_show_sphinx = False
html_copy_source = True
html_theme_options = {"sidebar_hide_name": False, "top_of_page_buttons": []}

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 100
napoleon_numpy_docstring = False
toc_object_entries_show_parents = "hide"
