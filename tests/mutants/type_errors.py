"""Runs mypy, and passes on what it says of mutants alone.

mutmut wraps every function that it has mutated, which hides the types of some from their callers. Errors of that are no
mutant's, and mutmut would end at them.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

OPTIONS = ("--output=json", "--no-warn-unused-ignores", "--no-warn-return-any")
"""Whatever is needless only in a copy of the code is no error."""


@cache
def mutated_lines(file: str) -> frozenset[int]:
    """The lines of a file that belong to a mutant."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    mutants = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "__mutmut_" in node.name
    ]
    return frozenset(line for node in mutants for line in range(node.lineno, (node.end_lineno or node.lineno) + 1))


def main() -> int:
    """Check the modules that the command line names after "mypy", by which mutmut knows the form; mypy's exit code."""
    name, *modules = sys.argv[1:]
    done = subprocess.run([sys.executable, "-m", name, *OPTIONS, *modules], stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        error = json.loads(line)
        if error["line"] in mutated_lines(error["file"]):
            sys.stdout.write(f"{line}\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
