"""Fill a file with rows directly: a million saves would take hours, and what is measured comes after them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from benchmarks.measure import Driver
from paper_repo import Fill, SessionRepository

_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"


def sessions(driver: Driver, count: int) -> None:
    """Copies of the driver's session under other ids, until the file has `count` sessions."""
    table, key = driver.contender.tables.sessions, driver.contender.tables.session_id
    with closing(_connect(driver.path)) as db:
        (stored,) = db.execute(f"SELECT count(DISTINCT {key}) FROM {table}").fetchone()
        if stored < count:
            _copy(db, table, f"{key} = 'session-0'", {key: "'copy-' || n"}, stored, count - 1)


def fills(driver: Driver, count: int) -> None:
    """Copies of the session's last fill, until it has `count` of them; the driver goes on from there."""
    tables = driver.contender.tables
    assert tables.fills is not None
    if driver.contender.is_ours:
        _record(driver.path, count)
        driver.adopt("session-0")
        return
    with closing(_connect(driver.path)) as db:
        fill = _last_fill(db, tables.fills)
        number = next(name for name, value in fill.items() if isinstance(value, int))
        name = next(name for name, value in fill.items() if str(value).startswith("session-0-fill-"))
        (stored,) = db.execute(f"SELECT count(*) FROM {tables.fills}").fetchone()
        if stored < count:
            offset = fill[number] - stored
            changes = {number: f"n + {offset}", name: "'copy-' || n"}
            _copy(db, tables.fills, f"{number} = {fill[number]}", changes, stored + 1, count)
            db.execute(f"UPDATE {tables.sessions} SET fill_count = ? WHERE {tables.session_id} = 'session-0'", (count,))
    driver.adopt("session-0")


def _record(path: str, count: int) -> None:
    """The same through the repository, whose rows carry checksums."""
    with SessionRepository(path, durability="normal", busy_timeout=60) as repository:
        session = repository.get_by_id("session-0")
        assert session is not None
        for number in range(session.fill_count, count):
            session.record_fill(Fill(f"copy-{number}", "S000", "BUY", 1, "1.5"))
            if number % 10_000 == 0:
                repository.save(session)
        repository.save(session)


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=60)


def _last_fill(db: sqlite3.Connection, table: str) -> dict[str, object]:
    db.row_factory = sqlite3.Row
    (key,) = [row["name"] for row in db.execute(f"PRAGMA table_info({table})") if row["name"] in ("seq", "sequence")]
    row = dict(db.execute(f"SELECT * FROM {table} ORDER BY {key} DESC LIMIT 1").fetchone())
    db.row_factory = None
    return {key: row.pop(key), **row}


def _copy(db: sqlite3.Connection, table: str, where: str, changes: dict[str, str], first: int, last: int) -> None:
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changes.get(name, f"original.{name}") for name in names)
    db.execute(
        f"INSERT INTO {table} ({', '.join(names)}) {_NUMBERS}"
        f" SELECT {values} FROM (SELECT * FROM {table} WHERE {where} LIMIT 1) AS original, numbers",
        {"first": first, "last": last},
    )
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
