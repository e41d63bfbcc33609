"""What a repository promises about accounts: currencies, ledger entries, closed orders, corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from paper_repo.domain import (
    CashFlow,
    Fill,
    Instrument,
    LedgerEntry,
    Order,
    PaperTradingSession,
    Position,
    Split,
    SymbolChange,
)
from paper_repo.errors import ConflictError, DuplicateFillError, InvalidSessionError, SessionNotFoundError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import EVERY_CALL, PARTS_OF_A_SESSION, cases
from paper_repo.testing.examples import START, moment, new_fill, new_session, rolled_back

ENTRIES: tuple[LedgerEntry, ...] = (
    CashFlow("d-1", "DEPOSIT", "500.00", moment(1), metadata={"by": "wire"}),
    CashFlow("d-2", "DIVIDEND", "4.10", moment(2), "EUR", "SAP"),
    Split("s-1", "SAP", 3, moment(3), per=2),
    SymbolChange("c-1", "SAP", "SAPX", moment(4)),
    CashFlow("d-3", "FEE", "-1", moment(5)),
)
LEDGER: list[tuple[dict[str, Any], str]] = [
    ({}, "d-1 d-2 s-1 c-1 d-3"),
    ({"since": moment(2)}, "d-2 s-1 c-1 d-3"),
    ({"until": moment(2)}, "d-1"),
    ({"since": moment(3), "until": moment(5)}, "s-1 c-1"),
]
"""Arguments of `get_ledger`, and which of `ENTRIES` they give."""
FLOWS: list[tuple[dict[str, Any], str]] = [
    ({}, "d-1 d-2 d-3"),
    ({"kind": "FEE"}, "d-3"),
    ({"kind": "dividend"}, "d-2"),
    ({"kind": None, "since": moment(2)}, "d-2 d-3"),
    ({"kind": "DEPOSIT", "since": moment(2)}, ""),
]
ORDERS: list[tuple[dict[str, Any], str]] = [
    ({}, "o-1 o-2 o-3 o-4 o-5"),
    ({"which": "all", "symbol": "MSFT"}, "o-2 o-5"),
    ({"which": "closed"}, "o-1 o-2 o-3"),
    ({"which": "open"}, "o-4 o-5"),
    ({"which": "closed", "symbol": "MSFT"}, "o-2"),
    ({"which": "open", "symbol": "MSFT"}, "o-5"),
    ({"since": moment(12)}, "o-2 o-3 o-5"),
    ({"until": moment(12)}, "o-1 o-4"),
    ({"which": "closed", "since": moment(12)}, "o-2 o-3"),
    ({"which": "open", "since": moment(12)}, "o-5"),
]


def rich_session(**changes: Any) -> PaperTradingSession:
    """A session of an account that uses everything there is."""
    session = new_session(
        id="rich",
        initial_cash="10000.00",
        instruments={
            "ES": Instrument("ES", multiplier=50, settlement="MARGIN", metadata={"exchange": "CME"}),
            "SAP": Instrument("SAP", "EUR"),
        },
        rates={"EUR": "1.10", "BTC": 60000},
        opening_balances={"EUR": "200.50"},
        opening_positions={"OLD": Position("OLD", 5, 50, 11, START)},
        other_value="0.00",
        **changes,
    )
    session.apply_fill(new_fill(1, id="f-1", symbol="ES", quantity=2, price="5000.25", fee="4.20"))
    session.apply_cash_flow(ENTRIES[0])  # type: ignore[arg-type]
    session.apply_fill(Fill("f-2", "SAP", "BUY", 4, "120.5", "0.25", moment(2), metadata={"route": "XETRA"}))
    session.apply_fill(Fill("f-3", "BTC/USD", "BUY", "0.5", 60000, "0.001", moment(2), fee_currency="BTC"))
    session.apply_fill(Fill("f-4", "ES", "SELL", 1, 5001, 0, moment(3), position_id="hedge"))
    session.apply_cash_flow(ENTRIES[1])  # type: ignore[arg-type]
    session.apply_split(ENTRIES[2])  # type: ignore[arg-type]
    session.apply_symbol_change(ENTRIES[3])  # type: ignore[arg-type]
    session.apply_cash_flow(ENTRIES[4])  # type: ignore[arg-type]
    session.mark({"ES": "5002.25", "SAPX": "81.5"}, moment(6), rates={"EUR": "1.12"})
    return session


def with_orders(session: PaperTradingSession) -> PaperTradingSession:
    """The session with three closed orders and two that rest, of which the later was placed first."""
    orders = ((1, "AAPL", START), (2, "MSFT", START), (3, "AAPL", START), (5, "MSFT", moment(20)), (4, "AAPL", START))
    for number, symbol, created_at in orders:
        session.place_order(
            Order(
                f"o-{number}",
                symbol,
                "BUY",
                "LIMIT",
                5,
                limit_price=90,
                created_at=created_at,
                reduce_only=number == 4,
                metadata={"n": number},
            )
        )
    for number in (1, 2, 3):
        session.cancel_order(f"o-{number}", moment(10 + number))
    return session


class AccountContract:
    """Tests of accounts."""

    async def test_whatever_an_account_holds_comes_back(self, repository: IPaperTradingSessionRepository) -> None:
        """Instruments, currencies, hedged positions, cash flows, splits and new names are stored equal."""
        session = with_orders(rich_session())
        before = with_orders(rich_session())

        await repository.save(session)
        found = await repository.get_by_id("rich")

        assert found == session
        assert (found.equity, found.net_pnl) == (before.equity, before.net_pnl)
        assert (found.ledger_count, found.closed_order_count, found.fill_count) == (5, 3, 4)
        assert await repository.get_ledger("rich") == before.new_ledger_entries
        assert await repository.get_orders("rich", which="closed") == before.new_closed_orders
        assert await repository.get_fills("rich") == before.new_fills
        assert (await repository.check()).remarks == []

    async def test_later_saves_go_on(self, repository: IPaperTradingSessionRepository) -> None:
        """What is booked after a load is appended to the history, and the books go on."""
        await repository.save(rich_session())
        session = await repository.get_by_id("rich")
        assert session is not None

        session.apply_cash_flow(CashFlow("w-1", "WITHDRAWAL", -100, moment(8)))
        session.apply_fill(new_fill(9, id="f-9", symbol="OLD", side="SELL", quantity=5, price=12, fee=0))
        await repository.save(with_orders(session))

        assert [each.id for each in await repository.get_ledger("rich")] == ["d-1", "d-2", "s-1", "c-1", "d-3", "w-1"]
        assert await repository.get_by_id("rich") == session
        assert (await repository.check()).remarks == []

    async def test_ledger_queries(self, repository: IPaperTradingSessionRepository) -> None:
        """`get_ledger` gives the entries of a window in the order in which they were booked."""
        await repository.save(rich_session())

        for query, found in LEDGER:
            assert " ".join([each.id for each in await repository.get_ledger("rich", **query)]) == found

    async def test_cash_flow_queries(self, repository: IPaperTradingSessionRepository) -> None:
        """`get_cash_flows` gives those of a kind."""
        await repository.save(rich_session())

        for query, found in FLOWS:
            assert " ".join([each.id for each in await repository.get_cash_flows("rich", **query)]) == found

    async def test_order_queries(self, repository: IPaperTradingSessionRepository) -> None:
        """`get_orders` gives the closed orders and then the open ones, or one kind; of a symbol, of a window."""
        await repository.save(with_orders(rich_session()))

        for query, found in ORDERS:
            assert " ".join([each.id for each in await repository.get_orders("rich", **query)]) == found, query
        with pytest.raises(ValueError, match="which must be one of all, open, closed, not 'new'"):
            await repository.get_orders("rich", which="new")  # type: ignore[arg-type]

    async def test_orders_of_one_moment(self, repository: IPaperTradingSessionRepository) -> None:
        """They come in the order of their ids, also those that were closed together after they were loaded."""
        session = new_session(id="s")
        for order_id in ("o-10", "o-3", "o-2", "p"):
            session.place_order(Order(order_id, "AAPL", "BUY", "MARKET", 1, created_at=START))
        session.open_orders["z"] = replace(session.open_orders["p"], id="z", created_at=START - timedelta(1))
        await repository.save(session)
        open_orders = [each.id for each in await repository.get_orders("s")]
        loaded = await repository.get_by_id("s")
        assert loaded is not None
        for order_id in open_orders:
            loaded.amend_order(order_id, time_in_force="GTD", expires_at=START + timedelta(1))
        loaded.expire_orders(START + timedelta(1))
        await repository.save(loaded)

        assert open_orders == ["z", "o-10", "o-2", "o-3", "p"]
        assert [each.id for each in await repository.get_orders("s")] == open_orders

    async def test_a_session_that_is_not_there(self, repository: IPaperTradingSessionRepository) -> None:
        """A part of a session that is not there is an error, whatever is asked of it; what is there may be empty."""
        for name in PARTS_OF_A_SESSION:
            with pytest.raises(SessionNotFoundError, match="kept"):
                await EVERY_CALL[name](repository)
        for method, query in (
            ("get_fills", {"symbol": "IBM"}),
            ("get_fills", {"since": START}),
            ("get_fills", {"after": "f-1"}),
            ("get_fills", {"after": new_fill(1)}),
            ("get_fills", {"limit": 0}),
            ("get_equity_curve", {"max_points": 8}),
            ("get_equity_curve", {"until": START}),
            ("get_ledger", {"since": START}),
            ("get_cash_flows", {"kind": "FEE"}),
            ("get_orders", {"which": "open"}),
            ("get_orders", {"which": "closed", "symbol": "IBM"}),
        ):
            with pytest.raises(SessionNotFoundError, match="none"):
                await getattr(repository, method)("none", **query)
        await repository.save(new_session(id="empty"))
        for name in ("get_fills", "get_equity_curve", "get_ledger", "get_cash_flows", "get_orders", "get_trades"):
            assert await getattr(repository, name)("empty") == []
        assert await repository.get_fills("empty", after=3) == []

    async def test_an_entry_put_into_the_list_has_its_place(self, repository: IPaperTradingSessionRepository) -> None:
        """What a program adds to the history by itself comes after the fills that there were then, and stays there."""
        session = new_session(id="s")
        session.apply_fill(new_fill(1))
        session.new_ledger_entries.append(CashFlow("own-1", "OTHER", 1, moment(2)))
        session.apply_cash_flow(CashFlow("booked", "OTHER", 2, moment(3)))
        session.apply_fill(new_fill(4))
        async with rolled_back(repository):
            await repository.save(session)
        session.new_ledger_entries.append(CashFlow("own-2", "OTHER", 4, moment(5)))

        await repository.save(session)

        assert [each.id for each in await repository.get_ledger("s")] == ["own-1", "booked", "own-2"]
        assert (await repository.get_as_of("s", moment(3))).income == 3
        assert session.new_ledger_entries.placed(9) == []
        session.new_ledger_entries = [CashFlow("own-3", "OTHER", 8, moment(6))]
        assert [place for place, _ in session.new_ledger_entries.placed(session.fill_count)] == [2]
        await repository.save(session)
        assert len(await repository.get_ledger("s")) == 4

    async def test_an_entry_is_booked_once(self, repository: IPaperTradingSessionRepository) -> None:
        """A cash flow that is stored already and is booked again is refused, and nothing is stored."""
        await repository.save(rich_session())
        session = await repository.get_by_id("rich")
        assert session is not None
        session.apply_cash_flow(CashFlow("d-1", "DEPOSIT", "500.00", moment(1)))
        session.apply_fill(new_fill(9, id="f-9"))

        with pytest.raises(DuplicateFillError, match="d-1") as caught:
            await repository.save(session)

        assert (caught.value.fills, caught.value.entries) == ((), ("d-1",))
        assert len(await repository.get_ledger("rich")) == 5
        assert len(await repository.get_fills("rich")) == 4

    async def test_an_order_id_is_used_once(self, repository: IPaperTradingSessionRepository) -> None:
        """The id of an order that was closed cannot be placed again; nothing of it is stored, in a block that goes on
        neither."""
        await repository.save(with_orders(new_session(id="rich")))
        session = await repository.get_by_id("rich")
        assert session is not None
        session.place_order(Order("o-2", "MSFT", "BUY", "LIMIT", 1, limit_price=1))

        with pytest.raises(InvalidSessionError, match="o-2"):
            await repository.save(session)
        async with repository.atomic():
            with pytest.raises(InvalidSessionError, match="o-2"):
                await repository.save(session)

        assert len(await repository.get_orders("rich", which="closed")) == 3
        stored = await repository.get_by_id("rich")
        assert stored is not None
        assert (stored.version, "o-2" in stored.open_orders) == (1, False)

    @cases(["fill", "cash flow", "closed order"])
    async def test_an_object_that_lacks_stored_history_is_in_conflict(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """Whatever version it is given: stored as it is, it would hide what was booked."""
        await repository.save(new_session(id="rich"))
        mine, theirs = await repository.get_by_id("rich"), await repository.get_by_id("rich")
        assert mine is not None
        assert theirs is not None
        if contract_case == "fill":
            theirs.apply_fill(new_fill(1))
        elif contract_case == "cash flow":
            theirs.apply_cash_flow(CashFlow("d", "DEPOSIT", 5, START))
        else:
            theirs.place_order(Order("o", "AAPL", "BUY", "LIMIT", 5, limit_price=90, created_at=START))
            theirs.cancel_order("o", START)
        await repository.save(theirs)

        mine.version = theirs.version
        with pytest.raises(ConflictError):
            await repository.save(mine)

        assert await repository.get_by_id("rich") == theirs

    async def test_a_fill_of_an_order_that_was_closed_before_is_refused(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Nothing of such a save is stored; the same fill without its order is, and a repeated one is told as such."""
        await repository.save(with_orders(new_session(id="rich")))
        late = Fill("late", "AAPL", "BUY", 1, 90, executed_at=START, order_id="o-1")
        session = await repository.get_by_id("rich")
        assert session is not None
        session.apply_fill(late)

        with pytest.raises(InvalidSessionError, match=r"late.*o-1"):
            await repository.save(session)

        assert await repository.get_fills("rich") == []
        session = await repository.get_by_id("rich")
        assert session is not None
        session.apply_fill(replace(late, order_id=None))
        session.apply_fill(Fill("in time", "AAPL", "BUY", 5, 90, executed_at=START))
        session.place_order(Order("o-new", "AAPL", "SELL", "MARKET", 2))
        session.apply_fill(last := Fill("last", "AAPL", "SELL", 2, 91, executed_at=START, order_id="o-new"))
        await repository.save(session)
        session = await repository.get_by_id("rich")
        assert session is not None
        session.apply_fill(last)
        with pytest.raises(DuplicateFillError):
            await repository.save(session)

    async def test_an_order_counts_the_fills_that_were_stored_before_it(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """Placed without them it is refused, and nothing stored; placed with them it is filled by the rest."""
        session = new_session(id="rich")
        session.apply_fill(Fill("early", "AAPL", "BUY", 2, 90, executed_at=START, order_id="o"))
        await repository.save(session)
        order = Order("o", "AAPL", "BUY", "LIMIT", 5, limit_price=90, created_at=START)
        session.place_order(order)
        session.place_order(replace(order, id="another"))

        with pytest.raises(InvalidSessionError, match=r"counts 0 as filled.*the 2 of its fills"):
            await repository.save(session)

        stored = await repository.get_by_id("rich")
        assert stored is not None
        assert stored.open_orders == {}
        stored.place_order(replace(order, filled_quantity=Decimal(2)))
        stored.apply_fill(Fill("next", "AAPL", "BUY", 1, 90, executed_at=START, order_id="o"))
        await repository.save(stored)
        stored.apply_fill(Fill("last", "AAPL", "BUY", 2, 90, executed_at=START, order_id="o"))
        await repository.save(stored)
        assert [each.filled_quantity for each in await repository.get_orders("rich")] == [5]

    async def test_a_rollback_gives_everything_back(self, repository: IPaperTradingSessionRepository) -> None:
        """After a block that fails, ledger entries and closed orders wait again, and are stored once."""
        session, same = with_orders(rich_session()), with_orders(rich_session())

        async with rolled_back(repository):
            await repository.save(session)
        assert session == same
        assert session.new_ledger_entries.places == same.new_ledger_entries.places

        await repository.save(session)
        assert len(await repository.get_ledger("rich")) == 5
        assert len(await repository.get_orders("rich", which="closed")) == 3
        assert (await repository.check()).remarks == []

    async def test_figures(self, repository: IPaperTradingSessionRepository) -> None:
        """Trades, performance and earlier books come from the stored history."""
        session = new_session(id="s", initial_cash=1000)
        session.apply_fill(new_fill(1, quantity=10, price=10, fee=1))
        session.apply_cash_flow(CashFlow("d", "DEPOSIT", 100, moment(2)))
        session.apply_fill(new_fill(3, side="SELL", quantity=10, price=12, fee=1))
        session.mark({}, moment(4))
        await repository.save(session)

        (trade,) = await repository.get_trades("s")
        performance = await repository.get_performance("s", resample=None, periods_per_year=252, risk_free_rate=0.01)
        then = await repository.get_as_of("s", moment(2) - timedelta(microseconds=1))

        assert [trade.net_pnl, performance.net_pnl, performance.trades] == [18, 18, 1]
        assert [then.cash, then.positions["AAPL"].quantity, then.net_deposits] == [899, 10, 0]

    async def test_a_fill_is_corrected(self, repository: IPaperTradingSessionRepository) -> None:
        """A fill leaves the books, another one takes its place, and both stay in the history."""
        session = new_session(id="s", initial_cash=1000)
        session.apply_fill(new_fill(1, quantity=10, price=10, fee=1))
        session.apply_fill(new_fill(2, side="SELL", quantity=5, price=12, fee=1))
        await repository.save(session)

        found = await repository.correct_fill(
            "s", "fill-2", new_fill(2, id="new", side="SELL", quantity=5, price=11, fee=0)
        )
        assert [found.cash, found.realized_pnl, found.fees_paid, found.version] == [954, 5, 1, 2]
        assert await repository.get_by_id("s") == found
        busted = await repository.correct_fill("s", "new", symbol="AAPL")

        assert [busted.cash, busted.positions["AAPL"].quantity, busted.version] == [899, 10, 3]
        fills = await repository.get_fills("s")
        assert [(each.id, each.corrected_at is None, each.replaces) for each in fills] == [
            ("fill-1", True, None),
            ("fill-2", False, None),
            ("new", False, "fill-2"),
        ]
        assert (await repository.check()).remarks == []
        session.cash = 5
        with pytest.raises(ConflictError):
            await repository.save(session)

    async def test_a_correction_reaches_its_order(self, repository: IPaperTradingSessionRepository) -> None:
        """A resting order counts what is left of its fills; one that is closed stays so, and may get a replacement."""
        session = new_session(id="s")
        for order_id in ("rests", "filled"):
            session.place_order(Order(order_id, "AAPL", "BUY", "LIMIT", quantity=10, limit_price=12))
        session.apply_fill(new_fill(1, quantity=4, order_id="rests"))
        session.apply_fill(new_fill(2, quantity=10, order_id="filled"))
        await repository.save(session)
        closed = await repository.get_orders("s", which="closed")
        late = await repository.get_by_id("s")
        assert late is not None
        late.apply_fill(new_fill(9, quantity=1, order_id="filled", replaces="fill-2"))  # which was not corrected
        with pytest.raises(InvalidSessionError, match="'filled' was closed before"):
            await repository.save(late)

        smaller = await repository.correct_fill("s", "fill-1", new_fill(1, id="less", quantity=3))
        assert [each.order_id for each in await repository.get_fills("s")] == ["rests", "filled", "rests"]
        other_price = await repository.correct_fill("s", "fill-2", new_fill(2, id="price", quantity=10, price=11))
        busted = await repository.correct_fill("s", "less")
        await repository.correct_fill("s", "price")

        assert [each.open_orders["rests"].filled_quantity for each in (smaller, other_price, busted)] == [3, 3, 0]
        assert [smaller.open_orders["rests"].status, busted.open_orders["rests"].status] == ["PARTIALLY_FILLED", "OPEN"]
        assert await repository.get_orders("s", which="closed") == closed
        other = await repository.get_by_id("s")
        assert other is not None
        other.apply_fill(new_fill(3, quantity=1, order_id="filled", replaces="less"))  # which was no fill of this order
        with pytest.raises(InvalidSessionError, match="'filled' was closed before"):
            await repository.save(other)

    async def test_a_correction_may_fill_its_order(self, repository: IPaperTradingSessionRepository) -> None:
        """A replacement closes the order of which nothing is left then, and cannot be larger than what is left."""
        session = new_session(id="s")
        session.place_order(Order("o", "AAPL", "BUY", "LIMIT", quantity=10, limit_price=12))
        session.apply_fill(new_fill(1, quantity=4, order_id="o"))
        await repository.save(session)

        with pytest.raises(InvalidSessionError, match="has 10 left"):
            await repository.correct_fill("s", "fill-1", new_fill(1, id="more", quantity=11))
        filled = await repository.correct_fill("s", "fill-1", new_fill(1, id="all", quantity=10))

        orders = await repository.get_orders("s")
        assert filled.open_orders == {}
        assert [(each.status.value, int(each.filled_quantity)) for each in orders] == [("FILLED", 10)]

    async def test_what_cannot_be_corrected(self, repository: IPaperTradingSessionRepository) -> None:
        """A fill that is not there, one that was corrected, a wrong replacement, a program with its own accounts."""
        session = new_session(id="s")
        session.apply_fill(new_fill(1))
        session.apply_fill(new_fill(1, symbol="MSFT"))
        await repository.save(session)
        own = new_session(id="own", cash=5)
        own.record_fill(new_fill(1))
        await repository.save(own)
        await repository.correct_fill("s", "fill-1", symbol="MSFT")

        for arguments, message in (
            (("s", "fill-9"), "no fill of this id"),
            (("s", "fill-1"), "several symbols"),
            (("own", "fill-1"), "its own accounts"),
        ):
            with pytest.raises(InvalidSessionError, match=message):
                await repository.correct_fill(*arguments)
        for replacement, message in (
            (new_fill(1), "stored already"),
            (new_fill(2, symbol="MSFT"), "is MSFT"),
            ("fill", "must be a Fill"),
        ):
            with pytest.raises(InvalidSessionError, match=message):
                await repository.correct_fill("s", "fill-1", replacement, symbol="AAPL")  # type: ignore[arg-type]
        with pytest.raises(InvalidSessionError, match="corrected already"):
            await repository.correct_fill("s", "fill-1", symbol="MSFT")
        assert len(await repository.get_fills("s")) == 2
