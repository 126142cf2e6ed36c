"""Options that several commands share."""

from typing import Annotated

import typer

DEFAULT_STORE = "sqlite:///sedn.db"

StoreOption = Annotated[
    str,
    typer.Option("--store", envvar="SEDN_STORE", help="SQLAlchemy URL of the database."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
