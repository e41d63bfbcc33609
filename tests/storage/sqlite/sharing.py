"""A file system that a program serves, as sshfs does, mounted for tests: a folder answers what the kernel asks.

The protocol is that of /dev/fuse (https://www.kernel.org/doc/html/latest/filesystems/fuse.html, linux/fuse.h). Run as
a program it serves; `mounted` starts that program. While there is a file FAILING in the folder, every write is an EIO.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KIND = "fuse.sshfs"
FAILING = "failing"
ROOT = Path(__file__).parents[3]

_HEADER = struct.Struct("<IIQQIIII")
_LARGEST = 1 << 17
_SILENT = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET


@contextmanager
def mounted(folder: Path, point: Path) -> Iterator[bool]:
    """`folder`, mounted at `point` as a share of another machine; False where this machine does not allow that."""
    command = [sys.executable, "-m", "tests.storage.sqlite.sharing", str(folder), str(point)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline() == b"mounted\n"
        finally:
            subprocess.run(["umount", "-l", str(point)], check=False, capture_output=True)
            server.kill()


class Share:
    """Answers the kernel's questions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[int, Path] = {1: folder}
        self._numbers: dict[Path, int] = {folder: 1}
        self._answers: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._look_up, 3: self._attributes, 4: self._change, 10: self._remove, 12: self._rename, 14: self._open,
            15: self._read, 16: self._write, 17: self._room, 18: self._release, 20: self._sync, 25: self._nothing,
            26: self._begin, 27: self._open_folder, 28: self._list, 29: self._nothing, 35: self._create,
        }  # fmt: skip

    def serve(self, device: int) -> None:
        """Answer until the folder is not mounted any more."""
        while True:
            try:
                request = os.read(device, _LARGEST + 4096)
            except OSError as ended:
                if ended.errno == errno.ENOENT:  # a question that was taken back
                    continue
                return
            _, code, unique, node, *_ = _HEADER.unpack_from(request)
            if code in _SILENT:
                continue
            error, answer = 0, b""
            try:
                answer = self._answers[code](node, request[_HEADER.size :])
            except KeyError:
                error = errno.ENOSYS
            except OSError as failure:
                error = failure.errno or errno.EIO
            os.write(device, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)

    def _begin(self, node: int, data: bytes) -> bytes:
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, _LARGEST, 0, 8, 8, _LARGEST - 4096, 1, 0, 0, 0)

    def _nothing(self, node: int, data: bytes) -> bytes:
        return b""

    def _number(self, path: Path) -> int:
        number = self._numbers.setdefault(path, len(self._numbers) + 1)
        self._names[number] = path
        return number

    def _path(self, node: int, name: bytes) -> Path:
        return self._names[node] / os.fsdecode(name.split(b"\0")[0])

    def _entry(self, path: Path) -> bytes:
        known = _known(path)
        return struct.pack("<QQQQII", self._number(path), 0, 0, 0, 0, 0) + known

    def _look_up(self, node: int, data: bytes) -> bytes:
        return self._entry(self._path(node, data))

    def _attributes(self, node: int, data: bytes) -> bytes:
        return bytes(16) + _known(self._names[node])

    def _change(self, node: int, data: bytes) -> bytes:
        what, _, _, size = struct.unpack_from("<IIQQ", data)
        path = self._names[node]
        if what & 8:
            self._refuse_when_failing()
            os.truncate(path, size)
        if what & 1:
            path.chmod(struct.unpack_from("<I", data, 68)[0] & 0o7777)
        return self._attributes(node, data)

    def _remove(self, node: int, data: bytes) -> bytes:
        path = self._path(node, data)
        path.unlink()
        self._numbers.pop(path, None)
        return b""

    def _rename(self, node: int, data: bytes) -> bytes:
        (folder,) = struct.unpack_from("<Q", data)
        old, new, *_ = data[8:].split(b"\0")
        source, target = self._path(node, old), self._path(folder, new)
        source.rename(target)
        number = self._numbers.pop(source, None)
        self._numbers.pop(target, None)
        if number is not None:
            self._numbers[target], self._names[number] = number, target
        return b""

    def _open(self, node: int, data: bytes) -> bytes:
        flags = struct.unpack_from("<I", data)[0] & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        return struct.pack("<QII", os.open(self._names[node], flags), 0, 0)

    def _create(self, node: int, data: bytes) -> bytes:
        flags, mode = struct.unpack_from("<II", data)
        path = self._path(node, data[16:])
        handle = os.open(path, flags | os.O_CREAT, mode & 0o7777)
        return self._entry(path) + struct.pack("<QII", handle, 0, 0)

    def _read(self, node: int, data: bytes) -> bytes:
        handle, place, size = struct.unpack_from("<QQI", data)
        return os.pread(handle, size, place)

    def _write(self, node: int, data: bytes) -> bytes:
        handle, place, size = struct.unpack_from("<QQI", data)
        self._refuse_when_failing()
        return struct.pack("<II", os.pwrite(handle, data[40 : 40 + size], place), 0)

    def _refuse_when_failing(self) -> None:
        if (self._folder / FAILING).exists():
            raise OSError(errno.EIO, "")

    def _release(self, node: int, data: bytes) -> bytes:
        os.close(struct.unpack_from("<Q", data)[0])
        return b""

    def _sync(self, node: int, data: bytes) -> bytes:
        os.fsync(struct.unpack_from("<Q", data)[0])
        return b""

    def _room(self, node: int, data: bytes) -> bytes:
        return struct.pack("<QQQQQIII28x", 1 << 20, 1 << 20, 1 << 20, 1000, 1000, 4096, 255, 4096)

    def _open_folder(self, node: int, data: bytes) -> bytes:
        return bytes(16)

    def _list(self, node: int, data: bytes) -> bytes:
        _, start, size = struct.unpack_from("<QQI", data)
        found = b""
        names = sorted(os.fsencode(each.name) for each in self._names[node].iterdir())
        for number, name in enumerate(names[start:], start + 1):
            entry = struct.pack("<QQII", 1 << 32 | number, number, len(name), 0) + name
            entry += bytes(-len(entry) % 8)
            if len(found) + len(entry) > size:
                break
            found += entry
        return found


def _known(path: Path) -> bytes:
    """What the kernel wants to know of a file."""
    of = path.lstat()
    times = [divmod(each, 10**9) for each in (of.st_atime_ns, of.st_mtime_ns, of.st_ctime_ns)]
    numbers = (of.st_ino, of.st_size, of.st_blocks, *(seconds for seconds, _ in times), *(rest for _, rest in times))
    return struct.pack("<6Q10I", *numbers, of.st_mode, of.st_nlink, of.st_uid, of.st_gid, 0, 4096, 0)


def main(folder: str, point: str) -> None:
    """Mount, say so, and serve."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,default_permissions"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"server:/share", os.fsencode(point), KIND.encode(), 0, options.encode()):
        raise OSError(ctypes.get_errno(), "mount")
    os.write(sys.stdout.fileno(), b"mounted\n")
    Share(Path(folder)).serve(device)


if __name__ == "__main__":
    main(*sys.argv[1:])
