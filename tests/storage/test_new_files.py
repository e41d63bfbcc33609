"""New files: private from the first moment, synced in the right order, and patient with what holds a file open."""

from __future__ import annotations

import errno
import os
import stat
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paper_repo import StorageError
from paper_repo.storage import new_files
from paper_repo.storage.new_files import (
    copy_private,
    free_name,
    new_file_beside,
    publish,
    remove,
    replace,
    require_place,
    write_through,
)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What is done to names and synced, in order; what has a random name is called "partial"."""
    seen: list[str] = []

    def named(path: Any) -> str:
        name = Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(path)
        return "folder" if name == tmp_path else "partial" if name.suffix == ".partial" else name.name

    def recorded(word: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            seen.append(" ".join([word, *(named(each) for each in arguments if not isinstance(each, bool))]))
            return function(*arguments, **options)

        return call

    for word in ("fsync", "replace", "rename", "link", "unlink"):
        monkeypatch.setattr(os, word, recorded(word, getattr(os, word)))
    return seen


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A system that takes no permission away."""
    before = os.umask(0)
    yield
    os.umask(before)


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the names of open files are not told here")


@needs_proc
@pytest.mark.parametrize(
    ("overwrite", "published"), [(False, "link partial target"), (True, "replace partial target")], ids=["new", "over"]
)
def test_the_content_is_on_the_disk_before_its_name_is_there(
    tmp_path: Path, steps: list[str], overwrite: bool, published: str
) -> None:
    """And the name is on the disk before anybody is told that the file is there."""
    with new_file_beside(tmp_path / "target", overwrite) as partial:
        partial.write_text("whole")
        publish(partial, tmp_path / "target", overwrite)

    assert steps[: steps.index("fsync target") + 2] == [
        *["fsync partial", "fsync folder"],
        published,
        *["fsync target", "fsync folder"],
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["target"]


@needs_proc
def test_a_copy_is_on_the_disk_before_it_has_its_name(tmp_path: Path, steps: list[str]) -> None:
    """Nothing that is half of the file has ever that name."""
    (tmp_path / "source").write_bytes(b"x" * 100_000)

    copy_private(tmp_path / "source", tmp_path / "target")

    assert steps == ["fsync partial", "fsync folder", "replace partial target", "fsync folder"]
    assert (tmp_path / "target").read_bytes() == b"x" * 100_000


def test_new_files_are_private_from_the_first_moment(
    tmp_path: Path, open_umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the system would give others, and whatever the copied file gives them; its times are kept."""
    modes = []
    (tmp_path / "source").write_text("old")
    os.utime(tmp_path / "source", ns=(10**18, 10**18))
    (tmp_path / "source").chmod(0o644)
    copyfileobj = new_files.shutil.copyfileobj

    def copy(source: Any, target: Any) -> None:
        modes.append(stat.S_IMODE(os.fstat(target.fileno()).st_mode))
        copyfileobj(source, target)

    monkeypatch.setattr(new_files.shutil, "copyfileobj", copy)
    copy_private(tmp_path / "source", tmp_path / "target")
    with new_file_beside(tmp_path / "other") as partial:
        modes.append(stat.S_IMODE(partial.stat().st_mode))

    assert modes == [0o600, 0o600]
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600
    assert (tmp_path / "target").stat().st_mtime_ns == 10**18


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its name nor a part of it."""
    (tmp_path / "source").write_text("old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(new_files.shutil, "copyfileobj", fail)
    with pytest.raises(OSError, match="no room"):
        copy_private(tmp_path / "source", tmp_path / "target")

    assert [each.name for each in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_log_of_that_name_keeps_the_place(tmp_path: Path, suffix: str, overwrite: bool) -> None:
    """SQLite would take it for the log of the new file."""
    (tmp_path / f"target{suffix}").write_text("left")

    with pytest.raises(StorageError, match=f"target{suffix} shows that a database of this name is in use"):
        require_place(tmp_path / "target", overwrite)


@pytest.mark.parametrize("suffix", ["", "-journal", "-wal", "-shm"])
def test_a_free_name_is_free_for_a_log_too(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is taken also where only something of SQLite's has it."""
    first = free_name(tmp_path / "sessions.db", "kept")
    Path(f"{first}{suffix}").write_text("left")
    monkeypatch.setattr(new_files, "datetime", types.SimpleNamespace(now=lambda _: moment_of(first)))

    assert free_name(tmp_path / "sessions.db", "kept").name == f"{first.name}-2"


def moment_of(path: Path) -> Any:
    """The moment in such a name."""
    from datetime import datetime

    return datetime.strptime(path.name.rsplit(".", 1)[1], "%Y%m%dT%H%M%S%z")


def test_what_comes_between_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody else makes at the last moment stays."""
    target, link = tmp_path / "target", os.link

    def late(*arguments: Any, **options: Any) -> None:
        target.write_text("theirs")
        link(*arguments, **options)

    monkeypatch.setattr(os, "link", late)
    with new_file_beside(target) as partial, pytest.raises(StorageError, match="there is such a file already"):
        publish(partial, target)

    assert target.read_text() == "theirs"
    assert [each.name for each in tmp_path.iterdir()] == ["target"]


def test_a_file_system_without_links_has_new_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get their names by renaming then, unless somebody has the name already."""
    monkeypatch.setattr(os, "link", _no_links)
    with new_file_beside(tmp_path / "target") as partial:
        partial.write_text("ours")
        publish(partial, tmp_path / "target")
    with new_file_beside(tmp_path / "other") as partial:
        (tmp_path / "other").write_text("theirs")
        with pytest.raises(StorageError, match="there is such a file already"):
            publish(partial, tmp_path / "other")

    assert (tmp_path / "target").read_text() == "ours"
    assert (tmp_path / "other").read_text() == "theirs"


def _no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "no links here")


class Windows:
    """A system on which a scanner holds a file open for so many attempts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, attempts: int, winerror: int) -> None:
        self.left = attempts
        self.winerror = winerror
        self.pauses: list[float] = []
        for word in ("unlink", "replace", "rename"):
            monkeypatch.setattr(os, word, self.held(getattr(os, word)))
        monkeypatch.setattr(new_files.time, "sleep", self.pauses.append)

    def held(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, refused as Windows does while the file is held open."""

        def call(*arguments: Any, **options: Any) -> Any:
            if self.left:
                self.left -= 1
                error = PermissionError(errno.EACCES, "Access is denied")
                error.winerror = self.winerror  # type: ignore[attr-defined]
                raise error
            return function(*arguments, **options)

        return call


ACTIONS: dict[str, Callable[[Path], object]] = {
    "remove": lambda path: remove(path),
    "replace": lambda path: replace(path, path.with_name("new")),
}


@pytest.mark.parametrize("winerror", [5, 32, 33])
@pytest.mark.parametrize("name", ACTIONS)
def test_a_file_that_is_held_open_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winerror: int, name: str
) -> None:
    """A virus scanner lets it go after a moment, and the caller notices nothing."""
    (tmp_path / "old").write_text("content")
    system = Windows(monkeypatch, 3, winerror)

    ACTIONS[name](tmp_path / "old")

    assert len(system.pauses) == 3
    assert not (tmp_path / "old").exists()


@pytest.mark.parametrize("name", ACTIONS)
def test_a_file_that_stays_held_open_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """After some seconds at most the message names the file, what may hold it, and what to do."""
    (tmp_path / "old").write_text("content")
    system = Windows(monkeypatch, 1000, 32)

    with pytest.raises(StorageError, match=r"(old|new): another program, .* holds this file open; close that"):
        ACTIONS[name](tmp_path / "old")

    assert 1 < sum(system.pauses) < 5
    assert (tmp_path / "old").exists()


def test_other_refusals_are_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the permission is missing, waiting does not help."""
    (tmp_path / "old").touch()
    system = Windows(monkeypatch, 1, 0)

    with pytest.raises(PermissionError):
        remove(tmp_path / "old")

    assert system.pauses == []


def test_a_rest_that_is_held_open_hides_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there and whole: that a scanner keeps the unfinished name is no failure of it."""
    with new_file_beside(tmp_path / "target") as partial:
        partial.write_text("whole")
        publish(partial, tmp_path / "target")
        Windows(monkeypatch, 1000, 32)

    assert (tmp_path / "target").read_text() == "whole"


@pytest.mark.parametrize("known", [True, False])
def test_macos_is_told_to_empty_the_cache_of_the_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """There `fsync` leaves the data in it; where a file system does not know the call, `fsync` is what there is."""
    calls: list[str] = []

    def fcntl(descriptor: int, command: int) -> None:
        calls.append("full")
        assert command == 51
        if not known:
            raise OSError(errno.ENOTSUP, "not here")

    monkeypatch.setitem(sys.modules, "fcntl", types.SimpleNamespace(F_FULLFSYNC=51, fcntl=fcntl))
    monkeypatch.setattr(new_files.sys, "platform", "darwin")
    monkeypatch.setattr(os, "fsync", lambda _: calls.append("usual"))
    (tmp_path / "file").write_text("content")

    write_through(tmp_path / "file")

    assert calls == (["full", "full"] if known else ["full", "usual", "full", "usual"])


def test_a_folder_that_cannot_be_opened_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So on Windows, where the file alone is synced."""
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "a folder")
        return real(path, *arguments, **options)

    (tmp_path / "file").write_text("content")
    monkeypatch.setattr(os, "open", refuse)

    write_through(tmp_path / "file")


def test_what_is_open_is_closed(tmp_path: Path) -> None:
    """A descriptor of a new file is not left to whoever collects garbage."""
    with new_file_beside(tmp_path / "target") as partial, closing(partial.open("rb")) as file:
        assert file.read() == b""
