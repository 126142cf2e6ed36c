"""A single pass over all images of a data set, by all cores; only a few numbers of each image are
kept.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sedn.data.check.subject import Subject
from sedn.data.identity import Progress
from sedn.data.images.decoding import OtherSize
from sedn.data.listing import Size
from sedn.data.maps.coverage import covered_shares
from sedn.errors import UserError

SIDE = 96
"""Images are decoded to so many pixels a side: enough for a hash and a share, and what cannot be
decoded at one size cannot be at any."""
_BLOCK = 128
"""Images between two reports of how far the pass is."""


@dataclass(frozen=True)
class Inspection:
    """The measurements of the images; rows as those of the :class:`Subject`."""

    unreadable: dict[int, str]
    """By row, why training could not read the image or its map."""
    other_sizes: dict[int, tuple[Size, Size]]
    """By row, the size of a map and that of its image, of those that differ."""
    digests: list[str]
    """Equal for files of equal content; ``""`` for an image that cannot be read."""
    hashes: NDArray[np.uint64]
    """``(images,)``: perceptual hashes of 64 bits; 0 for an image that cannot be read."""
    sizes: NDArray[np.int32]
    """``(images, 2)``: width and height in pixels, turned as EXIF says."""
    shares: NDArray[np.float64]
    """``(images, regions, 2)``: which share of the image, and of its border, each region covers, as
    :func:`~sedn.data.maps.coverage.covered_shares` has it; NaN without a map."""
    strongest: NDArray[np.float32]
    """``(images, regions)``: the greatest value of each region, 0 to 1; NaN without a map."""
    beyond: NDArray[np.float32]
    """``(images,)``: by which part of a side a polygon leaves the image."""
    brightest: NDArray[np.int32]
    """``(images,)``: the greatest value of an image of 16 bits; 0 for others."""
    frames: NDArray[np.int32]
    """``(images,)``: how many frames the file holds, of which the first is read."""

    @property
    def coverage(self) -> NDArray[np.float32]:
        """``(images, regions)``: share of the image that each region covers; NaN without a map."""
        return self.shares[..., 0].astype(np.float32)

    @property
    def readable(self) -> NDArray[np.bool_]:
        """``(images,)``."""
        return np.array([digest != "" for digest in self.digests], dtype=bool)


def inspect_images(subject: Subject, show: Progress) -> Inspection:
    """Decode every image and map once."""
    count = len(subject)
    inspection = Inspection(
        unreadable={},
        other_sizes={},
        digests=[""] * count,
        hashes=np.zeros(count, dtype=np.uint64),
        sizes=np.zeros((count, 2), dtype=np.int32),
        shares=np.full((count, len(subject.regions), 2), np.nan),
        strongest=np.full((count, len(subject.regions)), np.nan, dtype=np.float32),
        beyond=np.zeros(count, dtype=np.float32),
        brightest=np.zeros(count, dtype=np.int32),
        frames=np.ones(count, dtype=np.int32),
    )
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        # Block by block: the executor keeps all that it is given.
        for start in range(0, count, _BLOCK):
            block = range(start, min(start + _BLOCK, count))
            list(pool.map(lambda row: _inspect(subject, inspection, row), block))
            show("checking", block.stop, count)
    return inspection


def perceptual_hash(image: NDArray[np.uint8]) -> int:
    """64 bits that change little when an image is saved again, made smaller or brighter: the signs
    of its lowest frequencies against their median.

    Args:
        image: ``(height, width, 3)``, RGB.
    """
    # It imports SciPy and PyWavelets.
    import imagehash

    bits = imagehash.phash(Image.fromarray(image)).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _inspect(subject: Subject, inspection: Inspection, row: int) -> None:
    try:
        sample = subject.look(row, SIDE)
    except UserError as error:
        inspection.unreadable[row] = str(error)
        if isinstance(error, OtherSize):
            inspection.other_sizes[row] = error.sizes
        return
    inspection.digests[row] = sample.digest
    inspection.hashes[row] = perceptual_hash(sample.image)
    inspection.sizes[row] = sample.width, sample.height
    inspection.beyond[row], inspection.brightest[row] = sample.beyond, sample.brightest
    inspection.frames[row] = sample.frames
    if subject.map_known[row]:
        inspection.shares[row] = covered_shares(sample.region_map[None])[0]
        inspection.strongest[row] = sample.region_map.max(axis=(1, 2)) / 255
