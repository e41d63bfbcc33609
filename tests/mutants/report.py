"""What became of the mutants, as mutmut has left it behind."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.groups import Workplace
from tests.mutants.survivors import Survivor

SURVIVED = {0, 5, 33}
"""All tests passed, or there was none that comes to this place."""

TIMED_OUT = {-24, 24, 152, -9, 36}
REFUSED_BY_TYPES = 37
NOT_RUN = {None, 255}
"""No result yet, or an error that kept pytest from beginning."""


@dataclass(frozen=True)
class Outcome:
    """The mutants of one module."""

    workplace: Workplace
    module: str
    codes: dict[str, int | None]
    """The exit code of the tests, by the mutant's name; None when it has not run."""

    @classmethod
    def of(cls, workplace: Workplace, module: str, sampled: bool = False) -> Outcome:
        """What became of the mutants of this module; without a result where there is none.

        Of a sample, those that were not drawn do not count.
        """
        results = _results(workplace, module)
        codes = dict(_read(results)["exit_code_by_key"]) if results.exists() else {}
        return cls(workplace, module, {name: code for name, code in codes.items() if not sampled or code is not None})

    @property
    def alive(self) -> list[str]:
        """The names of those that survived, or have not run."""
        return [name for name, code in self.codes.items() if code in SURVIVED | NOT_RUN]

    @property
    def refused(self) -> int:
        """How many the type checker refuses; they do not run."""
        return sum(code == REFUSED_BY_TYPES for code in self.codes.values())

    @property
    def timed_out(self) -> int:
        """How many had to be stopped; the tests would hang, which is noticed."""
        return sum(code in TIMED_OUT for code in self.codes.values())

    @property
    def killed(self) -> int:
        """How many made a test fail."""
        return len(self.codes) - len(self.alive) - self.refused - self.timed_out

    @property
    def noticed(self) -> float:
        """How many of a hundred do not get through tests and type checker together."""
        return 100 - 100 * len(self.alive) / max(1, len(self.codes))

    def survivors(self) -> list[Survivor]:
        """Those that survived, as changes of the code."""
        return [Survivor.of(self.module, name, self._difference(name)) for name in self.alive]

    def forget_alive(self) -> None:
        """Let those that survived count as not run, so that mutmut runs them again, and what is new beside them."""
        if self.alive:
            results = _results(self.workplace, self.module)
            known = _read(results)
            known["exit_code_by_key"].update(dict.fromkeys(self.alive))
            results.write_text(json.dumps(known), encoding="utf-8")

    def _difference(self, name: str) -> str:
        from mutmut.mutation.diff_apply import get_diff_for_mutant

        with contextlib.chdir(self.workplace.folder):
            return str(get_diff_for_mutant(name, path=Path(self.module)))


def outcomes(workplace: Workplace, modules: list[str], sampled: bool = False) -> list[Outcome]:
    """What became of the mutants of these modules; without a result where there are none."""
    return [Outcome.of(workplace, module, sampled) for module in modules]


def killed_by_tests(found: list[Outcome]) -> float:
    """How many of a hundred mutants that the type checker lets pass the tests kill, or have to be stopped for."""
    ran = sum(len(outcome.codes) - outcome.refused for outcome in found)
    return 100 - 100 * sum(len(outcome.alive) for outcome in found) / max(1, ran)


def table(found: list[Outcome]) -> str:
    """The numbers of each module, and of all together, for people."""
    titles = ["mutants", "types", "killed", "timed out", "survived", "noticed", "by tests"]
    rows = [_row(outcome.module, [outcome]) for outcome in found]
    return "\n".join(["".join([f"{'':<36}", *(f"{title:>10}" for title in titles)]), *rows, _row("together", found)])


def _row(name: str, found: list[Outcome]) -> str:
    mutants, alive = sum(len(each.codes) for each in found), sum(len(each.alive) for each in found)
    refused, killed = sum(each.refused for each in found), sum(each.killed for each in found)
    timed_out = sum(each.timed_out for each in found)
    numbers = "".join(f"{number:>10}" for number in (mutants, refused, killed, timed_out, alive))
    return f"{name:<36}{numbers}{100 - 100 * alive / max(1, mutants):>9.1f}%{killed_by_tests(found):>9.1f}%"


def _results(workplace: Workplace, module: str) -> Path:
    return workplace.copy / f"{module}.meta"


def _read(results: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    return known
