"""Wrong transactions, cancellations and ends of a repository."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import anyio

from paper_repo import ConflictError, PaperTradingSession, RepositoryClosedError, TransactionError
from paper_repo.core.saves import Save
from paper_repo.facade.block_ownership import open_block
from paper_repo.memory.repository import Block
from tests.contract.wrong_implementations import (
    BreakableBlock,
    ClosesOnce,
    KeepsVersionsAfterRollback,
    LeaksCancelledTransactions,
    Wrong,
)

# Transactions


class ForgetsDeletionsInBlocks(Wrong):
    """Deletes nothing inside a block."""

    caught_by = "test_a_block_stores_everything"

    async def delete(self, session_id: str) -> bool:
        if open_block(self) is not None:
            return await self.exists(session_id)
        return await super().delete(session_id)


class RefusesEmptyBlocks(Wrong):
    """Has nothing to commit when nothing was done."""

    caught_by = "test_an_empty_block_is_allowed"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        class Block(BreakableBlock):
            async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
                nothing = not self._repository._undo
                await super().__aexit__(kind, error, traceback)
                if nothing and error is None:
                    raise TransactionError("there is nothing to commit")

        return Block(self)


class CommitsInnerBlocks(Wrong):
    """Commits a block inside another one when it ends."""

    caught_by = "test_an_outer_rollback_takes_the_inner_work"

    def _leave(self, block: Block, commit: bool) -> None:
        if commit and len(self._working) > 1:
            self._committed = self._working[-1]
        super()._leave(block, commit)


class RollsEverythingBack(Wrong):
    """Rolls the whole transaction back when a block inside of it fails."""

    caught_by = "test_blocks_nest_deeply"

    def _leave(self, block: Block, commit: bool) -> None:
        if not commit:
            self._working[:] = [dict(self._committed) for _ in self._working]
        super()._leave(block, commit)


class EndsBlocksAtAnError(Wrong):
    """Takes nothing more in a block in which a save was refused."""

    caught_by = "test_an_error_that_is_caught_harms_nothing"
    _failed = False

    async def save_many(self, sessions: Any) -> None:
        if self._failed:
            raise TransactionError("current transaction is aborted")
        try:
            await super().save_many(sessions)
        except ConflictError:
            self._failed = True
            raise


class ForgetsThatItRolledBack(KeepsVersionsAfterRollback):
    """The same, found by saving again."""

    caught_by = "test_saving_again_after_a_rollback_works"


class GivesBackTooMuch(Wrong):
    """Gives sessions back as they were before the outermost block when one inside of it fails."""

    caught_by = "test_an_inner_rollback_gives_back_what_it_saved"

    def _leave(self, block: Block, commit: bool) -> None:
        if not commit:
            block.undo_from = 0
        super()._leave(block, commit)


# Sharing


class TakesStrangersIn(Wrong):
    """Takes the saves of another task into a block that is open."""

    caught_by = "test_a_task_started_before_the_block_is_none_of_its_own"

    async def save(self, session: PaperTradingSession) -> None:
        if self._working and open_block(self) is None:
            self._write(Save.capture(session))
        else:
            await super().save(session)


class MixesBlocks(Wrong):
    """Lets every block begin at once, and write into the one that began last."""

    caught_by = "test_blocks_of_several_tasks_do_not_mix"

    async def _enter(self) -> None:
        self._working.append(dict(self._working[-1] if self._working else self._committed))


# Cancellation


class LeaksTransactionsAtTheirEnd(LeaksCancelledTransactions):
    """The same, found by a block that is cancelled while it ends."""

    caught_by = "test_a_block_cancelled_at_its_end_is_stored_or_not"


class LeaksTransactionsOfCalls(LeaksCancelledTransactions):
    """The same, found by any call that is cancelled."""

    caught_by = "test_after_a_cancelled_call_everything_works"


class CountsCancelledSaves(Wrong):
    """Gives a session whose save was cancelled the version of one that was stored."""

    caught_by = "test_a_cancelled_save_is_stored_or_not"

    async def save_many(self, sessions: Any) -> None:
        sessions = list(sessions)
        try:
            await super().save_many(sessions)
        except anyio.get_cancelled_exc_class():
            for session in sessions:
                session.version += 1
            raise


class CountsCancelledWaits(CountsCancelledSaves):
    """The same, found by a save that waits for its turn."""

    caught_by = "test_a_save_cancelled_while_it_waits_is_stored_or_not"


# Closing


class EmptiesWhenOpened(Wrong):
    """Begins anew whenever it is opened."""

    caught_by = "test_opening_again_does_nothing"

    async def open(self) -> None:
        await super().open()
        self._committed = {}


class StaysOpenAfterwards(Wrong):
    """Is not closed at the end of its `async with`."""

    caught_by = "test_it_is_a_context_manager"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


class StaysOpenAfterAnError(Wrong):
    """Is not closed by an error that leaves its `async with`."""

    caught_by = "test_it_is_closed_by_an_error_too"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await super().__aexit__(kind, error, traceback)


class ClosesForOneTask(ClosesOnce):
    """Fails when a second task closes it."""

    caught_by = "test_several_tasks_may_close"


class CountsBeforeItKnows(Wrong):
    """Counts the version of a session that a closed repository refuses."""

    caught_by = "test_a_session_that_a_closed_one_refuses_is_as_it_was"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except RepositoryClosedError:
            session.version += 1
            raise


class CountsWhileItCloses(CountsBeforeItKnows):
    """The same, found at the time of closing."""

    caught_by = "test_a_save_at_the_time_of_closing_is_done_or_refused"
