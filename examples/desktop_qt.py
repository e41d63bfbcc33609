"""A window of your own with the widgets: `python examples/desktop_qt.py sessions.db`.

It needs `pip install '.[desktop]'`. The finished window is `paper-repo open`.
"""

import sys

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QSplitter

from paper_repo import SQLiteSessionRepository
from paper_repo.desktop import EquityChart, LiveRepository, PositionTable, SessionTable


def main(path: str) -> int:
    """Show the sessions of a file, with the equity and the positions of the one that is selected."""
    app = QApplication(sys.argv)
    with LiveRepository(SQLiteSessionRepository(path)) as live:
        window = QSplitter(Qt.Orientation.Vertical)
        table, chart, positions = SessionTable(live), EquityChart(live), PositionTable(live)
        for widget in (table, chart, positions):
            window.addWidget(widget)
        table.session_selected.connect(chart.show_session)
        table.session_selected.connect(positions.show_session)
        window.resize(900, 700)
        window.show()
        return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "sessions.db"))
