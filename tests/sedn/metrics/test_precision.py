import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import average_precision_score

from sedn.metrics import average_precision
from tests.sedn.metrics.cases import scored


@given(scored())
@settings(max_examples=300, deadline=None)
def test_average_precision_equals_scikit_learns(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, scores = case
    ours = average_precision(targets, scores)
    for label in range(targets.shape[1]):
        known = ~np.isnan(targets[:, label])
        truth = targets[known, label]
        if not truth.any():
            assert np.isnan(ours[label])
        else:
            expected = average_precision_score(truth, scores[known, label].astype(np.float64))
            assert ours[label] == pytest.approx(expected, abs=1e-12)


def test_a_small_case_by_hand() -> None:
    targets = np.array([[1, 0, 1, 0, 1.0]]).T
    scores = np.array([[0.9, 0.8, 0.7, 0.7, 0.1]]).T
    assert average_precision(targets, scores)[0] == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)
