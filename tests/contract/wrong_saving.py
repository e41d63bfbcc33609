"""Wrong ways to save, load, list and keep the history of sessions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from paper_repo import (
    ConflictError,
    EquityPoint,
    Fill,
    InvalidSessionError,
    PaperTradingSession,
    SessionNotFoundError,
    SessionStatus,
    StorageError,
)
from paper_repo.core.saves import Save
from paper_repo.core.tracking import Tracking
from tests.contract.wrong_implementations import CatchesUpTwice, OrdersAsFloats, Wrong

# Saving


class HidesWhatRuns(Wrong):
    """Lists no session that runs."""

    caught_by = "test_a_running_session_that_was_saved_is_there"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        return [each for each in await super().get_all(**query) if each.status is not SessionStatus.RUNNING]


class ForgetsErrors(Wrong):
    """Leaves a field out."""

    caught_by = "test_get_by_id_gives_every_field"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.error = None
        return loaded


class GivesTheNewestFirst(Wrong):
    """Gives the running sessions in the other order."""

    caught_by = "test_get_active_gives_the_running_sessions"

    async def get_active(self, **query: Any) -> list[PaperTradingSession]:
        return (await super().get_active(**query))[::-1]


class RaisesForTheUnknown(Wrong):
    """Takes an id that names nothing for an error."""

    caught_by = "test_an_unknown_id_names_nothing"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        if not await self.exists(session_id):
            raise SessionNotFoundError(session_id)
        return await super().get_by_id(session_id)


class KeepsWhatBecameEmpty(Wrong):
    """Stores a field only when there is something in it."""

    caught_by = "test_saving_again_replaces_every_field"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._errors: dict[str, str | None] = {}

    async def save(self, session: PaperTradingSession) -> None:
        await super().save(session)
        self._errors[session.id] = session.error or self._errors.get(session.id)

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.error = self._errors[session_id]
        return loaded


class SavesTheFirst(Wrong):
    """Saves the first of many."""

    caught_by = "test_save_many_stores_all"

    async def save_many(self, sessions: Any) -> None:
        await super().save_many(list(sessions)[:1])


class NeedsOne(Wrong):
    """Wants to be given something to save."""

    caught_by = "test_save_many_of_none_does_nothing"

    async def save_many(self, sessions: Any) -> None:
        sessions = list(sessions)
        if not sessions:
            raise StorageError("there is nothing to be saved")
        await super().save_many(sessions)


class TakesTheLastOfTwins(Wrong):
    """Saves one of two sessions that have the same id."""

    caught_by = "test_save_many_refuses_two_of_one_id"

    async def save_many(self, sessions: Any) -> None:
        await super().save_many({session.id: session for session in sessions}.values())


class SavesWhatIsValid(Wrong):
    """Saves several one after the other, up to the one that is invalid."""

    caught_by = "test_save_many_stores_none_when_one_is_invalid"

    async def save_many(self, sessions: Any) -> None:
        for session in sessions:
            await super().save_many([session])


class RemembersRefusals(Wrong):
    """Refuses for ever what it has refused once."""

    caught_by = "test_a_refused_fill_can_be_taken_out"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._refused: dict[str, InvalidSessionError] = {}

    async def save(self, session: PaperTradingSession) -> None:
        if session.id in self._refused:
            raise self._refused[session.id]
        try:
            await super().save(session)
        except InvalidSessionError as error:
            self._refused[session.id] = error
            raise


class KeepsOneFillOfAnId(Wrong):
    """Knows fills by their ids, whosever they are."""

    caught_by = "test_fill_ids_belong_to_their_session"

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        known = {fill.id: fill for record in self._committed.values() for fill in record.fills}
        return [known[fill.id] for fill in await super().get_fills(session_id, **query)]


class CatchesUpTwiceAfterAConflict(CatchesUpTwice):
    """The same, found when another writer had the same fill."""

    caught_by = "test_two_writers_that_had_the_same_fill"


# Conflicts


class ComparesVersionsOnly(Wrong):
    """Takes every object of the right version for the one that is stored."""

    caught_by = "test_a_session_of_a_deleted_one_is_not_saved_over_its_successor"

    async def save(self, session: PaperTradingSession) -> None:
        Tracking.of(session).row = None
        await super().save(session)


class BelievesInRolledBackVersions(ComparesVersionsOnly):
    """The same, found by a block that was rolled back."""

    caught_by = "test_what_was_loaded_in_a_block_that_rolled_back_is_not_saved"


class TakesWhatIsAhead(Wrong):
    """Refuses only what is behind the stored version."""

    caught_by = "test_a_version_ahead_of_the_stored_one_is_refused"

    async def save(self, session: PaperTradingSession) -> None:
        stored = await self.get_by_id(session.id)
        if stored is not None and session.version > stored.version:
            session.version = stored.version
        await super().save(session)


class LooksAtTheVersionTooEarly(Wrong):
    """Compares with the version that an object had before its save was waited for."""

    caught_by = "test_two_tasks_may_save_one_object"

    async def save(self, session: PaperTradingSession) -> None:
        expected = session.version
        async with self.atomic():
            if session.version != expected:
                raise ConflictError(session.id, expected, session.version)
            await super().save(session)


class BreaksAtAConflict(Wrong):
    """Saves nothing more after one save was refused."""

    caught_by = "test_one_failure_among_many_saves_harms_no_other"
    _broken = False

    def _write(self, save: Save) -> None:
        if self._broken:
            raise StorageError("the transaction is over")
        try:
            super()._write(save)
        except ConflictError:
            self._broken = True
            raise


# Finding and deleting


class NeedsASessionToDelete(Wrong):
    """Takes it for an error that there is nothing to delete."""

    caught_by = "test_an_empty_repository_answers"

    async def delete(self, session_id: str) -> bool:
        await self._record(session_id)
        return await super().delete(session_id)


class LeavesHistoriesOfMany(Wrong):
    """Leaves the fills of sessions behind that are deleted together."""

    caught_by = "test_delete_many_removes_the_history"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._left: dict[str, list[Fill]] = {}

    async def delete_many(self, **filters: Any) -> int:
        self._left = {each: list(record.fills) for each, record in self._committed.items()}
        return await super().delete_many(**filters)

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        stored = await super().get_fills(session_id, **query) if await self.exists(session_id) else []
        return stored or self._left.get(session_id, [])


class OrdersAsWritten(OrdersAsFloats):
    """Puts equal amounts in the order of how they are written."""

    caught_by = "test_equal_amounts_are_equal"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        found = await super().get_all(**query)
        found.sort(key=lambda session: (session.equity, str(session.cash)))
        return found


class MakesTheBestOfQueries(Wrong):
    """Finds nothing where a query makes no sense."""

    caught_by = "test_a_query_that_makes_no_sense_is_refused"

    async def get_all(self, **query: Any) -> list[PaperTradingSession]:
        with suppress(ValueError):
            return await super().get_all(**query)
        return []


class MakesTheBestOfFilters(Wrong):
    """Counts nothing where a filter makes no sense."""

    caught_by = "test_a_filter_that_makes_no_sense_is_refused"

    async def count(self, **filters: Any) -> int:
        with suppress(ValueError):
            return await super().count(**filters)
        return 0


# History


class GivesEverybodysFills(Wrong):
    """Gives the fills of all sessions."""

    caught_by = "test_history_belongs_to_its_session"

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        return [fill for record in self._committed.values() for fill in record.fills]


class LeavesGaps(Wrong):
    """Counts the places of fills that it has not stored again."""

    caught_by = "test_a_skipped_fill_takes_no_place"

    async def get_fills(self, session_id: str, *, after: Any = 0, **query: Any) -> list[Fill]:
        return await super().get_fills(session_id, after=(after + 1) // 2, **query)  # places 1, 3, 5


class TakesDigitsForPlaces(Wrong):
    """Takes an id of digits for a number."""

    caught_by = "test_a_fill_id_of_digits_is_no_place"

    async def get_fills(self, session_id: str, *, after: Any = 0, **query: Any) -> list[Fill]:
        return await super().get_fills(session_id, after=int(after), **query)


class BeginsAnewAfterTheUnknown(Wrong):
    """Gives the first page where it does not know the fill that it is to begin after."""

    caught_by = "test_fills_after_an_unknown_one_are_refused"

    async def get_fills(self, session_id: str, *, after: Any = 0, **query: Any) -> list[Fill]:
        try:
            return await super().get_fills(session_id, after=after, **query)
        except ValueError:
            return await super().get_fills(session_id, **query)


class MakesTheBestOfPages(Wrong):
    """Gives all fills where a limit makes no sense."""

    caught_by = "test_fills_that_make_no_sense_are_refused"

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        with suppress(ValueError):
            return await super().get_fills(session_id, **query)
        return await super().get_fills(session_id)


class IncludesTheLastPoint(Wrong):
    """Gives the point at the end of the window too."""

    caught_by = "test_which_equity_points"

    async def get_equity_curve(self, session_id: str, *, until: Any = None, **query: Any) -> list[EquityPoint]:
        points = await super().get_equity_curve(session_id, **query)
        return [point for point in points if until is None or point.at <= until]


class MakesTheBestOfCurves(Wrong):
    """Gives no points where a query makes no sense."""

    caught_by = "test_an_equity_curve_that_makes_no_sense_is_refused"

    async def get_equity_curve(self, session_id: str, **query: Any) -> list[EquityPoint]:
        with suppress(ValueError):
            return await super().get_equity_curve(session_id, **query)
        return []


# Exactness


class CutsTexts(Wrong):
    """Keeps texts up to a length."""

    caught_by = "test_long_texts_come_back"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None and loaded.error is not None:
            loaded.error = loaded.error[:65535]
        return loaded


class ForgetsPauses(Wrong):
    """Does not know one of the statuses."""

    caught_by = "test_every_status_comes_back"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None and loaded.status is SessionStatus.PAUSED:
            loaded = replace(loaded, status=SessionStatus.RUNNING)
        return loaded


class MakesNothingOfTheEmpty(Wrong):
    """Takes an empty text for none."""

    caught_by = "test_what_is_empty_comes_back_empty"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.error = loaded.error or None
        return loaded


class PassesOverOthers(Wrong):
    """Saves what are sessions, and passes over what is not."""

    caught_by = "test_what_is_no_session_is_refused"

    async def save_many(self, sessions: Any) -> None:
        await super().save_many([each for each in sessions if isinstance(each, PaperTradingSession)])
