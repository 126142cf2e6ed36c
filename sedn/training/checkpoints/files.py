"""Files of a training's folder, which may be a directory or a URI such as ``s3://…``."""

from pathlib import Path

from sedn.files import write_bytes
from sedn.training.checkpoints.storage import faults_of_storage


def write(folder: str, name: str, content: bytes) -> None:
    """Write a file of a folder, whole or not at all.

    Raises:
        StorageFault: the file cannot be written, as the disk is full, read-only or away.
    """
    with faults_of_storage(folder, name, len(content)):
        _write(folder, name, content)


def read(folder: str, name: str) -> bytes | None:
    """A file of a folder; ``None`` where there is none.

    Raises:
        StorageFault: the file cannot be read.
    """
    with faults_of_storage(folder, name):
        return _read(folder, name)


def _write(folder: str, name: str, content: bytes) -> None:
    if "://" not in folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_bytes(Path(folder) / name, content)
        return
    from pyarrow.fs import FileSystem

    filesystem, path = FileSystem.from_uri(folder)
    filesystem.create_dir(path)
    # Object stores show an object when its upload is complete.
    with filesystem.open_output_stream(f"{path}/{name}") as stream:
        stream.write(content)


def _read(folder: str, name: str) -> bytes | None:
    if "://" not in folder:
        path = Path(folder) / name
        return path.read_bytes() if path.is_file() else None
    from pyarrow.fs import FileSystem, FileType

    filesystem, path = FileSystem.from_uri(folder)
    if filesystem.get_file_info(f"{path}/{name}").type is FileType.NotFound:
        return None
    with filesystem.open_input_stream(f"{path}/{name}") as stream:
        return bytes(stream.read())
