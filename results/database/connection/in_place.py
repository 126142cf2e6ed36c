"""A database file that is deleted, moved or replaced while it is written.

SQLite does not notice: what is open goes on being written, under no name, and is gone when this
process ends. So the file is looked at before each write, and saved under another name while it can
be.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from results.database.models import Schema
from sedn.errors import UserError


class StoreLost(UserError):
    """The database file is gone, or another file has taken its place."""


@dataclass(frozen=True)
class FileIdentity:
    """A file by more than its name."""

    path: Path
    device: int
    inode: int

    @classmethod
    def of(cls, engine: Engine) -> "FileIdentity | None":
        """The file of an SQLite database; ``None`` for a server's."""
        if engine.dialect.name != "sqlite" or engine.url.query:
            return None
        # As it is named now: the folder that the process is in may change.
        path = Path(str(engine.url.database)).absolute()
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(path, status.st_dev, status.st_ino)

    def is_in_place(self) -> bool:
        """Whether the path still leads to the file."""
        try:
            status = os.stat(self.path)  # noqa: PTH116, a Path costs more, and this is asked often
        except FileNotFoundError:
            return False
        except OSError:
            # A file system that is away for a moment has not lost the file.
            return True
        return (status.st_dev, status.st_ino) == (self.device, self.inode)


def lost(engine: Engine, file: FileIdentity) -> StoreLost:
    """The error for a file that is not in place, whose content is saved first if it can be."""
    what = f"{file.path}: was deleted, moved or replaced while the search ran"
    try:
        saved = _save(engine, file.path)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        return StoreLost(f"{what}, and what it held could not be saved: {error}")
    if saved is None:
        return StoreLost(f"{what}, and what it held could not be saved")
    return StoreLost(
        f"{what}; all that it held is saved in {saved}, and the same search with "
        f"`store='sqlite:///{saved}'` goes on"
    )


def _save(engine: Engine, path: Path) -> Path | None:
    """Write what the open connection still reads to a new file; ``None`` where that is nothing."""
    saved = next(_free_names(path))
    with engine.connect() as connection:
        source = cast("sqlite3.Connection", connection.connection.driver_connection)
        if not _holds_results(source):
            return None
        target = sqlite3.connect(saved)
        try:
            source.backup(target)
        finally:
            target.close()
    return saved


def _holds_results(connection: sqlite3.Connection) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE name = ?"
    row: Any = connection.execute(query, (Schema.__tablename__,)).fetchone()
    return bool(row[0])


def _free_names(path: Path) -> Iterator[Path]:
    """Names that no file has: beside the one that was lost, else where something can be written."""
    for folder in (path.parent, Path.cwd(), Path(tempfile.gettempdir())):
        if not os.access(folder, os.W_OK):
            continue
        for number in range(1, 1000):
            name = f"{path.stem}.saved{'' if number == 1 else f'-{number}'}{path.suffix}"
            if not (folder / name).exists():
                yield folder / name
