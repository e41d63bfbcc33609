"""A copy is compared to its last ledger entry and closed order, and an encrypted copy is of one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paper_repo import SessionRepository, StorageError
from paper_repo.maintenance import files
from paper_repo.maintenance.copy import copy_sessions, digest
from paper_repo.maintenance.files import decrypt, encrypt
from paper_repo.testing.accounts import rich_session, with_orders
from tests.builders import new_session

KEY = f"x'{'0123456789abcdef' * 4}'"
"""A passphrase from which SQLCipher need not derive the key, which takes long."""

Change = Callable[[list[Any], list[Any]], tuple[list[Any], list[Any]]]

CHANGES: dict[str, Change] = {
    "entry of another name": lambda entries, orders: (
        [(place, replace(entry, metadata={"by": "nobody"})) for place, entry in entries],
        orders,
    ),
    "entries moved": lambda entries, orders: ([(0, entry) for _, entry in entries], orders),
    "order of another name": lambda entries, orders: (
        entries,
        [replace(order, metadata={"n": 9}) for order in orders],
    ),
    "orders moved": lambda entries, orders: (entries, orders[::-1]),
}
"""What a wrong target makes of ledger entries and closed orders."""


class Changing(SessionRepository):
    """A target that stores something else than it was given."""

    change: Change

    def restore(self, session: Any, fills: Any = (), points: Any = (), entries: Any = (), orders: Any = ()) -> None:
        """Store what `change` makes of it."""
        super().restore(session, fills, points, *self.change(list(entries), list(orders)))


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_that_is_not_the_same_is_an_error(
    path: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a target that does not keep rows as they were gives back is compared, and a wrong copy does not stay."""
    monkeypatch.setattr("paper_repo.maintenance.copy._keeps_rows", lambda repository: False)
    with SessionRepository(path) as source, Changing(tmp_path / "other.db") as target:
        source.save(with_orders(rich_session()))
        target.change = CHANGES[change]  # type: ignore[method-assign]

        with pytest.raises(StorageError, match="is not the same at the target"):
            copy_sessions(source, target)
        assert target.count() == 0
        target.change = lambda entries, orders: (entries, orders)  # type: ignore[method-assign]
        assert copy_sessions(source, target).complete
        assert digest(target, "rich") == digest(source, "rich")


ROWS = {
    "entry lost": "DELETE FROM paper_trading_ledger WHERE sequence = 2",
    "entry moved": "UPDATE paper_trading_ledger SET after_fill = 0",
    "order lost": "DELETE FROM paper_trading_orders WHERE sequence = 2",
    "order changed": "UPDATE paper_trading_orders SET symbol = 'other'",
}


@pytest.mark.parametrize("change", ROWS)
def test_rows_that_do_not_come_back_are_an_error(path: Path, tmp_path: Path, change: str) -> None:
    """The same where rows are copied as they are."""
    table = "paper_trading_ledger" if "entry" in change else "paper_trading_orders"
    with SessionRepository(path) as source, SessionRepository(tmp_path / "other.db") as target:
        source.save(with_orders(rich_session()))
        target.open()
        with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
            connection.execute(
                f"CREATE TRIGGER wrong AFTER INSERT ON {table} WHEN NEW.sequence = 3 BEGIN {ROWS[change]}; END"
            )

        with pytest.raises(StorageError, match="is not the same at the target"):
            copy_sessions(source, target)

        assert target.count() == 0


@pytest.mark.parametrize(("old", "new"), [(None, KEY), (KEY, None)], ids=["encrypted", "decrypted"])
def test_a_converted_copy_is_of_one_moment(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str | None, new: str | None
) -> None:
    """What this program and others save while the copy is written is neither missed nor lost."""
    pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    repository = SessionRepository(path, passphrase=old)
    repository.save(new_session(id="one"))
    export = files.export

    def export_while_others_save(*args: Any) -> None:
        export(*args)
        repository.save(new_session(id="later"))

    monkeypatch.setattr(files, "export", export_while_others_save)

    if old is None:
        assert encrypt(path, tmp_path / "copy.db", KEY) == 1
    else:
        assert decrypt(path, tmp_path / "copy.db", KEY) == 1

    repository.save(new_session(id="last"))
    with SessionRepository(path, passphrase=old) as another:  # which finds no more than the -wal that is there
        assert {each.id for each in another.get_all()} == {"one", "later", "last"}
    repository.close()
    with SessionRepository(tmp_path / "copy.db", passphrase=new) as copy:
        assert [each.id for each in copy.get_all()] == ["one"]
    assert {each.name for each in tmp_path.iterdir()} == {"copy.db", path.name}
