import warnings

import numpy as np
import pytest
from hypothesis import given, settings

from sedn.metrics import auc, bootstrap_mean, bootstrap_means
from sedn.metrics.bootstrap import HELD
from tests.sedn.metrics.cases import dependent_labels, scored


def drawn(images: int, resamples: int, seed: int) -> list[np.ndarray]:
    """The images of each draw."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, images, images) for _ in range(resamples)]


@given(scored())
@settings(max_examples=100, deadline=None)
def test_weights_give_the_auc_of_the_images_drawn(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, scores = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        means = bootstrap_means(targets, scores, resamples=5, seed=4)
    expected = [auc(targets[rows], scores[rows]).mean for rows in drawn(len(targets), 5, 4)]
    np.testing.assert_allclose(means, expected, rtol=0, atol=1e-12)


def test_more_draws_than_are_held_at_a_time() -> None:
    targets, scores = dependent_labels(60_000, 1)
    assert HELD < 60_000 * 350
    means = bootstrap_means(targets, scores, resamples=350, seed=1)
    draws = drawn(60_000, 350, 1)
    for i in (0, 6, 7, 332, 333, 334, 349):
        assert means[i] == pytest.approx(auc(targets[draws[i]], scores[draws[i]]).mean, abs=1e-12)


def test_the_interval_agrees_with_the_standard_error() -> None:
    targets, scores = dependent_labels(800, 5)
    estimate = auc(targets, scores)
    low, high = bootstrap_mean(targets, scores, level=0.9)
    assert low < estimate.mean < high
    assert (high - low) / 2 == pytest.approx(1.645 * estimate.mean_stderr, rel=0.15)
    wider = bootstrap_mean(targets, scores, level=0.99)
    assert wider[0] < low < high < wider[1]


def test_seeds_decide_the_draws() -> None:
    case = dependent_labels(50, 2)
    assert bootstrap_mean(*case, resamples=20) == bootstrap_mean(*case, resamples=20)
    assert bootstrap_mean(*case, resamples=20) != bootstrap_mean(*case, resamples=20, seed=1)


def test_labels_of_one_class_have_no_interval() -> None:
    targets = np.zeros((6, 2))
    assert np.isnan(bootstrap_mean(targets, targets, resamples=5)).all()
    assert np.isnan(bootstrap_mean(targets[:0], targets[:0], resamples=5)).all()
