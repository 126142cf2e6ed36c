"""`sedn train`: a configuration to a model, and once its scores on the test split."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from search.cli.options import JsonOption

out = Console()
err = Console(stderr=True)


def train(
    config: Annotated[Path, typer.Argument(help="A configuration, as `sedn export` writes it.")],
    output: Annotated[Path, typer.Option("-o", help="Folder of the run; resumed if it exists.")],
    beside: Annotated[
        Path | None, typer.Option(help="A finished run to compare with on the test split.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a configuration to a checkpoint, and score it once on the test split."""
    from search.cli.images import ImageBar, say_skipped
    from search.cli.live import epoch_line
    from search.cli.tables import comparison_table, test_table
    from sedn.config import load_config
    from sedn.data import prepare_dataset
    from sedn.training.comparison import compare_runs
    from sedn.training.run import train_run

    loaded = load_config(config)
    with ImageBar(err) as bar:
        prepare_dataset(loaded.data, bar.show)
    summary = train_run(
        loaded,
        output,
        lambda result: err.print(epoch_line(result, loaded.epochs), markup=False, highlight=False),
    )
    say_skipped(err, summary.skipped_images)
    comparison = compare_runs(output, beside) if beside else None
    if as_json:
        chosen = comparison.to_json() if comparison else summary.to_json()
        sys.stdout.write(json.dumps(chosen, indent=1) + "\n")
        return
    out.print(
        comparison_table(comparison, output.name, beside.name)
        if comparison and beside
        else test_table(summary, output.name)
    )
