"""Registration in a dependency-injection container (svcs; `pip install 'paper_repo[container]'`)."""

from __future__ import annotations

try:
    import svcs
except ImportError as error:
    raise ImportError("paper_repo.container needs svcs: pip install 'paper_repo[container]'") from error

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
    """Let `registry` give out one shared repository on the database at `path`.

    `IPaperTradingSessionRepository` resolves to the async facade, `SessionRepository` to the synchronous core beneath
    it. Both have a health check, which reads from the database. Nothing is opened before the first use; everything is
    closed by `await registry.aclose()` (a synchronous `registry.close()` cannot wait for the facade, and warns).

    Args:
        registry: the application's registry.
        path: the path of a file, or the URL of a database, as for `SessionRepository`.
        durability: "full" or "normal", as for `SessionRepository`.
        busy_timeout: in seconds, as for `SessionRepository`.
        upgrade: "auto" or "never", as for `SessionRepository`.
        passphrase: of an encrypted file, as for `SessionRepository`.
        journal: "wal" or "rollback", as for `SessionRepository`.

    Returns:
        The facade.
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
