"""`sedn report`: an experiment as one page of HTML."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, NameArgument, StoreOption

err = open_terminal(stderr=True)


def report(
    name: NameArgument,
    others: Annotated[
        list[str] | None, typer.Argument(help="Experiments to show beside it, in a section.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", help="The file to write.")] = Path("report.html"),
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Show the page while the search runs, and write no file."),
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on, with --serve.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port to listen on, with --serve.")
    ] = 8081,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write one HTML page without other files: ranking, history, axes, labels, cost, trials."""
    from results import open_store, write_report

    if serve:
        from results.report.serving import serve_report

        serve_report(
            open_store(store), name, host, port,
            lambda address: err.print(f"Report on {name} at {address} — Ctrl-C ends it."),
            others or (),
        )  # fmt: skip
        return
    write_report(open_store(store), name, output, others or ())
    err.print(f"Wrote {output}")
