"""The images on which a trial errs most are those with the worst scores of each class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.largest_errors import find_largest_errors
from results.predictions import Predictions
from sedn.metrics import auc


def predictions(targets: np.ndarray, scores: np.ndarray) -> Predictions:
    images = tuple(f"{row}.png" for row in range(len(targets)))
    labels = tuple(f"label {column}" for column in range(targets.shape[1]))
    return Predictions("validation", images, labels, scores, targets, (), "c", 0, "d")


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5), st.integers(1, 9))
def test_they_are_the_worst_of_each_class(seed: int, images: int, labels: int, most: int) -> None:
    draw = np.random.default_rng(seed)
    targets = draw.choice([0, 1, np.nan], (images, labels)).astype(np.float32)
    scores = draw.normal(0, 30, (images, labels)).astype(np.float32)
    made = predictions(targets, scores)
    found = find_largest_errors(made, 3, most)
    known = auc(targets, scores).labels
    assert [one.auc for one in found] == sorted(known[~np.isnan(known)])[:3]
    for one in found:
        column = made.labels.index(one.label)
        assert len(one.images) == min(most, int((~np.isnan(targets[:, column])).sum()))
        assert [e.error for e in one.images] == sorted((e.error for e in one.images), reverse=True)
        for has in (True, False):
            chosen = {int(e.image.split(".")[0]) for e in one.images if e.is_positive is has}
            of_class = np.flatnonzero(targets[:, column] == has)
            others = [row for row in of_class if row not in chosen]
            assert chosen <= set(of_class.tolist())
            sign = 1 if has else -1
            assert all(
                sign * scores[row, column] <= sign * scores[other, column]
                for row in chosen
                for other in others
            )
            rare = min(len(of_class), most // 2)
            assert len(chosen) >= rare


def test_a_label_of_one_class_is_left_out() -> None:
    targets = np.array([[1, 1], [1, 0]], dtype=np.float32)
    found = find_largest_errors(predictions(targets, targets), 5, 5)
    assert [one.label for one in found] == ["label 1"]
    assert [one.is_positive for one in found[0].images] == [False, True]
    probabilities = [one.probability for one in found[0].images]
    assert probabilities == pytest.approx([0.5, 1 / (1 + np.exp(-1))])
