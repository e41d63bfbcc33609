"""A PostgreSQL server for the tests of this folder, and a database of its own for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from paper_repo import SessionRepository
from tests.postgres.poolers import MISSING, PROGRAM, Pooler, pooling
from tests.postgres.servers import Server, clone, initialise, new_folder, running
from tests.postgres.watching import Watch

GIVEN = os.environ.get("PAPER_REPO_TEST_POSTGRES")
"""The address of a server to use instead, with a user who may create databases and users."""

_numbers = itertools.count()


@pytest.fixture(scope="session")
def fresh_data() -> Iterator[Path]:
    """The data of a server that has never run; servers of their own begin with a copy of it."""
    with new_folder() as folder:
        initialise(folder / "data")
        yield folder / "data"


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the server that the tests share."""
    if GIVEN:
        yield GIVEN
        return
    data = request.getfixturevalue("fresh_data")
    with new_folder() as folder:
        clone(data, folder / "data")
        with running(Server(folder / "data")) as server:
            yield server.url()


@pytest.fixture
def own_server(fresh_data: Path) -> Iterator[Server]:
    """A running server for one test alone, which may stop it, kill it and start it again."""
    with new_folder() as folder:
        clone(fresh_data, folder / "data")
        with running(Server(folder / "data")) as server:
            yield server


@pytest.fixture(scope="session")
def administrator(server_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that creates and drops databases."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template(server_url: str, administrator: psycopg.Connection[Any]) -> Iterator[str]:
    """The name of a database that has the schema already."""
    name = f"paper_repo_template_{os.getpid()}"
    administrator.execute(f"CREATE DATABASE {name}")
    with SessionRepository(at(server_url, name)):
        pass
    yield name
    administrator.execute(f"DROP DATABASE {name}")


@pytest.fixture
def url(server_url: str, administrator: psycopg.Connection[Any], template: str) -> Iterator[str]:
    """The address of an empty database for one test, with its schema."""
    yield from _database(server_url, administrator, f"TEMPLATE {template}")


@pytest.fixture
def bare_url(server_url: str, administrator: psycopg.Connection[Any]) -> Iterator[str]:
    """The address of a database for one test, without anything in it."""
    yield from _database(server_url, administrator, "")


def _database(server_url: str, administrator: psycopg.Connection[Any], how: str) -> Iterator[str]:
    name = f"paper_repo_test_{os.getpid()}_{next(_numbers)}"
    administrator.execute(f"CREATE DATABASE {name} {how}")
    yield at(server_url, name)
    administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def shared_url(server_url: str, administrator: psycopg.Connection[Any], template: str) -> Iterator[str]:
    """The address of a database for all tests of a module, one after the other; see `emptied_url`."""
    yield from _database(server_url, administrator, f"TEMPLATE {template}")


@pytest.fixture
def emptied_url(shared_url: str) -> str:
    """The address of the module's database, without any session in it."""
    with psycopg.connect(shared_url, autocommit=True) as connection:
        connection.execute("DELETE FROM paper_trading_sessions; DELETE FROM paper_trading_deletions")
        connection.execute("ALTER SEQUENCE paper_trading_changes RESTART")
    return shared_url


@pytest.fixture
def ask(url: str) -> Iterator[Callable[..., list[Any]]]:
    """Runs SQL on the test's database, beside the repository."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield lambda sql, *params: connection.execute(sql, params).fetchall()


def at(server_url: str, database: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(server_url)._replace(path=f"/{database}").geturl()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """What sees every statement of the repositories that the test opens."""
    watch = Watch()
    watch.install(monkeypatch)
    return watch


MODES = ["transaction", "session"]
"""How a pooler lends its connections: for a transaction, or for as long as a client stays."""


@pytest.fixture(scope="session")
def transaction_pooler(server_url: str) -> Iterator[Pooler]:
    """A pooler that lends three connections to each database, a transaction at a time."""
    yield from _pooler(server_url, "transaction", default_pool_size=3)


@pytest.fixture(scope="session")
def session_pooler(server_url: str) -> Iterator[Pooler]:
    """A pooler that lends connections for as long as a client stays; there are enough of them for every test."""
    yield from _pooler(server_url, "session", default_pool_size=24)


def _pooler(server_url: str, mode: str, **settings: object) -> Iterator[Pooler]:
    if PROGRAM is None:
        pytest.skip(MISSING)
    with pooling(server_url, mode, **settings) as pooler:
        yield pooler


@pytest.fixture(params=MODES)
def pooler(request: pytest.FixtureRequest) -> Pooler:
    """A pooler in either mode."""
    found: Pooler = request.getfixturevalue(f"{request.param}_pooler")
    return found


@pytest.fixture
def pooled_url(pooler: Pooler, url: str) -> str:
    """The address, behind a pooler in either mode, of an empty database for one test."""
    return pooler.url(urlsplit(url).path[1:])
