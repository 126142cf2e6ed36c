"""A copy of an SQLite file as it stands, also while a search writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sedn.errors import UserError


def copy_file(database: Path, copy: Path) -> None:
    """Copy a database, what its log holds included; the copy is there whole or not at all.

    Raises:
        UserError: the copy cannot be written.
    """
    part = copy.with_name(f"{copy.name}.part")
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise UserError(f"{copy}: no copy of the database can be written: {error}") from None
