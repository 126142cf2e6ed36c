"""Intervals of the AUC: within 0 and 1, defined at both, and as right as they say."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coverage import (
    AREAS,
    LABELS,
    MEAN_AREAS,
    MEAN_SETS,
    MEANS,
    POSITIVES,
    SETS,
    Coverage,
    label_coverage,
    mean_coverage,
)
from sedn.metrics import auc, auc_interval, estimate_interval, label_intervals, mean_interval
from tests.sedn.metrics.cases import dependent_labels, scored

share = st.floats(0, 1) | st.sampled_from([0.0, 1.0])
count = st.integers(1, 2000)


@given(share, st.floats(0, 0.7), count, count, st.floats(0.5, 0.999))
@settings(max_examples=200, deadline=None)
def test_an_interval_holds_its_auc_within_0_and_1(
    area: float, stderr: float, positives: int, negatives: int, level: float
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        label = auc_interval(area, stderr, positives, negatives, level)
        mean = mean_interval(area, stderr, [positives] * 3, [negatives] * 3, level)
        wider = auc_interval(area, stderr, positives, negatives, (1 + level) / 2)
    for low, high in (label, mean):
        assert 0 <= low <= area + 1e-9
        assert area - 1e-9 <= high <= 1
        # However well an AUC was estimated, images tell no more than they can.
        assert high - low > 0 or stderr > 0
    assert label[1] - label[0] > 0
    assert wider[0] <= label[0] + 1e-9
    assert wider[1] >= label[1] - 1e-9


@given(share, share, count, count)
@settings(max_examples=100, deadline=None)
def test_neither_class_nor_the_order_is_favoured(
    part: float, of_most: float, positives: int, negatives: int
) -> None:
    area = round(part * 2 * positives * negatives) / (2 * positives * negatives)
    # No images have a larger error.
    most = area * (1 - area) * (1 / max(positives - 1, 1) + 1 / max(negatives - 1, 1))
    stderr = of_most * np.sqrt(most)
    interval = auc_interval(area, stderr, positives, negatives)
    other_class = auc_interval(area, stderr, negatives, positives)
    np.testing.assert_allclose(other_class, interval, atol=1e-9)
    reversed_scores = auc_interval(1 - area, stderr, positives, negatives)
    np.testing.assert_allclose(1 - reversed_scores[::-1], interval, atol=1e-7)


@given(scored())
@settings(max_examples=100, deadline=None)
def test_a_label_has_an_interval_where_it_has_an_auc(case: tuple[np.ndarray, np.ndarray]) -> None:
    estimate = auc(*case)
    intervals = label_intervals(estimate)
    assert (np.isnan(intervals).any(axis=1) == np.isnan(estimate.labels)).all()
    assert np.isnan(estimate_interval(estimate)).any() == np.isnan(estimate.mean)


def test_separated_classes_have_an_interval_of_their_size() -> None:
    widths = []
    for positives in (1, 5, 10, 30, 300):
        low, high = auc_interval(1.0, 0.0, positives, 900)
        assert high == 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert 0.1 < widths[1] < 0.3
    assert widths[-1] < 0.01


def test_many_images_have_delongs_interval() -> None:
    estimate = auc(*dependent_labels(20_000, 3))
    expected = estimate.labels_stderr * 2 * 1.959964
    low, high = label_intervals(estimate).T
    np.testing.assert_allclose(high - low, expected, rtol=0.02)
    low, high = estimate_interval(estimate)
    assert high - low == pytest.approx(estimate.mean_stderr * 2 * 1.959964, rel=0.02)


def test_an_unknown_error_is_not_an_error_of_nothing() -> None:
    assert np.isnan(auc_interval(0.9, float("nan"), 5, 95)).all()
    assert np.isnan(mean_interval(0.9, float("nan"), [5, 6], [95, 94])).all()
    assert np.isnan(auc_interval(float("nan"), 0.1, 5, 95)).all()
    assert np.isnan(auc_interval(0.9, 0.1, 0, 95)).all()


def check(coverage: Coverage, sets: int, true: float) -> None:
    """Between 93 and 97 %, give or take two standard errors of the simulation; at 1, at least 95,
    as only the low end can miss.
    """
    slack = 2 * np.sqrt(0.05 * 0.95 / sets)
    assert coverage.covered >= (0.95 if true == 1 else 0.93 - slack)
    assert coverage.covered <= (1 if true == 1 else 0.97 + slack)
    assert coverage.least >= 0
    assert coverage.greatest <= 1


def test_few_positives_and_separated_classes_are_covered() -> None:
    for positives, negatives, area in ((5, 95, 0.97), (5, 95, 0.995), (5, 95, 1.0), (10, 90, 0.6)):
        check(label_coverage(positives, negatives, area, sets=2000), 2000, area)


@pytest.mark.slow
def test_labels_are_covered_from_five_positives_on() -> None:
    for positives, negatives in POSITIVES:
        for area in AREAS:
            check(label_coverage(positives, negatives, area), SETS, area)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_classes_of_unequal_spread_are_nearly_covered(spread: float) -> None:
    for positives, negatives in POSITIVES:
        for area in (0.6, 0.9, 0.97, 0.995):
            coverage = label_coverage(positives, negatives, area, 3000, spread)
            assert coverage.covered > 0.89
            assert coverage.covered > coverage.delong_covered - 0.01


@pytest.mark.slow
@pytest.mark.parametrize(("images", "prevalence"), MEANS)
def test_the_mean_over_correlated_labels_is_covered(images: int, prevalence: float) -> None:
    assert LABELS == 8
    for area in MEAN_AREAS:
        check(mean_coverage(images, prevalence, area), MEAN_SETS, area)
