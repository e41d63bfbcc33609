"""The command line as a whole: its commands, its help, and how every one of them ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

import paper_repo
from paper_repo.cli import streams
from paper_repo.cli.exit_codes import DONE, FAILED, INTERRUPTED, MEANINGS, exit_code, is_expected
from paper_repo.cli.terminal import complain, complaints

USAGE_ERROR: Any = typer.BadParameter.__bases__[0]
"""What typer raises when a command line makes no sense."""


class Entry(NamedTuple):
    """A command: the function that runs it, its place in the help, and the examples at the end of its own help."""

    function: str
    group: str
    examples: tuple[str, ...]


LOOK, INTO, CHANGE = "Look at sessions", "Look into one session", "Change sessions"
MOVE, SAFE = "Take sessions elsewhere", "Keep the database safe"
TRY = "Try it out"

COMMANDS: dict[str, Entry] = {
    "list": Entry(
        "inspect:list_sessions",
        LOOK,
        ("paper-repo list --status running", "paper-repo list --order-by net_pnl --limit 10"),
    ),
    "show": Entry("inspect:show", LOOK, ("paper-repo show 9f2c", "paper-repo show 9f2c --json")),
    "status": Entry("inspect:status", LOOK, ("paper-repo status",)),
    "watch": Entry(
        "watch:watch",
        LOOK,
        ("paper-repo watch", "paper-repo watch --sort since_opened", "paper-repo watch --json >> changes.jsonl"),
    ),
    "compare": Entry(
        "compare:compare",
        LOOK,
        (
            "paper-repo compare 9f2c 41d0",
            "paper-repo compare 9f2c 41d0 --within 1d --symbol AAPL",
            "paper-repo compare 9f2c 9f2c --other-db sessions-yesterday.db",
        ),
    ),
    "report": Entry("report:report", LOOK, ("paper-repo report 9f2c --output report.html",)),
    "open": Entry(
        "open:open_",
        LOOK,
        ("paper-repo open", "paper-repo open --db sessions.db", "paper-repo open --demo"),
    ),
    "trades": Entry(
        "account:trades",
        INTO,
        ("paper-repo trades 9f2c", "paper-repo trades 9f2c --symbol AAPL --tz America/New_York"),
    ),
    "positions": Entry("account:positions", INTO, ("paper-repo positions 9f2c", "paper-repo positions 9f2c --json")),
    "orders": Entry(
        "account:orders",
        INTO,
        ("paper-repo orders 9f2c --which open", "paper-repo orders 9f2c --status rejected --status expired"),
    ),
    "fills": Entry(
        "inspect:fills",
        INTO,
        ("paper-repo fills 9f2c --symbol AAPL --since 2012-06-01", "paper-repo fills 9f2c --json"),
    ),
    "cash": Entry(
        "account:cash",
        INTO,
        ("paper-repo cash 9f2c", "paper-repo cash 9f2c --kind dividend --kind tax --since 2012-06-01"),
    ),
    "equity": Entry(
        "inspect:equity",
        INTO,
        ("paper-repo equity 9f2c", "paper-repo equity 9f2c --since 2012-06-01 --points 20"),
    ),
    "rename": Entry("edit:rename", CHANGE, ("paper-repo rename 9f2c 'Crossover, spring'",)),
    "delete": Entry("edit:delete", CHANGE, ("paper-repo delete 9f2c --yes",)),
    "prune": Entry(
        "edit:prune",
        CHANGE,
        ("paper-repo prune --created-to 90d --dry-run", "paper-repo prune --created-to 90d --yes"),
    ),
    "export": Entry(
        "export_import:export",
        MOVE,
        (
            "paper-repo export --output backup.jsonl",
            "paper-repo export --format fills 9f2c > fills.csv",
            "paper-repo export --format trades --excel --output trades.csv",
        ),
    ),
    "import": Entry(
        "export_import:import_",
        MOVE,
        (
            "paper-repo import backup.jsonl",
            "paper-repo import --skip backup.jsonl",
            "paper-repo import --from csv trades.csv --timezone UTC --cash 10000 --dry-run",
        ),
    ),
    "copy": Entry("maintenance:copy_", MOVE, ("paper-repo copy other.db",)),
    "backup": Entry("maintenance:backup", SAFE, ("paper-repo backup sessions-today.db",)),
    "restore": Entry("maintenance:restore", SAFE, ("paper-repo restore sessions-yesterday.db --yes",)),
    "info": Entry("inspect:info", SAFE, ("paper-repo info",)),
    "check": Entry("maintenance:check", SAFE, ("paper-repo check", "paper-repo check --json")),
    "compact": Entry("maintenance:compact_", SAFE, ("paper-repo compact",)),
    "salvage": Entry("maintenance:salvage_", SAFE, ("paper-repo salvage salvaged.db",)),
    "encrypt": Entry("maintenance:encrypt_", SAFE, ("paper-repo encrypt secret.db --passphrase-file passphrase.txt",)),
    "decrypt": Entry("maintenance:decrypt_", SAFE, ("paper-repo decrypt plain.db --passphrase-file passphrase.txt",)),
    "demo": Entry("demo:demo", TRY, ("paper-repo demo --keep", "paper-repo demo --db demo.db --speed 25")),
}
"""Every command by its name, in the order of the help; its module is imported when the command is run."""


_BUILT_IN = frozenset({"help", "install_completion", "show_completion"})


def _without_types(params: list[Any]) -> list[Any]:
    """The parameters, of which the help says no type: `<str>` and `<bool>` tell nothing to somebody who trades."""
    for each in params:
        if isinstance(each, TyperArgument):
            each.display_type = _no_type  # type: ignore[method-assign]
        elif each.name in _BUILT_IN:
            each.metavar = ""
    return params


def _no_type(ctx: Any) -> str:
    return ""


class Command(TyperCommand):
    """One command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments and options."""
        return _without_types(super().get_params(ctx))


class Commands(TyperGroup):
    """The commands, imported on demand; errors are told in one line and as exit codes."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options of all commands."""
        return _without_types(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, or None."""
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names."""
        if args and args[0] not in COMMANDS and (near := get_close_matches(args[0], COMMANDS)):
            ctx.fail(f"No such command '{args[0]}'; did you mean {' or '.join(near)}?")
        return super().resolve_command(ctx, args)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command that the arguments name, and exit."""
        code = FAILED
        try:
            code = super().main(*arguments, **{**options, "standalone_mode": False}) or DONE
        except USAGE_ERROR as error:
            code = error.exit_code
            _complain_about_usage(error)
        except typer.Abort:
            code = INTERRUPTED
        sys.exit(code)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments, for which modules are loaded."""
        with _told():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with _told():
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


def _load(name: str) -> Any:
    entry = COMMANDS[name]
    module, _, function = entry.function.partition(":")
    command = getattr(import_module(f"paper_repo.cli.commands.{module}"), function)
    lines = [f"[dim]$[/dim] {example}" for example in entry.examples]
    single = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    single.command(
        name, cls=Command, epilog="\n\n".join(["[bold]Examples[/bold]", *lines]), rich_help_panel=entry.group
    )(command)
    return typer.main.get_command(single)


def _complain_about_usage(error: Any) -> None:
    message = error.format_message()
    if error.ctx is not None:
        message = f"{message.rstrip('.')} (see {error.ctx.command_path} --help)"
    complain(message)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        complaints().print("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        streams.forget_output()
        raise typer.Exit(FAILED) from None
    except Exception as error:
        if not is_expected(error):
            raise
        _flush_or_forget()
        complain(str(error))
        raise typer.Exit(exit_code(error)) from error


def _flush_or_forget() -> None:
    """Write what has been printed before the complaint about it; where it cannot be written, forget it."""
    try:
        sys.stdout.flush()
    except OSError:
        streams.forget_output()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"paper-repo {paper_repo.__version__}")
        raise typer.Exit


app: typer.Typer = typer.Typer(
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
        bool,
        typer.Option("--version", metavar="", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Look at paper-trading sessions, keep them safe, take them elsewhere, and delete what is no longer needed."""
