"""The `sedn` command: each command is a thin skin over the Python API."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli.command import Command
from search.cli.console import accept_any_text, open_terminal
from search.exit_codes import FAILED, INTERRUPTED, PIPE_CLOSED, WRONG_INPUT
from sedn.errors import TrainingError, UserError

COMMANDS: dict[str, dict[str, str]] = {
    "Run a search": {
        "search": "search.cli.commands.search:search",
        "status": "search.cli.commands.status:status",
        "show": "search.cli.commands.show:show",
        "log": "search.cli.commands.log:log",
        "stop": "search.cli.commands.stop:stop",
        "set": "search.cli.commands.set:set_running",
        "dashboard": "search.cli.commands.dashboard:dashboard",
    },
    "Read its results": {
        "rank": "search.cli.commands.rank:rank",
        "labels": "search.cli.commands.labels:labels",
        "compare": "search.cli.commands.compare:compare",
        "importance": "search.cli.commands.importance:importance",
        "report": "search.cli.commands.report:report",
    },
    "Use the best": {
        "confirm": "search.cli.commands.confirm:confirm",
        "combine": "search.cli.commands.combine:combine",
        "export": "search.cli.commands.export:export",
        "train": "search.cli.commands.train:train",
        "predict": "search.cli.commands.predict:predict",
    },
    "Choose how to search": {"simulate": "search.cli.commands.simulate:simulate"},
    "Prepare data": {
        "segment": "search.cli.commands.segment:segment",
        "data": "search.cli.commands.data:app",
    },
    "Look after experiments": {
        "list": "search.cli.commands.experiments:list_experiments",
        "note": "search.cli.commands.experiments:note",
        "tag": "search.cli.commands.experiments:tag",
        "rename": "search.cli.commands.experiments:rename",
        "delete": "search.cli.commands.experiments:delete",
        "clean": "search.cli.commands.clean:clean",
        "store": "search.cli.commands.store:app",
    },
}
"""The home of each command and of each group of commands, by their names, in the panels and the
order of the help."""

err = open_terminal(stderr=True)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main() -> None:
    """Run the command line; wrong input ends in one line and exit code 2, a training that broke in
    one and exit code 1.
    """
    # Read by torch when it is loaded. By default its threads wait for each other without giving up
    # their core: beside other work, an epoch takes many times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    accept_any_text()
    try:
        _run(sys.argv[1:])
    except UserError as error:
        err.print(f"sedn: {error}", style="red", soft_wrap=True)
        sys.exit(WRONG_INPUT)
    except TrainingError as error:
        err.print(f"sedn: {error}", style="red", soft_wrap=True)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        err.print("sedn: stopped")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(PIPE_CLOSED)
    except OSError as error:
        if not _output_is_lost(error):
            raise
        err.print(f"sedn: stdout: cannot be written: {error.strerror}", style="red", soft_wrap=True)
        sys.exit(WRONG_INPUT)
    except Exception as error:
        if (line := _of_the_database(error)) is None:
            raise
        err.print(f"sedn: {line}", style="red", soft_wrap=True)
        sys.exit(WRONG_INPUT)


def _run(arguments: Sequence[str]) -> None:
    """Run one command, and see that all that it printed is written."""
    try:
        build_app(arguments)(standalone_mode=True)
    finally:
        sys.stdout.flush()


def _output_is_lost(error: OSError) -> bool:
    """Whether it is stdout that cannot be written, as on a full disk; it is let go then."""
    if error.errno not in _FULL or error.filename is not None:
        return False
    try:
        # Where stdout is not at fault, a blank line at the end harms no reader.
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        # Python would try once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _of_the_database(error: Exception) -> str | None:
    """The message about a database that can no longer be read; ``None`` for any other error."""
    if "sqlalchemy" not in sys.modules:
        return None
    from results.database.connection.outage import is_refusal, reason_of

    return f"--store: {reason_of(error)}" if is_refusal(error) else None


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"sedn {version('sedn-search')}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the command itself."""


def build_app(arguments: Sequence[str] | None = None) -> typer.Typer:
    """The command line.

    Args:
        arguments: what is to be run. A command is imported alone: together the commands take longer
            than one that reads a few rows. By default all are there.
    """
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        help="Search where and how to embed a semantic map in a multi-label image classifier.",
    )
    app.callback()(_options)
    first = arguments[0] if arguments else None
    is_known = first == "--version" or any(first in commands for commands in COMMANDS.values())
    for panel, commands in COMMANDS.items():
        for name, home in commands.items():
            if is_known and name != first:
                continue
            module, _, attribute = home.partition(":")
            command: Any = getattr(import_module(module), attribute)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, rich_help_panel=panel)
            else:
                app.command(name, cls=Command, rich_help_panel=panel)(command)
    return app


if TYPE_CHECKING:
    app: typer.Typer
    """The command line with all commands."""


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()["app"] = build_app()
    return globals()["app"]


if __name__ == "__main__":
    main()
