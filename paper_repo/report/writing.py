"""`write_report`: from the repository to the finished file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from paper_repo.core.repository import SessionRepository
from paper_repo.facade.repository import AsyncSessionRepository
from paper_repo.report.page import page
from paper_repo.report.reading import read_results
from paper_repo.storage.new_files import file_errors, new_file_beside, publish

Repository: TypeAlias = SessionRepository | AsyncSessionRepository
"""Either repository on a database. Reading blocks: in async code, call `write_report` in a thread."""


def write_report(
    repository: Repository, ids: str | Iterable[str], path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write a report on one session, or on several of them together, to the HTML file `path`.

    It shows headline figures, equity and drawdown, monthly returns, the deepest drawdowns, closed trades, positions,
    orders and cash flows; several sessions are laid over each other by their growth. The file is complete in itself: it
    loads nothing, and it runs no script but its own, whatever the names in it hold. Times are in UTC.

    Args:
        repository: where the sessions are; all of them are read at one moment.
        ids: of one session, or of several in the order in which they are to be shown.
        path: the file appears under its name when it is whole; it can be read by its owner alone.
        overwrite: replace a file that is there.

    Raises:
        SessionNotFoundError: there is no session of one of these ids; nothing is written.
        StorageError: the file is there already, or its folder is not.
        ValueError: no id is given.
    """
    chosen = list(dict.fromkeys([ids] if isinstance(ids, str) else ids))
    if not chosen:
        raise ValueError("a report needs at least one session; give the id of one, or a list of ids")
    core = repository.core if isinstance(repository, AsyncSessionRepository) else repository
    target = Path(path).absolute()
    with new_file_beside(target, overwrite) as partial:
        html = page(read_results(core, chosen), datetime.now(UTC))
        with file_errors(target):
            partial.write_text(html, encoding="utf-8", newline="\n")
        publish(partial, target, overwrite)
