"""Options that several commands share, and what becomes of them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_STORE = "sqlite:///sedn.db"

StoreOption = Annotated[
    str,
    typer.Option("--store", envvar="SEDN_STORE", help="SQLAlchemy URL of the database."),
]
NameArgument = Annotated[str, typer.Argument(help="The experiment.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
DataOption = Annotated[
    str,
    typer.Option(help="An embedded data set, or the path of one: data.yaml, table, folder."),
]


def absolute(data: str) -> str:
    """A path made absolute, so that it means the same on every node and in an export."""
    return str(Path(data).absolute()) if Path(data).exists() else data


def print_json(value: Any) -> None:
    """What ``--json`` asks for."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def print_frame(frame: "pd.DataFrame") -> None:
    """Print the rows of a table as JSON."""
    sys.stdout.write(frame.to_json(orient="records", indent=1) + "\n")
