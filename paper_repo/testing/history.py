"""What a repository promises about fills and equity curves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from paper_repo.domain import Fill
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import cases
from paper_repo.testing.examples import moment, new_fill, new_point, new_session, unusual_session

NAIVE = datetime(2026, 1, 5, 14, 30)  # noqa: DTZ001
HAWAII = timezone(timedelta(hours=-10))
FILLS: list[tuple[dict[str, Any], str]] = [
    ({}, "1234567"),
    ({"symbol": None, "since": None, "until": None, "after": 0, "limit": None}, "1234567"),
    ({"symbol": "AAPL"}, "1357"),
    ({"symbol": "AAP"}, ""),
    ({"since": moment(3)}, "34567"),
    ({"since": moment(3) + timedelta(microseconds=1)}, "4567"),
    ({"since": moment(3).astimezone(HAWAII)}, "34567"),
    ({"until": moment(3)}, "12"),
    ({"since": moment(2), "until": moment(5)}, "234"),
    ({"since": moment(5), "until": moment(2)}, ""),
    ({"after": 3}, "4567"),
    ({"after": 7}, ""),
    ({"after": 99}, ""),
    ({"after": "fill-3"}, "4567"),
    ({"after": "fill-7"}, ""),
    ({"limit": 3}, "123"),
    ({"limit": 0}, ""),
    ({"limit": 99}, "1234567"),
    ({"after": 2, "limit": 3}, "345"),
    ({"after": "fill-2", "limit": 3}, "345"),
    ({"symbol": "MSFT", "after": 2, "limit": 1}, "4"),
    ({"symbol": "MSFT", "after": "fill-1", "limit": 2}, "24"),
    ({"symbol": "AAPL", "since": moment(2), "until": moment(7), "after": "fill-3"}, "5"),
]
"""Arguments of `get_fills`, and which of `_seven_fills` they give."""
BAD_FILLS: list[tuple[dict[str, Any], str]] = [
    ({"since": NAIVE}, "since"),
    ({"until": NAIVE}, "until"),
    ({"limit": -1}, "limit"),
    ({"limit": 1.5}, "limit"),
    ({"after": -1}, "after"),
    ({"after": 1.5}, "after"),
    ({"after": None}, "after"),
]
POINTS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [1, 2, 3, 4]),
    ({"since": None, "until": None, "max_points": None}, [1, 2, 3, 4]),
    ({"since": moment(2)}, [2, 3, 4]),
    ({"since": moment(2).astimezone(HAWAII)}, [2, 3, 4]),
    ({"until": moment(3)}, [1, 2]),
    ({"since": moment(2), "until": moment(4)}, [2, 3]),
    ({"since": moment(4), "until": moment(2)}, []),
    ({"since": moment(2), "max_points": 4}, [2, 3, 4]),
]
"""Arguments of `get_equity_curve`, and which of four points they give."""
BAD_POINTS: list[tuple[dict[str, Any], str]] = [
    ({"since": NAIVE}, "since"),
    ({"until": NAIVE}, "until"),
    ({"max_points": 1}, "max_points"),
]


async def _seven_fills(repository: IPaperTradingSessionRepository) -> str:
    """The id of a session with fills 1 to 7, in three saves; those of odd numbers are of AAPL, the others of MSFT."""
    session = new_session(id="seven")
    for numbers in ((1, 2, 3), (4,), (5, 6, 7)):
        for number in numbers:
            session.record_fill(new_fill(number, symbol="AAPL" if number % 2 else "MSFT"))
        await repository.save(session)
    return session.id


def _numbers(fills: list[Fill]) -> str:
    return "".join(fill.id.removeprefix("fill-") for fill in fills)


class HistoryContract:
    """Fills and equity curves."""

    async def test_history_comes_back_exactly(self, repository: IPaperTradingSessionRepository) -> None:
        """Fills and equity points come back equal to what was recorded, to the last digit and microsecond."""
        session = unusual_session()
        fills, points = list(session.new_fills), list(session.new_equity_points)

        await repository.save(session)

        assert await repository.get_fills(session.id) == fills
        assert await repository.get_equity_curve(session.id) == points

    async def test_history_is_in_the_order_of_recording(self, repository: IPaperTradingSessionRepository) -> None:
        """History comes in the order in which it was recorded, not in that of its times or ids."""
        session = new_session()
        for number in (3, 1, 2):
            session.record_fill(new_fill(number))
            session.record_equity(new_point(number))
        await repository.save(session)
        session.record_fill(new_fill(0))
        session.record_equity(new_point(0))
        await repository.save(session)

        fills = await repository.get_fills(session.id)
        points = await repository.get_equity_curve(session.id)

        assert fills == [new_fill(number) for number in (3, 1, 2, 0)]
        assert points == [new_point(number) for number in (3, 1, 2, 0)]

    async def test_equal_points_are_all_kept(self, repository: IPaperTradingSessionRepository) -> None:
        """Equity points that are equal, or of the same time, are all kept."""
        session = new_session()
        for equity in (1, 2, 1, 1):
            session.record_equity(new_point(1, equity))
        await repository.save(session)

        points = await repository.get_equity_curve(session.id)

        assert [point.equity for point in points] == [1, 2, 1, 1]

    async def test_history_belongs_to_its_session(self, repository: IPaperTradingSessionRepository) -> None:
        """The history of one session shows nothing of another's."""
        one, other = new_session(id="one"), new_session(id="other")
        for number, session in enumerate((one, other, other, one)):
            session.record_fill(new_fill(number))
            session.record_equity(new_point(number))
            await repository.save(session)

        assert _numbers(await repository.get_fills("one")) == "03"
        assert _numbers(await repository.get_fills("other")) == "12"
        assert await repository.get_equity_curve("one") == [new_point(0), new_point(3)]
        assert await repository.get_equity_curve("other") == [new_point(1), new_point(2)]

    async def test_which_fills(self, repository: IPaperTradingSessionRepository) -> None:
        """Fills can be had by symbol, from a time on, before a time, after a fill, and up to a limit."""
        session_id = await _seven_fills(repository)

        for query, expected in FILLS:
            assert _numbers(await repository.get_fills(session_id, **query)) == expected, query

    @cases(["by id", "by place"])
    async def test_pages_of_fills(self, repository: IPaperTradingSessionRepository, contract_case: str) -> None:
        """Page after page, each after the last fill of the one before, gives every fill once."""
        session_id = await _seven_fills(repository)

        pages = [await repository.get_fills(session_id, limit=3)]
        while pages[-1] and len(pages) < 7:  # a page that is given again and again is no endless test
            last = pages[-1][-1].id if contract_case == "by id" else sum(map(len, pages))
            pages.append(await repository.get_fills(session_id, after=last, limit=3))

        assert [_numbers(page) for page in pages] == ["123", "456", "7", ""]

    async def test_a_skipped_fill_takes_no_place(self, repository: IPaperTradingSessionRepository) -> None:
        """Places count what is stored: a fill that was recorded twice has one place, and leaves no gap."""
        session = new_session()
        for number in (1, 1, 2, 1, 3):
            session.record_fill(new_fill(number))
        await repository.save(session)

        assert _numbers(await repository.get_fills(session.id, after=1)) == "23"
        assert _numbers(await repository.get_fills(session.id, after=2)) == "3"

    async def test_a_fill_id_of_digits_is_no_place(self, repository: IPaperTradingSessionRepository) -> None:
        """`after="3"` is the fill of that id, `after=3` the third one."""
        session = new_session()
        for number in (3, 2, 1):
            session.record_fill(new_fill(number, id=str(number)))
        await repository.save(session)

        assert _numbers(await repository.get_fills(session.id, after="3")) == "21"
        assert _numbers(await repository.get_fills(session.id, after=3)) == ""

    async def test_fills_after_an_unknown_one_are_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """A page behind a fill that the session has not is a ValueError that names it, also when another one has it."""
        await _seven_fills(repository)
        other = new_session(id="other")
        other.record_fill(new_fill(8))
        await repository.save(other)

        with pytest.raises(ValueError, match="fill-8"):
            await repository.get_fills("seven", after="fill-8")

    async def test_fills_that_make_no_sense_are_refused(self, repository: IPaperTradingSessionRepository) -> None:
        """An argument that makes no sense is a ValueError that names it."""
        session_id = await _seven_fills(repository)

        for query, message in BAD_FILLS:
            with pytest.raises(ValueError, match=message):
                pytest.fail(f"{query} gave {await repository.get_fills(session_id, **query)!r}")

    async def test_which_equity_points(self, repository: IPaperTradingSessionRepository) -> None:
        """The equity curve can be had from a time on and before a time."""
        session = new_session()
        for number in (1, 2, 3, 4):
            session.record_equity(new_point(number))
        await repository.save(session)

        for query, numbers in POINTS:
            expected = [new_point(number) for number in numbers]
            assert await repository.get_equity_curve(session.id, **query) == expected, query

    async def test_fewer_equity_points_keep_the_peaks(self, repository: IPaperTradingSessionRepository) -> None:
        """With `max_points` there are no more than that, and the first, last, lowest and highest are among them."""
        session = new_session()
        for number in range(200):
            session.record_equity(new_point(number, {57: "-3", 131: "1E+6"}.get(number, 1000 + number % 10)))
        await repository.save(session)
        whole = await repository.get_equity_curve(session.id)

        points = await repository.get_equity_curve(session.id, max_points=12)

        assert 4 <= len(points) <= 12
        assert points == [point for point in whole if point in points]
        assert {whole[number] for number in (0, 57, 131, 199)} <= set(points)

    async def test_an_equity_curve_that_makes_no_sense_is_refused(
        self, repository: IPaperTradingSessionRepository
    ) -> None:
        """An argument that makes no sense is a ValueError that names it."""
        for query, message in BAD_POINTS:
            with pytest.raises(ValueError, match=message):
                pytest.fail(f"{query} gave {await repository.get_equity_curve('any', **query)!r}")
