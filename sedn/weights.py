"""Weights in a safetensors file, with a checksum, as the format itself has none."""

import zlib
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from sedn.errors import UserError


def weights_checksum(weights: Mapping[str, Tensor], described: str = "") -> str:
    """Eight hex digits, the CRC-32 of names and bytes of ``weights`` and of ``described``."""
    checksum = zlib.crc32(described.encode())
    for name in sorted(weights):
        checksum = zlib.crc32(name.encode(), checksum)
        content = weights[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        checksum = zlib.crc32(content.numpy().data, checksum)
    return f"{checksum:08x}"


def read_weights(path: Path, checksum: str | None, described: str = "") -> dict[str, Tensor]:
    """The weights in a file, compared with their :func:`weights_checksum`, if that is known.

    Raises:
        UserError: the file cannot be read, or is not what was written.
    """
    try:
        weights: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: its weights cannot be read: {reason}") from None
    if checksum is not None and weights_checksum(weights, described) != checksum:
        raise UserError(
            f"{path}: the file is damaged: its weights or its header are not those that were "
            f"written; copy the file anew, or train again in a new folder"
        )
    return weights
