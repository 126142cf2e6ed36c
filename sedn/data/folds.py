"""Folds of a data set: train and validation together, cut anew so that each image is held out once.

The test split stays as it is. The folds follow from the images, labels and groups and from the
seed of the splits alone, so every training of an experiment has the same.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sedn.data.dataset import Dataset, Recut, Split
from sedn.data.images.picked import PickedPixels
from sedn.data.splits.folding import draw_folds

CUT = ("train", "validation")
"""The splits that are cut anew."""


@dataclass(frozen=True)
class Folds:
    """A data set and the fold of each image of train and validation, in this order."""

    dataset: Dataset
    of_image: NDArray[np.int64]
    """``(images,)``, from 0."""
    count: int

    @classmethod
    def draw(cls, dataset: Dataset, count: int, seed: int) -> "Folds":
        """Cut a data set into ``count`` folds.

        Raises:
            UserError: the data set has too few images, groups, or images of a class of a label.
        """
        splits = [dataset.splits[name] for name in CUT]
        targets = np.concatenate([split.targets for split in splits])
        groups = [group for split in splits for group in split.groups or [""] * len(split)]
        return cls(dataset, draw_folds(targets, dataset.labels, groups, count, seed), count)

    @property
    def whole(self) -> Split:
        """All images of train and validation, in the order of :attr:`of_image`."""
        return self._pick(np.arange(len(self.of_image)))

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name the data set with these folds."""
        digest = hashlib.sha256(f"{self.dataset.fingerprint} {self.count} folds".encode())
        digest.update(self.of_image.astype(np.int32).tobytes())
        return digest.hexdigest()[:16]

    def rows(self, fold: int) -> NDArray[np.int64]:
        """Find the images that a fold, from 0, holds out."""
        return np.flatnonzero(self.of_image == fold)

    def hold_out(self, fold: int) -> Dataset:
        """Make the data set that validates on a fold, from 0, and trains on all others."""
        rows = {"train": np.flatnonzero(self.of_image != fold), "validation": self.rows(fold)}
        cut = {name: self._pick(some) for name, some in rows.items()}
        digest = hashlib.sha256(f"{self.fingerprint} without {fold}".encode())
        return replace(
            self.dataset,
            fingerprint=digest.hexdigest()[:16],
            splits={**self.dataset.splits, **cut},
            recut=Recut(self.dataset, CUT, rows),
        )

    def keep_all(self) -> Dataset:
        """Make the data set that trains on the images of all folds, and has no validation split."""
        digest = hashlib.sha256(f"{self.fingerprint} with all".encode())
        others = {name: split for name, split in self.dataset.splits.items() if name not in CUT}
        return replace(
            self.dataset,
            fingerprint=digest.hexdigest()[:16],
            splits={"train": self.whole, **others},
            recut=Recut(self.dataset, CUT, {"train": np.arange(len(self.of_image))}),
        )

    def _pick(self, rows: NDArray[np.int64]) -> Split:
        splits = [self.dataset.splits[name] for name in CUT]
        names = [name for split in splits for name in split.names]
        groups = [group for split in splits for group in split.groups or [""] * len(split)]
        return Split(
            PickedPixels(tuple(split.images for split in splits), rows),
            PickedPixels(tuple(split.maps for split in splits), rows),
            np.concatenate([split.map_known for split in splits])[rows],
            np.concatenate([split.targets for split in splits])[rows],
            tuple(names[row] for row in rows),
            tuple(groups[row] for row in rows) if any(groups) else (),
        )
