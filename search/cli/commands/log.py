"""`sedn log`: what the process of a worker printed while a trial trained."""

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import (
    DEFAULT_STORE,
    JsonOption,
    MovedOption,
    NameArgument,
    StoreOption,
    moved_storage,
    print_json,
)
from sedn.errors import UserError

if TYPE_CHECKING:
    from results import Store, Trial

out = open_terminal()
err = open_terminal(stderr=True)
FOLLOW_SECONDS = 2.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

TrialArgument = Annotated[int, typer.Argument(min=0, help="The number of the trial.")]


def log(
    name: NameArgument,
    trial: TrialArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print what is added, until the trial ends.")
    ] = False,
    storage_path: MovedOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Print the output of a trial's worker, from any node, and why the trial failed if it did."""
    from results import open_store

    if follow and as_json:
        raise UserError("--follow: prints what is added; --json prints once")
    opened = open_store(store)
    experiment = opened.experiment(name)
    row = opened.named_trial(experiment, trial, f"trial {trial}")
    storage = moved_storage(storage_path)
    output = _read(row, storage)
    if as_json:
        print_json({"trial": trial, "state": row.state, "output": output, "reason": row.reason})
        return
    if follow:
        row = _follow(opened, row, storage)
    elif output:
        _print(output)
    if row.reason:
        err.print(f"Trial {trial} {row.state.lower()}: {row.reason.rstrip()}", soft_wrap=True)
    if not output and not follow:
        err.print(_why_none(row), soft_wrap=True)


def _read(row: "Trial", storage: str | None) -> str:
    """The output that is kept of a trial; empty where none is."""
    from results.predictions import folder_below
    from search.backends.ray_tune.output import OUTPUT
    from sedn.training.checkpoints.files import read

    kept = read(folder_below(storage, row.folder), OUTPUT) or b""
    text = _COLOURS.sub("", kept.decode(errors="replace"))
    # A progress bar goes back to the start of its line.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _print(output: str) -> None:
    out.print(output, soft_wrap=True, end="")


def _follow(opened: "Store", row: "Trial", storage: str | None) -> "Trial":
    """Print what is added to the output until the trial has ended; gives the trial as ended."""
    from results import TrialState

    shown = ""
    while True:
        # Read first: what is printed before the end is kept before the end is recorded.
        row = opened.known_trial(row.experiment_id, row.number)
        output = _read(row, storage)
        # Of a long output the start is left out in time.
        added = output[len(shown) :] if output.startswith(shown) else output
        if added:
            _print(added)
        shown = output
        if row.state is not TrialState.RUNNING:
            return row
        time.sleep(FOLLOW_SECONDS)


def _why_none(row: "Trial") -> str:
    if row.duplicate_of is not None:
        return (
            f"Trial {row.number} was not trained: its values are those of trial {row.duplicate_of}."
        )
    return (
        f"No output is kept of trial {row.number} in '{row.folder}'. Workers of Ray keep theirs; "
        f"a trial that is trained by --backend local prints to the terminal of the search."
    )
