"""`sedn export`: the configuration of a trial, for `sedn train`; or a trained run as ONNX."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, StoreOption
from sedn.errors import UserError

err = open_terminal(stderr=True)


def export(
    name: Annotated[str, typer.Argument(help="An experiment; with --onnx the folder of a run.")],
    rank: Annotated[
        int | None,
        typer.Option(min=1, help="Export the configuration at this rank; 1 by default."),
    ] = None,
    trial: Annotated[int | None, typer.Option(min=0, help="Export this trial instead.")] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Export the plain backbone instead.")
    ] = False,
    confirmed: Annotated[
        bool,
        typer.Option("--confirmed", help="Export the winner of the last `sedn confirm` instead."),
    ] = False,
    splits: Annotated[
        bool, typer.Option("--splits", help="Export the split of each image instead, as CSV.")
    ] = False,
    onnx: Annotated[
        bool,
        typer.Option(
            "--onnx",
            help="Export the folder that `sedn train` or `sedn combine` wrote as an ONNX file.",
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", help="Write to this file; by default to stdout.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a configuration for `sedn train`, exactly as its trial ran it; or a run as ONNX."""
    chosen = {"--rank": rank, "--trial": trial, "--baseline": baseline or None}
    chosen |= {"--confirmed": confirmed or None, "--splits": splits or None}
    of_experiment = [option for option, value in chosen.items() if value is not None]
    if onnx:
        _export_onnx(Path(name), of_experiment, output)
        return
    if len(of_experiment) > 1:
        raise UserError(f"{' and '.join(of_experiment)}: each names what to export; leave one")
    from results import export_config, export_splits, open_store

    opened = open_store(store)
    if splits:
        text = export_splits(opened, name)
    else:
        text = export_config(
            opened, name, rank=rank or 1, trial=trial, baseline=baseline, confirmed=confirmed
        )
    _write(text, output)


def _write(text: str, output: Path | None) -> None:
    """Write a text to a file, or to stdout where no file is named."""
    from sedn.files import write_text

    if output is None:
        sys.stdout.write(text)
        return
    write_text(output, text)
    err.print(f"Wrote {output}")


def _export_onnx(run: Path, of_experiment: list[str], output: Path | None) -> None:
    if of_experiment:
        raise UserError(
            f"{of_experiment[0]}: chooses from an experiment, and --onnx takes the folder of a "
            f"run; leave one of them out"
        )
    if output is None:
        raise UserError("--onnx: name the file to write with -o")
    from sedn.export.onnx_file import export_onnx

    written = export_onnx(run, output)
    err.print(
        f"Wrote {output}: on {written.images} images of validation its logits equal torch's; the "
        f"largest difference is {written.largest_difference:.1e}",
        soft_wrap=True,
    )
