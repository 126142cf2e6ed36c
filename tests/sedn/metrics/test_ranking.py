from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score

from sedn.metrics import auc
from sedn.metrics.ranking import SMALL, Ranking, map_labels
from tests.sedn.metrics.cases import scored


def ranked(targets: np.ndarray, scores: np.ndarray) -> list[Ranking]:
    return [label for block in map_labels(targets, scores, list) for label in block]


@given(scored())
@settings(max_examples=200, deadline=None)
def test_images_are_in_order_and_ties_are_grouped(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, scores = case
    for label, ranking in enumerate(ranked(targets, scores)):
        truth, values = targets[ranking.images, label], scores[ranking.images, label]
        assert sorted(ranking.images) == list(np.flatnonzero(~np.isnan(targets[:, label])))
        assert (np.diff(values.astype(np.float64)) >= 0).all()
        assert (ranking.positives == np.flatnonzero(truth)).all()
        for place, first, last in zip(ranking.positives, ranking.first, ranking.last, strict=True):
            assert (np.flatnonzero(values == values[place]) == np.arange(first, last)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_blocks_in_threads_keep_the_order_of_labels(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((20_000, 21)) < rng.uniform(0.01, 0.9, 21)).astype(np.float32)
    scores = (targets + rng.normal(size=targets.shape)).astype(dtype)
    assert targets.size > SMALL
    expected = [roc_auc_score(targets[:, i], scores[:, i]) for i in range(21)]
    np.testing.assert_allclose(auc(targets, scores).labels, expected, rtol=0, atol=1e-12)


def test_a_fault_in_any_block_is_named() -> None:
    targets, scores = np.zeros((20_000, 21)), np.zeros((20_000, 21))
    scores[1234, 20] = np.inf
    with pytest.raises(ValueError, match="image 1234, label 20 is inf, not finite"):
        map_labels(targets, scores, _count)
    scores[1234, 20] = 0
    targets[0, 9] = 0.5
    with pytest.raises(ValueError, match="0, 1 or NaN"):
        map_labels(targets, scores, _count)


def _count(rankings: Iterator[Ranking]) -> int:
    return sum(1 for _ in rankings)
