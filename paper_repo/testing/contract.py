"""`SessionRepositoryContract`: every promise of `IPaperTradingSessionRepository` as a test."""

from __future__ import annotations

import pytest

from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.accounts import AccountContract
from paper_repo.testing.booking import BookingContract
from paper_repo.testing.cancellation import CancellationContract
from paper_repo.testing.claiming import ClaimContract
from paper_repo.testing.closing import ClosingContract
from paper_repo.testing.conflicts import ConflictContract
from paper_repo.testing.exactness import ExactnessContract
from paper_repo.testing.history import HistoryContract
from paper_repo.testing.queries import QueryContract
from paper_repo.testing.saving import SavingContract
from paper_repo.testing.sharing import SharingContract
from paper_repo.testing.transactions import TransactionContract
from paper_repo.testing.watching import WatchingContract


@pytest.mark.anyio
class SessionRepositoryContract(
    SavingContract,
    BookingContract,
    AccountContract,
    ConflictContract,
    QueryContract,
    HistoryContract,
    ExactnessContract,
    TransactionContract,
    SharingContract,
    CancellationContract,
    ClosingContract,
    WatchingContract,
    ClaimContract,
):
    """The tests that every implementation of the interface passes, on asyncio and, where it is installed, on trio.

    A subclass whose name begins with `Test` runs them. Its fixture `repository` gives an empty, open repository, and
    closes it afterwards; a test may have closed it before.
    """

    @pytest.fixture
    def busy_timeout(self) -> float:
        """How long the repository of a test is to wait for another writer, in seconds."""
        return 5.0

    @pytest.fixture
    async def repository(self) -> IPaperTradingSessionRepository:
        """The repository to be tested: empty, open, and made with the `busy_timeout` of the test."""
        raise NotImplementedError(f"{type(self).__name__} has no fixture `repository`; see paper_repo.testing")
