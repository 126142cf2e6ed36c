"""What a run leaves in its folder, which may be a directory or a URI such as ``s3://…``."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.files import write_bytes
from sedn.training.result import EpochResult

CHECKPOINT = "checkpoint.pt"
VALIDATION_SCORES = "validation.npy"
_FORMAT = 1


def save_checkpoint(
    folder: str,
    network: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    history: list[EpochResult],
) -> None:
    """Write the state after an epoch; the previous one stays until this is complete."""
    state = {
        "format": _FORMAT,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": [result.to_json() for result in history],
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write(folder, CHECKPOINT, buffer.getvalue())


def load_checkpoint(folder: str, device: torch.device) -> dict[str, Any] | None:
    """What :func:`save_checkpoint` wrote, its history as results; ``None`` where there is none."""
    content = read(folder, CHECKPOINT)
    if content is None:
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    state["history"] = [EpochResult.from_json(fields) for fields in state["history"]]
    return state


def save_scores(folder: str, name: str, scores: NDArray[np.floating]) -> None:
    """Write scores ``(images, labels)`` as float16, enough to compare any two runs later."""
    buffer = io.BytesIO()
    np.save(buffer, scores.astype(np.float16))
    write(folder, name, buffer.getvalue())


def write(folder: str, name: str, content: bytes) -> None:
    """Write a file of a folder, whole or not at all."""
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
    """A file of a folder; ``None`` where there is none."""
    if "://" not in folder:
        path = Path(folder) / name
        return path.read_bytes() if path.is_file() else None
    from pyarrow.fs import FileSystem, FileType

    filesystem, path = FileSystem.from_uri(folder)
    if filesystem.get_file_info(f"{path}/{name}").type is FileType.NotFound:
        return None
    with filesystem.open_input_stream(f"{path}/{name}") as stream:
        return bytes(stream.read())
