"""Options on where trials run and what each gets, for the commands that run trials."""

import math
from typing import Annotated, Any

import typer

from sedn.errors import UserError

BackendOption = Annotated[
    str,
    typer.Option(
        "--backend", help="ray, or local: train one trial at a time in this process, without Ray."
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option("--address", help="Ray cluster to join: auto, host:port or ray://…"),
]
StoragePathOption = Annotated[
    str,
    typer.Option("--storage-path", help="Folder or URI for checkpoints; all nodes must reach it."),
]
CpusOption = Annotated[float, typer.Option("--cpus-per-trial", min=0.01)]
GpusOption = Annotated[
    str | None,
    typer.Option(
        "--gpus-per-trial",
        help="GPUs of a trial: a number, or auto by measured memory. 1 where there are GPUs.",
    ),
]
ConcurrentOption = Annotated[
    int | None,
    typer.Option(
        "--concurrent",
        min=1,
        help="Number of trials at a time; by default as many as there is room for.",
    ),
]


def parse_gpus(text: str | None) -> Any:
    """A number, ``auto`` or nothing.

    Raises:
        UserError: it is something else.
    """
    if text is None or text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise UserError(f"`gpus_per_trial`: '{text}' is neither a number such as 0.5 nor 'auto'")
    return number
