"""Thresholds against the best of all that there are, and scores against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from sedn.metrics import best_thresholds, score_labels

# Few values, so that many are equal.
PROBABILITIES = st.sampled_from([0.0, 0.1, np.nextafter(0.1, 1), 0.4, 0.5, 0.9, 1.0])
TRUTHS = st.sampled_from([0.0, 1.0, np.nan])


def f1(truth: np.ndarray, sure: np.ndarray, threshold: float) -> float:
    known = ~np.isnan(truth)
    said, true = sure[known] >= threshold, truth[known] == 1
    return float(2 * (said & true).sum() / (said.sum() + true.sum()))


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(
    arrays(np.float64, n, elements=TRUTHS), arrays(np.float64, n, elements=PROBABILITIES)
)))  # fmt: skip
def test_no_threshold_is_better_and_of_equals_it_is_the_highest(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, sure = drawn
    (threshold,) = best_thresholds(truth[:, None], sure[:, None])
    known = ~np.isnan(truth)
    if len(np.unique(truth[known])) < 2:
        assert np.isnan(threshold)
        return
    reached = f1(truth, sure, threshold)
    for other in np.unique(sure[known]):
        assert f1(truth, sure, other) <= reached
        if f1(truth, sure, other) == reached:
            assert (sure[known] >= threshold).sum() <= (sure[known] >= other).sum()


def test_it_lies_half_way_between_probabilities() -> None:
    truth = np.array([[1.0], [1.0], [0.0], [0.0]])
    assert best_thresholds(truth, np.array([[0.9], [0.6], [0.2], [0.1]])) == pytest.approx([0.4])
    # All are present: half-way to nothing.
    truth[2] = 1
    assert best_thresholds(truth, np.array([[0.9], [0.2], [0.4], [0.3]])) == pytest.approx([0.1])
    # Two thresholds of F1 2/3: the higher.
    truth[2] = 0
    assert best_thresholds(truth, np.array([[0.9], [0.2], [0.3], [0.4]])) == pytest.approx([0.65])


def test_scores_equal_scikit_learns() -> None:
    random = np.random.default_rng(0)
    truth = (random.random((200, 4)) < 0.3).astype(float)
    sure = np.clip(0.3 * truth + random.random((200, 4)) * 0.7, 0, 1)
    thresholds = best_thresholds(truth, sure)
    scores = score_labels(truth, sure, thresholds)
    for i, score in enumerate(scores):
        precision, recall, f, _ = precision_recall_fscore_support(
            truth[:, i], sure[:, i] >= thresholds[i], average="binary"
        )
        assert (score.precision, score.recall, score.f1) == pytest.approx((precision, recall, f))
        assert score.positives == truth[:, i].sum()
        assert score.correct <= min(score.predicted, score.positives)


def test_what_is_unknown_or_never_there() -> None:
    truth = np.array([[np.nan, 0.0, 1.0], [1.0, 0.0, np.nan], [0.0, np.nan, 1.0]])
    sure = np.array([[0.9, 0.9, 0.1], [0.8, 0.2, 0.9], [0.7, 0.9, 0.2]])
    first, second, third = score_labels(truth, sure, [0.75, 0.5, 0.5])
    assert (first.correct, first.predicted, first.positives, first.known) == (1, 1, 1, 2)
    assert (second.f1, second.recall, second.precision, second.predicted) == (None, None, 0.0, 1)
    assert (third.f1, third.recall, third.precision) == (0.0, 0.0, None)
