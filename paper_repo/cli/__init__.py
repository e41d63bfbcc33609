"""The `paper-repo` command. Importing this needs nothing; running it needs the `cli` extra."""

from __future__ import annotations

import sys
from importlib.util import find_spec

NEEDED = ("typer", "rich", "platformdirs")


def main() -> None:
    """Run the command with the arguments of this process, and exit with its code."""
    try:
        require_extra()
        from paper_repo.cli import streams
        from paper_repo.cli.app import app

        streams.prepare()
        app(prog_name="paper-repo")
    except ImportError as error:
        if "pip install" not in str(error):
            raise
        sys.exit(f"paper-repo: {error}")
    except KeyboardInterrupt:  # while modules are loaded; later each command tells it itself
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def require_extra() -> None:
    """Raise an ImportError that names the way out when the packages of the extra are not installed."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ImportError(f"the command line needs {', '.join(missing)}: pip install 'paper_repo[cli]'")
