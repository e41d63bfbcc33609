"""A file that is no longer the one that was opened: no save is acknowledged that is not in the file of that name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paper_repo import SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from tests.builders import new_session

GONE = r"removed, renamed or moved|taken its place"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in a folder of its own, reached by a link."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with SessionRepository(folder / "sessions.db") as repository:
        repository.save(new_session(id="old"))
    return folder / "sessions.db"


@pytest.fixture
def link(file: Path, tmp_path: Path) -> Path:
    """A link to it."""
    made = tmp_path / "link.db"
    made.symlink_to(file)
    return made


def unlinked(file: Path, link: Path) -> None:
    """Removed."""
    file.unlink()


def unlinked_with_its_log(file: Path, link: Path) -> None:
    """Removed with what lies beside it."""
    for each in file.parent.iterdir():
        each.unlink()


def renamed(file: Path, link: Path) -> None:
    """Given another name."""
    file.rename(file.with_name("other.db"))


def renamed_with_its_log(file: Path, link: Path) -> None:
    """Given another name, with what lies beside it."""
    for each in list(file.parent.iterdir()):
        each.rename(each.with_name(each.name.replace("sessions", "other")))


def folder_renamed(file: Path, link: Path) -> None:
    """Its folder was given another name."""
    file.parent.rename(file.parent.with_name("elsewhere"))


def replaced(file: Path, link: Path) -> None:
    """A copy was moved over it, as a sync client does."""
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)


def restored_by_hand(file: Path, link: Path) -> None:
    """Removed with its log, and another one copied to its place."""
    copy = file.parent.with_name("copy")
    shutil.copy(file, copy)
    unlinked_with_its_log(file, link)
    shutil.copy(copy, file)


def link_pointed_elsewhere(file: Path, link: Path) -> None:
    """The link by which it was opened leads to another one."""
    other = file.with_name("other.db")
    shutil.copy(file, other)
    link.unlink()
    link.symlink_to(other)


WAYS = [
    unlinked,
    unlinked_with_its_log,
    renamed,
    renamed_with_its_log,
    folder_renamed,
    replaced,
    restored_by_hand,
    link_pointed_elsewhere,
]


def changes(repository: SessionRepository) -> Iterator[Callable[[], object]]:
    """Every way to write."""
    session = new_session()
    yield lambda: repository.save(session)
    yield lambda: repository.save_many([session, new_session()])
    yield lambda: repository.delete("old")
    yield lambda: repository.delete_many()
    yield lambda: repository.claim("old", "me", 60)
    yield lambda: in_block(repository)


def in_block(repository: SessionRepository) -> None:
    """A block that goes well, but for its end."""
    with repository.atomic():
        repository.save(new_session())


@pytest.mark.parametrize("journal", ["wal", "rollback"])
@pytest.mark.parametrize("by_link", [True, False])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_save_is_acknowledged(
    file: Path, link: Path, way: Callable[[Path, Path], None], by_link: bool, journal: str
) -> None:
    """Every write says what has happened, no file is created, and objects are as they were."""
    if way is link_pointed_elsewhere and not by_link:
        pytest.skip("the link is not used")
    path = link if by_link else file
    repository = SessionRepository(path, journal=journal, busy_timeout=0.2)
    session = repository.get_by_id("old")
    assert session is not None
    way(file, link)
    before = sorted(each.name for each in file.parent.iterdir()) if file.parent.exists() else None

    for change in changes(repository):
        with pytest.raises(StorageError, match=GONE):
            change()
    with pytest.raises(StorageError):
        repository.save(session)

    assert session.version == 1
    found = sorted(each.name for each in file.parent.iterdir()) if file.parent.exists() else None
    assert [each for each in found or [] if not each.endswith("-journal")] == (before or [])
    repository.close()


@pytest.mark.parametrize("way", [unlinked, replaced, folder_renamed], ids=lambda way: way.__name__)
def test_a_second_connection_opens_no_other_file(file: Path, link: Path, way: Callable[[Path, Path], None]) -> None:
    """A thread that needs a connection of its own creates nothing, and reads nothing of another file."""
    with SessionRepository(file, busy_timeout=0.2) as repository, repository.reading():
        repository.count()
        way(file, link)
        block = internals_of(repository).storage.atomic()
        with pytest.raises(StorageError, match=GONE):
            internals_of(repository).storage._new_connection()  # type: ignore[attr-defined]
        del block

    assert way is replaced or not file.exists()


@pytest.mark.parametrize("way", [unlinked, replaced], ids=lambda way: way.__name__)
def test_what_reads_all_of_it_says_so(
    file: Path, link: Path, tmp_path: Path, way: Callable[[Path, Path], None]
) -> None:
    """A backup, a check and a watch would be of another file than the one of that name."""
    with SessionRepository(file, busy_timeout=0.2) as repository:
        repository.count()
        with repository.watch(after=0, timeout=0) as watch:
            assert next(watch).session_id == "old"
            way(file, link)
            for use in lambda: repository.backup(tmp_path / "backup.db"), repository.check, lambda: next(watch):
                with pytest.raises(StorageError, match=GONE):
                    use()

    assert not (tmp_path / "backup.db").exists()


def test_a_file_with_two_names_is_refused(file: Path, tmp_path: Path) -> None:
    """Two programs by two hard links would each have a log of their own."""
    os.link(file, tmp_path / "second.db")

    for path in file, tmp_path / "second.db":
        with pytest.raises(StorageError, match="2 names"):
            SessionRepository(path).open()

    (tmp_path / "second.db").unlink()
    with SessionRepository(file) as repository:
        assert repository.exists("old")


def test_a_file_that_came_back_can_be_used_again(file: Path) -> None:
    """The same file under its old name is the file that was opened."""
    session = new_session()
    with SessionRepository(file) as repository:
        repository.save(session)
        elsewhere = file.with_name("elsewhere.db")
        file.rename(elsewhere)
        with pytest.raises(StorageError):
            repository.save(session)
        elsewhere.rename(file)

        repository.save(session)

    with SessionRepository(file) as repository:
        assert repository.get_by_id(session.id) == session
