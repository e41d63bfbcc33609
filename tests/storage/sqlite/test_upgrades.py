"""Old files are brought to the present schema: once, in one transaction, after a backup; or they stay as they were."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from paper_repo import DiskFullError, SchemaVersionError, SessionRepository, StorageError, TransactionError
from paper_repo.serialization import schemas
from paper_repo.storage import schema
from paper_repo.storage.sqlite import upgrade_backups as backups_module
from paper_repo.storage.sqlite.storage import SQLiteStorage
from paper_repo.storage.sqlite.upgrade_backups import upgrade_backups
from tests.builders import full_session, new_session
from tests.storage.sqlite.damage import content

FIXTURES = Path(__file__).parents[2] / "fixtures"
ROOT = Path(__file__).parents[3]

ADDS_A_TABLE = """
def up(migrator, db):
    db.execute_sql("CREATE TABLE extra (note TEXT)")
    db.execute_sql("INSERT INTO extra SELECT id FROM paper_trading_sessions")
"""
FAILS = ADDS_A_TABLE + "    db.execute_sql('INSERT INTO missing VALUES (1)')\n"
IS_INTERRUPTED = ADDS_A_TABLE + "    import signal\n    signal.raise_signal(signal.SIGTERM)\n"
IS_KILLED = ADDS_A_TABLE + "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with the migration scripts of this version, to which others can be added."""
    folder = tmp_path / "scripts"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the present version, which is old for whoever has another script."""
    path = tmp_path / "data" / "sessions.db"
    path.parent.mkdir()
    with SessionRepository(path) as repository:
        repository.save_many([full_session(), new_session(id="other")])
    return path


def add(scripts: Path, source: str) -> int:
    """Add a script, and return the version that it makes."""
    version = int(max(each.name[:4] for each in scripts.glob("[0-9]*.py"))) + 1
    (scripts / f"{version:04}_more.py").write_text(source)
    schema.newest_version.cache_clear()
    return version


def upgrade(path: Path, scripts: Path, **options: object) -> None:
    """Open a file and close it."""
    storage = SQLiteStorage(path, scripts=scripts, **options)  # type: ignore[arg-type]
    try:
        storage.open()
    finally:
        storage.close()


def version(path: Path) -> int:
    """The schema version that the file tells."""
    return int(query(path, "PRAGMA user_version")[0][0])


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What another program finds in the file."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def whole(path: Path) -> dict[str, object]:
    """All that is in a file of the present version."""
    with SessionRepository(path) as repository:
        return content(repository)


def test_an_old_file_is_upgraded_after_a_backup(old: Path, scripts: Path) -> None:
    """Opening runs the new script, and leaves a private backup named with the old version and the time."""
    before, now = whole(old), version(old)
    new = add(scripts, ADDS_A_TABLE)

    upgrade(old, scripts)

    (backup,) = upgrade_backups(old)
    assert version(old) == new
    assert query(old, "SELECT count(*) FROM extra") == [(2,)]
    assert backup.name.startswith(f"sessions.db.schema-{now}.20")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert whole(backup) == before


def test_several_scripts_run_in_one_upgrade(old: Path, scripts: Path) -> None:
    """A file that is several versions behind is upgraded at once, with one backup."""
    add(scripts, ADDS_A_TABLE)
    new = add(scripts, "def up(migrator, db):\n    db.execute_sql('CREATE TABLE second (x)')\n")

    upgrade(old, scripts)

    assert version(old) == new
    assert len(upgrade_backups(old)) == 1


def test_the_last_three_backups_are_kept(old: Path, scripts: Path) -> None:
    """Of the backups that upgrades leave the oldest ones go; files with other names stay."""
    mine = old.with_name("sessions.db.schema-mine")
    mine.write_text("mine")
    for year in range(2001, 2005):
        old.with_name(f"sessions.db.schema-0.{year}0101T000000Z").write_text("old")
    add(scripts, ADDS_A_TABLE)

    upgrade(old, scripts)

    kept = [each.name for each in upgrade_backups(old)]
    assert kept[:2] == ["sessions.db.schema-0.20030101T000000Z", "sessions.db.schema-0.20040101T000000Z"]
    assert len(kept) == 3
    assert mine.exists()


def test_a_failed_upgrade_leaves_the_file_as_it_was(old: Path, scripts: Path) -> None:
    """An error in a script rolls back all scripts; the message names both versions and the backup."""
    before, now = whole(old), version(old)
    add(scripts, ADDS_A_TABLE)
    new = add(scripts, FAILS.replace("extra", "further"))

    with pytest.raises(StorageError, match=f"from version {now} to {new} failed") as failed:
        upgrade(old, scripts)

    (backup,) = upgrade_backups(old)
    assert str(backup) in str(failed.value)
    assert isinstance(failed.value.__cause__, StorageError)
    assert version(old) == now
    assert query(old, "SELECT name FROM sqlite_master WHERE name IN ('extra', 'further')") == []
    assert whole(old) == whole(backup) == before


@pytest.mark.parametrize("kind", [TimeoutError, TransactionError, KeyboardInterrupt])
def test_what_a_signal_handler_raises_leaves_an_upgrade_as_it_is(
    old: Path, scripts: Path, kind: type[BaseException]
) -> None:
    """The caller of `open` can tell its own exception by its type; a note in it names the backup."""
    before, now = whole(old), version(old)
    add(scripts, IS_INTERRUPTED)
    raised = kind("time is over")

    def handle(number: int, frame: object) -> None:
        raise raised

    previous = signal.signal(signal.SIGTERM, handle)
    try:
        with pytest.raises(kind) as caught:
            upgrade(old, scripts)
    finally:
        signal.signal(signal.SIGTERM, previous)

    (backup,) = upgrade_backups(old)
    assert caught.value is raised
    assert any(str(backup) in note for note in raised.__notes__)
    assert version(old) == now
    assert whole(old) == before


def test_a_file_can_be_upgraded_after_a_failure(old: Path, scripts: Path) -> None:
    """When the script has been put right the same file is upgraded."""
    new = add(scripts, FAILS)
    with pytest.raises(StorageError):
        upgrade(old, scripts)
    (scripts / f"{new:04}_more.py").write_text(ADDS_A_TABLE)

    upgrade(old, scripts)

    assert version(old) == new


def test_upgrades_can_be_refused(old: Path, scripts: Path) -> None:
    """With upgrade="never" an old file is refused with both versions, and not touched; a present one opens."""
    now, new = version(old), add(scripts, ADDS_A_TABLE)
    before = old.read_bytes()

    with pytest.raises(SchemaVersionError, match=f"has version {now}, this paper_repo needs version {new}"):
        upgrade(old, scripts, upgrade="never")

    assert old.read_bytes() == before
    assert upgrade_backups(old) == []
    with SessionRepository(old, upgrade="never") as repository:
        assert repository.count() == 2
    with pytest.raises(ValueError, match="auto, never"):
        SessionRepository(old, upgrade="ask")


def test_a_newer_file_is_refused_untouched(old: Path, scripts: Path) -> None:
    """What a newer version has upgraded an older one refuses, with both versions in the message."""
    now, new = version(old), add(scripts, ADDS_A_TABLE)
    upgrade(old, scripts)
    before = old.read_bytes()

    with pytest.raises(SchemaVersionError, match=f"has version {new}, this paper_repo knows versions up to {now}"):
        SessionRepository(old).open()

    assert old.read_bytes() == before


def test_a_killed_upgrade_is_done_by_the_next_program(old: Path, scripts: Path) -> None:
    """After SIGKILL in the middle of the script the file is as it was, and the next program upgrades it."""
    before, now = whole(old), version(old)
    new = add(scripts, IS_KILLED)

    done = run(old, scripts)
    assert done.wait() == -signal.SIGKILL

    assert version(old) == now
    assert whole(old) == before
    (scripts / f"{new:04}_more.py").write_text(ADDS_A_TABLE)
    upgrade(old, scripts)
    assert version(old) == new
    assert query(old, "SELECT count(*) FROM extra") == [(2,)]


def test_several_programs_upgrade_once(old: Path, scripts: Path) -> None:
    """Of programs that open an old file at once one upgrades it, the others find it done: one backup, no error."""
    new = add(scripts, ADDS_A_TABLE)

    programs = [run(old, scripts) for _ in range(4)]

    assert [each.wait() for each in programs] == [0, 0, 0, 0]
    assert version(old) == new
    assert query(old, "SELECT count(*) FROM extra") == [(2,)]
    assert len(upgrade_backups(old)) == 1


def test_without_room_for_the_backup_nothing_is_upgraded(old: Path, scripts: Path) -> None:
    """An upgrade whose backup cannot be written is not begun."""
    now = version(old)
    add(scripts, ADDS_A_TABLE)
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from paper_repo.storage.sqlite.storage import SQLiteStorage\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960))\n"
        "try:\n"
        "    SQLiteStorage(sys.argv[1], scripts=Path(sys.argv[2])).open()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(old), str(scripts)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [DiskFullError.__name__], done.stderr
    assert version(old) == now
    assert upgrade_backups(old) == []
    assert sorted(each.name for each in old.parent.iterdir()) == ["sessions.db"]


def test_without_scripts_the_message_says_why(old: Path, tmp_path: Path) -> None:
    """A frozen program that did not take the scripts along is told so."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(StorageError, match="frozen program"):
        SQLiteStorage(old, scripts=tmp_path / "empty").open()


@pytest.mark.parametrize("name", sorted(each.stem for each in FIXTURES.glob("*.db")))
def test_files_of_every_released_schema_open_for_ever(name: str, path: Path) -> None:
    """A file that an older version has written gives the same sessions and histories as then."""
    shutil.copyfile(FIXTURES / f"{name}.db", path)
    expected = json.loads((FIXTURES / f"{name}.json").read_text())

    with SessionRepository(path) as repository:
        report = repository.check()
        found = {
            session.id: {
                "session": schemas.dump(session),
                "fills": [schemas.dump(fill) for fill in repository.get_fills(session.id)],
                "equity": [schemas.dump(point) for point in repository.get_equity_curve(session.id)],
                "ledger": [schemas.dump(entry) for entry in repository.get_ledger(session.id)],
                "orders": [schemas.dump(order) for order in repository.get_orders(session.id, which="closed")],
            }
            for session in repository.get_all()
        }

    assert found == {each: {"ledger": [], "orders": [], **data} for each, data in expected.items()}
    assert report.ok
    assert version(path) == schema.newest_version()


def test_the_old_file_of_the_desktop_program_is_whole(path: Path) -> None:
    """What a frozen program is given to upgrade, which seldom runs: two running sessions of the example, and sound."""
    shutil.copyfile(FIXTURES / "desktop" / "sessions.db", path)

    with SessionRepository(path) as repository:
        assert {session.id for session in repository.get_active()} == {"a", "b"}
        assert repository.check().ok


def test_every_schema_has_a_fixture() -> None:
    """There is a file of every schema version in the fixtures."""
    versions = {int(each.name[:4]) for each in schema.MIGRATIONS.glob("[0-9]*.py")}

    assert {int(each.stem.removeprefix("schema-")) for each in FIXTURES.glob("*.db")} == versions


def test_the_number_of_backups_kept_is_what_the_readme_says() -> None:
    """Three."""
    assert backups_module.KEPT == 3


def run(path: Path, scripts: Path) -> subprocess.Popen[bytes]:
    """Another program that opens the file."""
    return subprocess.Popen([sys.executable, "-m", "tests.storage.sqlite.upgrading", str(path), str(scripts)], cwd=ROOT)
