"""A table of images as a data set: CSV with a column ``image`` and one column for each label.

Further columns have a meaning of their own: ``map``, the mask of the region of interest; ``split``,
one of train, validation, test; ``group``, images that must not be parted. All others are labels
with 1, 0, or nothing where the truth is unknown. Paths are relative to the table's folder.
"""

import hashlib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sedn.data.dataset import SPLITS, Dataset, Split
from sedn.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_ROLES = ("image", "map", "split", "group")
_SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


@dataclass(frozen=True)
class Table:
    """A table that was read and found right; no image is decoded yet."""

    path: Path
    labels: tuple[str, ...]
    images: tuple[Path, ...]
    maps: tuple[Path | None, ...]
    targets: NDArray[np.float32]
    """``(rows, labels)``, NaN where unknown."""
    splits: NDArray[np.str_]
    """``(rows,)``: the split of each row."""

    def fingerprint(self) -> str:
        """A hash of the labels, the splits and the bytes of every image and map."""
        digest = hashlib.sha256(repr((self.labels, self.splits.tolist())).encode())
        digest.update(self.targets.tobytes())
        with ThreadPoolExecutor() as pool:
            for content in pool.map(_content_hash, _files(self)):
                digest.update(content)
        return digest.hexdigest()[:16]


def read_table(path: Path, split_seed: int) -> Table:
    """Read and check a table.

    Raises:
        UserError: the table cannot be read, a column or value is wrong, a file is missing, a
            split is empty, or a label has no positive image to learn from.
    """
    frame = _read_csv(path)
    labels = tuple(column for column in frame.columns if column not in _ROLES)
    if not labels:
        raise UserError(f"{path}: no label column; every column but {', '.join(_ROLES)} is one")
    splits = _splits(frame, path, split_seed)
    table = Table(
        path=path,
        labels=labels,
        images=tuple(_existing(path, "image", row, name) for row, name in _cells(frame, "image")),
        maps=tuple(
            _existing(path, "map", row, name) if name else None
            for row, name in _cells(frame, "map")
        ),
        targets=np.stack([_targets(frame[label], path) for label in labels], axis=1),
        splits=splits,
    )
    _check_learnable(table)
    return table


def decode_table(table: Table, image_size: int, fingerprint: str, scratch: Path) -> Dataset:
    """Decode every image and map of a table to ``image_size`` pixels a side, on all cores.

    The arrays are mapped from files in ``scratch``, so that memory stays flat.

    Raises:
        UserError: an image or a map cannot be decoded, or a map has another size than its image.
    """
    splits = {}
    for name in SPLITS:
        rows = np.flatnonzero(table.splits == name)
        n = len(rows)
        images = open_memmap(
            scratch / f"{name}-images.npy", "w+", np.uint8, (n, image_size, image_size, 3)
        )
        maps = open_memmap(
            scratch / f"{name}-maps.npy", "w+", np.uint8, (n, 1, image_size, image_size)
        )

        def decode(item: tuple[int, int], images: object = images, maps: object = maps) -> None:
            position, row = item
            image, region = _decode(table.images[row], table.maps[row], image_size)
            images[position], maps[position, 0] = image, region  # type: ignore[index]

        with ThreadPoolExecutor() as pool:
            for _ in pool.map(decode, enumerate(rows.tolist())):
                pass
        known = np.array([table.maps[row] is not None for row in rows], dtype=bool)
        splits[name] = Split(images, maps, known, table.targets[rows])
    return Dataset(table.path.stem, table.labels, ("region",), fingerprint, splits)


def _read_csv(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such table") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    if "image" not in frame.columns:
        hint = did_you_mean("image", frame.columns)
        raise UserError(f"{path}: no column 'image' with the paths of the images{hint}")
    if frame.empty:
        raise UserError(f"{path}: holds no rows; expected one for each image")
    twice = frame["image"][frame["image"].duplicated()]
    if len(twice):
        raise UserError(f"{path}: row {twice.index[0] + 2}: image '{twice.iloc[0]}' is there twice")
    return frame


def _targets(column: "pd.Series[str]", path: Path) -> NDArray[np.float32]:
    stripped = column.str.strip()
    values = stripped.map({"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "": np.nan, "nan": np.nan})
    wrong = values.isna() & ~stripped.isin(["", "nan"])
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise UserError(
            f"{path}: row {row + 2}: label '{column.name}' is '{column.iloc[row]}'; "
            f"expected 1, 0, or nothing where it is unknown"
        )
    return values.to_numpy(dtype=np.float32)


def _splits(frame: "pd.DataFrame", path: Path, seed: int) -> NDArray[np.str_]:
    """The split of each row: the table's own, else drawn by group."""
    if "split" not in frame.columns:
        return _draw_splits(frame, seed)
    names = frame["split"].str.strip()
    for row, name in enumerate(names):
        if name not in SPLITS:
            hint = did_you_mean(name, SPLITS) or f"; expected {', '.join(SPLITS)}"
            raise UserError(f"{path}: row {row + 2}: unknown split '{name}'{hint}")
    for name in SPLITS:
        if not (names == name).any():
            raise UserError(f"{path}: no row with split '{name}'; each split needs images")
    return names.to_numpy(dtype=str)


def _draw_splits(frame: "pd.DataFrame", seed: int) -> NDArray[np.str_]:
    """Shares of the groups, or of the images where there are none, in a random order."""
    groups = frame["group" if "group" in frame.columns else "image"].to_numpy()
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    bounds = (np.cumsum(list(_SHARES.values())) * len(names)).round().astype(int)[:-1]
    of_group = np.array(SPLITS)[np.searchsorted(bounds, order, side="right")]
    return np.asarray(of_group[np.searchsorted(names, groups)])


def _cells(frame: "pd.DataFrame", column: str) -> Iterator[tuple[int, str]]:
    values = frame[column].str.strip() if column in frame.columns else [""] * len(frame)
    return enumerate(values)


def _existing(table: Path, column: str, row: int, name: str) -> Path:
    path = table.parent / name
    if not name or not path.is_file():
        raise UserError(f"{table}: row {row + 2}: no such {column} file '{name}'")
    return path


def _check_learnable(table: Table) -> None:
    train = table.targets[table.splits == "train"]
    for index, label in enumerate(table.labels):
        for value, word in ((1, "positive"), (0, "negative")):
            if not (train[:, index] == value).any():
                raise UserError(
                    f"{table.path}: label '{label}' has no {word} image in the train split; "
                    f"add some or remove the column"
                )


def _decode(
    image_path: Path, map_path: Path | None, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image = _open_image(image_path)
    pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
    if map_path is None:
        return pixels, np.zeros((size, size), dtype=np.uint8)
    region = _open_image(map_path).convert("L")
    if region.size != image.size:
        raise UserError(
            f"{map_path}: map of {region.width} x {region.height} pixels for an image of "
            f"{image.width} x {image.height}; they must be equal"
        )
    # Masks of 0 and 1 are as usual as those of 0 and 255.
    if region.getextrema()[1] == 1:
        region = region.point(lambda value: 255 * value)
    return pixels, np.asarray(region.resize((size, size), Image.Resampling.BOX))


def _open_image(path: Path) -> Image.Image:
    """The image, turned as its EXIF says."""
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).replace(str(path), "it").split())
        raise UserError(f"{path}: cannot be decoded as an image: {reason}") from None


def _files(table: Table) -> Iterator[Path]:
    for image, region in zip(table.images, table.maps, strict=True):
        yield image
        if region is not None:
            yield region


def _content_hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
