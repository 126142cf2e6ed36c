"""Images that are in a data set twice: byte for byte, or to the eye."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import Ints
from sedn.data.check.inspection import Inspection
from sedn.data.dataset import SPLITS
from sedn.data.splits.cutting import Splits

BITS = 64
LIMIT = 4
"""Images whose perceptual hashes differ in so many of 64 bits, or in fewer, are near duplicates."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NearDuplicate:
    """An image that looks much like an image of an earlier split."""

    row: int
    other: int
    """The row of the most similar image of the earlier splits."""
    distance: int
    """Bits in which the two hashes differ."""


def exact_duplicates(digests: Sequence[str]) -> list[tuple[int, ...]]:
    """Rows of equal files, those of one content together; ``""`` equals nothing."""
    rows = defaultdict(list)
    for row, digest in enumerate(digests):
        if digest:
            rows[digest].append(row)
    return [tuple(same) for same in rows.values() if len(same) > 1]


def near_duplicates(inspection: Inspection, splits: Splits) -> list[NearDuplicate]:
    """Images of validation and test with a near duplicate in an earlier split; those whose file is
    there byte for byte are left out.
    """
    readable = np.flatnonzero(inspection.readable)
    hashes, which = np.unique(inspection.hashes[readable], return_inverse=True)
    neighbours = _neighbours(hashes)
    pairs = []
    for place, name in enumerate(SPLITS[1:], start=1):
        is_earlier = np.isin(splits[readable], SPLITS[:place])
        earlier = readable[is_earlier]
        nearest, distances = _nearest(neighbours, len(hashes), which[is_earlier])
        held = {inspection.digests[row] for row in earlier}
        for row, own in zip(readable, which, strict=True):
            if splits[row] == name and nearest[own] >= 0 and inspection.digests[row] not in held:
                other = int(earlier[nearest[own]])
                pairs.append(NearDuplicate(int(row), other, int(distances[own])))
    return pairs


def near_pairs(hashes: Hashes, limit: int) -> Ints:
    """All pairs of positions ``(pairs, 2)`` whose hashes differ in at most ``limit`` bits.

    By multi-index hashing (Norouzi et al., CVPR 2012): cut into ``limit + 1`` bands, two such
    hashes are equal in one band at least, so only those that share a band are compared.

    Args:
        hashes: ``(images,)``, all different, or else equal ones would be compared one by one.
        limit: less than 64.
    """
    close = [np.empty((0, 2), dtype=np.int64)]
    for low, high in pairwise(np.linspace(0, BITS, limit + 2).astype(int).tolist()):
        band = (hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1)
        order = np.argsort(band, kind="stable")
        band = band[order]
        left = np.arange(len(hashes))
        # Equal bands lie side by side: compare neighbours, then next but one, until none is equal.
        for step in count(1):
            left = left[left + step < len(hashes)]
            left = left[band[left] == band[left + step]]
            if not left.size:
                break
            pairs = np.sort(np.stack([order[left], order[left + step]], axis=1), axis=1)
            close.append(pairs[_distance(hashes, pairs) <= limit])
    return np.unique(np.concatenate(close), axis=0)


def _distance(hashes: Hashes, pairs: Ints) -> NDArray[np.uint8]:
    return np.asarray(np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]))


def _neighbours(hashes: Hashes) -> tuple[Ints, NDArray[np.uint8]]:
    """Pairs of near hashes in both orders, each with itself too, and their distances: nearest
    first.
    """
    pairs = near_pairs(hashes, LIMIT)
    itself = np.arange(len(hashes)).repeat(2).reshape(-1, 2)
    pairs = np.concatenate([itself, pairs, pairs[:, ::-1]])
    distances = _distance(hashes, pairs)
    order = np.argsort(distances, kind="stable")
    return pairs[order], distances[order]


def _nearest(
    neighbours: tuple[Ints, NDArray[np.uint8]], count: int, which: Ints
) -> tuple[Ints, NDArray[np.uint8]]:
    """For each hash, the first of some images that is nearest to it; -1 where none is near.

    Args:
        neighbours: as :func:`_neighbours` gives them.
        count: hashes in all.
        which: ``(images,)``: the hash of each of the images.

    Returns:
        Positions in ``which``, ``(count,)``, and their distances.
    """
    first = np.full(count, -1)
    present, positions = np.unique(which, return_index=True)
    first[present] = positions
    pairs, distances = neighbours
    held = first[pairs[:, 1]] >= 0
    own, at = np.unique(pairs[held, 0], return_index=True)
    nearest, distance = np.full(count, -1), np.zeros(count, dtype=np.uint8)
    nearest[own] = first[pairs[held, 1][at]]
    distance[own] = distances[held][at]
    return nearest, distance
