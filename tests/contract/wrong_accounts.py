"""Wrong accounts: what is not a fill or a point of the curve."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from paper_repo import (
    CashFlow,
    ConflictError,
    DuplicateFillError,
    Fill,
    InvalidSessionError,
    LedgerEntry,
    Order,
    PaperTradingSession,
    SessionNotFoundError,
    Trade,
)
from paper_repo.core.saves import Save
from paper_repo.core.tracking import Tracking
from tests.contract.wrong_implementations import Wrong


class ForgetsInstruments(Wrong):
    """Keeps nothing of what a symbol is."""

    caught_by = "test_whatever_an_account_holds_comes_back"

    async def get_by_id(self, session_id: str) -> PaperTradingSession | None:
        loaded = await super().get_by_id(session_id)
        if loaded is not None:
            loaded.instruments.clear()
        return loaded


class GivesAFewEntries(Wrong):
    """Gives the first page of the ledger."""

    caught_by = "test_later_saves_go_on"

    async def get_ledger(self, session_id: str, **query: Any) -> list[LedgerEntry]:
        return (await super().get_ledger(session_id, **query))[:5]


class IncludesTheLastEntry(Wrong):
    """Gives the entry at the end of the window too."""

    caught_by = "test_ledger_queries"

    async def get_ledger(self, session_id: str, *, until: Any = None, **query: Any) -> list[LedgerEntry]:
        entries = await super().get_ledger(session_id, **query)
        return [each for each in entries if until is None or each.at <= until]


class IgnoresKinds(Wrong):
    """Gives cash flows of all kinds."""

    caught_by = "test_cash_flow_queries"

    async def get_cash_flows(self, session_id: str, *, kind: Any = None, **query: Any) -> list[CashFlow]:
        return await super().get_cash_flows(session_id, **query)


class IgnoresSymbolsOfOrders(Wrong):
    """Gives the orders of all symbols."""

    caught_by = "test_order_queries"

    async def get_orders(self, session_id: str, *, symbol: Any = None, **query: Any) -> list[Order]:
        return await super().get_orders(session_id, **query)


class GivesOrdersAsTheyCome(Wrong):
    """Gives the open orders in the order in which its database happens to keep them."""

    caught_by = "test_orders_of_one_moment"

    async def get_orders(self, session_id: str, *, which: Any = "all", **query: Any) -> list[Order]:
        found = await super().get_orders(session_id, which=which, **query)
        return sorted(found, key=lambda each: (len(each.id), each.id))


class GivesClosedOrdersOnly(Wrong):
    """Leaves out the orders that rest."""

    caught_by = "test_order_queries"

    async def get_orders(self, session_id: str, *, which: Any = "all", **query: Any) -> list[Order]:
        return await super().get_orders(session_id, which="closed" if which == "all" else which, **query)


class FindsAnEmptyLedgerOfNothing(Wrong):
    """Gives an empty list where there is no session, which hides a wrong id."""

    caught_by = "test_a_session_that_is_not_there"

    async def get_ledger(self, session_id: str, **query: Any) -> list[LedgerEntry]:
        with suppress(SessionNotFoundError):
            return await super().get_ledger(session_id, **query)
        return []


class FindsTradesOfNothing(Wrong):
    """Has no trades of a session that is not there, and says nothing."""

    caught_by = "test_a_session_that_is_not_there"

    async def get_trades(self, session_id: str) -> list[Trade]:
        with suppress(SessionNotFoundError):
            return await super().get_trades(session_id)
        return []


class OrdersEntriesByTheirIds(Wrong):
    """Puts the ledger in the order of its index."""

    caught_by = "test_an_entry_put_into_the_list_has_its_place"

    async def get_ledger(self, session_id: str, **query: Any) -> list[LedgerEntry]:
        return sorted(await super().get_ledger(session_id, **query), key=lambda entry: entry.id)


class PassesOverStoredEntries(Wrong):
    """Leaves a cash flow out that is stored, and keeps the cash that was booked twice."""

    caught_by = "test_an_entry_is_booked_once"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except DuplicateFillError:
            session.new_ledger_entries.clear()
            await super().save(session)


class UsesOrderIdsAgain(Wrong):
    """Says nothing about an order whose id another one had."""

    caught_by = "test_an_order_id_is_used_once"

    async def save(self, session: PaperTradingSession) -> None:
        with suppress(InvalidSessionError):
            await super().save(session)


class TakesFillsOfClosedOrders(Wrong):
    """Does not look whether the orders of new fills were closed."""

    caught_by = "test_a_fill_of_an_order_that_was_closed_before_is_refused"

    def _write(self, save: Save) -> None:
        save.booked.clear()
        super()._write(save)


class TakesAnyObjectOfTheStoredVersion(Wrong):
    """Looks at the version of an object, and not at the history that it knows of."""

    caught_by = "test_an_object_that_lacks_stored_history_is_in_conflict"

    async def save(self, session: PaperTradingSession) -> None:
        try:
            await super().save(session)
        except ConflictError as error:
            if error.expected != error.actual:
                raise


class PassesOverEarlierFills(Wrong):
    """Does not look whether fills of a new order are stored."""

    caught_by = "test_an_order_counts_the_fills_that_were_stored_before_it"

    def _write(self, save: Save) -> None:
        if row := Tracking.of(save.session).row:
            Tracking.of(save.session).row = row._replace(resting=tuple(save.session.open_orders))
        super()._write(save)


class ForgetsEntriesAfterRollback(Wrong):
    """Gives a session back without the ledger entries that were not stored."""

    caught_by = "test_a_rollback_gives_everything_back"

    def _write(self, save: Save) -> None:
        self._undo.append(save.session.new_ledger_entries.clear)  # undone last
        super()._write(save)


class KnowsThePresentOnly(Wrong):
    """Gives the books as they are now, whatever the time that is asked for."""

    caught_by = "test_figures"

    async def get_as_of(self, session_id: str, at: datetime) -> PaperTradingSession:
        return (await self._record(session_id)).load()


class HidesWhatWasCorrected(Wrong):
    """Forgets a fill that another one has replaced."""

    caught_by = "test_a_fill_is_corrected"

    async def get_fills(self, session_id: str, **query: Any) -> list[Fill]:
        return [fill for fill in await super().get_fills(session_id, **query) if fill.corrected_at is None]


class LetsOrdersKeepWhatWasCorrected(Wrong):
    """Takes a fill out of the books, and lets its order count it still."""

    caught_by = "test_a_correction_reaches_its_order"

    async def correct_fill(self, session_id: str, fill_id: str, *args: Any, **options: Any) -> PaperTradingSession:
        before = (await self._record(session_id)).load().open_orders
        session = await super().correct_fill(session_id, fill_id, *args, **options)
        session.open_orders.update(before)
        return session


class LeavesFilledOrdersOpen(Wrong):
    """Lets an order rest of which a correction has left nothing."""

    caught_by = "test_a_correction_may_fill_its_order"

    async def get_orders(self, session_id: str, **query: Any) -> list[Order]:
        orders = await super().get_orders(session_id, **query)
        return [each for each in orders if each.id != "o"]


class CorrectsNothing(Wrong):
    """Gives the session as it is where a fill cannot be corrected."""

    caught_by = "test_what_cannot_be_corrected"

    async def correct_fill(self, session_id: str, fill_id: str, *args: Any, **options: Any) -> PaperTradingSession:
        with suppress(InvalidSessionError):
            return await super().correct_fill(session_id, fill_id, *args, **options)
        return (await self._record(session_id)).load()
