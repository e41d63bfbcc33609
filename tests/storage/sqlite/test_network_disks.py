"""Files on network file systems are refused with advice, or opened with a rollback journal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from paper_repo import BusyError, DiskFullError, SessionRepository, StorageError
from paper_repo.storage.sqlite import network_disks
from paper_repo.storage.sqlite.network_disks import network_file_system, refuse_network
from tests.builders import new_fill, new_session
from tests.storage.sqlite.damage import content
from tests.storage.sqlite.sharing import FAILING, KIND, mounted


def table(tmp_path: Path, *mounts: tuple[str, str]) -> Path:
    """A mount table as the system writes it."""
    lines = ["1 1 0:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
    for number, (point, kind) in enumerate(mounts, 2):
        name = point.replace("\\", "\\134").replace(" ", "\\040")
        lines.append(f"{number} 1 0:{number} / {name} rw,noatime - {kind} server:/share rw,vers=4.2")
    file = tmp_path / "mountinfo"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_refused_with_advice(tmp_path: Path, kind: str) -> None:
    """The message names the kind of file system and both ways out."""
    mounts = table(tmp_path, (str(tmp_path), kind))

    with pytest.raises(StorageError, match=rf"\({kind}\).*local disk.*journal='rollback'"):
        refuse_network(tmp_path / "sessions.db", mounts)


def test_the_nearest_mount_counts(tmp_path: Path) -> None:
    """A local disk below a share is local, a share below a local disk is none; of two at one place the later counts."""
    mounts = table(
        tmp_path, ("/srv", "nfs4"), ("/srv/my disk", "ext4"), ("/srv/my disk/far", "cifs"), ("/srvx", "ext4"),
        ("/twice", "nfs"), ("/twice", "xfs"),
    )  # fmt: skip
    kinds = {
        "/srv/a": "nfs4", "/srv/my disk/b": None, "/srv/my disk/far/c": "cifs", "/srvx": None, "/": None,
        "/twice/d": None, "/srv-of-another-name/e": None,
    }  # fmt: skip

    assert {path: network_file_system(Path(path), mounts) for path in kinds} == kinds


def test_where_the_platform_does_not_tell_a_file_is_local(tmp_path: Path) -> None:
    """Without a mount table nothing is refused."""
    assert network_file_system(tmp_path, tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (r"C:\data\sessions.db", None),
        (r"\\?\C:\data\sessions.db", None),
        (r"\\server\share\sessions.db", "share"),
        (r"\\?\UNC\server\share\sessions.db", "share"),
        (r"N:\sessions.db", "network drive"),
        (r"\\?\N:\sessions.db", "network drive"),
    ],
)
def test_drives_of_windows(monkeypatch: pytest.MonkeyPatch, path: str, kind: str | None) -> None:
    """A drive is no share because its name is written the long way."""
    import ctypes

    kernel = SimpleNamespace(GetDriveTypeW=lambda drive: 4 if drive == "N:\\" else 3)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    monkeypatch.setattr(os.path, "realpath", str)

    assert network_file_system(Path(path)) == kind


def test_a_repository_asks(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository on a share is refused before anything is created, and works with a rollback journal."""
    mounts = table(tmp_path, (str(tmp_path), "nfs4"))
    monkeypatch.setattr(network_disks.refuse_network, "__defaults__", (mounts,))

    with pytest.raises(StorageError, match="network file system"):
        SessionRepository(path).open()
    assert not path.exists()
    with SessionRepository(path, journal="rollback") as repository:
        repository.save(new_session(id="one"))
        assert [each.name for each in tmp_path.iterdir() if each.name != "mountinfo"] == ["sessions.db"]


def test_a_file_changes_its_journal(path: Path) -> None:
    """A file can be opened with either journal, one after the other, and holds the same."""
    with SessionRepository(path) as repository:
        repository.save(new_session(id="one"))
        expected = content(repository)
        assert repository.describe()["pragmas"]["journal_mode"] == "wal"
    for journal, mode in (("rollback", "delete"), ("wal", "wal")):
        with SessionRepository(path, journal=journal) as repository:
            assert content(repository) == expected
            assert repository.describe()["pragmas"]["journal_mode"] == mode
    with pytest.raises(ValueError, match="'wal' or 'rollback'"):
        SessionRepository(path, journal="none")


@pytest.fixture
def share(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder that is mounted as sshfs mounts one, and the folder of the other machine behind it."""
    folder, point = tmp_path / "behind", tmp_path / "share"
    folder.mkdir()
    point.mkdir()
    if os.geteuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("mounting a share needs root and Linux's /dev/fuse")
    with mounted(folder, point) as is_mounted:
        if not is_mounted:
            pytest.skip("this system does not let root mount a file system that a program serves")
        yield point, folder


def test_a_mounted_share_is_told_by_the_system(share: tuple[Path, Path]) -> None:
    """On a file system that is really mounted so, a file is refused with its kind, and nothing is created there."""
    point, folder = share

    with pytest.raises(StorageError, match=rf"\({KIND}\).*journal='rollback'"):
        SessionRepository(point / "sessions.db").open()

    assert list(folder.iterdir()) == []


def test_a_rollback_journal_works_on_a_mounted_share(share: tuple[Path, Path]) -> None:
    """With journal="rollback" two repositories take turns there, and backups are written where there are no links."""
    point, folder = share
    path = point / "sessions.db"

    with SessionRepository(path, journal="rollback", busy_timeout=0) as one:
        session = new_session(id="one")
        session.record_fill(new_fill(1))
        one.save(session)
        with SessionRepository(path, journal="rollback", busy_timeout=0) as other, one.atomic():
            one.save(new_session(id="two"))
            with pytest.raises(BusyError):
                other.save(new_session(id="three"))
        for overwrite in (False, True):
            one.backup(point / "copy.db", overwrite=overwrite)
        with pytest.raises(StorageError, match="choose another name"):
            one.backup(point / "copy.db")
        expected = content(one)

        assert one.check().ok
    assert sorted(each.name for each in folder.iterdir()) == ["copy.db", "sessions.db"]
    for each in ("copy.db", "sessions.db"):
        with SessionRepository(folder / each) as repository:
            assert content(repository) == expected


def test_a_failing_disk_is_not_called_full(share: tuple[Path, Path]) -> None:
    """A write that the disk refuses with an I/O error is told as that; nothing is stored, and it can be repeated."""
    point, folder = share
    with SessionRepository(point / "sessions.db", journal="rollback") as repository:
        repository.save(new_session(id="one"))
        session = new_session(id="two")
        (folder / FAILING).touch()

        with pytest.raises(StorageError, match=r"the disk fails.*Input/output error") as failure:
            repository.save(session)

        (folder / FAILING).unlink()
        assert not isinstance(failure.value, DiskFullError)
        assert session.version == 0
        assert [each.id for each in repository.get_all()] == ["one"]
        repository.save(session)
        assert repository.check().ok
