"""Widgets that show stored sessions in a Qt program, and the window that `paper-repo open` shows.

Each widget shows what is stored and every change of it, whoever makes it, and never waits for the disk itself:

    from PySide6.QtWidgets import QApplication
    from paper_repo import SQLiteSessionRepository
    from paper_repo.desktop import LiveRepository, SessionTable

    app = QApplication([])
    with LiveRepository(SQLiteSessionRepository("sessions.db")) as live:
        table = SessionTable(live)
        table.show()
        app.exec()

The host's event loop is Qt's own; no asyncio is needed in it. `pip install 'paper_repo[desktop]'`.
"""

from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from typing import TYPE_CHECKING

if _find_spec("PySide6") is None:
    raise ImportError("paper_repo.desktop needs PySide6: pip install 'paper_repo[desktop]'")

if TYPE_CHECKING:
    from paper_repo.desktop.comparison_table import ComparisonTable
    from paper_repo.desktop.equity_chart import EquityChart
    from paper_repo.desktop.fill_table import FillTable
    from paper_repo.desktop.json_view import JsonView
    from paper_repo.desktop.live import LiveRepository
    from paper_repo.desktop.performance_panel import PerformancePanel
    from paper_repo.desktop.session_parts import CashFlowTable, OrderTable, PositionTable, TradeTable
    from paper_repo.desktop.session_table import SessionTable
    from paper_repo.desktop.window import SessionWindow

__all__ = [
    "CashFlowTable",
    "ComparisonTable",
    "EquityChart",
    "FillTable",
    "JsonView",
    "LiveRepository",
    "OrderTable",
    "PerformancePanel",
    "PositionTable",
    "SessionTable",
    "SessionWindow",
    "TradeTable",
]

_MODULES = {
    "CashFlowTable": "session_parts",
    "ComparisonTable": "comparison_table",
    "EquityChart": "equity_chart",
    "FillTable": "fill_table",
    "JsonView": "json_view",
    "LiveRepository": "live",
    "OrderTable": "session_parts",
    "PerformancePanel": "performance_panel",
    "PositionTable": "session_parts",
    "SessionTable": "session_table",
    "SessionWindow": "window",
    "TradeTable": "session_parts",
}
"""Imported on demand: a program with a table needs no window."""


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(_import_module(f"paper_repo.desktop.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
