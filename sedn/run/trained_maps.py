"""What a run knows of the maps that its network learned with, to compare other maps with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sedn.arrays import Floats
from sedn.config import TrainingConfig
from sedn.data import Dataset
from sedn.data.dataset import Split
from sedn.data.maps.coverage import (
    Coverage,
    CoverageComparison,
    coverage_from_json,
    coverage_to_json,
    covered_shares,
    summarise_shares,
)
from sedn.data.maps.mask_reading import MaskReading
from sedn.errors import some_of
from sedn.registry import describe_source
from sedn.style import count_of

_MOST = 1000
"""Maps of a split that are looked at, spread over the split."""
_FEW = 200
"""Maps that are looked at before a training."""
_BLOCK = 50


@dataclass(frozen=True)
class TrainedMaps:
    """The given maps of a training."""

    coverage: tuple[Coverage, ...]
    """By region, over the training images whose map is known."""
    reading: MaskReading | None
    """How the masks of the data were read; ``None`` where their maps were no masks."""

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {
            "coverage": coverage_to_json(self.coverage),
            "reading": self.reading and self.reading.to_json(),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "TrainedMaps":
        """The maps that :meth:`to_json` gave."""
        reading = fields["reading"]
        return cls(
            coverage_from_json(fields["coverage"]), reading and MaskReading.from_json(reading)
        )


def describe_maps(config: TrainingConfig, dataset: Dataset) -> TrainedMaps | None:
    """Describe the maps of the training images; ``None`` where the network sees no given maps."""
    if describe_source(config.map_source).why_no_masks is not None:
        return None
    shares = _shares(dataset.splits["train"])
    if not len(shares):
        return None
    return TrainedMaps(summarise_shares(shares), dataset.mask_reading)


def tell_maps(dataset: Dataset) -> Iterator[str]:
    """A line on regions that no training map shows, and one on maps of validation that are unlike
    those of train; for before a training or a search.
    """
    if nowhere := _tell_empty_regions(dataset):
        yield nowhere
    shares = _shares(dataset.splits["train"], _FEW)
    trained = TrainedMaps(summarise_shares(shares), None) if len(shares) else None
    if said := compare_maps(trained, dataset, "validation"):
        yield f"the validation images have maps unlike the training's: {said}"


def _tell_empty_regions(dataset: Dataset) -> str | None:
    """A line on regions that are on no training map; ``None`` if there are none, or that is not
    known: where not all maps are looked at, a region may be rare, unless no map has any.

    A value of ``regions:`` that the masks do not have gives maps that are empty everywhere.
    """
    shares = _shares(dataset.splits["train"], _FEW)
    if not len(shares):
        return None
    is_seen = [bool(shares[:, region, 0].any()) for region in range(len(dataset.regions))]
    nowhere = [name for name, seen in zip(dataset.regions, is_seen, strict=True) if not seen]
    is_known = len(shares) == dataset.splits["train"].map_known.sum() or not any(is_seen)
    if not nowhere or not is_known:
        return None
    return (
        f"maps: {some_of(nowhere)} {'is' if len(nowhere) == 1 else 'are'} on none of the "
        f"{count_of(len(shares), 'training map')} that {'was' if len(shares) == 1 else 'were'} "
        f"looked at; do the masks mean something else?"
    )


def compare_maps(trained: TrainedMaps | None, dataset: Dataset, split: str) -> str | None:
    """How the maps of a split differ from the training's, in a line; ``None`` where they may be
    like them, or nothing is known of the training's.
    """
    if trained is None:
        return None
    if not dataset.splits[split].map_known.any():
        return f"none of {count_of(len(dataset.splits[split]), 'image')} has one"
    comparison = CoverageComparison(dataset.regions, trained.coverage)
    comparison.add(_shares(dataset.splits[split]))
    return comparison.describe()


def _shares(split: Split, most: int = _MOST) -> Floats:
    """The covered shares ``(images, regions, 2)`` of known maps of a split, ``most`` of them."""
    known = np.flatnonzero(split.map_known)
    rows = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), most)).astype(int))]
    blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    shares = [covered_shares(np.asarray(split.maps[block])) for block in blocks]
    return np.concatenate(shares) if shares else np.zeros((0, split.maps.shape[1], 2))
