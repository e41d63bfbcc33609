"""Wrong claims and watches."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio

from paper_repo import ClaimLostError, PaperTradingSession, RepositoryClosedError, SessionNotFoundError
from paper_repo.domain.changes import SessionChange
from paper_repo.memory.records import Store
from paper_repo.memory.repository import Block
from paper_repo.watching import AsyncSessionChanges
from tests.contract.wrong_implementations import Wrong

# Claims


class LosesTheFence(Wrong):
    """Writes down who has a session, and lets everybody else who has an object of it go on saving it."""

    caught_by = "test_a_save_after_the_claim_was_lost_is_refused"

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        before = self._working[-1][session_id]
        if super()._claim(session_id, owner, ttl) is None:
            return None
        self._working[-1][session_id] = replace(before, owner=owner, expires=time.monotonic() + ttl)
        return self._working[-1][session_id].load()


class LosesTheFenceToTheUnclaimed(LosesTheFence):
    """The same, found by somebody who has no claim."""

    caught_by = "test_what_was_loaded_before_a_claim_is_a_conflict"


class LosesTheFenceToItself(LosesTheFence):
    """The same, found by a worker that claims again."""

    caught_by = "test_claiming_again_puts_the_older_object_out_of_use"


class GivesTheOlderVersion(Wrong):
    """Gives the session as it was before the claim."""

    caught_by = "test_a_claim_gives_the_session"

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        before = self._working[-1][session_id].load()
        return before if super()._claim(session_id, owner, ttl) else None


class ForgetsExpiredClaims(Wrong):
    """Takes a session away from its worker as soon as the time is over, though nobody wants it."""

    caught_by = "test_an_expired_claim_that_nobody_took_still_counts"

    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        if self._committed[session_id].is_free():
            raise ClaimLostError(session_id, owner, None)
        await super().renew(session_id, owner, ttl)


class RenewsForStrangers(Wrong):
    """Says nothing to somebody who renews what he has not."""

    caught_by = "test_only_its_owner_renews_a_claim"

    async def renew(self, session_id: str, owner: str, ttl: float) -> None:
        with suppress(ClaimLostError):
            await super().renew(session_id, owner, ttl)


class ClaimsNothing(Wrong):
    """Takes a session that is not there for one that somebody else has."""

    caught_by = "test_what_is_not_there_cannot_be_claimed"

    async def claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        with suppress(SessionNotFoundError):
            return await super().claim(session_id, owner, ttl)
        return None


class ClaimsMoreThanIsWanted(Wrong):
    """Claims all that there are."""

    caught_by = "test_claiming_the_active_ones"

    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        return await super().claim_active(owner, ttl)


class SharesTheActiveOnes(Wrong):
    """Gives the running sessions to everybody who asks for them."""

    caught_by = "test_many_workers_at_once_share_the_active_ones"

    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        self._committed = {each: replace(record, owner=None) for each, record in self._committed.items()}
        return await super().claim_active(owner, ttl, limit)


class ClaimsBesideTheBlock(Wrong):
    """Writes a claim where no rollback takes it back."""

    caught_by = "test_a_claim_in_a_block_is_part_of_it"

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        claimed = super()._claim(session_id, owner, ttl)
        self._committed[session_id] = self._working[-1][session_id]
        return claimed


class ClaimsForNobody(Wrong):
    """Gives nothing to a worker without a name, and says nothing."""

    caught_by = "test_a_claim_that_makes_no_sense_is_refused"

    async def claim_active(self, owner: str, ttl: float, limit: int | None = None) -> list[PaperTradingSession]:
        with suppress(ValueError):
            return await super().claim_active(owner, ttl, limit)
        return []


# Changes


class ForgetsDeletions(Wrong):
    """Reports saves alone."""

    caught_by = "test_a_deletion_is_reported"

    def _changed(self, after: Store) -> tuple[dict[str, SessionChange], int]:
        changes, newest = super()._changed(after)
        return {each: change for each, change in changes.items() if not change.deleted}, newest


class ReportsOneOfMany(Wrong):
    """Reports one of the sessions that are deleted together."""

    caught_by = "test_deleting_many_reports_each"

    def _changed(self, after: Store) -> tuple[dict[str, SessionChange], int]:
        gone = sorted(self._committed.keys() - after.keys())[1:]
        changes, newest = super()._changed(after)
        return {each: change for each, change in changes.items() if each not in gone}, newest


class ReportsWhatWasNotThere(Wrong):
    """Reports the deletion of nothing."""

    caught_by = "test_deleting_nothing_reports_nothing"

    async def delete(self, session_id: str) -> bool:
        if not await super().delete(session_id):
            self._newest += 1
            self._changes |= {session_id: SessionChange(session_id, 1, True, self._newest)}
            return False
        return True


class ReportsTheFirstOfSeveral(Wrong):
    """Reports a session as it was when it first changed."""

    caught_by = "test_several_saves_of_one_session_end_with_the_last"

    def _changed(self, after: Store) -> tuple[dict[str, SessionChange], int]:
        known = dict(self._changes)
        changes, newest = super()._changed(after)
        return {
            each: replace(change, version=known[each].version) if each in known else change
            for each, change in changes.items()
        }, newest


class ReportsTheDeletionLast(Wrong):
    """Takes a session under the id of a deleted one for deleted."""

    caught_by = "test_a_session_under_the_id_of_a_deleted_one"

    def _changed(self, after: Store) -> tuple[dict[str, SessionChange], int]:
        gone = {each for each, change in self._changes.items() if change.deleted}
        changes, newest = super()._changed(after)
        for each in gone & changes.keys():
            changes[each] = replace(changes[each], deleted=True)
        return changes, newest


class HasOnePosition(Wrong):
    """Gives every change the same position."""

    caught_by = "test_positions_grow"

    def _changed(self, after: Store) -> tuple[dict[str, SessionChange], int]:
        changes, newest = super()._changed(after)
        return {each: replace(change, position=1) for each, change in changes.items()}, newest


class RepeatsTheChange(Wrong):
    """Begins with the change after which it is to begin."""

    caught_by = "test_a_watch_from_a_position_reports_what_came_since"

    def watch(self, *, after: int | None = None, **options: Any) -> AsyncSessionChanges:
        return super().watch(after=after - 1 if after else after, **options)


class BeginsNow(Wrong):
    """Takes the beginning for now."""

    caught_by = "test_a_watch_from_the_beginning_reports_every_session"

    def watch(self, *, after: int | None = None, **options: Any) -> AsyncSessionChanges:
        return super().watch(after=after or None, **options)


class TakesAnyPosition(Wrong):
    """Waits for a change that another database had."""

    caught_by = "test_a_position_from_elsewhere_is_refused"

    def watch(self, *, after: int | None = None, **options: Any) -> AsyncSessionChanges:
        return super().watch(after=None if after is None else min(after, self._newest), **options)


class ReportsWhatIsRolledBack(Wrong):
    """Reports what a block has written, also when it fails."""

    caught_by = "test_what_is_rolled_back_is_not_reported"

    def _leave(self, block: Block, commit: bool) -> None:
        if not commit and block.depth is not None:
            self._changes, self._newest = self._changed(self._working[-1])
        super()._leave(block, commit)


class WrongWatch(AsyncSessionChanges):
    """The changes of one of the wrong repositories."""

    def __init__(self, repository: Wrong, changes: AsyncSessionChanges, options: dict[str, Any]) -> None:
        super().__init__(changes._changes, changes._run)
        self.repository, self.options = repository, options


class LosesWhatWasFound(Wrong):
    """Passes over the change that comes after a wait that was cancelled."""

    caught_by = "test_a_cancelled_wait_loses_nothing"

    def watch(self, **options: Any) -> AsyncSessionChanges:
        class Watch(WrongWatch):
            async def __anext__(self) -> SessionChange:
                try:
                    return await super().__anext__()
                except anyio.get_cancelled_exc_class():
                    self._changes._looked_up_to += 1
                    raise

        return Watch(self, super().watch(**options), options)


class BreaksWithItsWatch(Wrong):
    """Can no longer be used when a watch was cancelled."""

    caught_by = "test_a_cancelled_watch_ends"

    def watch(self, **options: Any) -> AsyncSessionChanges:
        class Watch(WrongWatch):
            async def __anext__(self) -> SessionChange:
                try:
                    return await super().__anext__()
                except anyio.get_cancelled_exc_class():
                    self.repository._closed.set()
                    raise

        return Watch(self, super().watch(**options), options)


class FailsWatchesWhenItCloses(Wrong):
    """Ends a watch with an error when it is closed."""

    caught_by = "test_a_watch_ends_when_the_repository_closes"

    def watch(self, **options: Any) -> AsyncSessionChanges:
        class Watch(WrongWatch):
            async def __anext__(self) -> SessionChange:
                try:
                    return await super().__anext__()
                except StopAsyncIteration:
                    self.repository._require_open()
                    raise

        return Watch(self, super().watch(**options), options)


class WatchesNothingWhenClosed(Wrong):
    """Gives no changes after it was closed, and says nothing."""

    caught_by = "test_a_closed_one_cannot_be_watched"

    def watch(self, **options: Any) -> AsyncSessionChanges:
        class Watch(WrongWatch):
            async def __anext__(self) -> SessionChange:
                try:
                    return await super().__anext__()
                except RepositoryClosedError:
                    raise StopAsyncIteration from None

        return Watch(self, super().watch(**options), options)


class GoesOnAfterItsEnd(Wrong):
    """Goes on with a watch that has ended."""

    caught_by = "test_a_quiet_watch_ends_after_its_timeout"

    def watch(self, **options: Any) -> AsyncSessionChanges:
        class Watch(WrongWatch):
            async def __anext__(self) -> SessionChange:
                if self._changes.ended:
                    self._changes = self.repository.watch(**self.options | {"after": self.position})._changes
                return await super().__anext__()

        return Watch(self, super().watch(**options), options)


class ReportsToOne(Wrong):
    """Reports a change to the watch that asks first."""

    caught_by = "test_several_tasks_may_watch"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._reported: set[int] = set()

    def watch(self, **options: Any) -> AsyncSessionChanges:
        class Watch(WrongWatch):
            async def __anext__(self) -> SessionChange:
                while (change := await super().__anext__()).position in reported:
                    pass
                reported.add(change.position)
                return change

        reported = self._reported
        return Watch(self, super().watch(**options), options)
