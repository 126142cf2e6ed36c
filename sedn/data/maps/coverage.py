"""How much of their images maps cover, and whether other maps cover as much.

A network that learned with maps of an object answers maps that are all empty, or of which object
and background are exchanged, without a word. So what a training's maps cover is kept, and other
maps are compared with that: as many as there are together, since any single map may be unlike the
rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import Floats
from sedn.style import count_of, share_text

QUANTILES = 101
"""Quantiles that are kept of a share over the images."""
_BORDER = 32
"""The border of a map is so many a part of its side wide."""
_CHANCE = 1e-3
"""Empty or full maps that the training would have more rarely than this are told, …"""
_MORE = 0.2
"""… where their share is also so much above that of the training."""
_DEVIATIONS = 3.7
"""Shares are told that lie so many standard deviations of chance away, …"""
_BEYOND, _BEYOND_AT_BORDER = 0.98, 0.9
"""… where such a part of the pairs of a map and a training's map are in one order, …"""
_ODDS = 5.0
"""… and the odds of a pixel to be covered have changed by this factor, …"""
_AT_BORDER = 0.4
"""… or the covered share of the border by so much."""
_MOST = 1000
_TINY = 1e-6


@dataclass(frozen=True)
class Coverage:
    """What the maps of one region cover, over the images of a training."""

    images: int
    empty: int
    """Maps on which the region is nowhere."""
    full: int
    """Maps on which the region is everywhere."""
    inside: tuple[float, ...]
    """Quantiles of the covered share of the image, ascending."""
    border: tuple[float, ...]
    """Quantiles of the covered share of the image's border."""


def covered_shares(maps: NDArray[np.uint8]) -> Floats:
    """``(images, regions, 2)``: which share of the image, and of its border, the ``maps`` (images,
    regions, H, W) cover. 0 and 1 are exact.
    """
    height, width = maps.shape[2:]
    edge = np.ones((height, width), dtype=bool)
    y, x = max(1, height // _BORDER), max(1, width // _BORDER)
    edge[y : height - y, x : width - x] = False
    inside = maps.sum(axis=(2, 3), dtype=np.int64) / (255 * height * width)
    border = maps[:, :, edge].sum(axis=2, dtype=np.int64) / (255 * edge.sum())
    return np.stack([inside, border], axis=2)


def summarise_shares(shares: Floats) -> tuple[Coverage, ...]:
    """The coverage of each region, from ``shares`` (images, regions, 2) of one image or more."""
    at = np.linspace(0, 1, QUANTILES)
    regions = []
    for region in range(shares.shape[1]):
        inside, border = np.quantile(shares[:, region], at, axis=0).T
        regions.append(
            Coverage(
                images=len(shares),
                empty=int((shares[:, region, 0] == 0).sum()),
                full=int((shares[:, region, 0] == 1).sum()),
                inside=tuple(inside.round(6).tolist()),
                border=tuple(border.round(6).tolist()),
            )
        )
    return tuple(regions)


def coverage_to_json(coverage: Sequence[Coverage]) -> list[dict[str, Any]]:
    """The coverage of each region as plain JSON values."""
    return [asdict(region) for region in coverage]


def coverage_from_json(listed: Sequence[Mapping[str, Any]]) -> tuple[Coverage, ...]:
    """The coverage of each region that :func:`coverage_to_json` gave."""
    return tuple(
        Coverage(**{**region, "inside": tuple(region["inside"]), "border": tuple(region["border"])})
        for region in listed
    )


@dataclass
class _Sums:
    """Sums over the maps of one region."""

    images: int = 0
    empty: int = 0
    full: int = 0
    shares: Floats = field(default_factory=lambda: np.zeros(2))
    """Of the covered shares of image and border."""
    ranks: Floats = field(default_factory=lambda: np.zeros(2))
    """Of their ranks among those of the training, 0 to 1."""


class CoverageComparison:
    """Maps beside those of a training, as they come; only sums are kept.

    Args:
        regions: names of the regions.
        trained: what the training's maps cover, by region; nothing where that is not known.
    """

    def __init__(self, regions: Sequence[str], trained: Sequence[Coverage]) -> None:
        self._regions = tuple(regions)
        self._trained = tuple(trained)
        self._sums = [_Sums() for _ in trained]

    def add(self, shares: Floats) -> None:
        """Count maps with these :func:`covered_shares` ``(images, regions, 2)``."""
        for region, (sums, trained) in enumerate(zip(self._sums, self._trained, strict=True)):
            mine = shares[:, region]
            sums.images += len(mine)
            sums.empty += int((mine[:, 0] == 0).sum())
            sums.full += int((mine[:, 0] == 1).sum())
            sums.shares += mine.sum(axis=0)
            for which, known in enumerate((trained.inside, trained.border)):
                sums.ranks[which] += _ranks(mine[:, which], known).sum()

    def describe(self) -> str | None:
        """How the maps differ from the training's, in a line; ``None`` where they may be like them.

        Empty and full maps are told where chance hardly gives so many. A single one is if 500
        training maps or more had none; other differences need five maps or more.
        """
        told = [
            f"region '{name}': {said}" if len(self._regions) > 1 else said
            for name, sums, trained in zip(self._regions, self._sums, self._trained, strict=False)
            if sums.images and trained.images and (said := _describe(sums, trained))
        ]
        return "; ".join(told) or None


def _describe(seen: _Sums, trained: Coverage) -> str | None:
    for word, count, known in (
        ("empty", seen.empty, trained.empty), ("full", seen.full, trained.full)
    ):  # fmt: skip
        if _is_much(count, seen.images, known, trained.images):
            return (
                f"{count:,} of {count_of(seen.images, 'map')} {'is' if count == 1 else 'are'} "
                f"{word}, and {known:,} of {trained.images:,} in training"
            )
    inside, border = (seen.shares / seen.images).tolist()
    usual_inside, usual_border = float(np.mean(trained.inside)), float(np.mean(trained.border))
    rank, border_rank = (seen.ranks / seen.images).tolist()
    at_border = _is_far(border_rank, seen, trained, _BEYOND_AT_BORDER)
    if at_border and abs(border - usual_border) >= _AT_BORDER:
        return (
            f"they cover {share_text(border, 0)} of the images' borders, and "
            f"{share_text(usual_border, 0)} in training: are object and background exchanged?"
        )
    factor = _odds(inside) / _odds(usual_inside)
    if _is_far(rank, seen, trained, _BEYOND) and max(factor, 1 / factor) >= _ODDS:
        return (
            f"they cover {share_text(inside, 2)} of the images on average, and "
            f"{share_text(usual_inside, 2)} in training: do their pixels mean the same?"
        )
    return None


def _is_much(count: int, images: int, known: int, trained: int) -> bool:
    """Whether a training of which ``known`` maps of ``trained`` are so hardly leads to ``count`` of
    ``images``: by the beta-binomial distribution, from Jeffreys' prior.
    """
    if count / images - known / trained < _MORE:
        return False
    from scipy.stats import betabinom

    if images > _MOST:
        count, images = round(count * _MOST / images), _MOST
    return bool(betabinom.sf(count - 1, images, known + 0.5, trained - known + 0.5) < _CHANCE)


def _is_far(rank: float, seen: _Sums, trained: Coverage, beyond: float) -> bool:
    """Whether nearly all maps are on one side of nearly all of the training's, and enough of them.

    The mean rank has the standard deviation of Mann and Whitney's test.
    """
    deviation = sqrt((1 / seen.images + 1 / trained.images) / 12)
    return abs(rank - 0.5) >= max(beyond - 0.5, _DEVIATIONS * deviation)


def _ranks(shares: Floats, quantiles: Sequence[float]) -> Floats:
    """Which share of a training's maps have less, equal ones by half."""
    known, shares = np.array(quantiles), shares.round(6)
    below, upto = (np.searchsorted(known, shares, side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(known)))


def _odds(share: float) -> float:
    return (share + _TINY) / (1 - share + _TINY)
