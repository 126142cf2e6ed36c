"""`sedn stop`: ending a search that runs, from any terminal that reaches the database."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, NameArgument, StoreOption

if TYPE_CHECKING:
    from results import Store

err = open_terminal(stderr=True)
WAIT_SECONDS = 60.0
"""In which a search that is cut off has ended, unless an epoch is long."""


def stop(
    name: NameArgument,
    finish: Annotated[
        bool,
        typer.Option("--finish", help="Train running trials to their end; start no other trial."),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """End a search that runs, on whatever machine; the same `sedn search` goes on later.

    Running trials are cut off, and go on from their last checkpoint when the search does.
    """
    from results import open_store
    from search.driver.requests import Command, send_request

    opened = open_store(store)
    send_request(opened, name, Command.FINISH if finish else Command.STOP)
    if finish:
        err.print(f"The search of '{name}' starts no other trial, and ends with those that run.")
        return
    if _has_ended(opened, name):
        err.print(f"The search of '{name}' has ended; the same `sedn search` command goes on.")
    else:
        err.print(f"The search of '{name}' was asked to stop, and ends after the current epochs.")


def _has_ended(opened: "Store", name: str) -> bool:
    """Wait until the search has ended, or for a minute; whether the search has ended."""
    from search.lock import is_driven

    until = time.monotonic() + WAIT_SECONDS
    while is_driven(opened.engine, name):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
