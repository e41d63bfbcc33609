"""Changes the package in small ways, one at a time, and sees whether its tests notice: mutation testing with mutmut.

usage: python -m tests.mutants [--again | --sample N] [MODULE ...]
(a folder is all in it; by default all that groups.toml names)

What the type checker refuses does not run. Fails when tests and type checker notice fewer than 90 % of a module's
mutants, when the tests kill fewer than 90 % of all that ran, or when one survives that survivors.toml does not explain.
With --again only the mutants run that were not killed the last time, and those of functions that have changed since.
With --sample N, only N mutants of each group run, drawn at random; all of them take days.
"""

from __future__ import annotations

import argparse
import random
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
    parser.add_argument("--sample", type=int, metavar="N", help="only N of each group, drawn at random")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="draws the same again")
    arguments = parser.parse_args()
    if arguments.again and arguments.sample:
        parser.error("--again and --sample do not go together")
    asked = arguments.modules or ["paper_repo"]
    modules = {each for group in GROUPS for each in group.modules if any(Path(each).is_relative_to(at) for at in asked)}
    if not modules:
        parser.error(f"{' '.join(asked)}: nothing that tests/mutants/groups.toml names")
    found = []
    for group in GROUPS:
        if chosen := [module for module in group.modules if module in modules]:
            found += run(group, chosen, arguments.again, arguments.sample and (arguments.sample, arguments.seed))
    if arguments.sample:
        print(f"--sample {arguments.sample} --seed {arguments.seed}")
    return verdict([each for each in found if each.codes or not arguments.sample], whole=not arguments.sample)


def run(group: Group, modules: list[str], again: bool, sample: tuple[int, int] | None) -> list[Outcome]:
    """Run the mutants of these modules, or a random sample of them, with the tests of their group."""
    with group.serving() as environment:
        workplace = group.prepare(modules, again, environment)
        for outcome in outcomes(workplace, modules):
            outcome.forget_alive()
        workplace.run(*sample or ())
    return outcomes(workplace, modules, sampled=sample is not None)


def verdict(found: list[Outcome], whole: bool) -> int:
    """Print the table and the survivors nobody has explained; 1 when there is something to do.

    Where not all have run, single modules are not judged, nor what survivors.toml lists in vain.
    """
    survivors = [survivor for outcome in found for survivor in outcome.survivors()]
    unexplained = [survivor for survivor in survivors if not explained(survivor)]
    _print_all("Survivors that survivors.toml does not explain", unexplained)
    print(table(found))
    poor = []
    if whole:
        modules = [outcome.module for outcome in found]
        _print_all("Explained in survivors.toml, and did not survive", listed_in_vain(survivors, modules))
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
