"""The checkpoint of a training in its folder, which may be a directory or a URI."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sedn.errors import UserError
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.storage import CHECKPOINT, SET_ASIDE

_FORMAT = 4


class UnusableCheckpoint(UserError):
    """A checkpoint from which no training can go on."""


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
    if "://" not in folder:
        (Path(folder) / CHECKPOINT).replace(Path(folder) / SET_ASIDE)
        return SET_ASIDE
    from pyarrow.fs import FileSystem

    filesystem, path = FileSystem.from_uri(folder)
    filesystem.move(f"{path}/{CHECKPOINT}", f"{path}/{SET_ASIDE}")
    return SET_ASIDE


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
