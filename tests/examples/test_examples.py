"""The examples, run as their users run them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from paper_repo import Fill, PaperTradingSession, SessionRepository, Strategy
from tests.processes.running import unmeasured

EXAMPLES = Path(__file__).parents[2] / "examples"
LONGEST = 80
"""Lines of an example that can be read at a glance; the desktop ones are programs of their own."""


KILLED = """
import itertools, os, signal, sys
import script

def dying(prices=script.prices):
    yield from itertools.islice(prices(), int(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGKILL)

script.prices = dying
script.main(sys.argv[1])
"""
"""The script, killed when it asks for another bar than the first few."""


def command(name: str, *arguments: object) -> list[str]:
    """The command line that runs an example."""
    return [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]


def output(name: str, *arguments: object) -> str:
    """What an example prints that runs to its end."""
    return subprocess.run(command(name, *arguments), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["script.py", "bot.py", "web.py", "test_strategy.py"])
def test_examples_are_short(name: str) -> None:
    """An example is read at a glance."""
    assert len((EXAMPLES / name).read_text().splitlines()) < LONGEST


@pytest.mark.parametrize("bars", [0, 1, 37, 249])
def test_a_script_that_is_killed_continues(bars: int, tmp_path: Path) -> None:
    """Killed with SIGKILL after some bars and started again, it ends as an uninterrupted run does."""
    path = tmp_path / "killed.db"

    killed = subprocess.run([sys.executable, "-c", KILLED, path, str(bars)], cwd=EXAMPLES, check=False)
    again, whole = output("script.py", path), output("script.py", tmp_path / "whole.db")

    assert killed.returncode == -signal.SIGKILL
    assert again == whole
    assert "fills, equity" in whole
    with SessionRepository(path) as repository:
        (session,) = repository.get_all()
        assert len(repository.get_equity_curve(session.id)) == 250


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_bot_resumes_its_sessions(backend: str, tmp_path: Path) -> None:
    """Fifty sessions are traded, and a second run finds them as they were."""
    path = tmp_path / "sessions.db"

    first, second = output("bot.py", path, backend), output("bot.py", path, backend)

    assert first == second
    assert first.startswith("50 sessions, the best has gained ")
    with SessionRepository(path) as repository:
        assert {session.state["tick"] for session in repository.iterate()} == {10}


def test_a_web_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists sessions, shows one with its curve, and streams what changes."""
    pytest.importorskip("fastapi", reason="fastapi is not installed: pip install fastapi httpx")
    pytest.importorskip("httpx", reason="httpx is not installed: pip install fastapi httpx")
    from fastapi.testclient import TestClient

    session = PaperTradingSession(id="abc-123", strategy=Strategy("hold"), initial_cash=1000)
    session.apply_fill(Fill("1", "IBM", "BUY", quantity=2, price="200.10"))
    session.mark({"IBM": 210})
    path = tmp_path / "sessions.db"
    with SessionRepository(path) as repository:
        repository.save(session)
    monkeypatch.setenv("SESSIONS", str(path))
    monkeypatch.syspath_prepend(str(EXAMPLES))

    from web import app

    with TestClient(app) as client:
        assert client.get("/sessions").json() == [
            {"id": "abc-123", "name": "", "status": "CREATED", "equity": "1019.80"}
        ]
        assert client.get("/sessions", params={"status": "RUNNING"}).json() == []
        assert client.get("/sessions/abc-123").json()["positions"] == {"IBM": "2"}
        assert [equity for _, equity in client.get("/sessions/abc-123/equity").json()] == ["1019.80"]
        for path_of_nobody in ("/sessions/nobody", "/sessions/nobody/equity"):
            answer = client.get(path_of_nobody)
            assert (answer.status_code, answer.json()) == (404, {"detail": "there is no session 'nobody'"})
        for wrong, value in (
            ("/sessions?page", "-1"),
            ("/sessions/abc-123/equity?width", "0"),
            ("/changes?after", "99"),
        ):
            refused = client.get(f"{wrong}={value}")
            assert (refused.status_code, list(refused.json())) == (400, ["detail"])
        changes = client.get("/changes", params={"after": 0, "timeout": 0}).text
        assert changes == 'id: 1\ndata: {"session": "abc-123", "version": 1, "deleted": false}\n\n'
        again = client.get("/changes", params={"after": 0, "timeout": 0}, headers={"Last-Event-ID": "1"})
        assert again.text == ""


def test_a_web_service_ends_while_a_stream_is_open(tmp_path: Path) -> None:
    """As the example says that it is started, and told to end by Ctrl-C."""
    for name in ("fastapi", "uvicorn"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install fastapi uvicorn")
    command = re.search(r"uvicorn (--app-dir .*) web:app\n", (EXAMPLES / "web.py").read_text())
    assert command is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with SessionRepository(tmp_path / "s.db") as repository:
        repository.save(PaperTradingSession(id="abc-123", strategy=Strategy("hold"), initial_cash=1000))
    program = [sys.executable, "-m", "uvicorn", *command[1].split(), "--port", str(port), "web:app"]
    environment = {**unmeasured(), "SESSIONS": str(tmp_path / "s.db"), "PYTHONPATH": os.pathsep.join(sys.path)}

    with subprocess.Popen(program, cwd=EXAMPLES.parent, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stderr is not None
            assert any("running on" in line for line in server.stderr)
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /changes?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = b""
                while b"abc-123" not in answer:
                    answer += client.recv(4096)
                server.send_signal(signal.SIGINT)
                told = server.stderr.read()
        finally:
            server.kill()

    assert "Application shutdown complete" in told


def test_the_tests_of_a_strategy(tmp_path: Path) -> None:
    """The example of tests with fakes and files passes, with the fixtures that come with the package."""
    arguments = ["-q", "-p", "pytest_paper_repo", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-W", "error"]
    command = [sys.executable, "-m", "pytest", *arguments, "--basetemp", str(tmp_path / "temp")]

    done = subprocess.run([*command, str(EXAMPLES / "test_strategy.py")], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_notebook(tmp_path: Path) -> None:
    """Every cell runs, twice in the same folder, writes a report, and shows the tables that are stored with it."""
    for name in ("nbclient", "nbformat", "ipykernel", "pandas"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install '.[docs]'")
    program = (
        "import nbformat, nbclient, sys\n"
        "notebook = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(notebook, kernel_name='python3').execute()\n"
        "outputs = [each for cell in notebook.cells for each in cell.get('outputs', [])]\n"
        "print(*[each['text'] for each in outputs if 'text' in each])\n"
        "print(*[each['data'].get('text/html', '') for each in outputs if 'data' in each])\n"
    )
    command = [sys.executable, "-c", program, str(EXAMPLES / "results.ipynb")]
    settings = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_PLATFORM_DIRS": "1"}

    first, second = (
        subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
        for _ in range(2)
    )

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert "Sharpe ratio" in first.stdout
    stored = json.loads((EXAMPLES / "results.ipynb").read_text(encoding="utf-8"))["cells"]
    data = [output["data"] for cell in stored for output in cell.get("outputs", []) if "data" in output]
    tables = ["".join(each["text/html"]) for each in data if "text/html" in each]
    assert len(tables) == 3
    assert all(each in first.stdout for each in tables)
    assert (tmp_path / "report.html").exists()
