"""What an exchange has done while nobody listened is booked once, or nothing of it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import (
    CashFlow,
    CashFlowKind,
    ConflictError,
    InMemorySessionRepository,
    InvalidSessionError,
    LedgerEntry,
    Order,
    PaperTradingSession,
    SessionRepository,
    Split,
    SQLiteSessionRepository,
    Strategy,
    SymbolChange,
    TimeInForce,
)
from paper_repo.engines.ccxt import (
    AsyncCcxtSource,
    CcxtSource,
    async_book_once,
    async_reconcile,
    book_once,
    fill,
    instrument,
    order,
    reconcile,
)
from tests.engines import exchanges
from tests.engines.exchanges import BEGAN, DAY, NOON, AsyncExchange, Exchange, trade

SYMBOLS = ["BTC/USDT"]


def new_session() -> PaperTradingSession:
    """A session that began at 11 o'clock."""
    return PaperTradingSession(
        id="a", strategy=Strategy("spot"), base_currency="USDT", initial_cash=1_000_000, created_at=BEGAN
    )


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[SessionRepository]:
    """An empty database."""
    with SessionRepository(tmp_path / "s.db") as opened:
        yield opened


def source(exchange: Exchange, **options: Any) -> CcxtSource:
    """The exchange as a source."""
    return CcxtSource(exchange, SYMBOLS, **options)


def test_what_was_missed_is_booked_once_and_agrees_with_the_exchange(repository: SessionRepository) -> None:
    """The second time finds all of it stored, and saves nothing."""
    session, exchange = new_session(), Exchange()
    exchange.trades = [trade(1, "buy", 0.5, 100.0, NOON), trade(2, "sell", 0.2, 110.0, NOON + 5)]
    exchange.total = {"BTC": 0.3, "USDT": 999_971.8, "DOGE": 7.0}

    report = reconcile(repository, session, source(exchange))
    assert [each.id for each in report.fills] == ["1", "2"]
    assert report.agrees
    assert str(report) == "fills booked: 2, payments booked: 0, stored already: 0, orders closed: 0"

    again = reconcile(repository, session, source(exchange))
    assert (again.fills, again.stored, again.agrees) == ([], 2, True)
    assert session.version == 1
    assert [each.id for each in repository.get_fills("a")] == ["1", "2"]


def test_a_fill_that_the_exchange_reports_late_is_booked(repository: SessionRepository) -> None:
    """It was executed before the last stored one; the question begins early enough to see it."""
    session, exchange = new_session(), Exchange()
    exchange.trades = [trade(1, "buy", 1, 100, NOON), trade(3, "buy", 1, 100, NOON + 2 * DAY)]
    exchange.now = NOON + 3 * DAY
    reconcile(repository, session, source(exchange))
    exchange.trades.append(trade(2, "buy", 1, 100, NOON + DAY))

    report = reconcile(repository, session, source(exchange))

    assert [each.id for each in report.fills] == ["2"]
    assert report.since == BEGAN
    later = reconcile(repository, session, source(exchange), overlap=timedelta(hours=1))
    assert later.since == fill(exchange.trades[-1]).executed_at - timedelta(hours=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("page", [1, 2, 7, 100])
def test_every_page_is_asked_for_whatever_pages_repeat(tmp_path: Path, page: int, seed: int) -> None:
    """Pages of any length, trades of one millisecond on both sides of a page, answers that reach a few days only."""
    draw = random.Random(seed)
    exchange = Exchange(page=page, reach=draw.choice([8 * DAY, 10**15]))
    moments = [NOON + draw.randrange(0, 30 * DAY) for _ in range(40)]
    if page > 2:
        moments[10:12] = moments[:2]  # two each of one millisecond
    exchange.trades = [trade(number, "buy", 1, 1, at) for number, at in enumerate(moments)]
    exchange.now = NOON + 31 * DAY
    with SessionRepository(tmp_path / "s.db") as repository:
        report = reconcile(repository, new_session(), source(exchange))

        assert len(report.fills) == len(repository.get_fills("a")) == 40


def test_a_full_page_of_the_newest_alone_is_reported(repository: SessionRepository) -> None:
    """Older ones may be missing, and the report says what to do."""
    exchange = Exchange(newest_first=True)
    exchange.trades = [trade(number, "buy", 1, 1, NOON + number) for number in range(150)]

    report = reconcile(repository, new_session(), source(exchange))

    assert len(report.fills) == 100
    assert "perhaps more of fetch_my_trades of BTC/USDT" in report.left_out[0]


def test_trades_from_before_the_session_began_are_not_its_own(repository: SessionRepository) -> None:
    """They are counted in the report; `since` says otherwise where they are."""
    exchange = Exchange()
    exchange.trades = [trade(1, "buy", 1, 100, NOON - DAY), trade(2, "buy", 1, 100, NOON)]

    session = new_session()
    assert [each.id for each in reconcile(repository, session, source(exchange)).fills] == ["2"]
    wider = reconcile(repository, session, source(exchange), since=BEGAN - timedelta(days=2))
    assert [each.id for each in wider.fills] == ["1"]
    with pytest.raises(ValueError, match="has no time zone"):
        reconcile(repository, session, source(exchange), since=BEGAN.replace(tzinfo=None))


def test_orders_follow_the_exchange(repository: SessionRepository) -> None:
    """One was filled, one half filled and cancelled, one expired, one rejected, one rests as before."""
    session, exchange = new_session(), Exchange()
    for number in ("f", "c", "e", "x", "r"):
        session.place_order(order(exchanges.order(number, "open")))
    repository.save(session)
    exchange.orders = {
        "f": exchanges.order("f", "closed", filled=1.0),
        "c": exchanges.order("c", "canceled", filled=0.5, lastUpdateTimestamp=NOON + 60_000),
        "e": exchanges.order("e", "expired", lastUpdateTimestamp=NOON + 60_000),
        "x": exchanges.order("x", "rejected"),
        "r": exchanges.order("r", "open"),
    }
    exchange.trades = [trade(1, "buy", 1.0, 100, NOON, order="f"), trade(2, "buy", 0.5, 100, NOON, order="c")]
    exchange.total = {"BTC": 1.5, "USDT": 999_849.8}

    report = reconcile(repository, session, source(exchange))

    assert report.agrees, str(report)
    stored = repository.get_by_id("a")
    assert stored is not None
    assert list(stored.open_orders) == ["r"]
    closed = {each.id: (each.status, each.filled_quantity) for each in repository.get_orders("a", which="closed")}
    assert closed == {
        "f": ("FILLED", 1),
        "c": ("CANCELLED", Decimal("0.5")),
        "e": ("EXPIRED", 0),
        "x": ("REJECTED", 0),
    }


def test_orders_that_rest_under_the_clients_own_id_are_found(repository: SessionRepository) -> None:
    """A program that stores its order before it is sent knows no other id."""
    session, exchange = new_session(), Exchange()
    session.place_order(Order("mine", "BTC/USDT", "BUY", "LIMIT", 1, limit_price=100, created_at=BEGAN))
    noted = Order("o", "BTC/USDT", "BUY", "LIMIT", 1, limit_price=100, created_at=BEGAN, metadata={"broker_id": "78"})
    session.place_order(noted)
    exchange.orders = {
        "77": exchanges.order("77", "open", clientOrderId="mine", filled=0.5),
        "78": exchanges.order("78", "canceled"),
    }
    exchange.trades = [trade(1, "buy", 0.5, 100, NOON, order="77")]

    report = reconcile(repository, session, source(exchange))

    assert session.open_orders["mine"].filled_quantity == Decimal("0.5")
    assert report.fills[0].order_id == "mine"
    assert report.fills[0].metadata["broker_order_id"] == "77"
    assert [each.id for each in report.closed_orders] == ["o"]
    assert [each for each in report.differences if each.kind == "order"] == []


def test_what_disagrees_is_reported(repository: SessionRepository) -> None:
    """Orders that one side does not know, another price, and coins and cash that differ."""
    session, exchange = new_session(), Exchange()
    session.place_order(order(exchanges.order("lost", "open")))
    session.place_order(order(exchanges.order("moved", "open")))
    exchange.orders = {
        "moved": exchanges.order("moved", "open", price=99.0),
        "stray": exchanges.order("stray", "open"),
        "money": exchanges.order("money", "open", amount=None),
    }
    exchange.total = {"BTC": 0.5, "USDT": 999_000.0}

    report = reconcile(repository, session, source(exchange))

    assert not report.agrees
    assert str(report).splitlines()[1:] == [
        "left out: order money has no amount: it is for an amount of money; book its trades",
        "differs: order moved limit_price: 100.0 in the session, 99.0 at the broker",
        "differs: order stray: none in the session, OPEN at the broker",
        "differs: order lost: OPEN in the session, none at the broker",
        "differs: cash BTC: 0 in the session, 0.5 at the broker",
        "differs: cash USDT: 1000000 in the session, 999000.0 at the broker",
    ]


def test_a_fill_that_its_order_cannot_have_has_happened_all_the_same(repository: SessionRepository) -> None:
    """It is booked without the order, which the report names."""
    session, exchange = new_session(), Exchange()
    session.place_order(order(exchanges.order("small", "open")))
    exchange.trades = [trade(1, "buy", 5, 100, NOON, order="small")]

    report = reconcile(repository, session, source(exchange))

    assert session.positions["BTC/USDT"].quantity == 5
    assert report.fills[0].metadata["broker_order_id"] == "small"
    assert "the order of fill 1 of BTC/USDT" in report.left_out[0]


def test_an_error_in_the_middle_leaves_everything_as_it_was(repository: SessionRepository) -> None:
    """The second fill has a fee in a coin without a rate; the first one is not booked either."""
    session, exchange = new_session(), Exchange()
    repository.save(session)
    exchange.trades = [
        trade(1, "buy", 1, 100, NOON),
        trade(2, "buy", 1, 100, NOON + 1, fee={"currency": "BNB", "cost": 0.01}),
    ]

    with pytest.raises(InvalidSessionError, match="BNB has no rate in USDT"):
        reconcile(repository, session, source(exchange))

    assert (session.version, session.cash, list(session.new_fills)) == (1, 1_000_000, [])
    assert repository.get_fills("a") == []
    session.update_rates({"BNB": 600})
    assert len(reconcile(repository, session, source(exchange)).fills) == 2
    assert session.balances["BNB"] == Decimal("-0.01")


def test_another_program_that_was_first_is_a_conflict_and_books_nothing_twice(repository: SessionRepository) -> None:
    """The session is loaded again, and finds everything stored; no DuplicateFillError escapes."""
    exchange = Exchange()
    repository.save(new_session())
    slow, quick = repository.get_by_id("a"), repository.get_by_id("a")
    assert slow is not None
    assert quick is not None
    exchange.trades = [trade(1, "buy", 1, 100, NOON)]
    reconcile(repository, quick, source(exchange))
    exchange.trades.append(trade(2, "buy", 1, 100, NOON))

    with pytest.raises(ConflictError):
        reconcile(repository, slow, source(exchange))
    loaded = repository.get_by_id("a")
    assert loaded is not None
    assert [each.id for each in reconcile(repository, loaded, source(exchange)).fills] == ["2"]
    assert loaded.positions["BTC/USDT"].quantity == 2


def test_a_stream_that_repeats_itself_is_booked_once(repository: SessionRepository) -> None:
    """Also what a reconciliation has booked before, and within one call."""
    session, exchange = new_session(), Exchange()
    exchange.trades = [trade(1, "buy", 1, 100, NOON)]
    reconcile(repository, session, source(exchange))

    told = [fill(trade(number, "buy", 1, 100, NOON)) for number in (1, 2, 2, 1)]
    report = book_once(repository, session, fills=told, orders=[order(exchanges.order("o9", "open"))])

    assert ([each.id for each in report.fills], report.stored) == (["2"], 1)
    assert session.positions["BTC/USDT"].quantity == 2
    assert str(report.differences[0]) == "order o9: none in the session, OPEN at the broker"


def test_a_save_that_failed_is_made_good_by_the_next_call(repository: SessionRepository, tmp_path: Path) -> None:
    """What waits in the session is booked no second time."""
    session, exchange = new_session(), Exchange()
    repository.save(session)
    exchange.trades = [trade(1, "buy", 1, 100, NOON)]
    closed = SessionRepository(tmp_path / "s.db")
    waiting = fill(exchange.trades[0])
    session.apply_fill(waiting)  # as after a save that failed
    closed.close()

    report = reconcile(repository, session, source(exchange))

    assert (len(report.fills), session.positions["BTC/USDT"].quantity) == (1, 1)
    assert len(repository.get_fills("a")) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("blocking", [False, True])
@pytest.mark.parametrize("kind", [SQLiteSessionRepository, InMemorySessionRepository])
async def test_awaitable_repositories_reconcile_the_same_way(kind: Any, blocking: bool, tmp_path: Path) -> None:
    """With an exchange to await, and with one of blocking calls, which is asked in a worker thread."""
    async with kind(tmp_path / "s.db") if kind is SQLiteSessionRepository else kind() as repository:
        session = new_session()
        session.place_order(order(exchanges.order("gone", "open")))
        exchange = Exchange() if blocking else AsyncExchange()
        exchange.trades = [trade(1, "buy", 0.5, 100.0, NOON), trade(2, "sell", 0.2, 110.0, NOON + 5)]
        asked = CcxtSource(exchange, SYMBOLS) if blocking else AsyncCcxtSource(exchange, SYMBOLS)

        first = await async_reconcile(repository, session, asked)
        again = await async_reconcile(repository, session, asked)

        assert ([each.id for each in first.fills], again.fills, again.stored) == (["1", "2"], [], 2)
        assert [each.name for each in first.differences] == ["gone", "BTC", "USDT"]
        assert len(await repository.get_fills("a")) == 2


def test_payments_and_contracts_are_asked_for_where_they_are_wanted(repository: SessionRepository) -> None:
    """A deposit, funding, and the positions of a contract; a call that the exchange does not have is named."""
    okx = exchanges.RECORDED["okx"]

    class Futures(Exchange):
        def fetch_my_trades(self, symbol: str, since: int, limit: int, params: Any) -> list[dict[str, Any]]:
            return [each for each in okx["trades"] if each["timestamp"] >= since]

        def fetch_deposits(self, code: None, since: int, limit: int, params: Any) -> list[dict[str, Any]]:
            paid = {"id": "d", "timestamp": NOON, "amount": 5.0, "currency": "USDT", "type": "deposit", "status": "ok"}
            return [paid] if since <= NOON else []

        def fetch_funding_history(self, symbol: str, since: int, limit: int, params: Any) -> list[dict[str, Any]]:
            paid = {"id": "f", "timestamp": NOON, "amount": -0.5, "code": "USDT", "symbol": symbol, "info": {}}
            return [paid] if since <= NOON else []

        def fetch_positions(self, symbols: list[str]) -> list[dict[str, Any]]:
            return list(okx["positions"])

    exchange = Futures()
    exchange.has = {"fetchOrder": True, "fetchDeposits": True, "fetchFundingHistory": True}
    exchange.total = {"USDT": 1_000_005.2727925}
    session = new_session()
    session.instruments = {"BTC/USDT:USDT": instrument(okx["market"])}

    report = reconcile(repository, session, CcxtSource(exchange, ["BTC/USDT:USDT"], payments=True))
    again = reconcile(repository, session, CcxtSource(exchange, ["BTC/USDT:USDT"], payments=True))

    assert [(each.id, session.net_deposits, session.income) for each in report.entries] == [
        ("deposit d", 5, Decimal("-0.5")),
        ("funding f", 5, Decimal("-0.5")),
    ]
    assert (report.differences, again.stored) == ([], 4)
    assert report.left_out == ["fetch_withdrawals: the exchange does not have it"]


def test_an_order_that_is_filled_at_the_exchange_and_whose_fills_are_missing_differs(
    repository: SessionRepository,
) -> None:
    """Fills alone fill an order; it stays as it was, and the report names it."""
    session, exchange = new_session(), Exchange()
    session.place_order(order(exchanges.order("f", "open")))
    exchange.orders = {"f": exchanges.order("f", "closed", filled=1.0)}
    exchange.total = {"USDT": 1_000_000.0}

    report = reconcile(repository, session, source(exchange))

    assert [str(each) for each in report.differences] == ["order f: OPEN in the session, FILLED at the broker"]
    assert (report.closed_orders, list(session.open_orders)) == ([], ["f"])


def test_a_stream_of_payments_splits_and_new_names_is_booked_once(repository: SessionRepository) -> None:
    """In the order of time, whatever order they come in, together with the fills between them."""
    session = new_session()
    moments = [fill(trade(1, "buy", 1, 100, NOON + hour * 3_600_000)).executed_at for hour in range(5)]
    told: list[LedgerEntry] = [
        SymbolChange("renamed", "BTC/USDT", "XBT/USDT", moments[3]),
        CashFlow("paid", CashFlowKind.INTEREST, Decimal(5), moments[4]),
        Split("split", "BTC/USDT", 2, moments[1]),
    ]
    fills = [fill(trade(2, "buy", 1, 50, NOON + 2 * 3_600_000)), fill(trade(1, "buy", 1, 100, NOON))]

    report = book_once(repository, session, fills=fills, entries=told)
    again = book_once(repository, session, fills=fills, entries=[*told, told[0]])

    assert [each.id for each in report.entries] == ["split", "renamed", "paid"]
    assert (again.fills, again.entries, again.stored) == ([], [], 5)
    assert {symbol: each.quantity for symbol, each in session.positions.items()} == {"XBT/USDT": 3}
    assert session.income == 5
    assert [each.id for each in repository.get_ledger("a")] == ["split", "renamed", "paid"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [SQLiteSessionRepository, InMemorySessionRepository])
async def test_a_stream_is_booked_once_in_awaitable_repositories(kind: Any, tmp_path: Path) -> None:
    """Also the repetition of a payment."""
    told = [fill(trade(number, "buy", 1, 100, NOON)) for number in (1, 2, 1)]
    paid = CashFlow("paid", CashFlowKind.INTEREST, Decimal(5), told[0].executed_at)
    async with kind(tmp_path / "s.db") if kind is SQLiteSessionRepository else kind() as repository:
        session = new_session()
        first = await async_book_once(repository, session, fills=told, entries=[paid])
        again = await async_book_once(repository, session, fills=told, entries=[paid])

        assert ([each.id for each in first.fills], first.entries, first.stored) == (["1", "2"], [paid], 0)
        assert (again.fills, again.entries, again.stored) == ([], [], 3)
        assert [each.id for each in await repository.get_fills("a")] == ["1", "2"]


class Unreachable(Exchange):
    """Fails where an order is asked for, as a network does."""

    def fetch_order(self, number: str, symbol: str) -> dict[str, Any]:
        """No answer."""
        raise ConnectionError("no answer")


class AsyncUnreachable(AsyncExchange):
    """The same with calls to await."""

    async def fetch_order(self, *arguments: Any) -> dict[str, Any]:  # type: ignore[override]
        """No answer."""
        raise ConnectionError("no answer")


@pytest.mark.anyio
@pytest.mark.parametrize("asked", [CcxtSource(Unreachable(), SYMBOLS), AsyncCcxtSource(AsyncUnreachable(), SYMBOLS)])
async def test_an_exchange_that_does_not_answer_is_an_error_and_nothing_is_booked(asked: Any, tmp_path: Path) -> None:
    """Only an order that it does not know is taken for gone; trades that came before are booked the next time."""
    asked.exchange.trades = [trade(1, "buy", 1, 100, NOON)]
    async with SQLiteSessionRepository(tmp_path / "s.db") as repository:
        session = new_session()
        session.place_order(order(exchanges.order("f", "open")))
        await repository.save(session)

        with pytest.raises(ConnectionError, match="no answer"):
            await async_reconcile(repository, session, asked)

        assert (session.version, list(session.open_orders), session.positions) == (1, ["f"], {})
        assert await repository.get_fills("a") == []


def test_a_month_without_trades_does_not_end_the_questions(repository: SessionRepository) -> None:
    """On an exchange that answers for eight days after `since` only."""
    exchange = Exchange(reach=8 * DAY)
    exchange.trades = [trade(1, "buy", 1, 100, NOON), trade(2, "buy", 1, 100, NOON + 31 * DAY)]
    exchange.now = NOON + 32 * DAY

    report = reconcile(repository, new_session(), source(exchange))

    assert [each.id for each in report.fills] == ["1", "2"]


def test_what_an_exchange_sends_from_before_the_question_is_counted_and_not_booked(
    repository: SessionRepository,
) -> None:
    """Some exchanges heed no `since`."""

    class Heedless(Exchange):
        def fetch_my_trades(self, symbol: str, since: int, limit: int, params: Any) -> list[dict[str, Any]]:
            return super().fetch_my_trades(symbol, 0, limit, params)

    exchange = Heedless()
    exchange.trades = [trade(1, "buy", 1, 100, NOON - DAY), trade(2, "buy", 1, 100, NOON)]

    report = reconcile(repository, new_session(), source(exchange))

    assert [each.id for each in report.fills] == ["2"]
    assert report.left_out == [f"from before the session began at {BEGAN}: 1 of the fills and payments"]


def test_a_fill_without_an_order_that_cannot_be_booked_is_an_error(repository: SessionRepository) -> None:
    """There is nothing to leave out but the fill itself, which has happened."""
    exchange = Exchange()
    exchange.trades = [trade(1, "buy", 1, 100, NOON, order=None, fee={"currency": "BNB", "cost": 0.01})]

    with pytest.raises(InvalidSessionError, match="BNB has no rate in USDT"):
        reconcile(repository, new_session(), source(exchange))
    assert repository.count() == 0


def test_orders_are_closed_in_the_order_of_time(repository: SessionRepository) -> None:
    """One that expired late does not take those along that had been closed before their own time came."""
    session, exchange = new_session(), Exchange()
    session.place_order(order(exchanges.order("late", "open")))
    for number in ("cancelled", "early"):
        timed = dataclasses.replace(order(exchanges.order(number, "open")), time_in_force=TimeInForce.GTD)
        session.place_order(dataclasses.replace(timed, expires_at=timed.created_at + timedelta(minutes=2)))
    repository.save(session)
    exchange.orders = {
        "late": exchanges.order("late", "expired", lastUpdateTimestamp=NOON + 3 * 60_000),
        "early": exchanges.order("early", "expired", lastUpdateTimestamp=NOON + 2 * 60_000),
        "cancelled": exchanges.order("cancelled", "canceled", lastUpdateTimestamp=NOON + 60_000),
    }

    report = reconcile(repository, session, source(exchange))

    closed = [
        (each.id, each.status, (each.closed_at or BEGAN).minute) for each in repository.get_orders("a", which="closed")
    ]
    assert closed == [("cancelled", "CANCELLED", 1), ("early", "EXPIRED", 2), ("late", "EXPIRED", 3)]
    assert [each.id for each in report.closed_orders] == ["cancelled", "early", "late"]


def test_orders_of_symbols_that_the_source_does_not_have_are_not_asked_for(repository: SessionRepository) -> None:
    """They stay as they are; the report says that nothing was heard of them."""
    session, exchange = new_session(), Exchange()
    session.place_order(order(exchanges.order("e", "open", symbol="ETH/USDT")))
    exchange.orders = {"e": exchanges.order("e", "canceled", symbol="ETH/USDT")}

    report = reconcile(repository, session, source(exchange))

    assert list(session.open_orders) == ["e"]
    assert "order e: OPEN in the session, none at the broker" in map(str, report.differences)
