"""`sedn dashboard`: Optuna's dashboard over the results database."""

from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, StoreOption

err = open_terminal(stderr=True)


def dashboard(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Serve the Optuna dashboard of the database, which follows running searches."""
    from search.dashboard.serving import serve
    from sedn.addresses import served_at

    err.print(f"Optuna dashboard at {served_at(host, port)} — Ctrl-C ends it.")
    serve(store, host, port, on_notice=_say)


def _say(line: str) -> None:
    err.print(line, markup=False, highlight=False, soft_wrap=True)
