"""The command that makes a report: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paper_repo.cli.database import existing, find_id, place_of
from paper_repo.cli.destinations import require_destination
from paper_repo.cli.options import DbOption, PassphraseFile, SessionIds
from paper_repo.cli.terminal import note


def report(
    session_ids: SessionIds,
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write.")],
    db: DbOption = None,
    passphrase_file: PassphraseFile = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace the output file if it exists.")
    ] = False,
) -> None:
    """Write a report on one session, or on several side by side, as one HTML file to open in a browser or to send."""
    from paper_repo.report import write_report  # no other command needs it

    require_destination(to, place_of(db), option="--overwrite", given=overwrite)
    with existing(db, passphrase_file) as repository:
        ids = [find_id(repository, each) for each in session_ids]
        write_report(repository, ids, to, overwrite=overwrite)
    note(f"wrote {to}")
