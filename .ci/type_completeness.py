"""Fails when type checkers know the types of too few of the names that the package exports."""

import json
import subprocess
import sys

LEAST = float(sys.argv[1])

command = ["pyright", "--verifytypes", "paper_repo", "--ignoreexternal", "--outputjson"]
report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)["typeCompleteness"]
score = 100 * report["completenessScore"]
for symbol in report["symbols"]:
    if symbol["isExported"] and not symbol["isTypeKnown"]:
        print(symbol["name"], *(each["message"] for each in symbol["diagnostics"]), sep="\n    ")
print(f"types are known of {score:.1f} % of the exported names")
sys.exit(score < LEAST)
