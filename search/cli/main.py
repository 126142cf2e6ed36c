"""The `sedn` command: each command is a thin skin over the Python API."""

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from search.cli.combine import combine
from search.cli.commands import Command
from search.cli.compare import compare
from search.cli.confirm import confirm
from search.cli.console import accept_any_text, open_terminal
from search.cli.dashboard import dashboard
from search.cli.data import app as data_app
from search.cli.experiments import delete, list_experiments, note, rename, tag
from search.cli.export import export
from search.cli.importance import importance
from search.cli.labels import labels
from search.cli.log import log
from search.cli.predict import predict
from search.cli.rank import rank
from search.cli.report import report
from search.cli.search import search
from search.cli.segment import segment
from search.cli.show import show
from search.cli.simulate import simulate
from search.cli.status import status
from search.cli.stop import stop
from search.cli.store import app as store_app
from search.cli.train import train
from sedn.errors import TrainingError, UserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Search where and how to embed a semantic map in a multi-label image classifier.",
)
err = open_terminal(stderr=True)


def main() -> None:
    """Run the command line; wrong input ends in one line and exit code 2, a training that broke in
    one and exit code 1.
    """
    # Read by torch when it is loaded. By default its threads wait for each other without giving up
    # their core: beside other work, an epoch takes many times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    accept_any_text()
    try:
        app(standalone_mode=True)
    except UserError as error:
        err.print(f"sedn: {error}", style="red", soft_wrap=True)
        sys.exit(2)
    except TrainingError as error:
        err.print(f"sedn: {error}", style="red", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("sedn: stopped")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        if (line := _of_the_database(error)) is None:
            raise
        err.print(f"sedn: {line}", style="red", soft_wrap=True)
        sys.exit(2)


def _of_the_database(error: Exception) -> str | None:
    """The message about a database that can no longer be read; ``None`` for any other error."""
    if "sqlalchemy" not in sys.modules:
        return None
    from results.database.outage import is_refusal, reason_of

    return f"--store: {reason_of(error)}" if is_refusal(error) else None


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"sedn {version('sedn-search')}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the command itself."""


COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Run a search": {
        "search": search,
        "status": status,
        "show": show,
        "log": log,
        "stop": stop,
        "dashboard": dashboard,
    },
    "Read its results": {
        "rank": rank,
        "labels": labels,
        "compare": compare,
        "importance": importance,
        "report": report,
    },
    "Use the best": {
        "confirm": confirm,
        "combine": combine,
        "export": export,
        "train": train,
        "predict": predict,
    },
    "Choose how to search": {"simulate": simulate},
    "Prepare data": {"segment": segment},
    "Look after experiments": {
        "list": list_experiments,
        "note": note,
        "tag": tag,
        "rename": rename,
        "delete": delete,
    },
}
"""By their names, in the panels and the order of the help."""

for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, cls=Command, rich_help_panel=panel)(command)
app.add_typer(data_app, name="data", rich_help_panel="Prepare data")
app.add_typer(store_app, name="store", rich_help_panel="Look after experiments")


if __name__ == "__main__":
    main()
