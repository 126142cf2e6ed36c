"""Tables with several rows for an image, made into one row for each image.

Rows may be one label each. Where a row says all of its image, a second one that says the same is a
repetition, and one that says something else makes the image useless.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import Column, Where
from sedn.errors import UserError


@dataclass(frozen=True)
class Merged:
    """Which images remain, and what their labels are."""

    images: NDArray[np.int64]
    """Indices of the cells that name them."""
    rows: NDArray[np.int64]
    """The first row of each."""
    targets: NDArray[np.float32]
    """``(images, labels)``."""
    notes: tuple[str, ...]


def first_rows(image: Column) -> NDArray[np.int64]:
    """The first row of each image."""
    return np.unique(image.codes, return_index=True)[1]


def merge_rows(
    image: Column,
    targets: NDArray[np.float32],
    others: Sequence[Column],
    where: Where,
    faults: Faults,
    *,
    long: bool,
) -> Merged:
    """Merge the rows of each image into one row; an image with a faulty row is left out.

    Args:
        image: the column of the images.
        targets: ``(rows, labels)``.
        others: columns that have to say the same in all rows of an image.
        where: names a row in messages.
        faults: the faults noted so far; images that are there twice, or whose rows contradict each
            other, are added.
        long: whether a row may be one label of an image of several rows.

    Raises:
        UserError: no image is left.
    """
    first = first_rows(image)
    left_out = np.zeros(len(first), dtype=bool)
    left_out[image.codes[sorted(faults.rows)]] = True
    notes: tuple[str, ...] = ()
    if len(first) < len(image):
        if long and not (np.nansum(targets, axis=1) > 1).any():
            left_out |= _contradicting(image, first, others, where, faults)
            notes = (f"rows: {len(image)} rows of one label each make {len(first)} images",)
        else:
            left_out |= _repeated(image, first, targets, others, where, faults)
    kept = np.flatnonzero(~left_out)
    if not len(kept):
        raise UserError(f"{image.source}: no image is left")
    known = ~np.isnan(targets)
    counts = np.zeros((len(first), targets.shape[1]), dtype=np.float32)
    seen = np.zeros(counts.shape, dtype=bool)
    np.maximum.at(counts, image.codes, np.where(known, targets, 0))
    np.logical_or.at(seen, image.codes, known)
    merged = np.where(seen, counts, np.float32(np.nan))
    return Merged(kept, first[kept], merged[kept], notes)


def _contradicting(
    image: Column,
    first: NDArray[np.int64],
    others: Sequence[Column],
    where: Where,
    faults: Faults,
) -> NDArray[np.bool_]:
    """``(images,)``: whether rows of an image differ in what all of them have to say."""
    contradicts = np.zeros(len(first), dtype=bool)
    for other in others:
        for row in np.flatnonzero(other.codes != other.codes[first[image.codes]]).tolist():
            code = image.codes[row]
            if not contradicts[code]:
                faults.add(
                    "bad row",
                    f"{where(row)}: image '{image.cells[code]}' has another '{other.name}' than in "
                    f"a row before",
                )
            contradicts[code] = True
    return contradicts


def _repeated(
    image: Column,
    first: NDArray[np.int64],
    targets: NDArray[np.float32],
    others: Sequence[Column],
    where: Where,
    faults: Faults,
) -> NDArray[np.bool_]:
    """``(images,)``: whether an image is there twice with different values."""
    is_repeated = np.zeros(len(first), dtype=bool)
    for row in np.setdiff1d(np.arange(len(image)), first).tolist():
        code = image.codes[row]
        if image.cells[code] is None:
            continue
        faults.add("duplicate", f"{where(row)}: image '{image.cells[code]}' is there twice")
        same = np.array_equal(targets[row], targets[first[code]], equal_nan=True) and all(
            other.codes[row] == other.codes[first[code]] for other in others
        )
        is_repeated[code] |= not same
    return is_repeated
