"""`sedn export`: the configuration of a trial, for `sedn train`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from search.cli.options import DEFAULT_STORE, StoreOption

err = Console(stderr=True)


def export(
    name: str,
    rank: Annotated[int, typer.Option(min=1, help="The configuration at this rank.")] = 1,
    trial: Annotated[int | None, typer.Option(min=0, help="Or this trial's.")] = None,
    baseline: Annotated[bool, typer.Option("--baseline", help="Or the plain backbone's.")] = False,
    splits: Annotated[
        bool, typer.Option("--splits", help="Or the split of each image, as CSV.")
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", help="A file; stdout if none.")] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a configuration for `sedn train`, exactly as its trial ran it."""
    from results.export import export_config
    from results.splits import export_splits
    from results.store import open_store
    from sedn.files import write_text

    opened = open_store(store)
    text = (
        export_splits(opened, name)
        if splits
        else export_config(opened, name, rank=rank, trial=trial, baseline=baseline)
    )
    if output is None:
        sys.stdout.write(text)
        return
    write_text(output, text)
    err.print(f"Wrote {output}", markup=False)
