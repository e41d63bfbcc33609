"""What is kept about mutants fits the code as it is; the mutants themselves run with `tox -e mutants`."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.mutants.groups import GROUPS, ROOT
from tests.mutants.survivors import LISTED, Survivor

DIFFERENCE = """\
--- paper_repo/domain/session.py
+++ paper_repo/domain/session.py
@@ -1,5 +1,5 @@
 def mark(self, prices, at=None):
-    at = utc_now() if at is None else at
+    at = utc_now() if at is not None else at
     marked = {}
"""


def functions(module: str) -> dict[str, str]:
    """The source of each function of a module, in single spaces, by its name and that of its class."""
    source = (ROOT / module).read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(source).body:
        for each in [node, *(node.body if isinstance(node, ast.ClassDef) else [])]:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{node.name}.{each.name}" if isinstance(node, ast.ClassDef) else each.name
                found[name] = " ".join((ast.get_source_segment(source, each) or "").split())
    return found


@pytest.mark.parametrize("module", sorted({survivor.module for survivor in LISTED}))
def test_what_is_explained_is_there(module: str) -> None:
    """Each explained change is one of a line that stands in its function still, and has a reason."""
    source = functions(module)

    explained = [survivor for survivor in LISTED if survivor.module == module]

    assert [each for each in explained if " ".join(each.was.split()) not in source.get(each.function, "")] == []
    assert all(LISTED[each] and each.was != each.now for each in explained)


def test_every_module_is_in_one_group() -> None:
    """Modules and tests of the groups are there, and no module is in two of them."""
    modules = Counter(module for group in GROUPS for module in group.modules)
    tests = {test.partition("::")[0] for group in GROUPS for test in (*group.tests, *group.without)}

    assert set(modules.values()) == {1}
    assert [path for path in (*modules, *tests) if not (ROOT / path).exists()] == []


def test_a_survivor_is_known_by_its_lines() -> None:
    """Where in the file a change stands does not matter, nor how deep."""
    found = Survivor.of("a.py", "paper_repo.domain.session.xǁPaperTradingSessionǁmark__mutmut_3", DIFFERENCE)

    assert found == Survivor(
        "a.py",
        "PaperTradingSession.mark",
        "at = utc_now() if at is None else at",
        "at = utc_now() if at is not None else at",
    )
