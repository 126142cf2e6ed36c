"""`sedn report`: an experiment as one page of HTML."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, NameArgument, StoreOption

err = open_terminal(stderr=True)


def report(
    name: NameArgument,
    output: Annotated[Path, typer.Option("-o", help="The file to write.")] = Path("report.html"),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write one HTML page without other files: ranking, history, axes, labels, cost."""
    from results import open_store, write_report

    write_report(open_store(store), name, output)
    err.print(f"Wrote {output}")
