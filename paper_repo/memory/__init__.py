"""The repository in memory, with the promises of those in a database: for the unit tests of programs that use them."""

from paper_repo.memory.repository import InMemorySessionRepository

__all__ = ["InMemorySessionRepository"]
