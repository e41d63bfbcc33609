"""A run that an engine tells of, stored while it goes on: begun, stopped, begun again from the beginning, or gone on.

The engines themselves run in test_nautilus.py and test_freqtrade.py, each in an environment of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paper_repo import (
    Fill,
    InvalidSessionError,
    Order,
    OrderStatus,
    PaperTradingSession,
    SessionRepository,
    SessionStatus,
    Strategy,
)
from paper_repo.engines.recording import Recording

BEGAN = datetime(2024, 5, 2, 9, tzinfo=UTC)


def minute(number: int) -> datetime:
    """The time so many minutes after the run began."""
    return BEGAN + timedelta(minutes=number)


def new_session() -> PaperTradingSession:
    """The session of a run that begins."""
    return PaperTradingSession(id="run", strategy=Strategy("any"), initial_cash=10_000, created_at=BEGAN)


def resting(number: int, **more: Any) -> Order:
    """A limit order for two, as the engine has it when it has just accepted it."""
    given = {"quantity": 2, "limit_price": 100, "status": OrderStatus.OPEN, "created_at": minute(number), **more}
    return Order(f"o{number}", "AAPL", "BUY", "LIMIT", **given)


def closed(order: Order, status: OrderStatus, number: int, **more: Any) -> Order:
    """The same order, as the engine has it once it is closed."""
    return dataclasses.replace(order, status=status, closed_at=minute(number), **more)


def bought(number: int, quantity: int = 1, **more: Any) -> Fill:
    """An execution in the minute of its number."""
    given = {"id": f"f{number}", "price": 100, "executed_at": minute(number), **more}
    return Fill(symbol="AAPL", side="BUY", quantity=quantity, **given)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the run is stored."""
    return tmp_path / "s.db"


@contextmanager
def recording(path: Path, at: datetime = BEGAN, *, resume: bool = False) -> Iterator[Recording]:
    """A run that has started at this time; it is not saved at its end."""
    with Recording(path, "run", new_session, resume=resume) as opened:
        opened.start(at)
        yield opened


def stored(path: Path) -> tuple[PaperTradingSession, list[Fill], list[Order], list[Decimal]]:
    """What the file holds of the run: its fills, closed orders and the equity of each point; nothing contradicts it."""
    with SessionRepository(path) as repository:
        assert repository.check().problems == []
        session = repository.get_by_id("run")
        assert session is not None
        equity = [each.equity for each in repository.get_equity_curve("run")]
        return session, repository.get_fills("run"), repository.get_orders("run", which="closed"), equity


def tell(run: Recording, minutes: range) -> None:
    """Minutes of an engine's run, of which each has an order, its fill in two parts, and an equity point."""
    for number in minutes:
        given = resting(number)
        run.order(given)
        for part in (1, 2):
            run.fill(bought(number, id=f"f{number}-{part}", order_id=given.id))
        run.order(closed(given, OrderStatus.FILLED, number, filled_quantity=2))
        run.mark({"AAPL": Decimal(100 + number)}, minute(number))
        run.save()


def test_a_run_that_begins_again_from_the_beginning_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    """A backtest that was stopped twice: nothing is booked twice, and nothing is saved before the run has caught up."""
    for name, ends in (("whole.db", (7,)), ("parts.db", (3, 5, 7))):
        for end in ends:
            with recording(tmp_path / name, resume=end != ends[0]) as run:
                assert run.is_resumed == run.is_behind == (end != ends[0])
                tell(run, range(1, end))
                assert not run.is_behind
    whole, fills, orders, equity = stored(tmp_path / "whole.db")
    again = stored(tmp_path / "parts.db")

    assert (again[1], again[2], again[3]) == (fills, orders, equity)
    assert (len(fills), len(orders), len(equity)) == (12, 6, 6)
    assert (again[0].cash, again[0].positions, again[0].open_orders) == (whole.cash, whole.positions, {})
    assert whole.cash == 10_000 - 12 * 100


def test_a_run_that_goes_on_books_what_comes(path: Path) -> None:
    """Live: the engine begins after what is stored, and tells of a resting order and of the same fill once more."""
    with recording(path) as run:
        tell(run, range(1, 3))
        run.order(resting(3))
        run.fill(bought(3, order_id="o3"))
        run.mark({"AAPL": Decimal(100)}, minute(3))
        run.session.stop(minute(3))
        run.save()

    with recording(path, minute(5), resume=True) as run:
        assert (run.is_resumed, run.is_behind, run.stored_until) == (True, False, minute(3))
        assert run.session.status is SessionStatus.RUNNING
        assert run.fill(bought(3, order_id="o3")) is False
        assert run.mark({"AAPL": Decimal(1)}, minute(3)) is False
        assert run.fill(bought(5, order_id="o3")) is True
        assert run.mark({"AAPL": Decimal(100)}, minute(5)) is True
        assert run.last_moment == minute(5)
        run.save()

    session, fills, orders, equity = stored(path)
    assert [each.id for each in fills] == ["f1-1", "f1-2", "f2-1", "f2-2", "f3", "f5"]
    assert [(each.id, each.status) for each in orders] == [(f"o{number}", "FILLED") for number in (1, 2, 3)]
    assert (len(equity), session.open_orders) == (4, {})


def test_nothing_is_saved_while_a_run_is_behind(path: Path) -> None:
    """A backtest that is stopped before it has repeated all that is stored leaves that as it was."""
    with recording(path) as run:
        tell(run, range(1, 5))
    before = stored(path)

    with recording(path, resume=True) as run:
        tell(run, range(1, 3))
        assert run.is_behind

    assert stored(path)[1:] == before[1:]
    assert stored(path)[0].version == before[0].version


def test_a_stored_run_is_refused_unless_it_is_to_go_on(path: Path) -> None:
    """The way out is named, and the file is not held open."""
    with recording(path) as run:
        run.save()

    with pytest.raises(ValueError, match=r"session 'run' is stored in .*s\.db already: resume=True goes on"):
        Recording(path, "run", new_session)
    path.unlink()  # which Windows refuses for a file that is open


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (
            bought(1, id="f1-1", price=101, order_id="o1"),
            "f1-1 of AAPL is stored as BUY 1 at 100, .* says BUY 1 at 101",
        ),
        (bought(1, id="other"), "fill other of AAPL, BUY 1 at 100, .*, is not among those stored"),
    ],
    ids=["the same id", "an id of its own"],
)
def test_another_run_is_refused(path: Path, told: Fill, says: str) -> None:
    """A strategy that was changed since: its fills differ from those that are stored."""
    with recording(path) as run:
        tell(run, range(1, 4))
    before = stored(path)

    with recording(path, resume=True) as run, pytest.raises(ValueError, match=f"{says}.*this is not the run that was"):
        run.fill(told)
    assert stored(path)[1:] == before[1:]


def test_a_fill_of_an_order_that_is_closed_is_booked_without_it(path: Path) -> None:
    """As one that comes after its cancellation; which order it was stays in the metadata."""
    given = resting(1)
    with recording(path) as run:
        run.order(given)
        run.order(closed(given, OrderStatus.CANCELLED, 2))
        run.save()
        run.order(given)  # told once more
        run.fill(bought(3, order_id="o1"))
        run.save()

    _, fills, orders, _ = stored(path)
    assert [(each.order_id, each.metadata) for each in fills] == [(None, {"order_id": "o1"})]
    assert [(each.id, each.status, each.filled_quantity) for each in orders] == [("o1", "CANCELLED", 0)]


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        (OrderStatus.REJECTED, {}, ("REJECTED", 2)),
        (OrderStatus.CANCELLED, {}, ("CANCELLED", 2)),
        (OrderStatus.EXPIRED, {}, ("EXPIRED", 2)),
        (OrderStatus.EXPIRED, {"closed_at": minute(1)}, ("CANCELLED", 1)),  # at once: it has never rested
    ],
)
def test_an_order_is_closed_as_the_engine_says(
    path: Path, status: OrderStatus, more: dict[str, Any], expected: tuple[str, int]
) -> None:
    """Also one that has expired without having had a time; another that rests is left alone."""
    given = resting(1)
    with recording(path) as run:
        run.order(given)
        run.order(resting(0))
        run.order(dataclasses.replace(closed(given, status, 2), **more), "no money")
        run.save()

    session, _, (order,), _ = stored(path)
    assert (order.status, order.closed_at) == (expected[0], minute(expected[1]))
    assert order.metadata.get("reason") == ("no money" if status is OrderStatus.REJECTED else None)
    assert list(session.open_orders) == ["o0"]


def test_an_order_that_the_engine_calls_filled_is_closed_by_its_fills(path: Path) -> None:
    """Some engines tell of the order first."""
    given = resting(1)
    with recording(path) as run:
        run.order(closed(given, OrderStatus.FILLED, 2, filled_quantity=2))
        assert run.session.open_orders["o1"].filled_quantity == 0
        run.fill(bought(2, 2, order_id="o1"))
        run.save()

    session, _, (order,), _ = stored(path)
    assert (order.status, order.closed_at, session.open_orders) == ("FILLED", minute(2), {})


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("is_saved", [False, True])
def test_an_order_counts_the_fills_that_the_engine_told_of_before_it(
    path: Path, is_saved: bool, is_resumed: bool
) -> None:
    """In part or in whole, whether they were saved meanwhile, and whether by an earlier run."""
    part, whole = resting(1), resting(2)
    with recording(path) as run:
        run.fill(bought(1, order_id=part.id))
        run.fill(bought(2, 2, order_id=whole.id))
        if is_saved or is_resumed:
            run.save()
        if not is_resumed:
            run.order(part)
            run.order(whole)
            run.save()
    if is_resumed:
        with recording(path, minute(3), resume=True) as run:
            run.order(part)
            run.order(whole)
            run.save()

    session, _, orders, _ = stored(path)
    assert [(each.id, each.filled_quantity) for each in session.open_orders.values()] == [("o1", 1)]
    assert [(each.id, each.status, each.filled_quantity) for each in orders] == [("o2", "FILLED", 2)]


def test_an_order_counts_early_fills_of_which_only_some_were_saved(path: Path) -> None:
    """Each of them once."""
    with recording(path) as run:
        run.fill(bought(1, order_id="o1"))
        run.save()
        run.fill(bought(2, order_id="o1"))
        run.order(resting(1, quantity=3))
        run.save()

    assert stored(path)[0].open_orders["o1"].filled_quantity == 2


def test_an_order_that_rests_becomes_what_the_engine_has(path: Path) -> None:
    """Accepted, moved and made smaller; a quantity below what is filled is one of an earlier run, and passed over."""
    given = resting(1, status=OrderStatus.PENDING)
    with recording(path) as run:
        run.order(given)
        assert run.session.open_orders["o1"].status is OrderStatus.PENDING
        moved = dataclasses.replace(given, status=OrderStatus.OPEN, limit_price=99, quantity=5)
        run.order(moved)
        run.order(moved)
        run.fill(bought(2, 3, order_id="o1"))
        run.order(dataclasses.replace(moved, quantity=2, limit_price=98))
        run.save()

    order = stored(path)[0].open_orders["o1"]
    assert (order.quantity, order.filled_quantity, order.limit_price) == (5, 3, 98)
    assert order.status is OrderStatus.PARTIALLY_FILLED


def test_a_parent_that_the_session_refuses_stays_in_the_metadata(path: Path) -> None:
    """Engines open the children of a cancelled order, too; what is wrong with an order otherwise is an error."""
    given = resting(1)
    with recording(path) as run:
        run.place(given)
        run.order(closed(given, OrderStatus.CANCELLED, 2))
        run.place(resting(3, parent_id="o1"))
        run.place(resting(4))
        run.place(resting(5, parent_id="o4"))
        with pytest.raises(InvalidSessionError, match=r"o6\.limit_price"):
            run.place(resting(6, limit_price=None))
        run.save()

    orders = stored(path)[0].open_orders
    assert {each.id: (each.parent_id, each.metadata) for each in orders.values()} == {
        "o3": (None, {"parent_id": "o1"}),
        "o4": (None, {}),
        "o5": ("o4", {}),
    }
