"""Changes the package in small ways, one at a time, and sees whether its tests notice: mutation testing with mutmut.

usage: python -m tests.mutants [--again] [MODULE ...]     (a folder is all in it; by default all that groups.toml names)

What the type checker refuses does not run. Fails when tests and type checker notice fewer than 90 % of a module's
mutants, when the tests kill fewer than 90 % of all that ran, or when one survives that survivors.toml does not explain.
With --again only the mutants run that were not killed the last time, and those of functions that have changed since.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.mutants.groups import GROUPS, Group
from tests.mutants.report import Outcome, killed_by_tests, outcomes, table
from tests.mutants.survivors import Survivor, explained, listed_in_vain

LEAST = 90
"""Of a hundred mutants, so many are to be killed."""


def main() -> int:
    """Run the mutants that the command line asks for, and say what came of them; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="a file or a folder; by default all")
    parser.add_argument("--again", action="store_true", help="only those that were not killed the last time")
    arguments = parser.parse_args()
    asked = arguments.modules or ["paper_repo"]
    modules = {each for group in GROUPS for each in group.modules if any(Path(each).is_relative_to(at) for at in asked)}
    if not modules:
        parser.error(f"{' '.join(asked)}: nothing that tests/mutants/groups.toml names")
    found = []
    for group in GROUPS:
        if chosen := [module for module in group.modules if module in modules]:
            found += run(group, chosen, arguments.again)
    return verdict(found)


def run(group: Group, modules: list[str], again: bool) -> list[Outcome]:
    """Run the mutants of these modules with the tests of their group."""
    with group.serving() as environment:
        workplace = group.prepare(modules, again, environment)
        for outcome in outcomes(workplace, modules):
            outcome.forget_alive()
        workplace.mutmut("run", "--max-children=1")
    return outcomes(workplace, modules)


def verdict(found: list[Outcome]) -> int:
    """Print the table and the survivors nobody has explained; 1 when there is something to do."""
    survivors = [survivor for outcome in found for survivor in outcome.survivors()]
    unexplained = [survivor for survivor in survivors if not explained(survivor)]
    _print_all("Survivors that survivors.toml does not explain", unexplained)
    _print_all("Explained in survivors.toml, and did not survive", listed_in_vain(survivors, [o.module for o in found]))
    print(table(found))
    poor = [outcome.module for outcome in found if outcome.noticed < LEAST]
    if killed_by_tests(found) < LEAST:
        poor.append("all that ran")
    for name in poor:
        print(f"{name}: fewer than {LEAST} %")
    print(f"{len(survivors)} survive, {len(survivors) - len(unexplained)} of them explained")
    return 1 if poor or unexplained else 0


def _print_all(title: str, survivors: list[Survivor]) -> None:
    if survivors:
        print(f"{title}:\n")
    for survivor in survivors:
        print(f"{survivor.module} {survivor.function}\n  - {survivor.was}\n  + {survivor.now}\n")


if __name__ == "__main__":
    sys.exit(main())
