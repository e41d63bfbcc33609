"""Fuzzing that looks for inputs which reach code that none has reached before, with atheris.

Usage: python -m tests.fuzz.guided archive|database [OPTION OF LIBFUZZER]..., for example `-max_total_time=300`, or the
file that an earlier run has left of an input that failed. It ends with an error when something else than an error of
ours comes out, or an answer that is wrong.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import atheris

with atheris.instrument_imports(include=["paper_repo", "marshmallow"]):
    from paper_repo import PaperRepoError, SessionRepository
    from paper_repo.maintenance.archive import import_archive
    from tests.builders import new_session
    from tests.fuzz.samples import archive_with_everything, exported, file_with_log, use

MOST_CHANGES = 8
"""How many places of a file are damaged at once, at most."""

ENDINGS = ("", "-wal", "-shm", "-journal")


def archives(folder: Path) -> Callable[[bytes], None]:
    """Reads bytes as an archive: it is imported, and comes back from there; or it is refused, and nothing changes."""
    with SessionRepository(folder / "archived.db") as repository:
        (folder / "corpus" / "whole").write_bytes(b"".join(archive_with_everything(repository)))
    repository = SessionRepository(folder / "sessions.db", durability="normal")
    repository.save(new_session(id="here before"))
    before = exported(repository)

    def run(data: bytes) -> None:
        try:
            import_archive(repository, io.BytesIO(data), on_conflict="replace")
        except PaperRepoError:
            assert exported(repository) == before
            return
        after = exported(repository)
        repository.delete_many()
        import_archive(repository, io.BytesIO(after))
        assert exported(repository) == after
        repository.delete_many()
        import_archive(repository, io.BytesIO(before))

    return run


def databases(folder: Path) -> Callable[[bytes], None]:
    """Takes bytes for damages of a file or of SQLite's log: every call works, or fails with an error of ours."""
    sound = file_with_log(folder / "sound")
    contents = {ending: Path(f"{sound}{ending}").read_bytes() for ending in ("", "-wal")}
    for number in range(16):
        (folder / "corpus" / str(number)).write_bytes(bytes([number % 2, number * 16, *range(number * 3)]))

    def run(data: bytes) -> None:
        for ending in ENDINGS:
            (folder / f"sessions.db{ending}").unlink(missing_ok=True)
        source = atheris.FuzzedDataProvider(data)
        changed = source.PickValueInList(["", "-wal"])
        for ending, content in contents.items():
            damaged = _damaged(content, source) if ending == changed else content
            (folder / f"sessions.db{ending}").write_bytes(damaged)
        try:
            use(folder / "sessions.db")
        except PaperRepoError as error:
            assert str(error)  # noqa: PT017

    return run


def _damaged(content: bytes, source: atheris.FuzzedDataProvider) -> bytes:
    damaged = bytearray(content)
    for _ in range(MOST_CHANGES):
        if not source.remaining_bytes():
            break
        start = source.ConsumeIntInRange(0, len(content) - 1)
        instead = source.ConsumeBytes(source.ConsumeIntInRange(1, 16))
        damaged[start : start + len(instead)] = instead
    return bytes(damaged)


TARGETS = {"archive": archives, "database": databases}
LONGEST = {"archive": 8000, "database": 200}
"""How many bytes an input has at most."""


def main() -> int:
    """Fuzz one of the targets until the time is over, or something fails; the exit status."""
    folder = Path(mkdtemp(prefix="paper_repo-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        child = os.fork()  # libFuzzer ends its process as soon as it is done
        if not child:
            fuzz(folder, *sys.argv[1:])
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        shutil.rmtree(folder)


def fuzz(folder: Path, name: str, *options: str) -> None:
    """Fuzz with files in this folder, and end the process."""
    (folder / "corpus").mkdir()
    run = TARGETS[name](folder)
    corpus = [] if any(not each.startswith("-") for each in options) else [str(folder / "corpus")]
    atheris.Setup([sys.argv[0], f"-max_len={LONGEST[name]}", "-len_control=0", *options, *corpus], run)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
