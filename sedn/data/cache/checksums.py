"""Checksums of a folder of the cache, by which damage is seen before anything is trained on it."""

import json
import random
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHECKSUMS = "checksums.json"
_BLOCK = 2**20
"""Bytes of a checksum."""
SAMPLE = 16
"""Blocks of a file that are compared when a folder is opened, beside the first and the last."""


def write_checksums(folder: Path) -> None:
    """Write the size of each file of ``folder``, and the CRC-32 of each of its blocks, into it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    with ThreadPoolExecutor() as pool:
        described = {
            path.name: {
                "size": path.stat().st_size,
                "crc32": list(pool.map(lambda i, p=path: _checksum(p, i), range(_blocks(path)))),
            }
            for path in files
        }
    (folder / CHECKSUMS).write_text(json.dumps(described), encoding="utf-8")


def find_damage(folder: Path, *, sample: int | None = SAMPLE) -> str | None:
    """Say which file of ``folder`` is not what was written, and how; ``None`` where all are.

    Args:
        folder: what :func:`write_checksums` has described.
        sample: how many blocks of each file are compared; ``None`` compares all of them.
    """
    try:
        described: dict[str, Any] = json.loads((folder / CHECKSUMS).read_text(encoding="utf-8"))
        for name, file in described.items():
            fault = _damage_of(folder / name, file["size"], file["crc32"], sample)
            if fault is not None:
                return fault
    except FileNotFoundError as error:
        return f"{error.filename}: missing"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{folder / CHECKSUMS}: damaged"
    return None


def _damage_of(path: Path, size: int, checksums: list[int], sample: int | None) -> str | None:
    if path.stat().st_size != size:
        return f"{path}: {path.stat().st_size:,} bytes instead of {size:,}"
    with ThreadPoolExecutor() as pool:
        blocks = _chosen(len(checksums), sample)
        for block, digest in zip(
            blocks, pool.map(lambda i: _checksum(path, i), blocks), strict=True
        ):
            if digest != checksums[block]:
                return f"{path}: other bytes than were written, near byte {block * _BLOCK:,}"
    return None


def _chosen(blocks: int, sample: int | None) -> list[int]:
    """Which of a file's blocks are compared: others at each call, so that damage is met in time."""
    if sample is None or blocks <= sample + 2:
        return list(range(blocks))
    inner: Iterable[int] = random.SystemRandom().sample(range(1, blocks - 1), sample)
    return [0, *sorted(inner), blocks - 1]


def _blocks(path: Path) -> int:
    return -(-path.stat().st_size // _BLOCK)


def _checksum(path: Path, block: int) -> int:
    with path.open("rb") as file:
        file.seek(block * _BLOCK)
        return zlib.crc32(file.read(_BLOCK))
