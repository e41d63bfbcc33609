"""The command line as a whole: its commands, its help, and how every one of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import paper_repo
from paper_repo.cli.commands import demo, edit, export_import, inspect, maintenance, report
from paper_repo.cli.exit_codes import EXPECTED, FAILED, INTERRUPTED, MEANINGS, exit_code
from paper_repo.cli.terminal import complaints


class Commands(TyperGroup):
    """The commands, with errors told in one line and as exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with _told():
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        complaints().print("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _forget_output()
        raise typer.Exit(FAILED) from None
    except EXPECTED as error:
        complaints().print(f"paper-repo: {error}", style="red", markup=False)
        raise typer.Exit(exit_code(error)) from error


def _forget_output() -> None:
    """Whoever read standard output has gone: what is still to be written to it may be lost without a complaint."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"paper-repo {paper_repo.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)


@app.callback()
def paper_trading_sessions(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Look at paper-trading sessions, take them elsewhere, keep them safe, and clear them away."""


def _add(command: Callable[..., None], name: str, *examples: str) -> None:
    """Make `command` one of the app's, with examples at the end of its help."""
    lines = [f"[dim]$[/dim] {example}" for example in examples]
    app.command(name, epilog="\n\n".join(["[bold]Examples[/bold]", *lines]))(command)
    EXAMPLES[name] = examples


EXAMPLES: dict[str, tuple[str, ...]] = {}
"""The examples in the help of each command; tests run them."""

_add(inspect.list_sessions, "list", "paper-repo list --status running", "paper-repo list --order-by net_pnl --limit 10")
_add(inspect.show, "show", "paper-repo show 9f2c", "paper-repo show 9f2c --json")
_add(inspect.fills, "fills", "paper-repo fills 9f2c --symbol AAPL --since 2012-06-01", "paper-repo fills 9f2c --json")
_add(inspect.equity, "equity", "paper-repo equity 9f2c", "paper-repo equity 9f2c --since 2012-06-01 --points 20")
_add(inspect.status, "status", "paper-repo status")
_add(inspect.info, "info", "paper-repo info")
_add(report.report, "report", "paper-repo report 9f2c --output report.html")
_add(
    export_import.export,
    "export",
    "paper-repo export --output backup.jsonl",
    "paper-repo export --format fills 9f2c > fills.csv",
)
_add(export_import.import_, "import", "paper-repo import backup.jsonl", "paper-repo import --skip backup.jsonl")
_add(edit.rename, "rename", "paper-repo rename 9f2c 'Crossover, spring'")
_add(edit.delete, "delete", "paper-repo delete 9f2c --yes")
_add(edit.prune, "prune", "paper-repo prune --created-to 90d --dry-run", "paper-repo prune --created-to 90d --yes")
_add(maintenance.backup, "backup", "paper-repo backup sessions-today.db")
_add(maintenance.restore, "restore", "paper-repo restore sessions-yesterday.db --yes")
_add(maintenance.check, "check", "paper-repo check", "paper-repo check --json")
_add(maintenance.compact_, "compact", "paper-repo compact")
_add(maintenance.salvage_, "salvage", "paper-repo salvage salvaged.db")
_add(maintenance.copy_, "copy", "paper-repo copy other.db")
_add(maintenance.encrypt_, "encrypt", "paper-repo encrypt secret.db --passphrase-file passphrase.txt")
_add(maintenance.decrypt_, "decrypt", "paper-repo decrypt plain.db --passphrase-file passphrase.txt")
_add(demo.demo, "demo", "paper-repo demo", "paper-repo demo --db demo.db --speed 25")
