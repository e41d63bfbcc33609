"""The mutants that may live, each with the reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, order=True)
class Survivor:
    """A change that no test notices."""

    module: str
    function: str
    was: str
    now: str
    """The lines before and after, without their indentation; several are joined by a space."""

    @classmethod
    def of(cls, module: str, name: str, difference: str) -> Survivor:
        """The mutant of this name, from its unified diff."""
        function = name.rpartition(".")[2].partition("__mutmut_")[0][2:].replace("ǁ", ".")
        lines = difference.splitlines()
        was = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
        now = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
        return cls(module, function, " ".join(was), " ".join(now))


def explained(survivor: Survivor) -> bool:
    """Whether the list has a reason for it."""
    return survivor in LISTED


def listed_in_vain(survivors: list[Survivor], modules: list[str]) -> list[Survivor]:
    """What the list explains of these modules and what was killed all the same, or is no mutant any more."""
    return sorted(survivor for survivor in LISTED if survivor.module in modules and survivor not in survivors)


def _read() -> dict[Survivor, str]:
    entries = tomllib.loads(LIST.read_text(encoding="utf-8")).get("survivor", [])
    return {
        Survivor(entry["module"], entry["function"], was, now): entry["reason"]
        for entry in entries
        for was, now in entry["changes"]
    }


LISTED = _read()
