"""Runs mutmut on some of the mutants, drawn at random; the others are left as if they had not run yet."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

Found = tuple[list[tuple[Any, str, int | None]], dict[str, Any]]
"""All mutants, each with the data of its module, its name and what became of it; and these data by module."""


def drawn(names: Sequence[str], most: int, seed: int) -> set[str]:
    """So many of these mutants, or all where there are fewer; the same for the same seed."""
    return set(random.Random(seed).sample(sorted(names), min(most, len(names))))


def main() -> None:
    """Run at most as many mutants as the first argument says, drawn with the second as the seed."""
    from mutmut import __main__ as mutmut

    most, seed = map(int, sys.argv[1:3])
    every = mutmut.collect_source_file_mutation_data

    def sample(*, mutant_names: tuple[str, ...] | list[str]) -> Found:
        mutants, by_module = every(mutant_names=mutant_names)
        chosen = drawn([name for _, name, _ in mutants], most, seed)
        return [each for each in mutants if each[1] in chosen], by_module

    mutmut.collect_source_file_mutation_data = sample
    mutmut.cli(["run", "--max-children=1"])


if __name__ == "__main__":
    main()
