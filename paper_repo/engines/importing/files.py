"""Files of other programs, opened with care: they may be anything, and of any size."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from paper_repo.errors import SourceFileError

LARGEST_DOCUMENT = 512 << 20
"""Of a JSON or HTML document, which is read as a whole, in bytes."""


def open_source(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        SourceFileError: there is none, or it is no regular file.
    """
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise SourceFileError("it is a symbolic link; name the file that it points to", file=str(path))
        if not stat.S_ISREG(status.st_mode):
            raise SourceFileError("it is not a file; name a file", file=str(path))
        if not status.st_size:
            raise SourceFileError("it is empty", file=str(path))
        return path.open("rb")
    except (OSError, ValueError) as error:
        if isinstance(error, SourceFileError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceFileError(f"it cannot be read: {reason}", file=str(path)) from error


def read_document(path: Path) -> bytes:
    """All of a document.

    Raises:
        SourceFileError: it cannot be read, or is larger than a document can be.
    """
    with open_source(path) as file:
        if os.fstat(file.fileno()).st_size > LARGEST_DOCUMENT:
            raise SourceFileError(
                f"it is larger than {LARGEST_DOCUMENT >> 20} MB, which is more than can be read at once", file=str(path)
            )
        return file.read()


def read_json(path: Path) -> Any:
    """A JSON document, with exact decimals; out of a zip archive too, if it is the only one that fits there.

    Raises:
        SourceFileError: it is not JSON.
    """
    with open_source(path) as file:
        is_zip = file.read(4) == b"PK\x03\x04"
    data = _from_zip(path) if is_zip else read_document(path)
    try:
        return json.loads(
            data, parse_float=Decimal, parse_int=_whole, parse_constant=lambda name: None if name == "NaN" else name
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise SourceFileError(f"it is not a JSON document: {error}", file=str(path)) from error


def _whole(text: str) -> int:
    if len(text) > 400:
        raise ValueError("a number of more than 400 digits")
    return int(text)


def _from_zip(path: Path) -> bytes:
    """The one result in an archive; the others are its settings and prices."""
    try:
        with zipfile.ZipFile(path) as archive:
            fitting = [
                each
                for each in archive.infolist()
                if each.filename.endswith(".json") and not each.filename.endswith(("_config.json", ".meta.json"))
            ]
            if len(fitting) != 1:
                raise SourceFileError(
                    f"{len(fitting)} JSON documents in it may be the result; unpack it and name one", file=str(path)
                )
            with archive.open(fitting[0]) as member:
                data = member.read(LARGEST_DOCUMENT + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise SourceFileError(f"the archive cannot be read: {error}", file=str(path)) from error
    if len(data) > LARGEST_DOCUMENT:
        raise SourceFileError(f"what is in it is larger than {LARGEST_DOCUMENT >> 20} MB", file=str(path))
    return data
