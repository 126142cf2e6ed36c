"""Faults of the place where checkpoints are kept, distinguished from faults of a training."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sedn.errors import UserError

CHECKPOINT = "checkpoint.pt"
"""The file, in the folder of a training, from which the training goes on."""
SET_ASIDE = f"{CHECKPOINT}.unused"
"""A checkpoint from which the training could not go on, as it was damaged or another's."""


class StorageFault(UserError):
    """A file of a training's folder could not be written or read: the disk is full, or away.

    No fault of what is trained, which may go on from its last checkpoint when that is mended.
    """

    def __init__(self, message: str, folder: str, size: int) -> None:
        super().__init__(message)
        self.folder = folder
        self.size = size
        """Bytes for which there was no room, at most."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker's error comes to the driver as a pickle.
        return type(self), (str(self), self.folder, self.size)


def fold_folder(folder: str, fold: int) -> str:
    """Name the folder of the network that does not see ``fold``, from 0, below its training's."""
    return f"{folder}/fold-{fold + 1}"


def has_checkpoint(folder: Path) -> bool:
    """Tell whether a folder of this machine holds a checkpoint, of one network or of a fold's."""
    return (folder / CHECKPOINT).is_file() or any(folder.glob(f"fold-*/{CHECKPOINT}"))


@contextmanager
def faults_of_storage(folder: str, name: str, size: int = 0) -> Iterator[None]:
    """Raise what the system says of a file of ``folder``, of ``size`` bytes, as such a fault."""
    try:
        yield
    except OSError as error:
        raise StorageFault(f"{folder}/{name}: {_reason(error)}", folder, size) from error
    except UserError as error:
        # As :func:`sedn.files.writing` says it.
        if not isinstance(error.__context__, OSError):
            raise
        raise StorageFault(str(error), folder, size) from error


def has_room(folder: str, size: int) -> bool:
    """Whether a file of ``size`` bytes can be written to ``folder``; of a URI, one of any size."""
    name = f".sedn-{secrets.token_hex(8)}.part"
    try:
        _try_uri(folder, name) if "://" in folder else _try(Path(folder), name, size)
    except OSError:
        return False
    return True


def _try(folder: Path, name: str, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    try:
        with file.open("xb") as opened:
            # Takes the room without writing to it.
            os.posix_fallocate(opened.fileno(), 0, max(1, size))
    finally:
        file.unlink(missing_ok=True)


def _try_uri(folder: str, name: str) -> None:
    from pyarrow.fs import FileSystem

    filesystem, path = FileSystem.from_uri(folder)
    filesystem.create_dir(path)
    with filesystem.open_output_stream(f"{path}/{name}") as stream:
        stream.write(b"\0")
    filesystem.delete_file(f"{path}/{name}")


def has_folder(folder: str) -> bool:
    """Whether a folder or URI is there.

    Raises:
        UserError: a URI cannot be asked.
    """
    if "://" not in folder:
        return Path(folder).is_dir()
    try:
        from pyarrow.fs import FileSystem, FileType

        filesystem, path = FileSystem.from_uri(folder)
        return bool(filesystem.get_file_info(path).type is not FileType.NotFound)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{folder}: cannot be read: {_in_line(error)}") from None


def remove_folder(folder: str) -> bool:
    """Remove a folder or URI with all below it; whether it was there.

    Raises:
        UserError: the folder cannot be removed, or the storage not be asked.
    """
    try:
        return _remove_uri(folder) if "://" in folder else _remove(Path(folder))
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{folder}: cannot be removed: {_reason(error)}") from None


def _remove(folder: Path) -> bool:
    if folder.is_symlink():
        # What it leads to was put there by somebody.
        raise UserError(f"{folder}: is a link; remove what it leads to, then the link")
    if not folder.exists():
        return False
    shutil.rmtree(folder)
    return True


def _remove_uri(folder: str) -> bool:
    from pyarrow.fs import FileSystem, FileType

    filesystem, path = FileSystem.from_uri(folder)
    if filesystem.get_file_info(path).type is FileType.NotFound:
        return False
    filesystem.delete_dir(path)
    return True


def list_files(folder: str) -> list[tuple[str, int]]:
    """The files below a folder or URI: path or URI and size in bytes of each, in order; none where
    the folder is not there. Links are not followed.

    Raises:
        UserError: a URI cannot be read.
    """
    if "://" not in folder:
        return sorted(files_below(folder))
    try:
        from pyarrow.fs import FileSelector, FileSystem, FileType

        filesystem, path = FileSystem.from_uri(folder)
        selector = FileSelector(path, allow_not_found=True, recursive=True)
        return sorted(
            (f"{folder}{found.path.removeprefix(path)}", found.size)
            for found in filesystem.get_file_info(selector)
            if found.type is FileType.File
        )
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{folder}: cannot be read: {_in_line(error)}") from None


def remove_file(path: str) -> bool:
    """Remove a file of :func:`list_files`; whether it was there.

    Raises:
        UserError: the file cannot be removed.
    """
    try:
        if "://" not in path:
            Path(path).unlink()
        else:
            from pyarrow.fs import FileSystem

            filesystem, place = FileSystem.from_uri(path)
            filesystem.delete_file(place)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"{path}: cannot be removed: {_reason(error)}") from None
    return True


def files_below(folder: str) -> Iterator[tuple[str, int]]:
    """The files below a folder of this machine, as :func:`list_files`, one after another."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        # The folder is not there, or a search has just removed it.
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(entry.path)
        elif entry.is_file(follow_symlinks=False):
            with suppress(OSError):
                yield entry.path, entry.stat(follow_symlinks=False).st_size


def _reason(error: Exception) -> str:
    """What the system says of an error, or what the error says."""
    return getattr(error, "strerror", None) or _in_line(error)


def _in_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
