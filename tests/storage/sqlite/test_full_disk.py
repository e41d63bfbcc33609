"""A full disk, in the middle of whatever is written: an error that says so, and nothing half-written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from paper_repo import DiskFullError, ReadOnlyError, SessionRepository, SQLiteSessionRepository
from paper_repo.maintenance.files import encrypt
from paper_repo.storage import schema
from paper_repo.storage.sqlite.storage import SQLiteStorage
from tests.builders import new_fill, new_session
from tests.storage.sqlite.damage import content

SIZE = "600k"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, of 600 kB; mounting one needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and a system that allows it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill_up(folder: Path, leave: int = 8192) -> Path:
    """Leave only so much room on the disk."""
    ballast = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        file.write(bytes(max(0, free - leave)))
    return ballast


def large(name: str) -> object:
    """A session that does not fit any more."""
    return new_session(id=name, state={"bars": ["x" * 1000] * 200})


def test_a_save_without_room(small: Path) -> None:
    """The save says so, the object and the file are as they were, and it works again when there is room."""
    with SessionRepository(small / "sessions.db") as repository:
        first = new_session(id="first")
        repository.save(first)
        before = content(repository)
        ballast = fill_up(small)
        session = large("large")
        session.record_fill(new_fill(1))  # type: ignore[attr-defined]

        with pytest.raises(DiskFullError, match="room"):
            repository.save(session)  # type: ignore[arg-type]

        assert session.version == 0  # type: ignore[attr-defined]
        assert len(session.new_fills) == 1  # type: ignore[attr-defined]
        assert content(repository) == before
        ballast.unlink()
        repository.save(session)  # type: ignore[arg-type]
        assert len(repository.get_fills("large")) == 1
        assert repository.check().ok


def test_a_transaction_without_room(small: Path) -> None:
    """A block that ran out of room is rolled back whole, sessions included, and can be repeated."""
    with SessionRepository(small / "sessions.db") as repository:
        first, second = new_session(id="first"), large("second")
        repository.open()
        ballast = fill_up(small)

        with pytest.raises(DiskFullError):  # noqa: PT012, SIM117
            with repository.atomic():
                repository.save(first)
                repository.save(second)  # type: ignore[arg-type]

        assert (first.version, repository.count()) == (0, 0)
        ballast.unlink()
        with repository.atomic():
            repository.save_many([first, second])  # type: ignore[list-item]
        assert repository.count() == 2


@pytest.mark.anyio
async def test_the_facade_without_room(small: Path) -> None:
    """Saves that share a commit are all refused or stored whole, a block too, and all of it works again."""
    async with SQLiteSessionRepository(small / "sessions.db") as repository:
        await repository.open()
        ballast = fill_up(small)
        sessions = [large(f"large-{number}") for number in range(5)]
        outcomes: dict[str, object] = {}

        async def save(session: object) -> None:
            try:
                await repository.save(session)  # type: ignore[arg-type]
                outcomes[session.id] = "stored"  # type: ignore[attr-defined]
            except DiskFullError:
                outcomes[session.id] = "refused"  # type: ignore[attr-defined]

        async with anyio.create_task_group() as group:
            for session in sessions:
                group.start_soon(save, session)
        with pytest.raises(DiskFullError):
            async with repository.atomic():
                await repository.save(large("in a block"))  # type: ignore[arg-type]

        assert "refused" in outcomes.values()
        stored = {each.id for each in await repository.get_all()}
        assert stored == {name for name, outcome in outcomes.items() if outcome == "stored"}
        ballast.unlink()
        await repository.save_many([each for each in sessions[:2] if each.version == 0])  # type: ignore[attr-defined]
        assert (await repository.check()).ok


def test_a_backup_without_room(small: Path, tmp_path: Path) -> None:
    """A backup that does not fit says so and leaves nothing behind."""
    with SessionRepository(tmp_path / "sessions.db") as repository:
        repository.save_many(large(f"large-{number}") for number in range(5))  # type: ignore[misc]

        with pytest.raises(DiskFullError, match=r"small/copy\.db: there is no room"):
            repository.backup(small / "copy.db")

    assert list(small.iterdir()) == []


def test_an_encrypted_copy_without_room(small: Path, tmp_path: Path) -> None:
    """Nor does one that is encrypted; the message names the file that has no room."""
    pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    with SessionRepository(tmp_path / "sessions.db") as repository:
        repository.save_many(large(f"large-{number}") for number in range(5))  # type: ignore[misc]

    with pytest.raises(DiskFullError, match=r"small/copy\.db: there is no room"):
        encrypt(tmp_path / "sessions.db", small / "copy.db", "secret")

    assert list(small.iterdir()) == []


def test_an_upgrade_that_runs_out_of_room(small: Path, tmp_path: Path) -> None:
    """It fails as such, not with what SQLite says about the rollback after it, and can be repeated."""
    path, scripts = small / "sessions.db", tmp_path / "scripts"
    with SessionRepository(path) as repository:
        repository.save(new_session(id="one"))
        expected = content(repository)
    shutil.copytree(schema.MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    script = scripts / "0900_more.py"
    script.write_text("def up(migrator, db):\n    db.execute_sql('CREATE TABLE more AS SELECT zeroblob(1e6) AS x')\n")

    with pytest.raises(DiskFullError, match=r"the upgrade .* failed, and the file is as it was"):
        SQLiteStorage(path, scripts=scripts).open()

    with SessionRepository(path) as repository:
        assert content(repository) == expected
    script.write_text("def up(migrator, db):\n    db.execute_sql('CREATE TABLE more (x)')\n")
    storage = SQLiteStorage(path, scripts=scripts)
    storage.open()
    storage.close()


def test_reading_without_room_for_the_shared_memory(small: Path) -> None:
    """Where there is no room for SQLite's -shm either, the error is about room; reading works when there is some."""
    with SessionRepository(small / "sessions.db") as repository:
        repository.save(new_session(id="one"))
    ballast = fill_up(small, leave=0)
    repository = SessionRepository(small / "sessions.db")

    with pytest.raises(DiskFullError, match="room"):
        repository.get_all()

    ballast.unlink()
    assert repository.count() == 1
    repository.close()


def test_a_disk_that_is_read_only(small: Path) -> None:
    """On a disk mounted for reading, reading works, and writing says that it does not."""
    with SessionRepository(small / "sessions.db") as repository:
        repository.save(new_session(id="one"))
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)

    with SessionRepository(small / "sessions.db") as repository:
        assert repository.get_all()[0].id == "one"
        with pytest.raises(ReadOnlyError):
            repository.save(new_session(id="two"))
        with pytest.raises(ReadOnlyError):
            repository.backup(small / "copy.db")
