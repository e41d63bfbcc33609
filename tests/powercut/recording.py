"""What a program does to its files, recorded with strace in the order in which it does it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.processes.running import unmeasured

STRACE = shutil.which("strace")
CALLS = (
    "open,openat,creat,close,write,pwrite64,pwritev,pwritev2,writev,truncate,ftruncate,fallocate,fsync,fdatasync,"
    "sync_file_range,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,copy_file_range,sendfile"
)
"""Every call that changes a file; those that are not known below end the recording with an error."""

_LINE = re.compile(r"^(?P<task>\d+) +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)")
_UNFINISHED = " <unfinished ...>\n"
_RESUMED = re.compile(r"^\d+ +<\.\.\. \w+ resumed>")
_FILE = re.compile(r"^\d+<(?P<path>(?:\\x..)*)>")
_TEXT = re.compile(r'"((?:\\x..)*)"')


@dataclass(frozen=True)
class Created:
    """A new file got this name."""

    name: str


@dataclass(frozen=True)
class Removed:
    """A name was taken away."""

    name: str


@dataclass(frozen=True)
class Linked:
    """A file got another name beside the one that it has."""

    name: str
    new: str


@dataclass(frozen=True)
class Renamed:
    """A file got another name, in one step, and whatever had that name has none any more."""

    name: str
    new: str


@dataclass(frozen=True)
class Written:
    """Bytes were written into a file."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Resized:
    """A file was cut off, or made longer."""

    name: str
    size: int


@dataclass(frozen=True)
class Synced:
    """All that was done to a file until now is on the disk; the name of the folder itself is "."."""

    name: str


@dataclass(frozen=True)
class Said:
    """The program has told the world something."""

    text: str


Event = Created | Removed | Linked | Renamed | Written | Resized | Synced | Said


def why_not() -> str | None:
    """Why nothing can be recorded here; None when it can."""
    if STRACE is None:
        return "strace is not installed (apt-get install strace)"
    tried = subprocess.run([STRACE, "-o", os.devnull, "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "strace may not trace processes here (ptrace is not allowed)"


def record(program: Path, path: Path, *arguments: str) -> list[Event]:
    """What `program`, run with `path` and the other arguments, does in the folder of `path`, and what it says."""
    trace = path.with_suffix(".strace")
    environment = {**unmeasured(), "PYTHONPATH": os.pathsep.join(sys.path)}
    traced = [str(STRACE), "-f", "-y", "-xx", "-s", "10000000", "-e", f"trace={CALLS}", "-o", str(trace)]
    command = [*traced, sys.executable, str(program), str(path), *arguments]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    with trace.open(encoding="ascii") as lines:
        events = list(_events(lines, path.parent.resolve()))
    trace.unlink()  # which is much larger than the database
    return events


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """The calls, each in the line of its end: one during which another thread did something is written in two parts."""
    begun: dict[str, str] = {}
    for line in lines:
        task = line.split(" ", 1)[0]
        if line.endswith(_UNFINISHED):
            begun[task] = line.removesuffix(_UNFINISHED)
        elif resumed := _RESUMED.match(line):
            yield begun.pop(task) + line[resumed.end() :]
        else:
            yield line


def _events(lines: Iterable[str], folder: Path) -> Iterator[Event]:
    known: set[str] = set()
    places: dict[str, int] = {}
    for line in _whole(lines):
        found = _LINE.match(line)
        if found and found["result"] not in ("-1", "?"):
            if found["call"] in ("open", "openat", "creat"):
                places[found["result"]] = 0
            elif found["call"] == "write" and (event := _written(found, folder, places)):
                yield event
                continue
            yield from _event(found["call"], found["arguments"], folder, known)
        else:
            assert bytes(folder).hex("\0").replace("\0", r"\x") not in line or found, f"not understood: {line[:200]}"


def _written(found: re.Match[str], folder: Path, places: dict[str, int]) -> Event | None:
    """What was written one piece after the other into a file of this folder, as Python does it."""
    descriptor = _FILE.match(found["arguments"])
    path = Path(os.fsdecode(_bytes(descriptor["path"]))) if descriptor else folder
    if path.parent != folder or path.name.endswith(".strace"):
        return None
    number = found["arguments"].split("<", 1)[0]
    start = places[number]
    places[number] += int(found["result"])
    return Written(path.name, start, _bytes(_last_text(found["arguments"]))[: int(found["result"])])


def _event(call: str, arguments: str, folder: Path, known: set[str]) -> Iterator[Event]:
    descriptor = _FILE.match(arguments)
    if call == "write" and arguments.startswith("1<"):
        yield Said(_bytes(_last_text(arguments)).decode())
        return
    path = Path(os.fsdecode(_bytes(descriptor["path"] if descriptor else _last_text(arguments))))
    if folder not in (path, path.parent) or path.name.endswith((".strace", "-shm")):
        return  # -shm is memory that processes share, and made anew when nobody has it open
    name = "." if path == folder else path.name
    numbers = [int(each) for each in arguments.rsplit('"', 1)[-1].split(", ") if each.isdigit()]
    if call in ("open", "openat", "creat"):
        if ("O_CREAT" in arguments or call == "creat") and name not in known:
            known.add(name)
            yield Created(name)
        assert "O_TRUNC" not in arguments or "O_EXCL" in arguments
    elif call == "pwrite64":
        yield Written(name, numbers[-1], _bytes(_last_text(arguments)))
    elif call == "ftruncate":
        yield Resized(name, numbers[-1])
    elif call in ("fsync", "fdatasync"):
        yield Synced(name)
    elif call in ("unlink", "unlinkat"):
        known.discard(name)
        yield Removed(name)
    elif call in ("rename", "renameat", "renameat2", "link", "linkat"):
        old, new = (Path(os.fsdecode(_bytes(each))).name for each in _TEXT.findall(arguments))
        known.add(new)
        if call.startswith("rename"):
            known.discard(old)
            yield Renamed(old, new)
        else:
            yield Linked(old, new)
    elif call == "write":
        return  # to something that is no file of this folder
    else:
        assert call == "close", f"{call} is not known"


def _last_text(arguments: str) -> str:
    return _TEXT.findall(arguments)[-1]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(r"\x", ""))
