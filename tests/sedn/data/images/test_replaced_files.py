"""A file that was replaced by another one of its size and time is another file."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sedn.data.images.arrow import ArrowContent
from sedn.data.images.content import Content, FileContent
from sedn.data.images.parquet import ParquetContent
from sedn.files import file_digest


def put(path: Path, write: Callable[[Path], object]) -> None:
    """Replace a file, and take back its time, as ``cp -p`` and ``rsync`` do."""
    before = path.stat() if path.exists() else None
    write(path)
    if before is not None:
        assert path.stat().st_size == before.st_size
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_file(folder: Path, pixels: bytes) -> Content:
    put(folder / "image.png", lambda path: path.write_bytes(pixels))
    return FileContent(str(folder / "image.png"))


def write_parquet(folder: Path, pixels: bytes) -> Content:
    table = pa.table({"image": [{"bytes": pixels, "path": "image.png"}]})
    put(folder / "images.parquet", lambda path: pq.write_table(table, path, compression="none"))
    return ParquetContent(str(folder / "images.parquet"), "image", 0, 0, 0)


def write_saved(folder: Path, pixels: bytes) -> Content:
    import datasets

    state = folder / "saved" / "state.json"
    text = state.read_text() if state.exists() else None
    rows = datasets.Dataset.from_dict({"image": [{"bytes": pixels, "path": None}]})
    put(state, lambda _: rows.cast_column("image", datasets.Image()).save_to_disk(state.parent))
    assert text is None or len(text) == state.stat().st_size
    return ArrowContent(str(state.parent), "image", 0)


@pytest.mark.parametrize("write", [write_file, write_parquet, write_saved])
def test_the_content_of_a_file_that_was_replaced_is_read_anew(
    write: Callable[[Path, bytes], Content], tmp_path: Path
) -> None:
    content = write(tmp_path, b"one")
    stamp = content.stamp()
    assert content.read() == b"one"
    assert content.stamp() == stamp
    assert write(tmp_path, b"two") == content
    assert content.stamp() != stamp
    assert content.read() == b"two"


def test_the_digest_of_a_file_that_was_replaced_is_another(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    put(path, lambda path: path.write_bytes(b"one"))
    first = file_digest(path)
    put(path, lambda path: path.write_bytes(b"two"))
    assert file_digest(path) != first
