"""The commands that keep a database safe: backup, restore, check, compact, salvage, copy, encrypt, decrypt."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from paper_repo.cli import formatting
from paper_repo.cli.database import PASSPHRASE, existing, journal, place_of
from paper_repo.cli.exit_codes import CONFLICT, FAILED, NOT_FOUND, USAGE, CommandError
from paper_repo.cli.options import DbOption, JsonOption, YesOption
from paper_repo.cli.terminal import complaints, confirm, output, print_json, progress_bar
from paper_repo.core.repository import SessionRepository
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.maintenance.files import compact, decrypt, encrypt, restore_backup
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage.address import Address

NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="A new file; what is there is never overwritten.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help=f"Its first line; else {PASSPHRASE}, else you are asked."),
]


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")],
    db: DbOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file, once the new one is whole.")] = False,
) -> None:
    """Write a verified copy of the database, while others go on using it."""
    with existing(db) as repository, progress_bar("backing up") as step:
        repository.backup(target, overwrite=overwrite, progress=step)
    complaints().print(Text(f"wrote {target}"))


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup; it is checked first.")],
    db: DbOption = None,
    yes: YesOption = False,
) -> None:
    """Make the database what a backup is; what was there before is kept beside it."""
    path = _file(db)
    if not source.exists():
        raise CommandError(f"there is no backup at {source}", NOT_FOUND)
    if path.exists():
        confirm(f"Replace {path}, and keep it under another name?", yes, "nothing was restored")
    with progress_bar("restoring") as step:
        kept = restore_backup(source, path, passphrase=os.environ.get(PASSPHRASE), journal=journal(), progress=step)
    complaints().print(Text(f"restored {path}" + (f"; what was there before is {kept}" if kept else "")))


def check(db: DbOption = None, as_json: JsonOption = False) -> None:
    """Look at everything that is stored, and say what is wrong with it."""
    with existing(db) as repository:
        report = repository.check()
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        for kind, findings in (("problem", report.problems), ("remark", report.remarks)):
            for each in findings:
                output().print(Text(f"{kind}: {formatting.printable(str(each))}"))
        output().print(Text(f"{_amount(report)}: {'sound' if report.ok else 'damaged'}"))
    if not report.ok:
        raise typer.Exit(FAILED)


def compact_(db: DbOption = None) -> None:
    """Give back the room that deleted sessions have left in the file."""
    path = _existing_file(db)
    before, after = compact(path, passphrase=os.environ.get(PASSPHRASE), journal=journal())
    output().print(f"{before:,} bytes before, {after:,} now")


def salvage_(target: NewFile, db: DbOption = None) -> None:
    """Write all that can be read of a damaged database into a new file, and say what is lost."""
    path = _existing_file(db)
    with progress_bar("salvaging") as step:
        saved = salvage(path, target, passphrase=os.environ.get(PASSPHRASE), progress=step)
    for kind, sentences in (("lost", saved.lost), ("doubtful", saved.doubtful)):
        for each in sentences:
            output().print(Text(f"{kind}: {formatting.printable(each)}"))
    found = f"; {saved.from_pages:,} of them found page by page" if saved.from_pages else ""
    output().print(Text(f"{_amount(saved)} saved to {target}{found}"))
    if saved.lost:
        raise typer.Exit(FAILED)


def copy_(
    target: Annotated[str, typer.Argument(metavar="DATABASE", help="Another file or URL; a new file is made.")],
    db: DbOption = None,
) -> None:
    """Copy every session with its history to another database, and compare them there."""
    with existing(db) as source, SessionRepository(place_of(target)) as other, progress_bar("copying") as step:
        report = copy_sessions(source, other, progress=step)
    for session_id in report.differing:
        output().print(
            Text(f"differs: {formatting.printable(session_id)} is stored there already, and is not the same")
        )
    for reason in report.unreadable.values():
        output().print(Text(f"unreadable: {formatting.printable(reason)}"))
    for reason in report.refused.values():
        output().print(Text(f"refused: {formatting.printable(reason)}"))
    copied, present = formatting.count(len(report.copied), "session"), len(report.present)
    output().print(Text(f"{copied} copied, {present:,} there already"))
    if not report.complete:
        raise typer.Exit(CONFLICT)


def encrypt_(target: NewFile, db: DbOption = None, passphrase_file: PassphraseFile = None) -> None:
    """Write an encrypted copy of the database; the plain one stays, for you to delete."""
    path = _existing_file(db)
    count = encrypt(path, target, _passphrase(passphrase_file, twice=True))
    complaints().print(
        Text(f"wrote {target}, encrypted, with {formatting.count(count, 'session')}; {path} is still plain")
    )


def decrypt_(target: NewFile, db: DbOption = None, passphrase_file: PassphraseFile = None) -> None:
    """Write a plain copy of an encrypted database."""
    path = _existing_file(db)
    count = decrypt(path, target, _passphrase(passphrase_file, twice=False))
    complaints().print(Text(f"wrote {target}, plain, with {formatting.count(count, 'session')}"))


def _passphrase(file: Path | None, *, twice: bool) -> str:
    """From a file, the environment, or whoever sits there; never from an argument, which others can see."""
    if file is not None:
        passphrase = _first_line(file.read_text(encoding="utf-8"))
    else:
        passphrase = os.environ.get(PASSPHRASE) or _asked(twice)
    if not passphrase:
        raise CommandError(f"there is no passphrase; use --passphrase-file, {PASSPHRASE} or a terminal", USAGE)
    return passphrase


def _asked(twice: bool) -> str:
    if not sys.stdin.isatty():  # another program's output, or nothing
        return _first_line(sys.stdin.readline())
    passphrase: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    return passphrase


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _file(db: Address | None) -> Path:
    place = place_of(db)
    if not isinstance(place, Path):
        raise CommandError("this is for files; a server has its own means, and `paper-repo copy` copies", USAGE)
    return place


def _existing_file(db: Address | None) -> Path:
    path = _file(db)
    if not path.exists():
        raise CommandError(f"there is no database at {path}", NOT_FOUND)
    return path


def _amount(report: object) -> str:
    counts = (("sessions", "session"), ("fills", "fill"), ("equity_points", "equity point"))
    return ", ".join(formatting.count(getattr(report, name), word) for name, word in counts)
