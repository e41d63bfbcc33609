"""A database for the commands to work on, and two ways to run them: in this process, and as a user does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from paper_repo import Fill, Order, SessionRepository
from paper_repo.cli.app import app
from paper_repo.cli.database import VARIABLE
from paper_repo.demo.market import trading_days
from paper_repo.demo.strategy import new_session as new_demo_session
from paper_repo.demo.strategy import trade_day
from paper_repo.testing.accounts import rich_session
from tests.builders import moment, new_session

Run = Callable[..., Result]
Command = Callable[..., "subprocess.CompletedProcess[str]"]

DEMO = "10e31289-18e8-4452-bc68-6258e0ace73b"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sessions: the demo's year, two RUNNING, one FAILED, one CREATED, with ids that begin alike."""
    path = tmp_path_factory.mktemp("cli") / "filled.db"
    traded = new_demo_session()
    traded.id = DEMO
    traded.created_at = datetime(2026, 1, 2, tzinfo=UTC)
    traded.start()
    for day in trading_days():
        trade_day(traded, day)
    traded.stop()
    running = [new_session(id=f"run-{each}", name=f"Runner {each}", created_at=moment(each)) for each in (1, 2)]
    for session in running:
        session.start(at=moment(5))
    failed = new_session(id="odd", name="[red]\x1b[2Jodd\n", base_currency="EUR", created_at=moment(7), symbols=())
    failed.start()
    failed.fail("margin \x1b[1mcall")
    created = new_session(id="new one", name="", created_at=moment(8))
    with SessionRepository(path) as repository:
        repository.save_many([traded, *running, failed, created])
    return path


@pytest.fixture
def database(filled: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    path = tmp_path / "sessions.db"
    shutil.copy(filled, path)
    return path


@pytest.fixture
def account(database: Path) -> str:
    """The id of a session more, of an account that has everything: currencies, futures, payments, orders of all kinds.

    Its long trade in SAP goes through a split; one fill was corrected.
    """
    session = rich_session()
    session.start(at=moment(0))
    made: dict[str, Any] = {"created_at": moment(1)}
    session.place_order(Order("o-1", "ES", "BUY", "LIMIT", 2, limit_price=4990, **made))
    session.place_order(
        Order(
            *("o-2", "ES", "SELL", "TRAILING_STOP", 1),
            **made,
            trail_percent=2,
            reduce_only=True,
            oco_group="g",
            time_in_force="GTD",
            expires_at=moment(4000),
        )
    )
    session.place_order(Order("o-3", "ES", "SELL", "LIMIT", 1, limit_price=5100, parent_id="o-1", status="PENDING"))
    session.place_order(Order("o-4", "SAPX", "SELL", "MARKET", 1, **made))
    session.cancel_order("o-4", at=moment(8))
    session.apply_fill(Fill("f-5", "SAPX", "SELL", 6, "83.5", "0.25", moment(9)))
    session.place_order(Order("o-5", "OLD", "SELL", "LIMIT", 5, limit_price=12, **made))
    session.apply_fill(Fill("f-6", "OLD", "SELL", 5, "12", 0, moment(10), order_id="o-5"))
    with SessionRepository(database) as repository:
        repository.save(session)
        repository.correct_fill(
            session.id, "f-4", Fill("f-4b", "ES", "SELL", 1, 5002, 0, moment(3), position_id="hedge")
        )
    return session.id


@pytest.fixture
def run(database: Path) -> Run:
    """Runs a command on the database in this process; the output is plain and as wide as asked for."""

    def run(*arguments: str, width: int | None = None, **options: Any) -> Result:
        environment = {VARIABLE: str(database), "COLUMNS": None if width is None else str(width)}
        result = CliRunner().invoke(app, list(arguments), env=environment | options.pop("env", {}), **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def command(database: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the database as a process of its own."""
    monkeypatch.setenv(VARIABLE, str(database))

    def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "paper_repo", *arguments],
            **{"capture_output": True, "encoding": "utf-8", "check": False, "stdin": subprocess.DEVNULL} | options,
        )

    return command


def document(result: Result) -> Any:
    """The one JSON document that a command printed."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
