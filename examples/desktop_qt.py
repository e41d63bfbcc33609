"""A window that runs paper-trading sessions: `python examples/desktop_qt.py [FILE] [--theme light|dark]`.

It needs `pip install 'paper_repo[examples]'`: PySide6, pyqtgraph and qasync.
"""

import sys

from desktop_qt.app import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
