"""The commands that keep a database safe: backup, restore, check, compact, salvage, copy, encrypt, decrypt."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from paper_repo.cli import formatting
from paper_repo.cli.database import existing, journal, opened, place_of
from paper_repo.cli.destinations import require_destination, require_other_file, require_replaceable
from paper_repo.cli.escaping import one_line, printable
from paper_repo.cli.exit_codes import CONFLICT, FAILED, NOT_FOUND, USAGE, CommandError
from paper_repo.cli.options import DbOption, JsonOption, PassphraseFile, YesOption
from paper_repo.cli.passphrases import PASSPHRASE, passphrase_of, required_passphrase
from paper_repo.cli.terminal import confirm, note, output, print_json, progress_to, say
from paper_repo.maintenance.copy import copy_sessions
from paper_repo.maintenance.files import compact, decrypt, encrypt, restore_backup
from paper_repo.maintenance.salvage.salvage import salvage
from paper_repo.storage.address import Address

NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="The new file; an existing one is never overwritten.")]
NewPassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="A file whose first line is the passphrase of the new file. "
        f"Otherwise it is taken from {PASSPHRASE}, from a pipe, or you are asked twice.",
    ),
]


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The new file.")],
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace an existing file, once the backup is complete.")
    ] = False,
) -> None:
    """Write a verified copy of the database to a new file, while programs go on using it."""
    require_destination(target, place_of(db), option="--overwrite", given=overwrite)
    with existing(db, passphrase_file) as repository, progress_to("backing up") as step:
        repository.backup(target, overwrite=overwrite, progress=step)
    note(f"wrote {target}")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="The backup; it is checked first.")],
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    yes: YesOption = False,
) -> None:
    """Replace the database by a backup; the current database is kept as a file beside it."""
    path = _file(db)
    if not source.exists():
        raise CommandError(f"there is no backup at {source}", NOT_FOUND)
    require_replaceable(path, source)
    if path.exists():
        confirm(f"Replace {path}? (It is kept under another name.)", yes, "nothing was restored")
    passphrase = passphrase_of(source, passphrase_file)
    with progress_to("restoring") as step:
        kept = restore_backup(source, path, passphrase=passphrase, journal=journal(), progress=step)
    note(f"restored {path}" + (f"; the previous database is kept as {kept}" if kept else ""))


def check(db: DbOption = None, passphrase_file: PassphraseFile = None, as_json: JsonOption = False) -> None:
    """Check everything that is stored, and report what is wrong."""
    with existing(db, passphrase_file) as repository:
        report = repository.check()
    if as_json:
        print_json({"ok": report.ok, **asdict(report)})
    else:
        for kind, findings in (("problem", report.problems), ("remark", report.remarks)):
            for each in findings:
                output().print(f"{kind}: {one_line(str(each))}")
        output().print(f"{_amount(report)}: {'sound' if report.ok else 'damaged'}")
    if not report.ok:
        raise typer.Exit(FAILED)


def compact_(db: DbOption = None, passphrase_file: PassphraseFile = None) -> None:
    """Shrink the file by the space that deleted sessions have left in it."""
    path = _existing_file(db)
    before, after = compact(path, passphrase=passphrase_of(path, passphrase_file), journal=journal())
    say(f"{before:,} bytes before, {after:,} now")


def salvage_(target: NewFile, db: DbOption = None, passphrase_file: PassphraseFile = None) -> None:
    """Save what can still be read of a damaged database to a new file, and report what is lost."""
    path = _existing_file(db)
    require_destination(target, path)
    passphrase = passphrase_of(path, passphrase_file)
    with progress_to("salvaging") as step:
        saved = salvage(path, target, passphrase=passphrase, progress=step)
    for kind, sentences in (("lost", saved.lost), ("doubtful", saved.doubtful)):
        for each in sentences:
            say(f"{kind}: {one_line(each)}")
    found = f"; {saved.from_pages:,} of them recovered page by page" if saved.from_pages else ""
    say(f"{_amount(saved)} saved to {target}{found}")
    if saved.lost:
        raise typer.Exit(FAILED)


def copy_(
    target: Annotated[
        str, typer.Argument(metavar="DATABASE", help="The other database: a file or a URL; a new file is created.")
    ],
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    target_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--target-passphrase-file",
            metavar="FILE",
            help="A file whose first line is the passphrase of the other database, if it is encrypted.",
        ),
    ] = None,
) -> None:
    """Copy all sessions with their history to another database, and compare the copies."""
    place = place_of(target)
    if isinstance(place, Path) and isinstance(place_of(db), Path):
        require_other_file(place, Path(place_of(db)))
    with (
        existing(db, passphrase_file) as source,
        opened(place, target_passphrase_file) as other,
        progress_to("copying") as step,
    ):
        report = copy_sessions(source, other, progress=step)
    for session_id in report.differing:
        say(f"differs: {printable(session_id)} exists there already and is different")
    for reason in report.unreadable.values():
        say(f"unreadable: {one_line(reason)}")
    for reason in report.refused.values():
        say(f"refused: {one_line(reason)}")
    copied, present = formatting.count(len(report.copied), "session"), len(report.present)
    say(f"{copied} copied, {present:,} already there")
    if not report.complete:
        raise typer.Exit(CONFLICT)


def encrypt_(target: NewFile, db: DbOption = None, passphrase_file: NewPassphraseFile = None) -> None:
    """Write an encrypted copy of the database; the plain one stays until you delete it."""
    path = _existing_file(db)
    require_destination(target, path)
    count = encrypt(path, target, required_passphrase(passphrase_file, twice=True))
    note(f"wrote {target}, encrypted, with {formatting.count(count, 'session')}; {path} is still plain")


def decrypt_(target: NewFile, db: DbOption = None, passphrase_file: PassphraseFile = None) -> None:
    """Write a plain copy of an encrypted database."""
    path = _existing_file(db)
    require_destination(target, path)
    count = decrypt(path, target, required_passphrase(passphrase_file, twice=False))
    note(f"wrote {target}, plain, with {formatting.count(count, 'session')}")


def _file(db: Address | None) -> Path:
    place = place_of(db)
    if not isinstance(place, Path):
        raise CommandError(
            "this works on a file only; a server has its own tools, and `paper-repo copy` copies to a file", USAGE
        )
    return place


def _existing_file(db: Address | None) -> Path:
    path = _file(db)
    if not path.exists():
        raise CommandError(f"there is no database at {path}", NOT_FOUND)
    return path


def _amount(report: object) -> str:
    counts = (("sessions", "session"), ("fills", "fill"), ("equity_points", "equity point"))
    return ", ".join(formatting.count(getattr(report, name), word) for name, word in counts)
