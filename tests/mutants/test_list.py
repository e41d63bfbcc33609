"""What is kept about mutants fits the code as it is; the mutants themselves run with `tox -e mutants`."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.mutants.groups import GROUPS, ROOT, Workplace
from tests.mutants.report import Outcome
from tests.mutants.sampling import drawn
from tests.mutants.slips import SLIPS, Slip
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
    tests = {tuple(test.split("::")[:2]) for group in GROUPS for test in (*group.tests, *group.without)}

    assert set(modules.values()) == {1}
    assert [path for path in (*modules, *(path for path, *_ in tests)) if not (ROOT / path).exists()] == []
    named = [(path, name) for path, *names in tests for name in names]
    assert [each for each in named if not stands_in(*each)] == []


def test_no_module_is_left_out() -> None:
    """Whatever is added to the package has tests that are to kill its mutants."""
    every = {each.relative_to(ROOT).as_posix() for each in (ROOT / "paper_repo").rglob("*.py")}

    assert every - {module for group in GROUPS for module in group.modules} == set()


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip.module}: {slip.story}")
def test_a_slip_fits_the_code_as_it_is(slip: Slip) -> None:
    """It can be made still, it changes something, and the tests that are to notice it are there."""
    source = (ROOT / slip.module).read_text(encoding="utf-8")

    assert slip.made(source) != source
    compile(slip.made(source), slip.module, "exec")
    assert slip.tests
    assert [test for test in slip.tests if not (ROOT / test.partition("::")[0]).exists()] == []


def stands_in(path: str, name: str) -> bool:
    """Whether a class or a function of this name is in a file, at its outermost level."""
    source = (ROOT / path).read_text(encoding="utf-8")
    return re.search(rf"^(class |def |async def )?{name}\b", source, re.MULTILINE) is not None


def test_what_has_not_run_is_not_taken_for_killed() -> None:
    """A mutant that has no result, or with which the tests could not begin, counts as alive, until it has run."""
    codes = {
        "survived": 0,
        "no test": 33,
        "never": None,
        "error": 255,
        "failed": 1,
        "crashed": -11,
        "typed": 37,
        "hung": 24,
    }
    outcome = Outcome(Workplace(ROOT), "a.py", codes)

    assert outcome.alive == ["survived", "no test", "never", "error"]
    assert (outcome.killed, outcome.refused, outcome.timed_out, outcome.noticed) == (2, 1, 1, 50)


def test_a_survivor_is_known_by_its_lines() -> None:
    """Where in the file a change stands does not matter, nor how deep."""
    found = Survivor.of("a.py", "paper_repo.domain.session.xǁPaperTradingSessionǁmark__mutmut_3", DIFFERENCE)

    assert found == Survivor(
        "a.py",
        "PaperTradingSession.mark",
        "at = utc_now() if at is None else at",
        "at = utc_now() if at is not None else at",
    )


def test_a_sample_is_drawn_by_its_seed() -> None:
    """The same mutants again, others with another seed, and all where there are fewer than asked for."""
    names = [f"paper_repo.domain.session.x_mark__mutmut_{number}" for number in range(100)]

    assert drawn(names, 20, 1) == drawn(names[::-1], 20, 1) != drawn(names, 20, 2)
    assert len(drawn(names, 20, 1)) == 20
    assert drawn(names, 1000, 1) == set(names)
