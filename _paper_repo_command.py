"""Where the command `paper-repo` begins: outside of the package, whose modules take a while to load.

Ctrl-C during that time ends the command as it does later. What Python itself does before, some hundredths of a second,
and `python -m paper_repo`, which loads the package first, cannot be changed: there it prints its own traceback.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command with the arguments of this process, and exit with its code."""
    try:
        from paper_repo.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
