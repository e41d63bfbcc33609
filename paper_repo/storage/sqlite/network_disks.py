"""Whether a file lies on a network file system, where SQLite's write-ahead log does not work."""

from __future__ import annotations

import ntpath
import os
import sys
from pathlib import Path

from paper_repo.errors import StorageError

NETWORK_FILE_SYSTEMS = frozenset(
    [
        *(
            "9p",
            "acfs",
            "afpfs",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "davfs",
            "gfs",
            "gfs2",
            "glusterfs",
            "lustre",
        ),
        *("lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "smb2", "smb3", "smbfs", "vboxsf", "webdav"),
        *("fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    ]
)
"""Names of file systems that several machines share, as mount tables have them."""

_LONG = "\\\\?\\"

MOUNTS = Path("/proc/self/mountinfo")


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of the network file system that `path` lies on; None when it lies on another, or the platform tells not.

    Linux tells by its mount table, Windows by the kind of the drive; for others None is the answer.
    """
    if sys.platform == "win32":
        return _windows_share(path)
    try:
        with mounts.open("rb", buffering=0) as file:
            table = file.read()
    except OSError:
        return None
    found = _kind(os.path.realpath(path), table)
    return found if found in NETWORK_FILE_SYSTEMS else None


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise a `StorageError` where a write-ahead log would harm the file."""
    kind = network_file_system(path, mounts)
    if kind is not None:
        raise StorageError(
            f"{path}: lies on a network file system ({kind}), where SQLite's write-ahead log does not work; put the "
            "file on a local disk, or open it everywhere with journal='rollback', which is slower and lets one program "
            "write or several read at a time"
        )


def _kind(path: str, table: bytes) -> str | None:
    """The kind of the file system mounted nearest above `path`, in a table as proc_pid_mountinfo(5) describes it."""
    found: tuple[int, str | None] = (-1, None)
    for line in os.fsdecode(table).splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ", 1)[0]
        point = _plain(fields[4]) if len(fields) > 4 else ""
        if point and _is_above(point, path) and len(point) >= found[0]:  # of two at one place the later hides the other
            found = len(point), kind
    return found[1]


def _is_above(point: str, path: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _plain(name: str) -> str:
    for octal, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        name = name.replace(octal, character)
    return name


def _windows_share(path: Path) -> str | None:
    import ctypes

    drive = ntpath.splitdrive(os.path.realpath(path))[0]
    if drive.startswith(_LONG) and drive[len(_LONG) :][1:2] == ":":
        drive = drive[len(_LONG) :]  # the long way to write the name of a drive
    if drive.startswith("\\\\"):
        return "share"
    remote = 4  # DRIVE_REMOTE
    kind = ctypes.windll.kernel32.GetDriveTypeW(drive + "\\")  # type: ignore[attr-defined,unused-ignore]
    return "network drive" if kind == remote else None
