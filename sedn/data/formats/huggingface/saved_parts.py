"""The splits of a data set that ``datasets`` saved, or that the hub keeps as Parquet."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from sedn.data.dataset import SPLITS
from sedn.data.folders import files_of, folders_of
from sedn.data.images.arrow import STATE, ArrowContent, open_arrow
from sedn.data.images.content import Content
from sedn.data.images.parquet import ParquetContent
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import UserError
from sedn.seen import is_file, read_file, see_content

_ENDINGS = (".parquet", ".pq")


class SavedPart(Protocol):
    """A whole data set, or one split of a data set."""

    @property
    def place(self) -> Path:
        """The path that messages name."""

    @property
    def split(self) -> str:
        """``""`` where the data has no splits."""

    @property
    def features(self) -> dict[str, Any]:
        """The type of each column; equal for parts that fit together."""

    def __len__(self) -> int: ...

    def kind(self, column: str) -> str:
        """``Image``, or the name of another kind."""

    def classes(self, column: str) -> Sequence[str]:
        """The names of a column's classes, alone in a cell or in a list; none if it has none."""

    def values(self, column: str) -> list[Any]:
        """The values of a column without images, by row."""

    def contents(self, column: str) -> list[Content | None]:
        """The images of a column; ``None`` where there is none."""


@dataclass(frozen=True)
class ArrowPart:
    """What ``save_to_disk`` wrote."""

    place: Path
    split: str
    rows: Any

    @property
    def features(self) -> dict[str, Any]:
        """The features in the form of the library ``datasets``."""
        return dict(self.rows.features)

    def __len__(self) -> int:
        return len(self.rows)

    def kind(self, column: str) -> str:
        """``Image``, or the name of another kind."""
        return type(self.rows.features[column]).__name__

    def classes(self, column: str) -> Sequence[str]:
        """The names of a column's classes."""
        feature = self.rows.features[column]
        inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
        return getattr(inner or feature, "names", None) or ()

    def values(self, column: str) -> list[Any]:
        """The values of a column, by row."""
        return list(self.rows[column])

    def contents(self, column: str) -> list[Content | None]:
        """The images of a column."""
        import pyarrow.compute as pc

        # ``save_to_disk`` takes the bytes of all files in.
        batches = self.rows.with_format("arrow").select_columns([column]).iter(1000)
        there = [
            is_valid
            for batch in batches
            for is_valid in pc.struct_field(batch[column], "bytes").is_valid().to_pylist()
        ]
        folder = str(self.place)
        return [ArrowContent(folder, column, row) if t else None for row, t in enumerate(there)]


@dataclass(frozen=True)
class ParquetPart:
    """Parquet files of one split, in the order of their names."""

    place: Path
    split: str
    paths: tuple[Path, ...]

    @cached_property
    def _files(self) -> list[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for path in self.paths:
            see_content(path, hashed=False)
        try:
            return [pq.ParquetFile(path) for path in self.paths]
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{self.place}: cannot be read as Parquet: {reason}") from None

    @cached_property
    def _described(self) -> dict[str, Any]:
        """The features that ``datasets`` notes in its files."""
        noted = (self._files[0].schema_arrow.metadata or {}).get(b"huggingface", b"{}")
        try:
            features = json.loads(noted)["info"]["features"]
        except (ValueError, KeyError, TypeError):
            return {}
        return features if isinstance(features, dict) else {}

    @property
    def features(self) -> dict[str, Any]:
        """The types of the columns, and their classes."""
        return {f.name: (f.type, tuple(self.classes(f.name))) for f in self._files[0].schema_arrow}

    def __len__(self) -> int:
        return sum(file.metadata.num_rows for file in self._files)

    def kind(self, column: str) -> str:
        """``Image``, or the name of another kind."""
        import pyarrow as pa

        column_type = self._files[0].schema_arrow.field(column).type
        is_image = pa.types.is_struct(column_type) and column_type.get_field_index("bytes") >= 0
        return "Image" if is_image else str(column_type)

    def classes(self, column: str) -> Sequence[str]:
        """The names of a column's classes."""
        feature = self._described.get(column)
        while isinstance(feature, list) or (isinstance(feature, dict) and "feature" in feature):
            feature = feature[0] if isinstance(feature, list) else feature["feature"]
        names = feature.get("names") if isinstance(feature, dict) else None
        return names if isinstance(names, list) else ()

    def values(self, column: str) -> list[Any]:
        """The values of a column, by row."""
        return [v for f in self._files for v in f.read(columns=[column]).column(column).to_pylist()]

    def contents(self, column: str) -> list[Content | None]:
        """The images of a column."""
        return [content for path, file in zip(self.paths, self._files, strict=True)
                for content in _contents(path, file, column)]  # fmt: skip


def open_parts(root: Path) -> list[SavedPart]:
    """The splits that are at ``root``: a folder, or a Parquet file.

    Raises:
        UserError: there are none, one cannot be read, or they have no rows.
    """
    path = root / "dataset_dict.json"
    parts: list[SavedPart]
    if is_file(path):
        try:
            names = json.loads(read_file(path))["splits"]
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(f"{path}: cannot be read; expected a list of splits") from None
        parts = [
            ArrowPart(root / name, split_name(name, str(path)), open_arrow(root / name))
            for name in names
        ]
    elif is_file(root / STATE):
        parts = [ArrowPart(root, "", open_arrow(root))]
    elif files := parquet_files(root):
        parts = [
            ParquetPart(paths[0] if len(paths) == 1 else root / f"{split}*.parquet", split, paths)
            for split, paths in files.items()
        ]
    else:
        raise UserError(
            f"{root}: no saved data set: neither {path.name} nor {STATE} nor Parquet is in it"
        )
    if not sum(map(len, parts)):
        raise UserError(f"{root}: holds no rows; expected one for each image")
    return parts


def parquet_files(root: Path) -> dict[str, tuple[Path, ...]]:
    """The Parquet files of each split, by the names that the hub gives: ``train-00000-of-00002``
    or ``train/0000``, maybe below ``data``; nothing if there are none.
    """
    if is_file(root):
        return {"": (root,)} if root.suffix.lower() in _ENDINGS else {}
    by_split: dict[str, list[Path]] = {}
    for folder in (root, root / "data"):
        for path in folders_of(folder):
            if is_split(path.name):
                by_split.setdefault(path.name, []).extend(files_of(path, _ENDINGS))
        for path in files_of(folder, _ENDINGS):
            by_split.setdefault(path.stem.partition("-")[0], []).append(path)
    named = {split: paths for split, paths in by_split.items() if paths}
    if not all(is_split(split) for split in named):
        return {"": tuple(p for paths in named.values() for p in paths)} if len(named) == 1 else {}
    splits: dict[str, tuple[Path, ...]] = {}
    for split, paths in named.items():
        name = split_name(split, str(root))
        splits[name] = (*splits.get(name, ()), *paths)
    return {split: splits[split] for split in SPLITS if split in splits}


def has_images(path: Path) -> bool:
    """Whether a Parquet file has a column of images."""
    try:
        part = ParquetPart(path, "", (path,))
        return any(part.kind(column) == "Image" for column in part.features)
    except UserError:
        return False


def _contents(path: Path, file: Any, column: str) -> Iterator[Content | None]:
    """The images of a file; their bytes are not kept."""
    import pyarrow.compute as pc

    number = 0
    for group in range(file.metadata.num_row_groups):
        there = pc.struct_field(
            file.read_row_group(group, columns=[column]).column(column), "bytes"
        )
        for row, is_there in enumerate(there.is_valid().to_pylist()):
            yield ParquetContent(str(path), column, group, row, number) if is_there else None
            number += 1


def _all_there(group: Any, column: str) -> bool:
    """Whether a row group says of itself that no image is missing, so that none need be read."""
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.path_in_schema == f"{column}.bytes":
            noted = chunk.statistics
            return bool(noted and noted.has_null_count and noted.null_count == 0)
    return False
