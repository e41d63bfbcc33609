"""What a repository promises about finding sessions."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from paper_repo.domain import PaperTradingSession, SessionStatus, Strategy
from paper_repo.domain.selection import SessionSummary
from paper_repo.interface import IPaperTradingSessionRepository
from paper_repo.testing.cases import EVERY_CALL, PARTS_OF_A_SESSION, cases, require_no_session
from paper_repo.testing.examples import moment, new_session, traded_session, unusual_session

AMOUNTS = [
    "-1E+3", "-1000.00000000000000000001E-1", "-10.5", "-10", "-9", "-1E-30", "0", "1E-30", "0.000001", "9", "10",
    "10.0000000000000000000000000000000000001", "10.5", "99.99", "100", "1E+3", "12345678901234567.88",
    "12345678901234567.89", "1234567890123456789012345678901234567890",
    "1234567890123456789012345678901234567891", "9E+100",
]  # fmt: skip
"""Amounts in their order, among them such as text, float and 28 digits do not put in order."""

NAMES = ["", "10", "9", "A", "B", "a", "a b", "ab", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\uffee", "\U0001f4c8"]
"""Names in their order, which is that of Unicode's code points, whatever the language."""

BAD_FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"status": "ASLEEP"}, "CREATED, RUNNING, PAUSED, STOPPED, FAILED"),
    ({"status": ["RUNNING", "ASLEEP"]}, "ASLEEP"),
    ({"since": datetime(2026, 1, 5)}, "since"),  # noqa: DTZ001
    ({"until": datetime(2026, 1, 5)}, "until"),  # noqa: DTZ001
]
BAD_QUERIES: list[tuple[dict[str, Any], str]] = [
    *BAD_FILTERS,
    ({"order_by": "colour"}, "created_at, updated_at, name, equity, net_pnl"),
    ({"limit": -1}, "limit"),
    ({"limit": 1.5}, "limit"),
    ({"limit": True}, "limit"),
    ({"offset": -1}, "offset"),
    ({"offset": None}, "offset"),
]
FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "abcde"),
    ({"status": None, "strategy": None, "symbol": None, "since": None, "until": None}, "abcde"),
    ({"status": SessionStatus.RUNNING}, "bd"),
    ({"status": "RUNNING"}, "bd"),
    ({"status": ["STOPPED", SessionStatus.CREATED]}, "ace"),
    ({"status": {"PAUSED"}}, ""),
    ({"status": []}, ""),
    ({"strategy": "sma"}, "ab"),
    ({"strategy": "SMA"}, "c"),
    ({"strategy": "sm_"}, ""),
    ({"strategy": "it's"}, "d"),
    ({"strategy": ""}, "e"),
    ({"symbol": "AAPL"}, "ac"),
    ({"symbol": "A"}, "b"),
    ({"symbol": "AAPL%"}, ""),
    ({"symbol": 'BRK"B'}, "d"),
    ({"symbol": "\N{SNOWMAN}"}, "d"),
    ({"since": moment(2)}, "cde"),
    ({"until": moment(2)}, "ab"),
    ({"since": moment(1), "until": moment(3)}, "bc"),
    ({"since": moment(3), "until": moment(1)}, ""),
    ({"since": moment(2).astimezone(timezone(timedelta(hours=-11)))}, "cde"),
    ({"since": moment(2) + timedelta(microseconds=1)}, "de"),
    ({"status": "RUNNING", "strategy": "sma", "symbol": "A", "since": moment(1)}, "b"),
    ({"status": "RUNNING", "strategy": "SMA"}, ""),
]
"""Filters, and which of `_five` they let through."""
PARTS: list[tuple[dict[str, Any], str]] = [
    ({"limit": 2}, "ab"),
    ({"limit": 0}, ""),
    ({"limit": 9}, "abcde"),
    ({"limit": None}, "abcde"),
    ({"offset": 2}, "cde"),
    ({"offset": 5}, ""),
    ({"offset": 9, "limit": 2}, ""),
    ({"offset": 1, "limit": 2}, "bc"),
    ({"offset": 4, "limit": 2}, "e"),
    ({"offset": 1, "limit": 2, "descending": True}, "dc"),
    ({"offset": 1, "limit": 1, "status": "RUNNING"}, "d"),
]
"""Limits and offsets, and which of `_five` they give."""


def _five() -> list[PaperTradingSession]:
    """Sessions a to e, created one minute after the other; each differs from the others in what can be filtered."""
    return [
        new_session(id="a", created_at=moment(0), symbols=("AAPL", "MSFT")),
        new_session(id="b", created_at=moment(1), symbols=("A",), status="RUNNING"),
        new_session(id="c", created_at=moment(2), symbols=("MSFT", "AAPL"), strategy=Strategy("SMA"), status="STOPPED"),
        new_session(
            id="d",
            created_at=moment(3),
            symbols=('BRK"B', "\N{SNOWMAN}"),
            strategy=Strategy("it's"),
            status="RUNNING",
        ),
        new_session(id="e", created_at=moment(4), symbols=(), strategy=Strategy("")),
    ]


def _ids(sessions: list[PaperTradingSession]) -> str:
    return "".join(session.id for session in sessions)


async def _listed(repository: IPaperTradingSessionRepository, **query: Any) -> list[PaperTradingSession]:
    """What `get_all` gives, after a check that `iterate` and `get_summaries` give the same."""
    found: list[PaperTradingSession] = await repository.get_all(**query)
    assert [session async for session in repository.iterate(**query)] == found, query
    assert await repository.get_summaries(**query) == [SessionSummary.of(session) for session in found], query
    return found


async def _ask(repository: IPaperTradingSessionRepository, method: str, arguments: dict[str, Any]) -> object:
    """The outcome of this method of the repository."""
    if method == "iterate":
        return [session async for session in repository.iterate(**arguments)]
    return await getattr(repository, method)(**arguments)


LISTS = ["get_all", "iterate", "get_summaries"]
FILTERED = ["count", "delete_many"]


class QueryContract:
    """Finding sessions."""

    async def test_an_empty_repository_answers(self, repository: IPaperTradingSessionRepository) -> None:
        """Where nothing is stored, nothing is found, and that is no error, unless a part of a session is asked for."""
        others = {"save", "save_many", "get_unrecorded", "claim", "renew", "check", *PARTS_OF_A_SESSION}
        questions = {name: call for name, call in EVERY_CALL.items() if name not in others}

        answers = [await call(repository) for call in questions.values()]

        assert dict(zip(questions, answers, strict=True)) == {
            "get_by_id": None,
            "get_all": [],
            "get_active": [],
            "get_summaries": [],
            "iterate": [],
            "exists": False,
            "count": 0,
            "delete": False,
            "delete_many": 0,
            "release": False,
            "claim_active": [],
            "atomic": None,
        }

    async def test_the_oldest_comes_first(self, repository: IPaperTradingSessionRepository) -> None:
        """Unless asked otherwise, every session comes, the oldest first; of equally old ones the order is by id."""
        ages = {"d": 1, "a": 3, "c": 1, "b": 2, "B": 1}
        await repository.save_many(new_session(id=each, created_at=moment(age)) for each, age in ages.items())

        found = await _listed(repository)

        assert _ids(found) == "Bcdba"

    async def test_filters(self, repository: IPaperTradingSessionRepository) -> None:
        """A filter lets through what equals it exactly; several filters let through what all of them do."""
        await repository.save_many(_five())

        for query, expected in FILTERS:
            assert _ids(await _listed(repository, **query)) == expected, query

    async def test_count(self, repository: IPaperTradingSessionRepository) -> None:
        """`count` says how many sessions the filters let through."""
        await repository.save_many(_five())

        for query, expected in FILTERS:
            assert await repository.count(**query) == len(expected), query

    async def test_delete_many(self, repository: IPaperTradingSessionRepository) -> None:
        """`delete_many` removes the sessions that the filters let through, and no other, and says how many."""
        for query, doomed in FILTERS:
            await repository.save_many(_five())

            number = await repository.delete_many(**query)

            left = await repository.get_all()
            assert (number, _ids(left)) == (len(doomed), "".join(each for each in "abcde" if each not in doomed)), query
            for session in left:
                await repository.delete(session.id)

    async def test_delete_many_removes_the_history(self, repository: IPaperTradingSessionRepository) -> None:
        """`delete_many` removes the whole history of a session with it, and leaves that of the others."""
        doomed, kept = traded_session(name="doomed"), traded_session(name="kept", strategy=Strategy("kept"))
        await repository.save_many([doomed, kept])

        await repository.delete_many(strategy="sma")

        await require_no_session(repository, doomed.id)
        assert len(await repository.get_fills(kept.id)) == 2
        assert len(await repository.get_equity_curve(kept.id)) == 2

    async def test_orders(self, repository: IPaperTradingSessionRepository) -> None:
        """The order asked for is the order of that field, upwards or downwards; of equal ones that of the id."""
        for number, each in enumerate("dacbfe"):
            fields = {"name": str(number // 3), "cash": number % 3, "realized_pnl": number % 2}
            await repository.save(new_session(id=each, created_at=moment(number // 2), **fields))
        sessions = await repository.get_all()

        for field in ("created_at", "updated_at", "name", "equity", "net_pnl"):
            expected = _ids(sorted(sessions, key=lambda each: (getattr(each, field), each.id)))
            assert _ids(await _listed(repository, order_by=field)) == expected, field
            assert _ids(await _listed(repository, order_by=field, descending=True)) == expected[::-1], field

    async def test_amounts_are_in_exact_order(self, repository: IPaperTradingSessionRepository) -> None:
        """Amounts are put in the exact order of their values: 9 before 10, and digits count that a float drops."""
        for number in [*range(0, len(AMOUNTS), 2), *range(1, len(AMOUNTS), 2)]:
            session_id = f"{len(AMOUNTS) - number:03}"  # which, where it decides wrongly, decides for the worse
            await repository.save(new_session(id=session_id, cash=AMOUNTS[number], realized_pnl=AMOUNTS[-number]))

        by_equity = await _listed(repository, order_by="equity")
        by_net_pnl = await _listed(repository, order_by="net_pnl")

        assert [session.equity for session in by_equity] == [Decimal(amount) for amount in AMOUNTS]
        assert [session.net_pnl for session in by_net_pnl] == [Decimal(amount) for amount in AMOUNTS]
        assert await _listed(repository, order_by="equity", descending=True) == by_equity[::-1]
        assert await _listed(repository, order_by="net_pnl", descending=True) == by_net_pnl[::-1]

    async def test_equal_amounts_are_equal(self, repository: IPaperTradingSessionRepository) -> None:
        """Amounts that are equal and written differently are in one place of the order, in which the id decides."""
        written = {"c": "1000", "a": "1E+3", "b": "1000.00", "e": "0", "d": "-0.0"}
        await repository.save_many(new_session(id=each, cash=amount) for each, amount in written.items())

        found = await _listed(repository, order_by="equity")

        assert _ids(found) == "deabc"

    async def test_names_are_in_code_point_order(self, repository: IPaperTradingSessionRepository) -> None:
        """Names are put in the order of Unicode's code points, whatever the language."""
        await repository.save_many(new_session(name=name) for name in NAMES[::2] + NAMES[1::2])

        found = await _listed(repository, order_by="name")

        assert [each.name for each in found] == NAMES

    async def test_limit_and_offset(self, repository: IPaperTradingSessionRepository) -> None:
        """Of what the filters let through, in its order, the first `offset` are passed over and `limit` are given."""
        await repository.save_many(_five())

        for query, expected in PARTS:
            assert _ids(await _listed(repository, **query)) == expected, query

    @cases(LISTS)
    async def test_a_query_that_makes_no_sense_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """A value that makes no sense is a ValueError that says what does."""
        for query, message in BAD_QUERIES:
            with pytest.raises(ValueError, match=message):
                pytest.fail(f"{query} gave {await _ask(repository, contract_case, query)!r}")

    @cases(FILTERED)
    async def test_a_filter_that_makes_no_sense_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """A filter that makes no sense is a ValueError for `count` and `delete_many` too, and nothing is deleted."""
        await repository.save(new_session())

        for query, message in BAD_FILTERS:
            with pytest.raises(ValueError, match=message):
                pytest.fail(f"{query} gave {await _ask(repository, contract_case, query)!r}")

        assert await repository.count() == 1

    @cases([*LISTS, *FILTERED])
    async def test_an_argument_that_there_is_not_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """A misspelt argument is a TypeError that names it, and not quietly left out."""
        with pytest.raises(TypeError, match="stratgy"):
            await _ask(repository, contract_case, {"stratgy": "sma"})

    @cases(FILTERED)
    async def test_what_is_no_filter_is_refused(
        self, repository: IPaperTradingSessionRepository, contract_case: str
    ) -> None:
        """`count` and `delete_many` take filters only: a limit is a TypeError, for they would not keep to it."""
        await repository.save(new_session())

        for name, value in {"limit": 0, "offset": 1, "order_by": "name", "descending": True}.items():
            with pytest.raises(TypeError, match=name):
                pytest.fail(f"{name} gave {await _ask(repository, contract_case, {name: value})!r}")

        assert await repository.count() == 1

    async def test_iterate_gives_however_many_there_are(self, repository: IPaperTradingSessionRepository) -> None:
        """`iterate` gives what `get_all` gives, whole and in its order, also when it is much."""
        await repository.save_many(new_session(name=str(number % 7), cash=number) for number in range(230))

        assert len(await _listed(repository)) == 230
        assert len(await _listed(repository, order_by="name", limit=200)) == 200
        assert len(await _listed(repository, order_by="equity", descending=True, offset=3, limit=205)) == 205

    async def test_iterate_holds_nothing_between_two_sessions(self, repository: IPaperTradingSessionRepository) -> None:
        """While the caller of `iterate` thinks, everybody can save and delete, the caller too."""
        await repository.save_many(_five())
        seen = []

        async for session in repository.iterate():
            seen.append(session.id)
            session.name = "seen"
            await repository.save(session)
            async with repository.atomic():
                await repository.save(new_session(created_at=moment(-1)))
            if session.id == "b":
                await repository.delete("a")

        assert seen == list("abcde")
        assert await repository.count() == 9

    async def test_summaries_show_what_the_sessions_are(self, repository: IPaperTradingSessionRepository) -> None:
        """A summary has what the session itself says: every field, equity, net P&L, and how many positions are open."""
        await repository.save_many([unusual_session(), traded_session(), *_five()])

        summaries = await repository.get_summaries()

        assert summaries == [SessionSummary.of(session) for session in await repository.get_all()]
        assert len(summaries) == 7
        assert {(each.open_positions, each.fill_count) for each in summaries} == {(2, 2), (1, 2), (0, 0)}
