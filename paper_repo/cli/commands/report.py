"""The command that makes a report: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paper_repo.cli.database import existing, find_id
from paper_repo.cli.formatting import printable
from paper_repo.cli.options import DbOption, complete_id
from paper_repo.cli.terminal import complaints


def report(
    session_ids: Annotated[
        list[str],
        typer.Argument(metavar="ID...", help="Ids of sessions, or their beginnings.", autocompletion=complete_id),
    ],
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write.")],
    db: DbOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a report on one session, or on several side by side, as one HTML file to open in a browser or to send."""
    from paper_repo.report import write_report  # no other command needs it

    with existing(db) as repository:
        ids = [find_id(repository, each) for each in session_ids]
        write_report(repository, ids, to, overwrite=force)
    complaints().print(f"wrote {printable(str(to))}", markup=False, highlight=False)
