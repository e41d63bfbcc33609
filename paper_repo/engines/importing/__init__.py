"""Files of other programs as stored sessions: what traders have from before, or from elsewhere.

    from paper_repo.engines.importing import import_file

    report = import_file("trades.csv", "sessions.db", source="csv", timezone="UTC", initial_cash=10_000)
    print(report)

Sources are freqtrade, metatrader, tradingview, lean, ibkr, backtesting, nautilus and csv (any table of trades). On the
command line: `paper-repo import --from csv trades.csv`.
"""

from paper_repo.engines.importing.importer import SOURCES, SourceName, import_file
from paper_repo.engines.importing.records import Allowed, DateOrder, DecimalSign
from paper_repo.engines.importing.verdict import ComparedFigure, ImportReport

__all__ = [
    "SOURCES",
    "Allowed",
    "ComparedFigure",
    "DateOrder",
    "DecimalSign",
    "ImportReport",
    "SourceName",
    "import_file",
]
