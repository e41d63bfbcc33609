"""Fails when fewer branches are covered than asked for: coverage's own limit mixes lines and branches.

usage: branch_coverage.py REPORT.json PERCENT     (a report that was not written is no failure: nothing was measured)
"""

import json
import sys
from pathlib import Path

report, least = Path(sys.argv[1]), float(sys.argv[2])
if not report.exists():
    sys.exit()
covered = json.loads(report.read_text())["totals"]["percent_branches_covered"]
print(f"{covered:.2f}% of the branches are covered, of {least:g}% at least")
sys.exit(covered < least)
