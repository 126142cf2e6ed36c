"""Tables with a row for each label of an image, made into one row for each image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sedn.data.formats.cells import Column, Where
from sedn.errors import UserError


@dataclass(frozen=True)
class Merged:
    """Which rows remain, and what their labels are."""

    rows: NDArray[np.int64]
    """The first row of each image."""
    targets: NDArray[np.float32]
    """``(images, labels)``."""
    said: tuple[str, ...]


def merge_rows(
    image: Column,
    targets: NDArray[np.float32],
    others: Sequence[Column],
    where: Where,
    *,
    long: bool,
) -> Merged:
    """One row for each image.

    Args:
        image: the column of the images.
        targets: ``(rows, labels)``.
        others: columns that have to say the same in all rows of an image.
        where: names a row in messages.
        long: whether a row may be one label of an image of several rows.

    Raises:
        UserError: an image is there twice though a row says all of it, or rows of an image
            contradict each other.
    """
    first = np.unique(image.codes, return_index=True)[1]
    if len(first) == len(image):
        return Merged(np.arange(len(image)), targets, ())
    if not long or (np.nansum(targets, axis=1) > 1).any():
        again = np.setdiff1d(np.arange(len(image)), first)[0]
        cell = image.cells[image.codes[again]]
        raise UserError(f"{where(int(again))}: image '{cell or ''}' is there twice")
    for other in others:
        differing = np.flatnonzero(other.codes != other.codes[first[image.codes]])
        if len(differing):
            row = int(differing[0])
            raise UserError(
                f"{where(row)}: image '{image.cells[image.codes[row]]}' has another "
                f"'{other.name}' than in a row before"
            )
    known = ~np.isnan(targets)
    counts = np.zeros((len(first), targets.shape[1]), dtype=np.float32)
    seen = np.zeros(counts.shape, dtype=bool)
    np.maximum.at(counts, image.codes, np.where(known, targets, 0))
    np.logical_or.at(seen, image.codes, known)
    said = f"rows: {len(image)} rows of one label each make {len(first)} images"
    return Merged(first, np.where(seen, counts, np.float32(np.nan)), (said,))
