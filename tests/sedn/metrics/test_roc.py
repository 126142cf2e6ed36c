import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import roc_auc_score

from sedn.metrics import (
    auc,
    label_influences,
    paired_difference,
    paired_label_differences,
)
from tests.sedn.metrics.cases import dependent_labels, scored


@given(scored())
@settings(max_examples=300, deadline=None)
def test_auc_equals_scikit_learns(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, scores = case
    estimate = auc(targets, scores)
    for label in range(targets.shape[1]):
        known = ~np.isnan(targets[:, label])
        truth = targets[known, label]
        if len(np.unique(truth)) < 2:
            assert np.isnan(estimate.labels[label])
        else:
            expected = roc_auc_score(truth, scores[known, label].astype(np.float64))
            assert estimate.labels[label] == pytest.approx(expected, abs=1e-12)
    defined = estimate.labels[~np.isnan(estimate.labels)]
    if len(defined):
        assert estimate.mean == pytest.approx(defined.mean(), abs=1e-12)
    else:
        assert np.isnan(estimate.mean)
        assert np.isnan(estimate.mean_stderr)


@given(scored())
@settings(max_examples=200, deadline=None)
def test_standard_errors_equal_delongs_written_out(case: tuple[np.ndarray, np.ndarray]) -> None:
    targets, scores = case
    estimate = auc(targets, scores)
    for label in range(targets.shape[1]):
        x = scores[targets[:, label] == 1, label].astype(float)
        y = scores[targets[:, label] == 0, label].astype(float)
        if min(len(x), len(y)) < 2:
            assert np.isnan(estimate.labels_stderr[label])
            continue
        won = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        variance = won.mean(1).var(ddof=1) / len(x) + won.mean(0).var(ddof=1) / len(y)
        assert estimate.labels_stderr[label] == pytest.approx(np.sqrt(variance), abs=1e-12)


@given(scored())
@settings(max_examples=100, deadline=None)
def test_influence_sums_to_nothing_and_reversal_mirrors(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    targets, scores = case
    labels, influences = label_influences(targets, scores)
    np.testing.assert_allclose(influences.sum(axis=0), 0, atol=1e-7)
    mirrored, mirrored_influences = label_influences(targets, -scores)
    np.testing.assert_allclose(mirrored, 1 - labels, atol=1e-12)
    np.testing.assert_allclose(mirrored_influences, -influences, atol=1e-7)


def test_the_mean_of_one_label_has_the_labels_error() -> None:
    targets, scores = dependent_labels(200, 1)
    estimate = auc(targets, scores)
    assert estimate.mean_stderr == pytest.approx(estimate.labels_stderr[0], rel=1e-12)


def test_a_label_twice_has_the_error_of_once() -> None:
    targets, scores = dependent_labels(300, 1)
    once = auc(targets, scores)
    twice = auc(np.hstack([targets, targets]), np.hstack([scores, scores]))
    assert twice.mean_stderr == pytest.approx(once.mean_stderr, rel=1e-12)


def test_the_means_error_agrees_with_a_bootstrap_over_images() -> None:
    targets, scores = dependent_labels(600, 6)
    estimate = auc(targets, scores)
    means = bootstrap(600, lambda rows: auc(targets[rows], scores[rows]).mean)
    assert estimate.mean_stderr == pytest.approx(means.std(), rel=0.1)
    independent = np.sqrt(np.square(estimate.labels_stderr).sum()) / 6
    assert estimate.mean_stderr > 1.2 * independent


def test_the_paired_error_agrees_with_a_bootstrap_over_images() -> None:
    targets, scores = dependent_labels(600, 4)
    noise = np.random.default_rng(7).normal(size=scores.shape)
    other = scores + 0.5 * noise
    difference, stderr = paired_difference(auc(targets, scores), auc(targets, other))
    assert difference == auc(targets, scores).mean - auc(targets, other).mean

    def drawn(rows: np.ndarray) -> float:
        return auc(targets[rows], scores[rows]).mean - auc(targets[rows], other[rows]).mean

    assert stderr == pytest.approx(bootstrap(600, drawn).std(), rel=0.1)
    unpaired = np.hypot(auc(targets, scores).mean_stderr, auc(targets, other).mean_stderr)
    assert stderr < 0.7 * unpaired


def test_paired_labels_of_one_label_equal_the_paired_mean() -> None:
    targets, scores = dependent_labels(150, 1)
    other = scores[::-1].copy()
    difference, stderr = paired_label_differences(targets, scores, other)
    expected = paired_difference(auc(targets, scores), auc(targets, other))
    assert (difference[0], stderr[0]) == pytest.approx(expected, rel=1e-12)


def test_a_model_against_itself_differs_by_exactly_nothing() -> None:
    targets, scores = dependent_labels(80, 3)
    assert paired_difference(auc(targets, scores), auc(targets, scores)) == (0.0, 0.0)


def test_unknown_targets_take_no_part() -> None:
    targets, scores = dependent_labels(120, 2)
    targets[::3, 1] = np.nan
    known = ~np.isnan(targets[:, 1])
    alone = auc(targets[known, 1:], scores[known, 1:])
    estimate = auc(targets, scores)
    assert estimate.labels[1] == alone.labels[0]
    assert estimate.labels_stderr[1] == pytest.approx(alone.labels_stderr[0], rel=1e-12)


def test_a_label_of_one_class_is_left_out_of_the_mean_without_a_warning() -> None:
    targets = np.array([[1, 0], [0, 0], [1, 0], [0, 0.0]])
    scores = np.array([[0.9, 1], [0.1, 2], [0.8, 3], [0.2, 4.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate = auc(targets, scores)
        nothing = auc(targets[:, 1:], scores[:, 1:])
    assert estimate.mean == 1.0
    assert np.isnan(estimate.labels[1])
    assert np.isnan(nothing.mean)
    assert np.isnan(nothing.influence).all()


def test_one_positive_has_an_auc_without_an_error() -> None:
    estimate = auc(np.array([[1], [0], [0.0]]), np.array([[0.5], [0.1], [0.9]]))
    assert estimate.labels[0] == 0.5
    assert np.isnan(estimate.labels_stderr[0])
    assert np.isfinite(estimate.mean_stderr)


def test_no_images_are_no_labels() -> None:
    assert np.isnan(auc(np.zeros((0, 2)), np.zeros((0, 2))).mean)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_named(bad: float) -> None:
    scores = np.zeros((3, 2))
    scores[2, 1] = bad
    with pytest.raises(ValueError, match=r"image 2, label 1 is"):
        auc(np.zeros((3, 2)), scores)


def test_wrong_shapes_and_targets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\).*\(2, 3\)"):
        auc(np.zeros((3, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="0, 1 or NaN"):
        auc(np.full((3, 2), 2.0), np.zeros((3, 2)))


def test_estimates_of_other_images_or_labels_cannot_be_paired() -> None:
    targets, scores = dependent_labels(50, 2)
    with pytest.raises(ValueError, match="50 and 49 images"):
        paired_difference(auc(targets, scores), auc(targets[1:], scores[1:]))
    one_class = targets.copy()
    one_class[:, 1] = 0
    with pytest.raises(ValueError, match="different labels"):
        paired_difference(auc(targets, scores), auc(one_class, scores))


def bootstrap(images: int, statistic) -> np.ndarray:
    rng = np.random.default_rng(11)
    return np.array([statistic(rng.integers(0, images, images)) for _ in range(500)])
