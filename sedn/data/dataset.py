"""A data set as training reads it: images, semantic maps and labels by split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.levels import Levels
from sedn.data.maps.mask_reading import MaskReading

SPLITS = ("train", "validation", "test")


class Pixels(Protocol):
    """Images or maps of a split: an array, or an object that decodes them on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, as of a NumPy array."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> NDArray[np.uint8]: ...


SOFT = "kept as they are for the loss; ½ and more counts as 1 elsewhere"
"""A note on how soft labels are used."""


def cut(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Targets as a yes or no: 1 from ½ on, 0 below, NaN where the truth is unknown."""
    return np.where(np.isnan(targets), targets, targets >= 0.5).astype(np.float32)


@dataclass(frozen=True)
class Split:
    """The images of one split, all of the same size."""

    images: Pixels
    """``(images, height, width, 3)``, RGB."""
    maps: Pixels
    """``(images, regions, height, width)``, 0 to 255: how surely a pixel belongs to the region."""
    map_known: NDArray[np.bool_]
    """``(images,)``: whether the image has a map; one that has not has zeros in ``maps``."""
    targets: NDArray[np.float32]
    """``(images, labels)``: 1, 0, between where labels are soft, or NaN where the truth is
    unknown. What is trained on; all that is counted or measured is of :attr:`truth`."""
    names: tuple[str, ...]
    """The name of each image: its path, from the folder of the data set."""
    groups: tuple[str, ...] = ()
    """The group of each image, such as its patient, ``""`` for none; empty where the data have no
    groups."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def truth(self) -> NDArray[np.float32]:
        """``(images, labels)``: 1, 0, or NaN where the truth is unknown."""
        return cut(self.targets)


@dataclass(frozen=True)
class Recut:
    """The origin of the splits of a data set that was cut anew."""

    dataset: "Dataset"
    """The data set as it was cut before."""
    parts: tuple[str, ...]
    """Its splits that were cut anew."""
    rows: Mapping[str, NDArray[np.int64]]
    """``(images,)`` of each new split: places in the images of ``parts`` laid end to end."""


@dataclass(frozen=True)
class Dataset:
    """Images with their maps and labels, cut into :data:`SPLITS`."""

    name: str
    labels: tuple[str, ...]
    regions: tuple[str, ...]
    """Names of the channels of a map."""
    fingerprint: str
    """Changes whenever an image or its name, a map, a label or a split does; not with the image
    size."""
    splits: Mapping[str, Split]
    skipped: int = 0
    """Images that could not be read and were left out, as the configuration allowed."""
    levels: Levels | None = None
    """The white value of images of more than 8 bits."""
    mask_reading: MaskReading | None = None
    """What the pixels of the masks mean; ``None`` where no map is the mask of a whole image."""
    notes: tuple[str, ...] = ()
    """How the data was read: what was taken for what, a line each."""
    recut: Recut | None = None
    """The origin of the splits, if they were cut anew."""

    @property
    def has_indicator(self) -> bool:
        """Whether some image has no map, so that a network needs to know which have."""
        return not all(split.map_known.all() for split in self.splits.values())


def count_labels(dataset: Dataset, split: str) -> dict[str, tuple[int, int]]:
    """Per label, the number of positive images in a split and of those whose truth is known."""
    targets = dataset.splits[split].truth
    positives = np.nansum(targets, axis=0).astype(int)
    known = (~np.isnan(targets)).sum(axis=0)
    return {label: (int(positives[i]), int(known[i])) for i, label in enumerate(dataset.labels)}
