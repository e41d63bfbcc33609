"""Implementations that are wrong, each in one way, and the test of the contract that finds it out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from copy import deepcopy
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel

from paper_repo import (
    ConflictError,
    DuplicateFillError,
    EquityPoint,
    Fill,
    InMemorySessionRepository,
    InvalidSessionError,
    PaperTradingSession,
    RepositoryClosedError,
    SessionStatus,
    StorageError,
    TransactionOwnershipError,
)
from paper_repo.core.saves import Save
from paper_repo.domain.selection import SessionSummary
from paper_repo.facade.block_ownership import open_block
from paper_repo.memory.records import Store
from paper_repo.memory.repository import Block
from paper_repo.watching import AsyncSessionChanges


class Wrong(InMemorySessionRepository):
    """Right itself; each subclass breaks one thing."""

    caught_by: str


# Saving


class LosesUpdates(Wrong):
    """Saves over what somebody else has changed since."""

    caught_by = "test_no_update_is_lost"

    async def save(self, session: PaperTradingSession) -> None:
        async with self.atomic():
            stored = await self.get_by_id(session.id)
            if stored and session.version:
                session.version = stored.version
            await super().save(session)


class ChecksAndThenSaves(LosesUpdates):
    """Looks for a conflict first, and saves when somebody else may have come between."""

    async def save(self, session: PaperTradingSession) -> None:
        stored = await self.get_by_id(session.id)
        if stored and stored.version != session.version:
            raise ConflictError(session.id, session.version, stored.version)
        await super().save(session)


class OverwritesStale(LosesUpdates):
    """The same, found by another test."""

    caught_by = "test_a_stale_session_is_refused"


class OverwritesTakenId(Wrong):
    """Saves a new session over a stored one of its id."""

    caught_by = "test_a_taken_id_is_refused"

    async def save(self, session: PaperTradingSession) -> None:
        if not session.version:
            await self.delete(session.id)
        await super().save(session)


class Resurrects(Wrong):
    """Saves a session again that was deleted."""

    caught_by = "test_a_deleted_session_is_not_resurrected"

    async def save(self, session: PaperTradingSession) -> None:
        if not await self.exists(session.id):
            session.version = 0
        await super().save(session)


class SavesHalf(Wrong):
    """Saves several one after the other, up to the one that is refused."""

    caught_by = "test_save_many_stores_none_when_one_is_refused"

    async def save_many(self, sessions: Any) -> None:
        for session in sessions:
            await super().save_many([session])


class ChangesRefusedSession(Wrong):
    """Counts the version before it knows that the save succeeds."""

    caught_by = "test_a_refused_session_is_as_it_was"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except ConflictError:
            session.version += 1
            raise


class DropsRefusedHistory(Wrong):
    """Empties the new history before it knows that the save succeeds."""

    caught_by = "test_a_refused_session_can_be_saved_again"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except ConflictError:
            session.new_fills.clear()
            raise


class KeepsHistoryWaiting(Wrong):
    """Leaves what is stored waiting in the session."""

    caught_by = "test_saving_takes_the_new_history"

    async def save(self, session: PaperTradingSession) -> None:
        waiting = list(session.new_fills)
        await super().save(session)
        session.new_fills[:] = waiting


class SavesLate(Wrong):
    """Stores what the session has become while the save waited."""

    caught_by = "test_what_is_stored_is_what_the_session_was_at_the_call"

    async def save(self, session: PaperTradingSession) -> None:
        async with self.atomic():
            await super().save(session)


class ForgetsUpdatedAt(Wrong):
    """Leaves the time of the save alone."""

    caught_by = "test_every_save_sets_updated_at"

    async def save(self, session: PaperTradingSession) -> None:
        before = session.updated_at
        await super().save(session)
        session.updated_at = before


class SkipsVersions(Wrong):
    """Counts two for a save."""

    caught_by = "test_every_save_raises_the_version_by_one"

    async def save(self, session: PaperTradingSession) -> None:
        await super().save(session)
        await super().save(session)


class StoresFillsTwice(Wrong):
    """Stores a fill again that was recorded again."""

    caught_by = "test_a_fill_that_is_stored_already_is_skipped"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._fills: dict[str, list[Fill]] = defaultdict(list)

    async def save(self, session: PaperTradingSession) -> None:
        self._fills[session.id] += session.new_fills
        await super().save(session)

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        return self._fills[session_id]


class LosesOtherFill(Wrong):
    """Passes over a fill whose id is stored, whatever it is."""

    caught_by = "test_another_fill_of_a_stored_id_is_refused"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except InvalidSessionError:
            del session.new_fills[:]
            await super().save(session)


# Booking


class BooksTwice(Wrong):
    """Passes over a fill that is stored already, also one that was booked again."""

    caught_by = "test_a_stored_fill_that_is_booked_again_is_refused"

    async def save_many(self, sessions: Any) -> None:
        sessions = list(sessions)
        for session in sessions:
            session.new_fills.booked.clear()
        await super().save_many(sessions)


class RefusesWhatWasRolledBack(Wrong):
    """Takes a fill for stored whose save was rolled back."""

    caught_by = "test_a_fill_whose_save_was_rolled_back_is_not_stored"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._booked: set[tuple[str, str]] = set()

    def _write(self, save: Save) -> None:
        known = {(save.session.id, fill.id) for fill in save.session.new_fills}
        if self._booked & known:
            raise DuplicateFillError(save.session.id, save.booked)
        super()._write(save)
        self._booked |= known


class CatchesUpTwice(Wrong):
    """Gives fills that are stored for unrecorded ones."""

    caught_by = "test_what_is_not_stored_yet_can_be_booked_after_a_refusal"

    async def get_unrecorded(self, session_id: str, fills: Any) -> list[Fill]:
        return list(fills)


class RepeatsUnrecorded(Wrong):
    """Gives a fill twice that was reported twice."""

    caught_by = "test_unrecorded_fills"

    async def get_unrecorded(self, session_id: str, fills: Any) -> list[Fill]:
        new = await super().get_unrecorded(session_id, fills)
        return [fill for fill in fills if fill in new]


class TakesAFewFills(Wrong):
    """Cannot be asked for more fills than its database takes in one query."""

    caught_by = "test_any_number_of_fills_can_be_unrecorded"

    async def get_unrecorded(self, session_id: str, fills: Any) -> list[Fill]:
        if isinstance(fills, list) and len(fills) > 999:
            raise StorageError("too many SQL variables")
        return await super().get_unrecorded(session_id, fills)


class KnowsFillsOnly(Wrong):
    """Takes every payment for a new one."""

    caught_by = "test_payments_and_splits_can_be_unrecorded"

    async def get_unrecorded(self, session_id: str, reported: Any) -> list[Any]:
        new = await super().get_unrecorded(session_id, reported)
        return [each for each in reported if not isinstance(each, Fill) or each in new]


class LooksOutsideOfTheBlock(Wrong):
    """Asks what is committed which fills are stored, not what the block sees."""

    caught_by = "test_a_block_sees_its_own_fills_as_recorded"

    async def get_unrecorded(self, session_id: str, fills: Any) -> list[Fill]:
        new = await super().get_unrecorded(session_id, fills)
        stored = self._committed[session_id].fills if session_id in self._committed else ()
        return [fill for fill in fills if fill not in stored] if self._working else new


class TakesAnythingForFills(Wrong):
    """Says nothing about what are no fills."""

    caught_by = "test_what_are_no_fills_cannot_be_unrecorded"

    async def get_unrecorded(self, session_id: str, fills: Any) -> list[Fill]:
        try:
            return await super().get_unrecorded(session_id, fills)
        except InvalidSessionError:
            return []


class KnowsFillsByTheirIds(Wrong):
    """Takes fills of two symbols for one when they have the same id."""

    caught_by = "test_fills_of_two_symbols_may_have_one_id"

    async def save(self, session: PaperTradingSession) -> None:
        ids = [fill.id for fill in session.new_fills]
        if len(set(ids)) < len({(fill.symbol, fill.id) for fill in session.new_fills}) and session.positions:
            raise InvalidSessionError({f"new_fills.{ids[0]}": ["another fill of this id waits."]}, session.id)
        await super().save(session)


class GuessesWhichFill(Wrong):
    """Begins a page after the first fill of an id, whatever its symbol."""

    caught_by = "test_a_page_after_a_fill_whose_id_several_symbols_have"

    async def get_fills(self, session_id: str, *, after: Any = 0, **query: Any) -> list[Fill]:
        record = (await self._visible()).get(session_id)
        fills = record.fills if record else ()
        if isinstance(after, str) and any(fill.id == after for fill in fills):
            after = [fill.id for fill in fills].index(after) + 1
        return await super().get_fills(session_id, after=after, **query)


class ForgetsWhatWasBooked(Wrong):
    """Refuses a fill that was only recorded again, as if it had been booked."""

    caught_by = "test_a_fill_that_is_booked_and_recorded_waits_for_one_place"

    def _write(self, save: Save) -> None:
        if save.session.version and [fill.id for fill in save.session.new_fills] == ["fill-1"] and not save.booked:
            save.booked = [("AAPL", "fill-1")]
        super()._write(save)


# Loading


class SharesLoads(Wrong):
    """Gives the same object to everybody who loads."""

    caught_by = "test_loads_are_independent"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._loaded: dict[str, PaperTradingSession | None] = {}

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        if session_id not in self._loaded:
            self._loaded[session_id] = await super().get_by_id(session_id)
        return self._loaded[session_id]


class SharesPartsOfLoads(Wrong):
    """Gives new objects that hold the same positions."""

    caught_by = "test_loads_are_independent"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            vars(loaded)["positions"] = self._committed[session_id].session.positions
        return loaded


class IgnoresCase(Wrong):
    """Takes one id for another that looks like it."""

    caught_by = "test_ids_are_compared_exactly"

    async def exists(self, session_id: str) -> bool:
        return session_id.casefold() in {session.id.casefold() for session in await self.get_all()}


class RoundsToFloats(Wrong):
    """Keeps money as floats."""

    caught_by = "test_amounts_come_back_exactly"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.cash = float(loaded.cash)  # type: ignore[assignment]
        return loaded


class RoundsFills(Wrong):
    """Keeps the prices of fills as floats."""

    caught_by = "test_history_comes_back_exactly"

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        return [replace(fill, price=float(fill.price)) for fill in await super().get_fills(session_id, **query)]  # type: ignore[arg-type]


class DropsMicroseconds(Wrong):
    """Keeps times to the second."""

    caught_by = "test_times_come_back_exactly"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.created_at = loaded.created_at.replace(microsecond=0)
        return loaded


class StripsText(Wrong):
    """Takes the spaces around a text away."""

    caught_by = "test_texts_come_back_exactly"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.name = loaded.name.strip()
        return loaded


class CountsWithBooleans(Wrong):
    """Makes numbers of true and false."""

    caught_by = "test_json_data_comes_back_exactly"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.state = {key: int(each) if isinstance(each, bool) else each for key, each in loaded.state.items()}
        return loaded


class ChangesWhatJsonCannotHold(Wrong):
    """Makes text of what JSON does not know, and says nothing."""

    caught_by = "test_what_json_cannot_hold_is_refused"

    async def save(self, session: PaperTradingSession) -> None:
        session.state = json.loads(json.dumps(session.state, default=str))
        await super().save(session)


class SavesAnything(Wrong):
    """Leaves out what it cannot store, and says nothing."""

    caught_by = "test_what_a_session_cannot_hold_is_refused"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except InvalidSessionError:
            await super().save(replace(session, positions={}, open_orders={}))


class RefusesNamelessly(Wrong):
    """Does not say what it cannot store."""

    caught_by = "test_a_stored_session_stays_when_its_change_is_refused"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except InvalidSessionError as error:
            raise InvalidSessionError({"session": ["is invalid."]}, session.id) from error


# Deleting


class ForgetsToDeleteHistory(Wrong):
    """Leaves the fills of a deleted session behind."""

    caught_by = "test_delete_removes_the_session_with_its_history"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._left: dict[str, list[Fill]] = {}

    async def delete(self, session_id: str) -> bool:
        if await self.exists(session_id):
            self._left[session_id] = await self.get_fills(session_id)
        return await super().delete(session_id)

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        stored = await super().get_fills(session_id, **query) if await self.exists(session_id) else []
        return self._left.get(session_id, []) + stored


class GivesHistoryToNamesake(ForgetsToDeleteHistory):
    """The same, found when a new session gets the id."""

    caught_by = "test_a_deleted_history_does_not_come_back"


class DeletesTooMuch(Wrong):
    """Takes an empty collection of statuses for none given."""

    caught_by = "test_delete_many"

    async def delete_many(self, **filters: Any) -> int:
        return await super().delete_many(**{name: value for name, value in filters.items() if value != []})


class DeletesBeyondTheLimit(Wrong):
    """Takes a limit, and does not keep to it."""

    caught_by = "test_what_is_no_filter_is_refused"

    async def delete_many(self, **filters: Any) -> int:
        filters.pop("limit", None)
        return await super().delete_many(**filters)


# Finding


class Unordered(Wrong):
    """Gives sessions as they happen to lie there."""

    caught_by = "test_the_oldest_comes_first"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        return sorted(await super().get_all(**query), key=lambda session: hash(session.id))


class OrdersAsFloats(Wrong):
    """Puts amounts in the order of their floats."""

    caught_by = "test_amounts_are_in_exact_order"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        found = await super().get_all(**query)
        if query.get("order_by") == "equity":
            found.sort(key=lambda session: (float(session.equity), session.id), reverse=query.get("descending", False))
        return found


class OrdersAsText(Wrong):
    """Puts amounts in the order of their texts."""

    caught_by = "test_orders"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        found = await super().get_all(**query)
        if query.get("order_by") == "updated_at":
            found.sort(key=lambda session: (str(session.version), session.id), reverse=query.get("descending", False))
        return found


class OrdersByLanguage(Wrong):
    """Puts names in the order of a dictionary."""

    caught_by = "test_names_are_in_code_point_order"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        found = await super().get_all(**query)
        return sorted(found, key=lambda each: each.name.casefold()) if query.get("order_by") == "name" else found


class FindsPartsOfSymbols(Wrong):
    """Finds a symbol in the text of the symbols."""

    caught_by = "test_filters"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        symbol = query.pop("symbol", None)
        return [each for each in await super().get_all(**query) if symbol is None or symbol in str(each.symbols)]


class CountsEverything(Wrong):
    """Counts without looking at the filters."""

    caught_by = "test_count"

    async def count(self, **filters: Any) -> int:
        return await super().count()


class LimitsBeforeOffset(Wrong):
    """Cuts the list at the limit before it passes over the first."""

    caught_by = "test_limit_and_offset"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        offset = query.pop("offset", 0)
        return (await super().get_all(**query))[offset:]


class IgnoresMisspelling(Wrong):
    """Passes over an argument that there is not."""

    caught_by = "test_an_argument_that_there_is_not_is_refused"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        query.pop("stratgy", None)
        return await super().get_all(**query)


class ThinksPausedIsActive(Wrong):
    """Takes a paused session for a running one."""

    caught_by = "test_only_running_sessions_are_active"

    async def get_active(self) -> list[PaperTradingSession]:
        return await self.get_all(status=[SessionStatus.RUNNING, SessionStatus.PAUSED])


class IteratesInATransaction(Wrong):
    """Holds a transaction open while the caller thinks."""

    caught_by = "test_iterate_holds_nothing_between_two_sessions"

    async def iterate(self, **query: Any) -> AsyncIterator[PaperTradingSession]:
        found = await self.get_all(**query)
        block = Block(self)
        await self._enter(block)
        try:
            for session in found:
                yield session
        finally:
            self._leave(block, commit=False)


class IteratesOnePage(Wrong):
    """Ends after its first page."""

    caught_by = "test_iterate_gives_however_many_there_are"

    async def iterate(self, **query: Any) -> AsyncIterator[PaperTradingSession]:
        for session in (await self.get_all(**query))[:100]:
            yield session


class SummarisesInitialCash(Wrong):
    """Shows the initial cash for the equity."""

    caught_by = "test_summaries_show_what_the_sessions_are"

    async def get_summaries(self, **query: Any) -> list[SessionSummary]:
        return [replace(each, equity=each.initial_cash) for each in await super().get_summaries(**query)]


# History


class ForgetsEarlierFills(Wrong):
    """Keeps the fills of the last save alone."""

    caught_by = "test_later_history_is_appended"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._last: dict[str, int] = {}

    async def save(self, session: PaperTradingSession) -> None:
        count = len(session.new_fills)
        await super().save(session)
        self._last[session.id] = count

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        fills = await super().get_fills(session_id, **query)
        return fills[len(fills) - self._last.get(session_id, 0) :]


class ForgetsEquityPoints(Wrong):
    """Keeps the equity that the session has now, and not the curve."""

    caught_by = "test_history_comes_back_exactly"

    async def get_equity_curve(self, session_id: str, **query: Any) -> list[EquityPoint]:
        return (await super().get_equity_curve(session_id, **query))[-1:]


class OrdersFillsByTime(Wrong):
    """Puts fills in the order of their times."""

    caught_by = "test_history_is_in_the_order_of_recording"

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        return sorted(await super().get_fills(session_id, **query), key=lambda fill: fill.executed_at)


class DropsEqualPoints(Wrong):
    """Keeps one equity point for each time."""

    caught_by = "test_equal_points_are_all_kept"

    async def get_equity_curve(self, session_id: str, **query: Any) -> list[EquityPoint]:
        return list({point.at: point for point in await super().get_equity_curve(session_id, **query)}.values())


class RepeatsTheLastFill(Wrong):
    """Begins a page with the last fill of the one before."""

    caught_by = "test_pages_of_fills"

    async def get_fills(self, session_id: str, *, after: Any = 0, **query: Any) -> list[Fill]:
        return await super().get_fills(session_id, after=after - 1 if after in range(1, 7) else after, **query)


class GivesOnePage(Wrong):
    """Gives the first page, whichever is asked for."""

    caught_by = "test_pages_of_fills"

    async def get_fills(self, session_id: str, *, after: Any = 0, **query: Any) -> list[Fill]:
        return await super().get_fills(session_id, **query)


class IncludesTheEnd(Wrong):
    """Gives what was executed at the end of the window too."""

    caught_by = "test_which_fills"

    async def get_fills(self, session_id: str, *, until: Any = None, **query: Any) -> list[Fill]:
        fills = await super().get_fills(session_id, **query)
        return [fill for fill in fills if until is None or fill.executed_at <= until]


class FlattensPeaks(Wrong):
    """Takes every so manieth point, whatever it shows."""

    caught_by = "test_fewer_equity_points_keep_the_peaks"

    async def get_equity_curve(
        self, session_id: str, *, max_points: int | None = None, **query: Any
    ) -> list[EquityPoint]:
        points = await super().get_equity_curve(session_id, **query)
        return points if max_points is None else points[:: len(points) // max_points + 1]


# Claims and changes


class ClaimsForEverybody(Wrong):
    """Gives a session to whoever claims it."""

    caught_by = "test_nobody_else_gets_a_claimed_session"

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        self._working[-1][session_id] = replace(self._working[-1][session_id], owner=None)
        return super()._claim(session_id, owner, ttl)


class ClaimsForEver(Wrong):
    """Never lets a claim run out."""

    caught_by = "test_an_expired_claim_is_free"

    def _claim(self, session_id: str, owner: str, ttl: float) -> PaperTradingSession | None:
        return super()._claim(session_id, owner, ttl + 3600)


class ReleasesForStrangers(Wrong):
    """Lets anybody give a claim back."""

    caught_by = "test_a_released_session_is_free"

    async def release(self, session_id: str, owner: str) -> bool:
        for name in (owner, *(record.owner for record in self._committed.values())):
            if name is not None and await super().release(session_id, name):
                return True
        return True


class WatchesFromTheStart(Wrong):
    """Reports what was there before the watch began."""

    caught_by = "test_a_save_is_reported"

    def watch(self, *, after: int | None = None, **options: Any) -> AsyncSessionChanges:
        return super().watch(after=after or 0, **options)


# Transactions


class BreakableBlock(Block):
    """A block of one of the wrong repositories."""

    _repository: Wrong


class LeaksCancelledTransactions(Wrong):
    """Waits before it rolls back, where a cancellation comes between."""

    caught_by = "test_a_cancelled_block_leaves_nothing"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        class Block(BreakableBlock):
            async def __aexit__(self, *error: Any) -> None:
                await anyio.lowlevel.checkpoint()
                await super().__aexit__(*error)

        return Block(self)


class CommitsCancelledBlocks(Wrong):
    """Thinks that only an Exception is an error."""

    caught_by = "test_a_cancelled_block_leaves_nothing"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        class Block(BreakableBlock):
            async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
                await super().__aexit__(kind, error if isinstance(error, Exception) else None, traceback)

        return Block(self)


class CommitsWhenTimeIsUp(CommitsCancelledBlocks):
    """The same, found by a timeout."""

    caught_by = "test_a_block_that_runs_out_of_time_leaves_nothing"


class CommitsFailedBlocks(Wrong):
    """Stores what a failed block has done."""

    caught_by = "test_a_failed_block_stores_nothing"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        class Block(BreakableBlock):
            async def __aexit__(self, *error: Any) -> None:
                await super().__aexit__(None, None, None)

        return Block(self)


class SwallowsCancellation(Wrong):
    """Rolls a cancelled block back, and lets its task go on as if nothing had happened."""

    caught_by = "test_a_cancelled_block_leaves_nothing"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        class Block(BreakableBlock):
            async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> bool:  # type: ignore[override]
                await super().__aexit__(kind, error, traceback)
                return isinstance(error, anyio.get_cancelled_exc_class())

        return Block(self)


class BeginsCancelledBlocks(Wrong):
    """Takes its turn also when it is cancelled while it waits, and never passes it on."""

    caught_by = "test_a_block_cancelled_while_it_waits_is_never_stored"

    async def _enter(self, block: Block) -> None:
        with anyio.CancelScope(shield=open_block(self) is None):
            await super()._enter(block)
        turn, block.turn = block.turn, None
        await anyio.lowlevel.checkpoint()
        block.turn = turn


class WrapsErrors(Wrong):
    """Gives the caller another error than the block failed with."""

    caught_by = "test_the_error_of_a_block_comes_out"

    @asynccontextmanager
    async def atomic(self) -> AsyncIterator[None]:
        try:
            async with super().atomic():
                yield
        except ValueError as error:
            raise StorageError("the transaction failed") from error


class HasNoSavepoints(Wrong):
    """Joins a block inside a block to the outer one."""

    caught_by = "test_an_inner_rollback_keeps_the_outer_work"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        return super().atomic() if open_block(self) is None else nullcontext()


class KeepsVersionsAfterRollback(Wrong):
    """Leaves the sessions of a failed block as if they had been stored."""

    caught_by = "test_a_rollback_gives_sessions_back_as_they_were"

    def _leave(self, block: Block, commit: bool) -> None:
        del self._undo[block.undo_from :]
        super()._leave(block, commit)


class ForgetsHistoryAfterRollback(Wrong):
    """Gives a session back as it was at its save, without what was recorded after that."""

    caught_by = "test_history_recorded_before_a_rollback_stays"

    def _write(self, save: Save) -> None:
        session, before = save.session, deepcopy(save.session)
        super()._write(save)
        del self._undo[-1:]
        self._undo.append(lambda: session.__dict__.update(before.__dict__))


class ReadsCommittedOnly(Wrong):
    """Shows a block what was there before it."""

    caught_by = "test_a_block_sees_its_own_writes"

    async def _visible(self) -> Store:
        await super()._visible()
        return self._committed


class ReadsUncommitted(Wrong):
    """Shows everybody what an open block has written."""

    caught_by = "test_others_see_nothing_of_an_open_block"

    async def _visible(self) -> Store:
        committed = await super()._visible()
        return self._working[-1] if self._working else committed


class ShowsHalves(ReadsUncommitted):
    """The same, found by who compares what belongs together."""

    caught_by = "test_nobody_sees_half_of_a_block"


class BlocksReaders(Wrong):
    """Lets readers wait for the end of a block."""

    caught_by = "test_others_see_nothing_of_an_open_block"

    async def _visible(self) -> Store:
        if open_block(self) is None:
            async with self.atomic():
                return await super()._visible()
        return await super()._visible()


class JoinsStrangers(Wrong):
    """Lets a task that was started in a block write in it."""

    caught_by = "test_a_task_started_inside_may_not_use_the_repository"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except TransactionOwnershipError:
            self._write(Save.capture(session))


class NeverForgivesStrangers(Wrong):
    """Refuses a task also when the block that it was started in has ended."""

    caught_by = "test_a_task_may_outlive_the_block_it_was_started_in"

    def atomic(self) -> AbstractAsyncContextManager[None]:
        class Block(BreakableBlock):
            async def __aexit__(self, *error: Any) -> None:
                await super().__aexit__(*error)
                assert self._open
                self._open.ended = False

        return Block(self)


class WaitsForEver(Wrong):
    """Does not know how long it may wait for another writer."""

    caught_by = "test_waiting_for_a_writer_is_bounded"

    def __init__(self, *, busy_timeout: float) -> None:
        super().__init__(busy_timeout=busy_timeout * 1e6)


class NeverWaits(Wrong):
    """Gives up at once when somebody else writes."""

    caught_by = "test_a_writer_waits_for_a_block"

    def __init__(self, *, busy_timeout: float) -> None:
        super().__init__(busy_timeout=0)


# Closing


class StaysOpen(Wrong):
    """Can be used after it was closed."""

    caught_by = "test_a_closed_one_refuses_every_call"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        record = self._committed.get(session_id)
        return record.load() if self._closed.is_set() and record else await super().get_by_id(session_id)


class OpensAgain(Wrong):
    """Is open again after it was closed."""

    caught_by = "test_a_closed_one_is_not_opened_again"

    async def open(self) -> None:
        self._closed.clear()


class ClosesOnce(Wrong):
    """Fails when it is closed a second time."""

    caught_by = "test_closing_twice_does_nothing"

    async def close(self) -> None:
        if self._closed.is_set():
            raise RepositoryClosedError("closed already")
        await super().close()


class ClosesInsideBlocks(Wrong):
    """Closes under the feet of an open block."""

    caught_by = "test_closing_inside_a_block_is_refused"

    async def close(self) -> None:
        self._closed.set()


# Right ones


class SeesThingsThrough(InMemorySessionRepository):
    """Does what it was asked for also when the task is cancelled meanwhile, and is right."""

    async def save_many(self, sessions: Any) -> None:
        with anyio.CancelScope(shield=open_block(self) is None):
            await super().save_many(sessions)

    async def _enter(self, block: Block) -> None:
        with anyio.CancelScope(shield=True):
            await super()._enter(block)


class ConflictsInBlocks(InMemorySessionRepository):
    """Lets blocks of several tasks go on at once, so to speak, and refuses what comes of it."""

    _saves = 0

    async def save(self, session: PaperTradingSession) -> None:
        self._saves += 1
        if session.version and self._saves % 3 == 0:
            raise ConflictError(session.id, session.version, session.version + 1)
        await super().save(session)
