"""Arrow tables of what is stored in a file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings

from paper_repo import (
    AsyncSessionRepository,
    CashFlow,
    CorruptRecordError,
    EquityPoint,
    Fill,
    InMemorySessionRepository,
    InvalidSessionError,
    Order,
    SessionNotFoundError,
    SessionRepository,
    frames,
    trades,
)
from paper_repo.core import history
from paper_repo.core.repository import internals_of
from paper_repo.testing.accounts import rich_session, with_orders
from tests import strategies
from tests.builders import moment, new_fill, new_session
from tests.frames import require_equal, require_equal_sessions


def stored(repository, fills=(), points=()):
    """A session with this history, in the repository."""
    session = new_session()
    for fill in fills:
        session.record_fill(fill)
    for point in points:
        session.record_equity(point)
    repository.save(session)
    return session


def points(*equities):
    """Equity points, a minute apart."""
    return [EquityPoint(moment(place), each, each) for place, each in enumerate(equities)]


@pytest.fixture
def repository(path):
    """A repository on a new file."""
    with SessionRepository(path, durability="normal") as repository:
        yield repository


class TestEqualToTheEntities:
    """Whatever is stored, a frame says what the entities say."""

    @given(session=strategies.sessions())
    @settings(max_examples=25)
    def test_any_session(self, tmp_path_factory, session):
        """Of any session, with amounts of any size, every frame is equal, as floats and exactly."""
        with SessionRepository(tmp_path_factory.mktemp("frames") / "s.db", durability="normal") as repository:
            repository.save(session)

            require_equal(repository, session)
            require_equal_sessions(repository)

    @given(history=strategies.trades())
    @settings(max_examples=10)
    def test_realistic_trades(self, tmp_path_factory, history):
        """Of trades as they occur, every frame is equal, and the books too."""
        with SessionRepository(tmp_path_factory.mktemp("frames") / "s.db", durability="normal") as repository:
            session = stored(repository, history)

            require_equal(repository, session)
            assert frames.trades(repository, session.id, exact=True)["slices"].to_pylist() == [
                len(each.slices) for each in trades(history)
            ]

    def test_an_account_with_everything(self, repository):
        """Orders that are closed and that rest, cash flows in several currencies, and no split among them."""
        session = with_orders(rich_session())
        repository.save(session)

        require_equal(repository, session)
        assert frames.orders(repository, "rich")["status"].to_pylist() == ["CANCELLED"] * 3 + ["OPEN"] * 2
        assert frames.cash_flows(repository, "rich")["id"].to_pylist() == ["d-1", "d-2", "d-3"]
        with pytest.raises(ValueError, match="which must be one of all, open, closed, not 'resting'"):
            frames.orders(repository, "rich", which="resting")

    def test_more_than_a_page(self, repository, monkeypatch):
        """A history that is read in several parts is one table, in exact decimals of one type."""
        monkeypatch.setattr(history, "ROWS", 3)
        curve = points("1", "2.5", "1000", "3.125", "4", "5", "6.0000001")
        fills = [new_fill(number, price=number) for number in range(1, 9)]
        session = stored(repository, fills, curve)

        require_equal(repository, session)
        assert frames.equity(repository, session.id, exact=True)["equity"].type == pa.decimal128(38, 7)
        assert frames.equity(repository, session.id)["equity"].num_chunks == 1

    def test_from_the_facade(self, repository, path):
        """The async facade is read as well, in a thread of the caller's."""
        session = stored(repository, points=points(1, 2))
        facade = AsyncSessionRepository(SessionRepository(path))

        table = frames.equity(facade, session.id)

        assert table == frames.equity(repository, session.id)
        facade.core.close()


class TestTypes:
    """The type of each column."""

    def test_of_nothing(self, repository):
        """Tables without a row have all their columns, of the types they always have."""
        empty = stored(repository)
        full = new_session(id="full")
        full.apply_fill(new_fill(1, quantity=2))
        full.apply_fill(Fill("2", "AAPL", "SELL", 2, 11, executed_at=moment(2)))
        full.mark({}, moment(3))
        full.apply_cash_flow(CashFlow("f-1", "FUNDING", "-0.25", moment(4)))
        full.place_order(Order("o-1", "AAPL", "BUY", "LIMIT", 1, limit_price=9, created_at=moment(4)))
        repository.save(full)

        for read in (frames.fills, frames.equity, frames.trades, frames.orders, frames.cash_flows):
            assert len(read(repository, empty.id)) == 0
            assert len(read(repository, "full")) > 0
            assert read(repository, empty.id).schema == read(repository, "full").schema
        assert len(frames.sessions(repository, status="FAILED")) == 0
        assert frames.sessions(repository, status="FAILED").schema == frames.sessions(repository).schema

    def test_wide_decimals(self, repository):
        """Up to 38 digits a decimal has 128 bits, up to 76 it has 256; beyond that it is refused, by name."""
        small = stored(repository, points=points("1E+19", "1E-19"))
        narrow = frames.equity(repository, small.id, exact=True)["equity"].type
        wide = new_session(id="wide")
        wide.record_equity(points("1E+30")[0])
        wide.record_equity(points("1E-30")[0])
        huge = new_session(id="huge")
        huge.record_equity(points("1E+60")[0])
        huge.record_equity(points("1E-60")[0])
        repository.save_many([wide, huge])

        assert narrow == pa.decimal256(76, 19)
        assert frames.equity(repository, "wide", exact=True)["equity"].type == pa.decimal256(76, 30)
        with pytest.raises(InvalidSessionError, match="session 'huge': cash: the column needs more than 76 digits"):
            frames.equity(repository, "huge", exact=True)
        assert frames.equity(repository, "huge")["equity"].to_pylist() == [1e60, 1e-60]

    def test_beyond_floats(self, repository):
        """An amount beyond the reach of a float is infinite, as Python's own float of it."""
        session = stored(repository, points=points("1E+900", "-1E+900", "1E-900"))

        assert frames.equity(repository, session.id)["equity"].to_pylist() == [float("inf"), float("-inf"), 0]


class TestRefused:
    """What cannot be read is told."""

    @pytest.mark.parametrize("read", [frames.fills, frames.equity, frames.trades, frames.orders, frames.cash_flows])
    def test_unknown(self, repository, read):
        """A session that is not there."""
        with pytest.raises(SessionNotFoundError, match="there is no session 'nobody'"):
            read(repository, "nobody")

    def test_not_on_a_database(self):
        """The repository in memory has no rows to read in bulk."""
        with pytest.raises(TypeError, match="frames are read from a SessionRepository"):
            frames.sessions(InMemorySessionRepository())

    @pytest.mark.parametrize(("table", "place"), [("fills", 2), ("fills", 4), ("equity", 1), ("equity", 2)])
    def test_missing_rows(self, repository, path, table, place):
        """A history of which a part is missing is refused, as by the repository itself."""
        session = stored(repository, [new_fill(each) for each in range(4)], points(1, 2, 3, 4))
        repository.close()
        _change(path, f"DELETE FROM paper_trading_{table} WHERE sequence = {place}")

        with SessionRepository(path) as again:
            with pytest.raises(CorruptRecordError, match="a part of its history is missing"):
                getattr(again, "get_fills" if table == "fills" else "get_equity_curve")(session.id)
            with pytest.raises(CorruptRecordError, match="a part of its history is missing"):
                getattr(frames, table)(again, session.id)

    @pytest.mark.parametrize(("table", "frame"), [("orders", frames.orders), ("ledger", frames.cash_flows)])
    @pytest.mark.parametrize("place", [1, 2, 3])
    def test_missing_rows_of_an_account(self, repository, path, table, frame, place):
        """Of its orders and its cash flows, too."""
        repository.save(with_orders(rich_session()))
        repository.close()
        _change(path, f"DELETE FROM paper_trading_{table} WHERE sequence = {place}")

        with SessionRepository(path) as again, pytest.raises(CorruptRecordError, match="a part of its history"):
            frame(again, "rich")

    @pytest.mark.parametrize(("column", "exact"), [("equity", False), ("equity", True), ("at", False)])
    def test_damaged_values(self, repository, path, column, exact):
        """What is no amount or no time is an error of ours, which names the session and the column."""
        session = stored(repository, points=points(1, 2))
        repository.close()
        _change(path, f"UPDATE paper_trading_equity SET {column} = 'x1' WHERE sequence = 2")

        with SessionRepository(path) as again, pytest.raises(CorruptRecordError, match=f"{session.id}.*{column}: "):
            frames.equity(again, session.id, exact=exact)

    def test_without_the_extra(self, tmp_path):
        """Without pyarrow the error says what to install."""
        (tmp_path / "pyarrow.py").write_text("raise ImportError('no pyarrow')")
        program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import paper_repo.frames"

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

        assert "ImportError: paper_repo.frames needs pyarrow: pip install 'paper_repo[frames]'" in done.stderr


class TestPages:
    """A history of any length is read in pages, and is one table."""

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
    def test_any_number_of_pages(self, repository, monkeypatch, count):
        """Whether the last page is full or not, each point is there once, and a cash that is not known is missing."""
        monkeypatch.setattr(history, "LINES", 3)
        curve = [EquityPoint(moment(each), None if each % 2 else each, f"{each}.25") for each in range(count)]
        session = stored(repository, points=curve)

        table = frames.equity(repository, session.id)

        assert table["equity"].to_pylist() == [each + 0.25 for each in range(count)]
        assert table["cash"].to_pylist() == [None if each % 2 else float(each) for each in range(count)]
        assert table["at"].to_pylist() == [each.at for each in curve]
        assert {len(column.chunks) for column in table.columns} == {1}


class TestSessions:
    """The frame of all sessions."""

    def test_filters(self, repository):
        """It takes the filters of lists, and refuses what it would not keep to."""
        running, created = new_session(id="a"), new_session(id="b")
        running.start()
        repository.save_many([running, created])

        assert frames.sessions(repository, status="RUNNING")["id"].to_pylist() == ["a"]
        with pytest.raises(TypeError, match="limit"):
            frames.sessions(repository, limit=1)

    def test_one_moment(self, repository):
        """Inside of a block that reads, a frame is of the block's moment."""
        session = stored(repository, points=points(1))
        with repository.reading():
            before = frames.equity(repository, session.id)
            with SessionRepository(internals_of(repository).storage.name) as other:
                again = other.get_by_id(session.id)
                again.record_equity(EquityPoint(moment(9) + timedelta(days=1), Decimal(2), Decimal(2)))
                other.save(again)

            assert frames.equity(repository, session.id) == before
        assert len(frames.equity(repository, session.id)) == 2


def _change(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(sql).rowcount == 1
    connection.close()
