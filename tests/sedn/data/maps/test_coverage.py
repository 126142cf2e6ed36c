"""Maps are told as unlike a training's where they are, and hardly ever where they are not."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sedn.arrays import Floats
from sedn.data.maps.coverage import (
    CoverageComparison,
    coverage_from_json,
    coverage_to_json,
    covered_shares,
    summarise_shares,
)

SIDE = 48


def ellipses(count: int, size: tuple[float, float], seed: int) -> NDArray[np.uint8]:
    """Maps ``(count, 1, SIDE, SIDE)`` of ellipses whose axes are such shares of the side."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    maps = np.zeros((count, 1, SIDE, SIDE), dtype=np.uint8)
    for index in range(count):
        height, width = random.uniform(*size, 2) / 2
        y, x = random.normal(0.5, 0.08, 2)
        maps[index, 0][((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 <= 1] = 255
    return maps


def told(trained: NDArray[np.uint8], seen: NDArray[np.uint8]) -> str | None:
    return compared(covered_shares(trained), covered_shares(seen))


def compared(trained: Floats, seen: Floats) -> str | None:
    """What is said, however the maps come in parts, and after the training's were kept as JSON."""
    kept = json.loads(json.dumps(coverage_to_json(summarise_shares(trained))))
    regions = [f"r{index}" for index in range(trained.shape[1])]
    comparison = CoverageComparison(regions, coverage_from_json(kept))
    for start in range(0, len(seen), 7):
        comparison.add(seen[start : start + 7])
    return comparison.describe()


SIZES = st.sampled_from([(0.1, 0.2), (0.2, 0.8), (0.4, 0.6), (0.5, 1.3), (0.9, 1.1)])


@given(SIZES, st.integers(40, 150), st.integers(8, 40), st.integers(0, 10**6))
@settings(max_examples=40)
def test_maps_that_are_empty_full_or_inverted_are_told(
    size: tuple[float, float], trained: int, count: int, seed: int
) -> None:
    maps, others = ellipses(trained, size, seed), ellipses(count, size, seed + 1)
    assert told(maps, others) is None
    noun = f"{count} of {count} maps are"
    assert told(maps, others * 0) == f"{noun} empty, and 0 of {trained} in training"
    assert told(maps, others * 0 + 255) == f"{noun} full, and 0 of {trained} in training"
    inverted = told(maps, 255 - others)
    assert inverted is not None
    assert inverted.startswith("they cover ")
    # Strengths of 255 levels that were taken for ones of 65,535.
    faint = told(maps, others // 128)
    assert faint is not None
    assert "in training: do their pixels mean the same?" in faint


@given(SIZES, st.integers(2, 2000), st.integers(1, 400), st.integers(0, 10**6), st.data())
@settings(max_examples=60)
def test_maps_drawn_as_the_trainings_are_not_told(
    size: tuple[float, float], trained: int, count: int, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    # Covered shares of any spread, with some empty and some full maps.
    empty, full = data.draw(st.floats(0, 0.5)), data.draw(st.floats(0, 0.5))
    a, b = data.draw(st.floats(0.1, 8)), data.draw(st.floats(0.1, 8))

    def draw(images: int) -> Floats:
        shares = random.beta(a, b, (images, 1, 2))
        shares[random.random(images) < empty] = 0
        shares[random.random(images) < full] = 1
        return shares

    assert compared(draw(trained), draw(count)) is None


def test_chance_alone_tells_maps_once_in_a_thousand_runs_at_most() -> None:
    random, alarms = np.random.default_rng(0), 0
    runs = 4000
    for run in range(runs):
        a, b, empty = *random.uniform(0.3, 6, 2), random.uniform(0, 0.2)
        parts = [
            random.beta(a, b, (size, 1, 2)) for size in (random.integers(1, 300), run % 50 + 1)
        ]
        for part in parts:
            part[random.random(len(part)) < empty] = 0
        alarms += compared(*parts) is not None
    assert alarms <= runs / 1000


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.25, 1.5])
def test_objects_that_are_larger_or_smaller_in_the_image_are_not_told(factor: float) -> None:
    maps = ellipses(300, (0.3, 0.8), 1)
    assert told(maps, ellipses(100, (0.3 * factor, 0.8 * factor), 2)) is None


def test_a_single_map_is_told_only_where_many_of_training_never_were_so() -> None:
    one = np.zeros((1, 1, SIDE, SIDE), dtype=np.uint8)
    few, many = ellipses(300, (0.3, 0.8), 1), ellipses(600, (0.3, 0.8), 1)
    for seen in (one, one + 255, 255 - few[:1]):
        assert told(few, seen) is None
    assert told(many, one) == "1 of 1 map is empty, and 0 of 600 in training"
    assert told(many, one + 255) == "1 of 1 map is full, and 0 of 600 in training"
    assert told(many, 255 - many[:1]) is None
    some_empty = np.concatenate([many, one])
    assert told(some_empty, one) is None


def test_each_region_is_told_by_its_name() -> None:
    maps = np.concatenate([ellipses(80, (0.3, 0.6), 1), ellipses(80, (0.1, 0.3), 2)], axis=1)
    swapped = told(maps, maps[:30, ::-1])
    assert swapped is not None
    assert swapped.startswith("region 'r0': they cover ")
    assert "; region 'r1': they cover " in swapped
    assert told(maps, maps[:30]) is None


def test_shares_of_empty_and_full_maps_are_exact() -> None:
    maps = np.stack([np.zeros((2, 7, 5)), np.full((2, 7, 5), 255)]).astype(np.uint8)
    assert covered_shares(maps).tolist() == [[[0, 0]] * 2, [[1, 1]] * 2]
    framed = np.zeros((1, 1, 64, 64), dtype=np.uint8)
    framed[..., 2:-2, 2:-2] = 255
    assert covered_shares(framed).tolist() == [[[60**2 / 64**2, 0]]]
