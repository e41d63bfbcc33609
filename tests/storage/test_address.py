"""Which database an address means, and what of it people get to see."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paper_repo import AsyncSessionRepository, SchemaVersionError, SessionRepository, StorageError
from paper_repo.core.repository import internals_of
from paper_repo.storage.address import is_server, storage_at
from paper_repo.storage.postgres.cockroach import CockroachStorage
from paper_repo.storage.postgres.storage import PostgresStorage
from paper_repo.storage.postgres.url import parsed
from paper_repo.storage.sqlite.storage import SQLiteStorage
from tests.builders import new_session


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_paths_and_sqlite_urls_name_the_same_file(path: Path, form: str) -> None:
    """An absolute path, and the sqlite URL of it, open one file."""
    session = new_session()
    with SessionRepository(path) as repository:
        repository.save(session)

    with SessionRepository(form.format(path=path)) as repository:
        assert repository.get_by_id(session.id) == session


def test_an_sqlite_url_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind three slashes stands a path from the present folder on."""
    monkeypatch.chdir(tmp_path)

    with SessionRepository("sqlite:///sessions.db"):
        pass

    assert (tmp_path / "sessions.db").exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://root:hush@localhost/x", "'mysql' is an unknown database scheme"),
        ("sqlite://sessions.db", "three slashes"),
        ("postgresql://user:hush@localhost", "no name of a database"),
        ("postgresql://user:hu:sh/x@localhost/sessions", "no name of a database|password"),
        ("postgresql://user:hush@localhost:port/sessions", "port in the address is not a number"),
        ("postgresql://user:hush@localhost/sessions?max_connections=1", "a parameter that libpq does not know"),
        ("postgresql://user:hu?sh@localhost/sessions", "no name of a database"),
        ("postgresql://user:[hush]@localhost/sessions", r"'\[', .* is written %5B"),
        ("postgresql://user:hu[hush@localhost/sessions", r"'\[', .* is written %5B"),
        ("cockroachdb://user:hush@[hush/sessions", r"'\[', .* is written %5B"),
        ("user:hush@localhost/sessions?next=x://y", "what the address begins with is an unknown database scheme"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(address: str, message: str) -> None:
    """The message says what is wrong, and does not quote the password."""
    with pytest.raises(ValueError, match=message) as caught:
        SessionRepository(address)

    assert "hush" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "where", "name"),
    [
        (
            "postgresql://me:p%40ss@db.example:5433/sessions?sslmode=require",
            {"user": "me", "password": "p@ss", "host": "db.example", "port": "5433", "sslmode": "require"},
            "postgresql://me@db.example:5433/sessions",
        ),
        (
            "postgresql://a:1,b:2,c/sessions?target_session_attrs=read-write",
            {"host": "a,b,c", "port": "1,2,", "target_session_attrs": "read-write"},
            "postgresql://a:1,b:2,c/sessions",
        ),
        ("postgresql://[::1]:5432/sessions", {"host": "::1", "port": "5432"}, "postgresql://[::1]:5432/sessions"),
        ("postgresql:///sessions?host=/run/pg", {"host": "/run/pg"}, "postgresql:///sessions"),
        ("postgresql:///sessions?password=hush", {"password": "hush"}, "postgresql:///sessions"),
        ("postgresql:///other?dbname=sessions", {}, "postgresql:///sessions"),
        ("postgresql://%2Frun%2Fpg/sessions", {"host": "/run/pg", "port": ""}, "postgresql://%2Frun%2Fpg/sessions"),
    ],
)
def test_a_url_of_a_server_is_taken_apart(url: str, where: dict[str, str], name: str) -> None:
    """The driver gets hosts, ports, user, password and libpq's parameters; messages get no password."""
    assert parsed(url) == ({"database": "sessions", **where}, name)


def test_a_password_is_in_no_repr_message_or_log(caplog: pytest.LogCaptureFixture) -> None:
    """What people and logs see of a repository, and of its errors, has no password in it."""
    caplog.set_level(logging.DEBUG)
    repository = SessionRepository("postgresql://me:hush-hush@127.0.0.1:1/sessions")
    facade = AsyncSessionRepository(repository)

    with pytest.raises(StorageError) as caught:
        repository.open()

    seen = [
        repr(repository),
        repr(facade),
        repr(internals_of(repository).storage),
        str(caught.value),
        repr(caught.value.__cause__),
    ]
    assert "postgresql://me@127.0.0.1:1/sessions" in str(caught.value)
    assert not any("hush" in each for each in [*seen, caplog.text])
    repository.close()


def test_a_file_needs_no_driver_for_servers(path: Path) -> None:
    """A program that keeps its sessions in a file imports nothing that is for servers."""
    program = f"""
import sys
sys.modules["psycopg"] = None  # as if it were not installed
from paper_repo import SessionRepository
with SessionRepository({str(path)!r}):
    pass
assert not any("postgres" in name for name in sys.modules if name.startswith("paper_repo")), "imported"
try:
    SessionRepository("postgresql://localhost/sessions")
except ImportError as error:
    print(error)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install 'paper_repo[postgres]'" in done.stdout


def test_options_belong_to_an_address(path: Path) -> None:
    """A facade over a core that was made before takes no options, since it could not heed them."""
    with pytest.raises(TypeError, match="options go with a path or URL"):
        AsyncSessionRepository(SessionRepository(path), busy_timeout=1)


@pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
def test_what_is_for_a_file_reaches_it_by_either_address(path: Path, form: str) -> None:
    """A passphrase encrypts, and the journal is the one that was asked for, whether a path or a URL names the file."""
    pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    address = form.format(path=path)
    options: dict[str, Any] = {"passphrase": "secret", "journal": "rollback", "busy_timeout": 3, "durability": "normal"}

    with SessionRepository(address, **options) as repository:
        repository.save(new_session())
        pragmas = repository.describe()["pragmas"]
        assert repository.busy_timeout == 3

    assert (pragmas["journal_mode"], pragmas["busy_timeout"], pragmas["synchronous"]) == ("delete", 3000, 2)
    assert b"SQLite format" not in path.read_bytes()
    with pytest.raises(SchemaVersionError, match="upgrade='never'"):
        SessionRepository(_old(path.with_name("old.db"), form), upgrade="never").open()


def _old(path: Path, form: str) -> str:
    shutil.copy(Path(__file__).parents[1] / "fixtures" / "schema-1.db", path)
    return form.format(path=path)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "cockroachdb", "crdb"])
@pytest.mark.parametrize("option", [{"passphrase": "secret"}, {"journal": "rollback"}])
def test_what_is_for_a_file_is_refused_for_a_server(scheme: str, option: dict[str, Any]) -> None:
    """Nobody takes a database for encrypted that is not."""
    with pytest.raises(ValueError, match="passphrase and journal are for files"):
        SessionRepository(f"{scheme}://localhost/sessions", **option)


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        ("postgresql", PostgresStorage),
        ("postgres", PostgresStorage),
        ("cockroachdb", CockroachStorage),
        ("crdb", CockroachStorage),
    ],
)
def test_the_scheme_tells_the_kind_of_server(scheme: str, kind: type[PostgresStorage]) -> None:
    """CockroachDB speaks PostgreSQL's protocol, but is not quite the same."""
    assert type(storage_at(f"{scheme}://user@localhost/sessions?application_name=a%3A%2F%2Fb")) is kind


def test_a_password_may_look_like_a_scheme(tmp_path: Path) -> None:
    """What stands before the first :// is the scheme, whatever follows."""
    assert type(storage_at("postgresql://user@localhost/x?options=://")) is PostgresStorage
    assert type(storage_at(f"sqlite:///{tmp_path}/a://b.db")) is SQLiteStorage


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sessions.db", False),
        (Path("postgresql://x"), False),
        ("sqlite:///sessions.db", False),
        ("postgresql://localhost/x", True),
        ("crdb://localhost/x", True),
    ],
)
def test_what_is_on_a_server(address: str | Path, expected: bool) -> None:
    """A path never is, however it looks."""
    assert is_server(address) is expected


def test_a_file_has_a_write_ahead_log_by_default(tmp_path: Path) -> None:
    """Unless another journal is asked for."""
    with SessionRepository(tmp_path / "sessions.db") as repository:
        repository.save(new_session())
        assert (tmp_path / "sessions.db-wal").exists()
