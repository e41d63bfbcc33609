"""Registers a repository in a dependency-injection container: svcs (`pip install 'paper_repo[container]'`)."""

from __future__ import annotations

try:
    import svcs
except ImportError as _error:
    raise ImportError("paper_repo.container needs svcs: pip install 'paper_repo[container]'") from _error

from paper_repo.core.repository import SessionRepository
from paper_repo.facade.repository import AsyncSessionRepository, SQLiteSessionRepository
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.storage.address import Address, is_server
from paper_repo.storage.options import Durability, Journal, Upgrade


def register(
    registry: svcs.Registry,
    path: Address,
    *,
    durability: Durability = "full",
    busy_timeout: float = 5.0,
    upgrade: Upgrade = "auto",
    passphrase: str | None = None,
    journal: Journal = "wal",
) -> AsyncSessionRepository:
    """Register one shared repository on the database at `path`.

    `IPaperTradingSessionRepository` resolves to the async repository, `SessionRepository` to the synchronous core
    beneath it. Both have a health check, which reads from the database. Nothing is opened before the first use. `await
    registry.aclose()` closes everything; a synchronous `registry.close()` cannot wait for the async repository, and
    warns.

    Args:
        registry: the application's registry.
        path: the path of a file, or the URL of a database, as for `SessionRepository`.
        durability: "full" or "normal", as for `SessionRepository`, like the options below.
        busy_timeout: how long to wait for another writer, in seconds.
        upgrade: "auto" or "never".
        passphrase: the passphrase of an encrypted file.
        journal: "wal" or "rollback".

    Returns:
        The async repository.
    """
    kind = AsyncSessionRepository if is_server(path) else SQLiteSessionRepository
    repository = kind(
        path,
        durability=durability,
        busy_timeout=busy_timeout,
        upgrade=upgrade,
        passphrase=passphrase,
        journal=journal,
    )
    registry.register_value(SessionRepository, repository.core, ping=_check, on_registry_close=repository.core.close)
    registry.register_value(
        IPaperTradingSessionRepository, repository, ping=_check_async, on_registry_close=repository.close
    )
    return repository


def _check(repository: SessionRepository) -> None:
    repository.exists("health check")


async def _check_async(repository: IPaperTradingSessionRepository) -> None:
    await repository.exists("health check")
