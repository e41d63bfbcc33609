"""All implementations that are wrong."""

from __future__ import annotations

from tests.contract import wrong_accounts, wrong_blocks, wrong_claims, wrong_saving
from tests.contract.wrong_implementations import Wrong

__all__ = ["EVERY_WRONG_ONE", "wrong_accounts", "wrong_blocks", "wrong_claims", "wrong_saving"]


def _all(kind: type[Wrong]) -> list[type[Wrong]]:
    return [each for below in kind.__subclasses__() for each in (below, *_all(below))]


EVERY_WRONG_ONE = _all(Wrong)
