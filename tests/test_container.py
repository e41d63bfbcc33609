"""Registration in a dependency-injection container."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import svcs

from paper_repo import (
    IPaperTradingSessionRepository,
    PaperTradingSession,
    RepositoryClosedError,
    SessionRepository,
    SQLiteSessionRepository,
    StorageError,
    Strategy,
)
from paper_repo.container import register
from paper_repo.core.repository import internals_of


def a_session() -> PaperTradingSession:
    """A session that was never saved."""
    return PaperTradingSession(strategy=Strategy("crossover"), initial_cash=1000)


@pytest.mark.anyio
async def test_the_interface_resolves_to_one_shared_facade(tmp_path: Path) -> None:
    """Every container of a registry gives out the same facade."""
    async with svcs.Registry() as registry:
        facade = register(registry, tmp_path / "sessions.db", durability="normal", busy_timeout=1.5)

        async with svcs.Container(registry) as one, svcs.Container(registry) as other:
            found = [await container.aget(IPaperTradingSessionRepository) for container in (one, other)]

        assert found == [facade, facade]
        assert isinstance(facade, SQLiteSessionRepository)
        assert facade.core.busy_timeout == 1.5


@pytest.mark.anyio
async def test_the_core_resolves_to_the_same_database(tmp_path: Path) -> None:
    """What the facade saves, the synchronous core finds."""
    session = a_session()
    async with svcs.Registry() as registry:
        register(registry, tmp_path / "sessions.db")

        async with svcs.Container(registry) as container:
            repository = await container.aget(IPaperTradingSessionRepository)
            await repository.save(session)
            core = container.get(SessionRepository)

            assert core.get_by_id(session.id) == session


@pytest.mark.anyio
async def test_the_health_checks_read_from_the_database(tmp_path: Path) -> None:
    """A health check passes on a good file, and fails where the folder does not exist."""
    async with svcs.Registry() as good, svcs.Registry() as bad:
        register(good, tmp_path / "sessions.db")
        register(bad, tmp_path / "missing" / "sessions.db")

        async with svcs.Container(good) as container:
            for ping in container.get_pings():
                await ping.aping()
        async with svcs.Container(bad) as container:
            for ping in container.get_pings():
                with pytest.raises(StorageError, match="missing"):
                    await ping.aping()

    assert (tmp_path / "sessions.db").exists()


@pytest.mark.anyio
async def test_closing_the_registry_closes_the_repository(tmp_path: Path) -> None:
    """After the registry has closed, facade and core refuse to work."""
    registry = svcs.Registry()
    facade = register(registry, tmp_path / "sessions.db")
    await facade.save(a_session())

    await registry.aclose()

    with pytest.raises(RepositoryClosedError):
        await facade.get_active()
    with pytest.raises(RepositoryClosedError):
        facade.core.get_active()


def test_registering_opens_nothing(tmp_path: Path) -> None:
    """The file is created by the first use, not by the registration."""
    registry = svcs.Registry()

    register(registry, tmp_path / "sessions.db")

    assert list(tmp_path.iterdir()) == []
    registry._on_close.clear()


def test_without_svcs_the_import_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where svcs is missing, importing the module says which command installs it."""
    monkeypatch.setitem(sys.modules, "svcs", None)
    monkeypatch.delitem(sys.modules, "paper_repo.container")

    with pytest.raises(ImportError, match=r"pip install 'paper_repo\[container\]'"):
        importlib.import_module("paper_repo.container")


@pytest.mark.anyio
async def test_every_option_reaches_the_repository(path: Path) -> None:
    """What is said to the container is what the repository is made with."""
    registry = svcs.Registry()

    repository = register(registry, path, durability="normal", busy_timeout=7.5, upgrade="never", journal="rollback")

    storage: Any = internals_of(repository.core).storage
    assert (storage.durability, storage.busy_timeout, storage.upgrade, storage._journal) == (
        "normal",
        7.5,
        "never",
        "delete",
    )
    await registry.aclose()


@pytest.mark.anyio
async def test_a_passphrase_reaches_the_repository(path: Path) -> None:
    """The file is encrypted, and not one that everybody can read."""
    pytest.importorskip("sqlcipher3", reason="the extra 'encryption' is not installed")
    async with svcs.Registry() as registry:
        repository = register(registry, path, passphrase=f"x'{'0123456789abcdef' * 4}'")
        await repository.save(a_session())

    assert not begins_as_a_plain_file(path)


def begins_as_a_plain_file(path: Path) -> bool:
    """Whether SQLite itself can read it."""
    return path.read_bytes().startswith(b"SQLite format")
