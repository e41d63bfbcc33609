"""What a command that writes a file may replace: never the database, a link, a folder or a device."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paper_repo import SessionRepository
from paper_repo.cli import destinations
from tests.cli.conftest import Run

WRITERS = [
    ["export", "-o"],
    ["export", "--overwrite", "-o"],
    ["export", "--format", "fills", "--overwrite", "-o"],
    ["backup"],
    ["backup", "--overwrite"],
    ["salvage"],
    ["encrypt", "--passphrase-file", "passphrase"],
    ["decrypt", "--passphrase-file", "passphrase"],
    ["copy"],
]
"""Every command that writes a file, with the option that lets it replace one."""


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the folder of the database, where a passphrase lies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "passphrase").write_text("correct horse\n")


def _content(folder: Path) -> dict[str, bytes | str | None]:
    """Everything in the folder: the bytes of files, where links point."""
    return {
        each.name: str(each.readlink()) if each.is_symlink() else each.read_bytes() if each.is_file() else None
        for each in sorted(folder.iterdir())
    }


@pytest.mark.parametrize("writer", WRITERS, ids=" ".join)
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_the_database_and_what_belongs_to_it_is_never_overwritten(
    run: Run, database: Path, writer: list[str], suffix: str
) -> None:
    """By its own name, by a relative one, and by a link to it; even while its log is there."""
    hard, soft = database.with_name("hard.db"), database.with_name("soft.db")
    os.link(database, hard)
    soft.symlink_to(database)
    before = _content(database.parent)

    for name in (f"{database}{suffix}", f"./{database.name}{suffix}", *([str(hard), str(soft)] if not suffix else [])):
        result = run(*writer, name)

        assert result.exit_code == 4, result.output
        assert result.stderr.count("\n") == 1
    assert _content(database.parent) == before


@pytest.mark.parametrize("writer", WRITERS, ids=" ".join)
@pytest.mark.parametrize("name", [".", "..", "/", "folder", "/dev/null", "dangling", "pipe", "none/x", ""])
def test_what_is_no_file_is_refused_in_a_sentence(run: Run, tmp_path: Path, writer: list[str], name: str) -> None:
    """Folders, devices, pipes, links that point to nothing, folders that do not exist: with or without --force."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    before = {each.name for each in tmp_path.iterdir()}

    result = run(*writer, name)

    assert result.exit_code in (1, 2, 4), result.output
    assert result.stderr.startswith("paper-repo: ")
    assert result.stderr.count("\n") == 1
    assert {each.name for each in tmp_path.iterdir()} == before
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("writer", [each for each in WRITERS if each[0] != "copy"], ids=" ".join)
def test_a_link_to_a_file_stays_a_link(run: Run, tmp_path: Path, writer: list[str]) -> None:
    """Neither the link nor what it points to is replaced."""
    (tmp_path / "real").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("real")

    result = run(*writer, "link")

    assert result.exit_code == 4
    assert "is a link" in result.stderr
    assert (tmp_path / "real").read_bytes() == b"precious"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("writer", "option"), [(["export", "-o"], "--overwrite"), (["backup"], "--overwrite"), (["salvage"], None)]
)
def test_a_file_stays_unless_the_option_says_otherwise(
    run: Run, tmp_path: Path, writer: list[str], option: str | None
) -> None:
    """The message names the option, where there is one."""
    (tmp_path / "other").write_bytes(b"precious")

    result = run(*writer, "other")

    assert result.exit_code == 4
    assert (option or "choose another name") in result.stderr
    assert (tmp_path / "other").read_bytes() == b"precious"
    if option:
        assert run(writer[0], option, *writer[1:], "other").exit_code == 0
        assert (tmp_path / "other").read_bytes() != b"precious"


def test_a_database_that_is_in_use_is_not_replaced_by_an_export(run: Run, tmp_path: Path) -> None:
    """Its log would be taken for the new file's."""
    with SessionRepository(tmp_path / "used.db") as other:
        other.count()
        (tmp_path / "used.db-wal").touch()

        result = run("export", "-o", "used.db", "--overwrite")

    assert result.exit_code == 1
    assert "in use" in result.stderr


@pytest.mark.parametrize("name", ["sessions.db", "./sessions.db", "link.db"])
def test_a_database_is_not_restored_from_itself(run: Run, database: Path, name: str) -> None:
    """By whatever name."""
    database.with_name("link.db").symlink_to(database)

    result = run("restore", name, "--yes")

    assert result.exit_code == 4
    assert "belongs to the database itself" in result.stderr


@pytest.mark.parametrize("name", ["folder", "dangling", "/dev/null"])
def test_only_a_file_is_replaced_by_a_backup(run: Run, tmp_path: Path, name: str) -> None:
    """--db may name anything."""
    run("backup", "backup.db")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nothing")

    result = run("restore", "backup.db", "--yes", "--db", name)

    assert result.exit_code in (2, 4)
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "nothing").exists()


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content is synced before the name appears, the folder afterwards: a power cut leaves all or nothing."""
    steps: list[str] = []
    sync, target = os.fsync, tmp_path / "new"

    def watched(descriptor: int) -> None:
        what = "folder" if Path(f"/proc/self/fd/{descriptor}").resolve() == tmp_path.resolve() else "file"
        steps.append(f"{what} {'named' if target.exists() else 'unnamed'} {os.fstat(descriptor).st_size > 0}")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    with destinations.new_file(target, overwrite=False) as file:
        file.write(b"content")

    assert steps[0] == "file unnamed True"
    assert steps[-1].startswith("folder named")
    assert target.read_bytes() == b"content"
