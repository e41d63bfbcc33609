"""The values that the options of a repository may have."""

from __future__ import annotations

from typing import Literal, TypeAlias

Durability: TypeAlias = Literal["full", "normal"]
"""What an acknowledged save survives: "full" a power cut, "normal" a crash of the program."""

Upgrade: TypeAlias = Literal["auto", "never"]
"""What to do about a database with an older schema: bring it up to date, or refuse it."""

Journal: TypeAlias = Literal["wal", "rollback"]
"""How an SQLite file keeps a transaction: "wal" lets others read meanwhile, "rollback" works on network drives."""
