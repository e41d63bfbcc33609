"""What is to be damaged, and everything that can be done with it then."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from paper_repo import PaperRepoError, SessionRepository
from paper_repo.maintenance.archive import export_archive
from tests.builders import full_session, moment, new_fill, new_session
from tests.facade.watching import connect


def archive_with_everything(repository: SessionRepository) -> list[bytes]:
    """The lines of an archive with all kinds of them, made with an empty repository."""
    traded = new_session(id="traded")
    for number in range(3):
        traded.apply_fill(new_fill(number))
        traded.mark({"AAPL": number}, at=moment(number))
    repository.save_many([full_session(id="full"), traded, new_session(id="plain")])
    return exported(repository).splitlines(keepends=True)


def exported(repository: SessionRepository) -> bytes:
    """Everything that is stored."""
    file = io.BytesIO()
    export_archive(repository, file)
    return file.getvalue()


def file_with_log(folder: Path) -> Path:
    """A file in this new folder whose last saves are in SQLite's log, as a program leaves it that was killed."""
    folder.mkdir()
    with SessionRepository(folder / "open.db") as repository:
        repository.save(full_session(id="full"))
        traded = new_session(id="traded", state={"text": "x" * 9000})
        for number in range(30):
            traded.apply_fill(new_fill(number))
            traded.mark({"AAPL": number}, at=moment(number))
        repository.save(traded)
        with closing(connect(folder / "open.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(FULL)")
        repository.save(new_session(id="late"))
        for ending in ("", "-wal"):
            shutil.copy(folder / f"open.db{ending}", folder / f"sessions.db{ending}")
    return folder / "sessions.db"


def use(path: Path) -> None:
    """Read and write everything; each step by itself fails with an error of ours, or works."""
    with SessionRepository(path, busy_timeout=0.2) as repository:
        steps: list[Callable[[], object]] = [
            *(lambda each=each: repository.get_by_id(each) for each in ("full", "traded", "late")),
            repository.get_all,
            lambda: list(repository.iterate(order_by="equity", descending=True)),
            lambda: repository.get_all(symbol="AAPL", strategy="sma", status="RUNNING", order_by="name"),
            repository.get_summaries,
            lambda: repository.get_summaries(order_by="net_pnl"),
            lambda: repository.get_fills("traded"),
            lambda: repository.get_fills("traded", after=7, limit=3),
            lambda: list(repository.fill_history("traded")),
            lambda: repository.get_equity_curve("traded", max_points=10),
            lambda: repository.find_ids("f"),
            repository.count,
            repository.describe,
            lambda: list(repository.watch(after=0, timeout=0)),
            lambda: repository.save(new_session()),
            lambda: add_to(repository, "traded"),
            lambda: repository.delete("full"),
            lambda: repository.delete_many(strategy="sma"),
            lambda: repository.save(new_session()),
        ]
        for step in steps:
            only_ours(step)


def add_to(repository: SessionRepository, session_id: str) -> None:
    """Save another fill."""
    session = repository.get_by_id(session_id)
    if session is not None:
        session.record_fill(new_fill(99))
        repository.save(session)


def only_ours(step: Callable[[], object]) -> None:
    """Do something that may fail, but with no error but ours."""
    try:
        step()
    except PaperRepoError as error:
        assert str(error)  # noqa: PT017
