"""What a run leaves in its folder, which may be a directory or a URI such as ``s3://…``."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.errors import UserError
from sedn.files import write_bytes
from sedn.training.checkpoints.storage import CHECKPOINT, faults_of_storage

VALIDATION_SCORES = "validation.npy"
_FORMAT = 4


class UnusableCheckpoint(UserError):
    """A checkpoint that no training goes on from."""


class DamagedCheckpoint(UnusableCheckpoint):
    """The file is not what was written: cut off, or other bytes."""


class ForeignCheckpoint(UnusableCheckpoint):
    """The checkpoint belongs to another training, or to another version of this program."""


def save_state(folder: str, state: Mapping[str, Any]) -> None:
    """Write the state of a training; the previous one stays until this is complete."""
    buffer = io.BytesIO()
    torch.save({"format": _FORMAT, **state}, buffer)
    write(folder, CHECKPOINT, buffer.getvalue())


def load_state(folder: str, device: torch.device) -> dict[str, Any] | None:
    """What :func:`save_state` wrote, its tensors on the device; ``None`` where there is none.

    Raises:
        DamagedCheckpoint: the file is not what was written.
        ForeignCheckpoint: another version of this program wrote it.
    """
    content = read(folder, CHECKPOINT)
    if content is None:
        return None
    state = _parse(content, device)
    if state is None:
        raise DamagedCheckpoint(f"{folder}/{CHECKPOINT}: the file is damaged")
    if state["format"] != _FORMAT:
        raise ForeignCheckpoint(
            f"{folder}/{CHECKPOINT}: written by another version of sedn-search (format "
            f"{state['format']}, this one reads {_FORMAT}); use that version, or another folder"
        )
    return state


def set_checkpoint_aside(folder: str) -> str:
    """Rename the checkpoint of a folder, so that nothing reads it any more; gives its new name."""
    aside = f"{CHECKPOINT}.unused"
    if "://" not in folder:
        (Path(folder) / CHECKPOINT).replace(Path(folder) / aside)
        return aside
    from pyarrow.fs import FileSystem

    filesystem, path = FileSystem.from_uri(folder)
    filesystem.move(f"{path}/{CHECKPOINT}", f"{path}/{aside}")
    return aside


def _parse(content: bytes, device: torch.device) -> dict[str, Any] | None:
    """The state in the bytes of a checkpoint; ``None`` where the bytes are damaged.

    A checkpoint is a ZIP archive with a CRC-32 of each member, which torch writes and does not
    compare.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                return None
        state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    # Damaged bytes raise whatever the code that meets them first raises.
    except Exception:
        return None
    return state if isinstance(state, dict) and "format" in state else None


def save_scores(folder: str, name: str, scores: NDArray[np.floating]) -> None:
    """Write scores ``(images, labels)`` as float16, enough to compare any two runs later."""
    buffer = io.BytesIO()
    np.save(buffer, scores.astype(np.float16))
    write(folder, name, buffer.getvalue())


def write(folder: str, name: str, content: bytes) -> None:
    """Write a file of a folder, whole or not at all.

    Raises:
        StorageFault: it cannot be written, as the disk is full, read-only or away.
    """
    with faults_of_storage(folder, name, len(content)):
        _write(folder, name, content)


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


def read(folder: str, name: str) -> bytes | None:
    """A file of a folder; ``None`` where there is none.

    Raises:
        StorageFault: it cannot be read.
    """
    with faults_of_storage(folder, name):
        return _read(folder, name)


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
