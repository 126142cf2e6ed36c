"""Telling data sets of Hugging Face's from their path alone."""

from pathlib import Path
from typing import Any

from sedn.data.formats.huggingface.saved_parts import has_images, parquet_files
from sedn.seen import is_file


def recognise_parquet(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for a Parquet file with images in it; ``None`` for another."""
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    return {"format": "huggingface", "root": path.name} if is_parquet and has_images(path) else None


def recognise_saved(path: Path) -> dict[str, Any] | None:
    """The fields of a ``data.yaml`` for what ``save_to_disk`` wrote, or a folder of such Parquet
    files; ``None`` if it is neither.
    """
    if is_file(path / "dataset_dict.json") or is_file(path / "state.json"):
        return {"format": "huggingface"}
    files = next(iter(parquet_files(path).values()), ())
    return {"format": "huggingface"} if files and has_images(files[0]) else None
