"""Opens a file with newer migration scripts: `python -m tests.storage.sqlite.upgrading FILE SCRIPTS`."""

from __future__ import annotations

import sys
from pathlib import Path

from paper_repo.storage.sqlite.storage import SQLiteStorage

if __name__ == "__main__":
    storage = SQLiteStorage(sys.argv[1], busy_timeout=30, scripts=Path(sys.argv[2]))
    storage.open()
    storage.close()
