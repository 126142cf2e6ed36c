"""Counts over the images of a data set that can be read: labels, splits, sizes, maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import Ints
from sedn.data.check.inspection import Inspection
from sedn.data.check.subject import Subject
from sedn.data.dataset import SPLITS


@dataclass(frozen=True)
class LabelCounts:
    """The numbers of positive, negative and unknown images of one split, by label."""

    images: int
    without_map: int
    positives: Ints
    """``(labels,)``."""
    negatives: Ints
    """``(labels,)``."""

    @property
    def prevalence(self) -> NDArray[np.float64]:
        """``(labels,)``: positives among the images whose truth is known; NaN where none is."""
        known = self.positives + self.negatives
        return np.where(known > 0, self.positives / np.maximum(known, 1), np.nan)

    @property
    def rarest(self) -> Ints:
        """``(labels,)``: positives or negatives, whichever are fewer."""
        return np.minimum(self.positives, self.negatives)


@dataclass(frozen=True)
class Spread:
    """Least, middle and greatest of some values."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True)
class Coverage:
    """Which share of an image a region covers, over the images that have a map."""

    region: str
    spread: Spread | None
    """``None``: no image has a map."""
    mean: float
    empty: int
    """Images with a map on which the region is nowhere."""
    typical: float
    """The median of the images on which the region is; NaN if there are none."""


@dataclass(frozen=True)
class Counts:
    """The counts of images, labels and maps."""

    splits: Mapping[str, LabelCounts]
    together: Ints
    """``(labels, labels)``: images in which both are positive."""
    equal: tuple[tuple[int, int], ...]
    """Pairs of labels with the same truth wherever that of both is known."""
    sizes: Mapping[str, Spread]
    """Of ``width`` and ``height`` in pixels, and ``aspect``, width over height; none without an
    image that can be read.
    """
    coverage: tuple[Coverage, ...]


def count_images(subject: Subject, inspection: Inspection) -> Counts:
    """Count the images, labels and maps of each split."""
    readable = inspection.readable
    targets = subject.targets[readable]
    positive, negative = targets == 1, targets == 0
    splits = {}
    for name in SPLITS:
        mine = subject.splits[readable] == name
        splits[name] = LabelCounts(
            images=int(mine.sum()),
            without_map=int((mine & ~subject.map_known[readable]).sum()),
            positives=positive[mine].sum(axis=0),
            negatives=negative[mine].sum(axis=0),
        )
    together = _count_pairs(positive, positive)
    apart = _count_pairs(positive, negative)
    equal = (apart == 0) & (apart.T == 0) & (together > 0) & negative.any(axis=0)
    coverage = inspection.coverage[readable]
    return Counts(
        splits=splits,
        together=together,
        equal=tuple((int(a), int(b)) for a, b in np.argwhere(np.triu(equal, 1))),
        sizes=_sizes(inspection.sizes[readable]),
        coverage=tuple(
            _coverage(region, coverage[:, index]) for index, region in enumerate(subject.regions)
        ),
    )


def _count_pairs(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> Ints:
    """``(labels, labels)``: images where the first label is in ``one``, the second in ``two``."""
    # Multiplied as floats, which is fast and exact far beyond the number of images.
    return np.asarray(one.T.astype(np.float64) @ two.astype(np.float64)).astype(np.int64)


def _sizes(sizes: NDArray[np.int32]) -> dict[str, Spread]:
    if not len(sizes):
        return {}
    width, height = sizes.T
    values = {"width": width, "height": height, "aspect": width / height}
    return {name: _spread(of_images) for name, of_images in values.items()}


def _coverage(region: str, shares: NDArray[np.float32]) -> Coverage:
    known = shares[~np.isnan(shares)]
    if not len(known):
        return Coverage(region, None, float("nan"), 0, float("nan"))
    there = known[known > 0]
    typical = float(np.median(there)) if len(there) else float("nan")
    empty = len(known) - len(there)
    return Coverage(region, _spread(known), float(known.mean()), empty, typical)


def _spread(values: NDArray[Any]) -> Spread:
    return Spread(float(values.min()), float(np.median(values)), float(values.max()))
