"""`sedn set`: changing a search that runs, from any terminal that reaches the database."""

from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, NameArgument, StoreOption

err = open_terminal(stderr=True)


def set_running(
    name: NameArgument,
    max_concurrent: Annotated[
        int, typer.Option("--concurrent", help="Train at most N trials at a time.", metavar="N")
    ],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Change a search that runs, on whatever machine, until the search ends.

    Running trials are not cut off: with fewer at a time, the next starts when enough have ended.
    """
    from results import open_store
    from search.driver.requests import ask_concurrent, send_request

    request = ask_concurrent(max_concurrent)
    send_request(open_store(store), name, request)
    err.print(
        f"The search of '{name}' was asked to train at most {max_concurrent} trials at a time."
    )
