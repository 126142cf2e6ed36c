"""Options that several commands share, and what becomes of them."""

import json
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from results import commands

if TYPE_CHECKING:
    from results.columns import Columns

DEFAULT_STORE = commands.DEFAULT_STORE

StoreOption = Annotated[
    str,
    typer.Option("--store", envvar=commands.STORE_VARIABLE, help="SQLAlchemy URL of the database."),
]
NameArgument = Annotated[str, typer.Argument(help="The experiment.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
MovedOption = Annotated[
    str | None,
    typer.Option(
        "--storage-path", help="Folder or URI of the checkpoints, if they were moved since."
    ),
]
DataOption = Annotated[
    str,
    typer.Option(help="An embedded data set, or the path of one: data.yaml, table, folder."),
]


def moved_storage(storage_path: str | None) -> str | None:
    """The storage path that :data:`MovedOption` names, absolute; ``None`` where none is named."""
    from search import Resources

    return Resources(storage_path=storage_path).storage() if storage_path else None


def print_json(value: Any) -> None:
    """What ``--json`` asks for."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def print_rows(columns: "Columns") -> None:
    """Print the rows of a table as JSON."""
    print_json(known_rows(columns))


def known_rows(columns: "Columns") -> list[dict[str, Any]]:
    """The rows of a table for JSON, which has no NaN: what is not known is null."""
    return [{name: _known(value) for name, value in row.items()} for row in columns.records()]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
