"""Saves one session as the first thing that is done with a file.

Usage: python creating.py PATH SESSION_ID. Prints `ready`, then waits for a line on standard input.
"""

from __future__ import annotations

import sys

from paper_repo import PaperTradingSession, SessionRepository, Strategy

if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with SessionRepository(sys.argv[1]) as repository:
        repository.save(PaperTradingSession(id=sys.argv[2], strategy=Strategy("sma"), initial_cash=10000))
