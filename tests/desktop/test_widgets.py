"""The widgets by themselves, embedded as other programs embed them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paper_repo import (
    CashFlow,
    Fill,
    InMemorySessionRepository,
    Order,
    PaperTradingSession,
    RepositoryClosedError,
    SessionRepository,
    SQLiteSessionRepository,
)
from tests.desktop.conftest import plain, traded
from tests.desktop.driving import PATIENCE, use_own_settings

from PySide6.QtCore import Qt  # isort: skip  # which `driving` has looked for
from PySide6.QtWidgets import QApplication, QWidget  # isort: skip

from paper_repo import desktop as widgets  # isort: skip
from paper_repo.desktop import LiveRepository  # isort: skip
from paper_repo.desktop.lazy_rows import PAGE  # isort: skip

ONE_SESSION = [
    "CashFlowTable",
    "EquityChart",
    "FillTable",
    "JsonView",
    "OrderTable",
    "PerformancePanel",
    "PositionTable",
    "TradeTable",
]


@pytest.fixture
def live(qtbot: Any, path: Path, tmp_path: Path) -> Iterator[LiveRepository]:
    """A live repository on a file."""
    use_own_settings(tmp_path / "settings")
    with LiveRepository(SQLiteSessionRepository(path)) as live:
        yield live


def until(qtbot: Any, condition: Any) -> None:
    """Let everything run until this is so."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


def session_table(qtbot: Any, live: LiveRepository, path: Path, count: int) -> Any:
    """A table of this many stored sessions, of which the first ones are shown."""
    with SessionRepository(path, durability="normal") as repository:
        repository.save_many(map(plain, range(count)))
    table = widgets.SessionTable(live)
    qtbot.addWidget(table)
    table.resize(900, 600)
    table.show()
    until(qtbot, lambda: table.rows.row(0) is not None)
    return table


@pytest.mark.parametrize("name", ONE_SESSION)
def test_a_widget_follows_one_session(qtbot: Any, live: LiveRepository, path: Path, name: str) -> None:
    """It shows the session that it is told, what others save of it, and nothing after it was deleted."""
    widget = getattr(widgets, name)(live)
    qtbot.addWidget(widget)
    shown: list[None] = []
    widget.shown.connect(lambda: shown.append(None))
    with SessionRepository(path) as repository:
        session = traded("Mine")
        repository.save(session)
        widget.show()
        widget.show_session(session.id)
        until(qtbot, lambda: shown)
        before = len(shown)
        session.name = "Renamed"
        repository.save(session)
        until(qtbot, lambda: len(shown) > before)
        before = len(shown)
        repository.delete(session.id)
        until(qtbot, lambda: len(shown) > before)
    widget.show_session(None)


@pytest.mark.parametrize("name", ONE_SESSION)
def test_a_widget_shows_what_a_repository_in_memory_holds(qtbot: Any, tmp_path: Path, name: str) -> None:
    """For unit tests of programs that embed the widgets."""
    use_own_settings(tmp_path / "settings")
    session = traded("Mine")
    with LiveRepository(InMemorySessionRepository()) as live:
        widget = getattr(widgets, name)(live)
        qtbot.addWidget(widget)
        saved: list[object] = []
        live.ask(lambda repository: repository.save(session), saved.append)
        until(qtbot, lambda: saved)
        widget.show()
        with qtbot.waitSignal(widget.shown, timeout=PATIENCE):
            widget.show_session(session.id)


def test_a_chart_reads_what_has_changed_and_stays_zoomed(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """Of curves over each other, those that stay as they are are not read again; a deleted one moves nothing."""
    chart = widgets.EquityChart(live)
    qtbot.addWidget(chart)
    with SessionRepository(path) as repository:
        sessions = [traded(name, days) for name, days in (("Long", 60), ("Short", 40), ("Deleted", 20))]
        repository.save_many(sessions)
        chart.show()
        chart.show_sessions([each.id for each in sessions])
        until(qtbot, lambda: len(chart.curves) == 3)
        repository.delete(sessions[2].id)
        until(qtbot, lambda: len(chart.curves) == 2)
        first, second = chart.curves
        chart.canvas.zoom(0.5)
        seen = chart.canvas.seen

        sessions[1].name = "Renamed"
        repository.save(sessions[1])

        until(qtbot, lambda: chart.curves[1].name == "Renamed")
        assert chart.curves[0] is first
        assert chart.curves[1].equity == second.equity
        assert chart.canvas.seen == seen


def test_closed_orders_and_cash_flows(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """Orders that rest come first, those that are closed follow, the latest first; so do cash flows."""
    session = PaperTradingSession(id="a", strategy=plain(1).strategy, initial_cash=1000)
    for order_id in ("first", "second", "resting"):
        session.place_order(Order(order_id, "IBM", "BUY", "LIMIT", quantity=1, limit_price=100))
    session.cancel_order("first")
    session.cancel_order("second")
    session.apply_cash_flow(CashFlow("in", "DEPOSIT", 50))
    session.apply_cash_flow(CashFlow("out", "WITHDRAWAL", -20))
    with SessionRepository(path) as repository:
        repository.save(session)
    orders, flows = widgets.OrderTable(live), widgets.CashFlowTable(live)
    for table, expected in ((orders, ["resting", "second", "first"]), (flows, ["out", "in"])):
        qtbot.addWidget(table)
        table.show()
        table.show_session("a")
        until(qtbot, lambda table=table: table.rows.rowCount())
        assert [row.id for row in table.rows.rows()] == expected


def test_a_deposit_is_no_gain(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """The figures are those of `get_performance`, which knows the cash flows."""
    session = PaperTradingSession(id="a", strategy=plain(1).strategy, initial_cash=1000)
    session.mark({})
    session.apply_cash_flow(CashFlow("in", "DEPOSIT", 500))
    session.mark({})
    with SessionRepository(path) as repository:
        repository.save(session)
    panel = widgets.PerformancePanel(live)
    qtbot.addWidget(panel)
    panel.show()
    panel.show_session("a")

    until(qtbot, lambda: panel.figures["Total return"].text() != "–")
    assert panel.figures["Total return"].text() == "0.00 %"


def test_of_very_many_rows_the_latest_are_shown(
    qtbot: Any, live: LiveRepository, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line below the table says how many there are."""
    monkeypatch.setattr("paper_repo.desktop.session_parts.MOST_ROWS", 2)
    session = PaperTradingSession(id="a", strategy=plain(1).strategy, initial_cash=1000)
    for number in range(3):
        session.apply_cash_flow(CashFlow(str(number), "DEPOSIT", 50))
    with SessionRepository(path) as repository:
        repository.save(session)
    table = widgets.CashFlowTable(live)
    qtbot.addWidget(table)
    table.show()
    table.show_session("a")

    until(qtbot, lambda: [row.id for row in table.rows.rows()] == ["2", "1"])
    assert table.cut.isVisible()
    assert table.cut.text() == "Shown are the latest 2 of 3"


def test_a_hidden_widget_reads_nothing(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """It reads what has changed when it is shown again."""
    with SessionRepository(path) as repository:
        session = traded("Mine")
        repository.save(session)
    table = widgets.PositionTable(live)
    qtbot.addWidget(table)
    table.show_session(session.id)
    answered: list[object] = []
    live.ask(lambda repository: repository.count(), answered.append)
    until(qtbot, lambda: answered)
    assert table.rows.rowCount() == 0

    table.show()

    until(qtbot, lambda: table.rows.rowCount() == len(session.positions))


def test_twenty_thousand_sessions(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """Only the pages that are seen are fetched; the last one too, when the user goes to it; and a text is found."""
    table = session_table(qtbot, live, path, 20_000)

    assert table.total == 20_000
    assert len(table.rows._pages) <= 2
    table.view.scrollToBottom()
    until(qtbot, lambda: table.rows.row(19_999) is not None)
    assert len(table.rows._pages) <= 4

    table.filter.text.setText("017777")
    until(qtbot, lambda: [row.id for row in table.rows.rows()] == ["017777"])


def test_a_long_history_is_read_where_it_is_seen(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """Of 5,000 fills those that are seen are read; a click on Time shows the first ones; new ones appear at the top."""
    fill = Fill("0", "IBM", "BUY", quantity=1, price=200)
    session = PaperTradingSession(id="a", strategy=plain(1).strategy, initial_cash=10**9)
    for number in range(5000):
        session.apply_fill(replace(fill, id=str(number)))
    with SessionRepository(path, durability="normal") as repository:
        repository.save(session)
        table = widgets.FillTable(live)
        qtbot.addWidget(table)
        table.resize(700, 400)
        table.show()
        table.show_session("a")
        until(qtbot, lambda: table.rows.rowCount() == 5000)
        assert table.rows.row(0).id == "4999"
        assert len(table.rows._pages) == 1
        table.view.scrollToBottom()
        until(qtbot, lambda: table.rows.row(4999) is not None)
        assert table.rows.row(4999).id == "0"
        assert len(table.rows._pages) <= 3

        table.view.scrollToTop()
        session.apply_fill(replace(fill, id="new"))
        repository.save(session)
        until(qtbot, lambda: table.rows.rowCount() == 5001 and table.rows.row(0) is not None)
        until(qtbot, lambda: table.rows.row(0).id == "new")

        table.view.horizontalHeader().sectionClicked.emit(0)
        until(qtbot, lambda: table.rows.row(0) is not None and table.rows.row(0).id == "0")
        assert table.rows.row(PAGE - 1).id == str(PAGE - 1)


def test_a_history_that_does_not_begin_with_one(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """A session that was deleted and stored again counts its fills on; each stands in its place all the same."""
    session = traded("Mine")
    with SessionRepository(path) as repository:
        repository.save(session)
        repository.delete(session.id)
        session.version = 0
        session.apply_fill(Fill("after", "IBM", "BUY", quantity=1, price=200))
        repository.save(session)
        table = widgets.FillTable(live)
        qtbot.addWidget(table)
        table.show()
        table.show_session(session.id)
        until(qtbot, lambda: table.rows.rowCount() == 1)
        assert table.rows.row(0).id == "after"


def test_a_change_is_told_within_a_second_and_many_as_one(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """`changed` names every session that was saved."""
    told: list[frozenset[str]] = []
    live.changed.connect(told.append)
    ready: list[object] = []
    live.ask(lambda repository: repository.count(), ready.append)
    until(qtbot, lambda: ready)
    with SessionRepository(path) as repository:
        for number in range(50):
            repository.save(plain(number))
            until(qtbot, lambda: True)

    until(qtbot, lambda: len(frozenset().union(*told)) == 50)


def test_calls_come_back_to_their_thread_unless_nobody_waits(qtbot: Any, live: LiveRepository) -> None:
    """A result goes to `then`, an error to `failed`; what was cancelled, or belongs to a widget that is gone, nowhere."""  # noqa: E501
    came: list[tuple[str, object, bool]] = []

    def note(what: str) -> Any:
        return lambda result: came.append((what, result, threading.current_thread() is threading.main_thread()))

    async def fail(_: object) -> None:
        raise ValueError("no")

    live.ask(lambda repository: repository.count(), note("count"))
    live.ask(fail, None, note("error"))
    live.ask(lambda repository: repository.count(), note("cancelled")).cancel()
    until(qtbot, lambda: len(came) == 2)

    assert sorted((what, in_thread) for what, _, in_thread in came) == [("count", True), ("error", True)]


def test_closing_closes_the_repository(qtbot: Any, path: Path) -> None:
    """Nothing is asked any more; closing again does nothing."""
    repository = SQLiteSessionRepository(path)
    live = LiveRepository(repository)
    live.close()
    live.close()

    came: list[object] = []
    live.ask(lambda each: each.count(), came.append)
    assert live.is_closed
    with pytest.raises(RepositoryClosedError):
        repository.core.count()
    assert came == []


def test_a_widget_takes_the_colours_of_its_program(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """In a dark palette it draws with the colours for dark ones, and follows when that changes."""
    from PySide6.QtGui import QColor, QPalette

    from paper_repo.desktop.theme import DARK, LIGHT, colours_of

    widget = QWidget()
    qtbot.addWidget(widget)
    palette = QPalette()
    for base, theme in (("#101010", DARK), ("#ffffff", LIGHT)):
        palette.setColor(QPalette.ColorRole.Base, QColor(base))
        widget.setPalette(palette)
        assert colours_of(widget) is theme


@pytest.mark.parametrize("name", [*ONE_SESSION, "ComparisonTable", "SessionTable"])
def test_a_widget_that_is_let_go_ends_at_once(qtbot: Any, live: LiveRepository, path: Path, name: str) -> None:
    """In the thread that lets it go, even while something is read for it: a collector might run in another thread."""
    session = traded("Mine")
    with SessionRepository(path) as repository:
        repository.save(session)
    widget = getattr(widgets, name)(live)
    widget.show()
    if name in ONE_SESSION:
        widget.show_session(session.id)
    let_go: list[str] = []
    weakref.finalize(widget, lambda: let_go.append(threading.current_thread().name))
    gc.disable()
    try:
        del widget
        until(qtbot, lambda: let_go)
    finally:
        gc.enable()
    assert let_go == [threading.main_thread().name]


def test_sessions_are_compared(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """Figures beside each other, and what the others traded unlike the first one; one alone has nothing to compare."""
    at = datetime(2024, 1, 2, 15, tzinfo=UTC)
    first, second = (
        PaperTradingSession(id=each, name=each, strategy=plain(1).strategy, initial_cash=1000) for each in "ab"
    )
    first.apply_fill(Fill("1", "IBM", "BUY", quantity=1, price=100, executed_at=at))
    first.apply_fill(Fill("2", "IBM", "SELL", quantity=1, price=110, executed_at=at + timedelta(hours=1)))
    second.apply_fill(Fill("1", "IBM", "BUY", quantity=1, price=102, executed_at=at))
    with SessionRepository(path) as repository:
        repository.save_many([first, second])
        table = widgets.ComparisonTable(live)
        qtbot.addWidget(table)
        table.show()

        table.show_sessions(["a", "b", "gone"])
        until(qtbot, lambda: table.rows.rowCount() == 2)
        texts = {column.name: [column.text(row) for row in table.rows.rows()] for column in table.rows.columns}
        assert texts["name"] == ["a", "b"]
        assert texts["pnl"] == ["▲ 10.00", "  0.00"]
        assert (texts["missed"], texts["extra"], texts["slippage"]) == (["–", "1"], ["–", "0"], ["–", "2.00"])

        second.apply_fill(Fill("2", "IBM", "SELL", quantity=1, price=109, executed_at=at + timedelta(hours=1)))
        repository.save(second)
        until(qtbot, lambda: [table.rows.columns[11].text(row) for row in table.rows.rows()] == ["–", "0"])
    table.show_sessions(["a"])
    until(qtbot, lambda: table.rows.rowCount() == 0)
    until(qtbot, lambda: "Select several" in table.empty.text())


def test_all_rows_are_selected_at_once(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """Qt asks no row of the table whether its column is selected, which would take seconds for a million of them."""
    table = session_table(qtbot, live, path, 3_000)
    asked: list[object] = []
    table.rows.flags = lambda index: asked.append(index) or Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    table.view.selectAll()
    table.grab()

    assert len(table.selected_ids) == PAGE
    assert len(asked) < 3_000


def test_a_dragged_scrollbar_asks_for_what_is_seen_alone(qtbot: Any, live: LiveRepository, path: Path) -> None:
    """While one page is read those that are passed are forgotten."""
    table = session_table(qtbot, live, path, 20_000)
    bar = table.view.verticalScrollBar()

    for place in range(0, bar.maximum(), bar.maximum() // 200):
        bar.setValue(place)
        QApplication.processEvents()
    table.view.scrollToBottom()
    until(qtbot, lambda: table.rows.row(19_999) is not None)

    assert len(table.rows._pages) < 100


def test_the_theme_follows_the_desktop(qtbot: Any) -> None:
    """When the desktop becomes dark, so does the program; and light again."""
    from paper_repo.desktop import theme

    app = QApplication.instance()
    hints = app.styleHints()
    theme.follow_system(app)

    for scheme, expected in ((Qt.ColorScheme.Dark, theme.DARK), (Qt.ColorScheme.Light, theme.LIGHT)):
        hints.colorSchemeChanged.emit(scheme)
        assert app.palette().base().color().name() == expected.base
    hints.colorSchemeChanged.disconnect()
