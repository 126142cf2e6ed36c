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
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
DataOption = Annotated[
    str,
    typer.Option(help="An embedded data set, or the path of one: data.yaml, table, folder."),
]


LabelsOption = Annotated[
    str | None, typer.Option("--labels", help="Names of the labels to learn: red,striped.")
]
LabelListOption = Annotated[
    str | None, typer.Option("--label-list", help="The column that lists labels.")
]
SeparatorOption = Annotated[
    str | None,
    typer.Option("--separator", help="Between listed labels: a character, space, tab or none."),
]
ImageColumnOption = Annotated[
    str | None, typer.Option("--image-column", help="The column of the images.")
]
LeaveOutOption = Annotated[
    str | None, typer.Option("--leave-out", help="Columns that are no labels: price,reviewed.")
]
AttributesOption = Annotated[
    str | None,
    typer.Option(
        "--attributes", help="Attributes of COCO's annotations to learn: colour,striped, all, none."
    ),
]
SkipOption = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help="Leave out images, rows and annotations that are missing, wrong or cannot be read.",
    ),
]


def split_words(text: str | None) -> tuple[str, ...] | None:
    """``red, striped`` as two names."""
    if text is None:
        return None
    return tuple(name for part in text.split(",") if (name := part.strip()))


def reading_fields(
    labels: str | None,
    label_list: str | None,
    separator: str | None,
    image_column: str | None,
    leave_out: str | None,
    attributes: str | None,
) -> dict[str, Any]:
    """The fields of ``data.yaml`` that options give."""
    fields = {
        "labels": split_words(labels),
        "label_list": label_list,
        "separator": separator,
        "image_column": image_column,
        "leave_out": split_words(leave_out),
        "attributes": split_words(attributes),
    }
    return {name: value for name, value in fields.items() if value is not None}


def absolute(data: str) -> str:
    """A path made absolute, so that it means the same on every node and in an export."""
    return str(Path(data).absolute()) if Path(data).exists() else data


def print_json(value: Any) -> None:
    """What ``--json`` asks for."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def print_frame(frame: "pd.DataFrame") -> None:
    """The rows of a table, as ``--json`` asks for them."""
    sys.stdout.write(frame.to_json(orient="records", indent=1) + "\n")
