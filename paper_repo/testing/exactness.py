"""What a repository promises about values: they come back equal, or they are refused and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from paper_repo.domain import EquityPoint, Fill, Order, PaperTradingSession, Position, SessionStatus, Strategy
from paper_repo.errors import InvalidSessionError
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.examples import START, new_fill, new_session

AMOUNTS = [
    "0", "0.1", "-0.30", "1E+3", "1E-10", "100.10", "12345678901234567.89",
    "1234567890123456789012345678901234567890", "-0.0000000000000000000000000000000000000001",
    "99999999999999999999.99999999999999999999", "1E-1000", "9.99E+1000",
]  # fmt: skip
INSTANTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(2026, 3, 29, 1, 0, 0, 1, UTC),
    datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
]
TEXTS = [
    "plain",
    " leading and trailing \t\r\n",
    "'; DROP TABLE paper_trading_sessions; --",
    '"double" \\ back\\slash %s %(x)s ? :name $1 {brace}',
    "\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT} \N{LATIN SMALL LETTER E WITH ACUTE}",
    "\N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT MARK} \N{CJK UNIFIED IDEOGRAPH-4E2D} \N{CHART WITH UPWARDS TREND}",
    "\x01\x7f\x80\u2028\ufeff\uffff\U0010ffff",
    "long " * 100,
]
JSON: list[dict[str, Any]] = [
    {},
    {"none": None, "yes": True, "no": False, "one": 1, "zero": 0, "float": 1.0, "minus": -1},
    {"floats": [0.1, 0.1 + 0.2, 1e-7, 5e-324, 1.7976931348623157e308, 123456789.123456789]},
    {"integers": [2**53 + 1, 2**63, -(2**64), 10**40]},
    {"nested": {"list": [[], [[]], [{"deep": [{}]}]], "": {"": ""}, "null": None}},
    {"text": TEXTS[5], TEXTS[4]: TEXTS[2], "key.with.dots": 1, "$special": "@value"},
    {"list": list(range(1000))},
]
_CIRCLE: dict[str, Any] = {}
_CIRCLE["self"] = _CIRCLE
BAD_JSON: list[tuple[dict[Any, Any], str]] = [
    ({"ema": float("nan")}, ".ema"),
    ({"indicators": {"ema": [1.0, float("inf")]}}, ".indicators.ema[1]"),
    ({"low": float("-inf")}, ".low"),
    ({"by_day": {5: "no text"}}, ".by_day.5"),
    ({None: 1}, ".None"),
    ({"window": (10, 30)}, ".window"),
    ({"seen": {"AAPL"}}, ".seen"),
    ({"raw": b"bytes"}, ".raw"),
    ({"price": Decimal("1.5")}, ".price"),
    ({"last": [{"at": START}]}, ".last[0].at"),
    ({"model": object()}, ".model"),
    (_CIRCLE, ""),
]


def _add_a_wrong_fill(session: Any) -> None:
    session.record_fill(new_fill(1))
    session.new_fills.append({"id": "f"})


BAD_CONTENT: list[tuple[str, Callable[[Any], object]]] = [
    ("positions.AAPL", lambda session: session.positions.update(AAPL="ten")),
    ("positions.AAPL", lambda session: session.positions.update(AAPL=None)),
    ("positions.MSFT", lambda session: session.positions.update(MSFT=Position.open("AAPL", 1, 1, START))),
    ("positions.5", lambda session: session.positions.update({5: Position.open("AAPL", 1, 1, START)})),
    ("open_orders.o", lambda session: session.open_orders.update(o=Position.open("AAPL", 1, 1, START))),
    ("open_orders.o", lambda session: session.open_orders.update(o=Order("p", "AAPL", "BUY", "MARKET", 1))),
    ("new_fills[1]", _add_a_wrong_fill),
    ("new_equity_points[0]", lambda session: session.new_equity_points.append(10_000)),
]
"""The path of something that a session cannot hold, and how it comes there."""


async def _saved_and_loaded(
    repository: IPaperTradingSessionRepository, session: PaperTradingSession
) -> PaperTradingSession:
    await repository.save(session)
    loaded = await repository.get_by_id(session.id)
    assert loaded is not None
    return loaded


async def _refused(repository: IPaperTradingSessionRepository, session: PaperTradingSession, path: str) -> None:
    """Check that `session` is refused for what is at `path`, and that neither it nor the repository has changed."""
    before, stored = _facts(session), await repository.get_all()

    with pytest.raises(InvalidSessionError) as caught:
        await repository.save(session)

    assert list(caught.value.messages) == [path]
    assert caught.value.session_id == session.id
    assert path in str(caught.value)
    assert _facts(session) == before
    assert await repository.get_all() == stored


def _facts(session: PaperTradingSession) -> object:
    """What must not change; by identity, since NaN is not equal to itself."""
    return session.version, session.updated_at, session.fill_count, deepcopy([*map(repr, session.new_fills)])


class ExactnessContract:
    """Values that come back equal, and values that are refused."""

    async def test_amounts_come_back_exactly(self, repository: IPaperTradingSessionRepository) -> None:
        """An amount comes back equal to the last digit, wherever it stands."""
        for amount in AMOUNTS:
            size = abs(Decimal(amount)) or Decimal(1)
            session = new_session(
                initial_cash=amount,
                cash=amount,
                realized_pnl=amount,
                fees_paid=amount,
                positions={"AAPL": Position("AAPL", -size, amount, amount, START, amount)},
                open_orders={"o": Order("o", "AAPL", "BUY", "LIMIT", size, size, amount, amount)},
            )
            fill, point = Fill("f", "AAPL", "SELL", size, amount, amount, START), EquityPoint(START, amount, amount)
            session.record_fill(fill)
            session.record_equity(point)

            loaded = await _saved_and_loaded(repository, session)

            assert loaded == session, amount
            assert (loaded.equity, loaded.net_pnl) == (session.equity, session.net_pnl), amount
            assert await repository.get_fills(session.id) == [fill], amount
            assert await repository.get_equity_curve(session.id) == [point], amount

    async def test_times_come_back_exactly(self, repository: IPaperTradingSessionRepository) -> None:
        """A time comes back to the microsecond, in UTC, wherever it stands."""
        for instant in INSTANTS:
            session = new_session(
                created_at=instant,
                started_at=instant,
                stopped_at=instant,
                positions={"AAPL": Position.open("AAPL", 1, 1, instant)},
                open_orders={"o": Order("o", "AAPL", "BUY", "MARKET", 1, created_at=instant)},
            )
            session.record_fill(new_fill(1, executed_at=instant))
            session.record_equity(EquityPoint(instant, 1, 1))

            loaded = await _saved_and_loaded(repository, session)

            assert loaded == session, instant
            assert loaded.created_at.tzinfo is UTC, instant
            assert [fill.executed_at for fill in await repository.get_fills(session.id)] == [instant], instant
            assert [point.at for point in await repository.get_equity_curve(session.id)] == [instant], instant

    async def test_texts_come_back_exactly(self, repository: IPaperTradingSessionRepository) -> None:
        """Text comes back character for character, wherever it stands; an id and a symbol are found by it."""
        for text in TEXTS:
            key = text.strip()  # white space at the ends of an id or a symbol is refused
            session = new_session(
                id=key,
                name=text,
                strategy=Strategy(text, text, {text: text}),
                symbols=(key, "AAPL", key),
                base_currency=key,
                positions={key: Position.open(key, 1, 1, START)},
                open_orders={key: Order(key, key, "BUY", "MARKET", 1)},
                error=text,
            )
            fill = new_fill(1, id=key, symbol=key, order_id=text)
            session.record_fill(fill)

            loaded = await _saved_and_loaded(repository, session)

            assert loaded == session, text
            assert await repository.get_fills(key, symbol=key) == [fill], text
            assert await repository.get_fills(key, after=key) == [], text
            assert await repository.count(strategy=text, symbol=key) == 1, text

    async def test_long_texts_come_back(self, repository: IPaperTradingSessionRepository) -> None:
        """Text that nothing is found by may be a million characters long."""
        text = "long text " * 100_000
        session = new_session(error=text, metadata={"notes": text}, state={text: [text]})

        loaded = await _saved_and_loaded(repository, session)

        assert loaded == session

    async def test_json_data_comes_back_exactly(self, repository: IPaperTradingSessionRepository) -> None:
        """JSON data comes back equal, and of the same types: true is not 1, and 1 is not 1.0."""
        for data in JSON:
            session = new_session(state=data, metadata=data, strategy=Strategy("sma", "1", data))

            loaded = await _saved_and_loaded(repository, session)

            for each in (loaded.state, loaded.metadata, loaded.strategy.parameters):
                assert json.dumps(each, sort_keys=True) == json.dumps(data, sort_keys=True)

    async def test_every_status_comes_back(self, repository: IPaperTradingSessionRepository) -> None:
        """Every status comes back as what it was."""
        for status in SessionStatus:
            loaded = await _saved_and_loaded(repository, new_session(status=status))

            assert loaded.status is status

    async def test_what_is_empty_comes_back_empty(self, repository: IPaperTradingSessionRepository) -> None:
        """A field that is None comes back as None, and one that is empty comes back empty."""
        session = new_session(name="", strategy=Strategy(""), symbols=(), error="")

        loaded = await _saved_and_loaded(repository, session)

        assert loaded == session
        assert (loaded.started_at, loaded.stopped_at, loaded.error, loaded.symbols) == (None, None, "", ())
        assert (await _saved_and_loaded(repository, new_session())).error is None

    async def test_what_json_cannot_hold_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """What would not come back equal from JSON is refused with an error that names the path; nothing is written."""
        for data, path in BAD_JSON:
            await _refused(repository, new_session(state=data), f"state{path}")
            await _refused(repository, new_session(metadata=data), f"metadata{path}")
            await _refused(repository, new_session(strategy=Strategy("", "", data)), f"strategy.parameters{path}")

        assert await repository.count() == 0

    async def test_what_a_session_cannot_hold_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """What does not belong in a session is refused with an error that names the path; nothing is written."""
        for path, change in BAD_CONTENT:
            session = new_session()
            change(session)

            await _refused(repository, session, path)

        assert await repository.count() == 0

    async def test_a_stored_session_stays_when_its_change_is_refused(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """A refused change leaves what is stored as it is; without what was wrong the session can be saved."""
        session = new_session(state={"ema": 1.5})
        await repository.save(session)
        session.record_fill(new_fill(1))
        session.state["ema"] = float("nan")

        await _refused(repository, session, "state.ema")

        session.state["ema"] = None
        await repository.save(session)
        assert await repository.get_by_id(session.id) == session
        assert await repository.get_fills(session.id) == [new_fill(1)]

    async def test_what_is_no_session_is_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """Something else than a session is refused, by `save` and by `save_many`, and nothing is written."""
        others: list[Any] = [None, "abc-123", {"id": "abc-123"}, new_fill(1)]
        for other in others:
            with pytest.raises(InvalidSessionError, match="session"):
                await repository.save(other)
            with pytest.raises(InvalidSessionError, match="session"):
                await repository.save_many([new_session(), other])

        assert await repository.count() == 0
