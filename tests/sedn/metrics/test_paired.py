"""Paired differences of AUC: as right as they say, and never sure of what was not measured."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from benchmarks.paired import (
    AREAS,
    COMMON,
    MEAN_AREAS,
    PREVALENCE,
    SIZES,
    draw_scores,
    draw_truth,
    label_coverage,
    mean_coverage,
)
from sedn.metrics import auc, compare_paired, holm, paired_difference, paired_label_differences
from tests.sedn.metrics.cases import dependent_labels, scored


@given(scored(), st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_whatever_the_data_the_interval_holds_the_difference_and_agrees_with_p(
    case: tuple[np.ndarray, np.ndarray], seed: int, of_first: int, of_second: int
) -> None:
    targets, scores = case
    rng = np.random.default_rng(seed)
    first = [scores] * of_first
    second = [rng.permutation(scores) for _ in range(of_second)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare_paired(targets, first, second)
        swapped = compare_paired(targets, second, first)
    for some, turned in ((found.labels, swapped.labels), (found.mean, swapped.mean)):
        known = ~np.isnan(some.value)
        assert (np.isnan(some.low) == ~known).all()
        assert (np.isnan(some.p) == ~known).all()
        low, high, value, p = (a[known] for a in (some.low, some.high, some.value, some.p))
        assert (low <= value).all()
        assert (value <= high).all()
        # Nothing is known exactly.
        assert (high - low > 1e-6).all()
        inside = (low > -1) & (high < 1)
        excludes = (low > 0) | (high < 0)
        assert ((p < 0.05) == excludes)[inside & (np.abs(p - 0.05) > 1e-9)].all()
        np.testing.assert_allclose(turned.value[known], -value, atol=1e-12)
        np.testing.assert_allclose(turned.p[known], p, atol=1e-9)
    assert (np.isnan(found.first) == np.isnan(auc(targets, scores).labels)).all()


def test_with_many_images_the_interval_is_delongs() -> None:
    targets, scores = dependent_labels(4000, 3)
    other = scores + np.random.default_rng(1).normal(size=scores.shape)
    found = compare_paired(targets, [scores], [other])
    value, error = paired_label_differences(targets, scores, other)
    np.testing.assert_allclose(found.labels.value, value, atol=1e-12)
    half = (found.labels.high - found.labels.low) / 2
    np.testing.assert_allclose(half, 1.96 * error, rtol=0.01)
    mean, of_mean = paired_difference(auc(targets, scores), auc(targets, other))
    assert found.mean.value[0] == pytest.approx(mean, abs=1e-12)
    assert found.mean.high[0] - mean == pytest.approx(1.96 * of_mean, rel=0.01)


@pytest.mark.parametrize("positives", [1, 2, 5, 10, 50])
def test_two_models_without_an_error_may_differ_by_what_few_images_cannot_tell(
    positives: int,
) -> None:
    targets = np.zeros((positives + 90, 2))
    targets[:positives] = 1
    scores = targets + 0.1 * np.random.default_rng(0).random(targets.shape)
    found = compare_paired(targets, [scores], [targets])
    assert (found.labels.value == 0).all()
    for some in (found.labels, found.mean):
        assert (some.high > 0.4 / (positives + 5)).all()
        np.testing.assert_allclose(some.low, -some.high)
        assert (some.p == 1).all()


def test_images_of_one_group_are_one_draw() -> None:
    """Each image ten times over says no more than once."""
    targets, scores = dependent_labels(60, 3)
    other = scores + np.random.default_rng(1).normal(size=scores.shape)
    once = compare_paired(targets, [scores], [other])
    ten = [np.repeat(a, 10, axis=0) for a in (targets, scores, other)]
    grouped = compare_paired(ten[0], [ten[1]], [ten[2]], np.repeat(np.arange(60), 10))
    naive = compare_paired(ten[0], [ten[1]], [ten[2]])
    assert (once.units, grouped.units, naive.units) == (60, 60, 600)
    np.testing.assert_allclose(grouped.labels.value, once.labels.value, atol=1e-12)
    for found, known in ((grouped.labels, once.labels), (grouped.mean, once.mean)):
        np.testing.assert_allclose(found.high - found.low, known.high - known.low, rtol=0.1)
    assert (naive.labels.high - naive.labels.low < 0.5 * (once.labels.high - once.labels.low)).all()
    alone = compare_paired(targets, [scores], [other], np.arange(60))
    np.testing.assert_allclose(alone.labels.low, once.labels.low, atol=1e-12)


def test_seeds_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    targets, scores = dependent_labels(2000, 2)
    alike = [scores + 0.01 * rng.normal(size=scores.shape) for _ in range(3)]
    apart = [scores + far * targets for far in (-1.0, 0.0, 1.0)]
    for other in (alike, alike[:1]):
        narrow, wide = compare_paired(targets, alike, other), compare_paired(targets, apart, other)
        assert (wide.mean.high - wide.mean.low > 5 * (narrow.mean.high - narrow.mean.low)).all()
        assert (wide.labels.p > 0.05).all()


def test_holm_is_as_by_hand() -> None:
    given_p = [0.01, np.nan, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(holm(given_p), [0.03, np.nan, 0.06, 0.06, 0.02])
    assert holm([]).shape == (0,)
    assert (holm([0.9, 0.8]) == 1).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_is_stricter_than_what_bounds_false_discoveries(
    values: list[float],
) -> None:
    adjusted = holm(values)
    order = np.argsort(values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= false_discovery_control(values) - 1e-12).all()


# About how far the share of 2,000 sets may lie from the truth, three standard errors.
CHANCE = 0.015


@pytest.mark.slow
@pytest.mark.parametrize("common", COMMON)
@pytest.mark.parametrize("areas", AREAS)
@pytest.mark.parametrize("size", SIZES)
def test_the_interval_of_a_label_holds_the_truth_as_often_as_it_says(
    size: tuple[int, int], areas: tuple[float, float], common: float
) -> None:
    found = label_coverage(size, areas, common)
    # The lowest of all, 0.93, is at 50 positives and AUCs of 0.99 and 0.95.
    assert found.covered > 0.93 - CHANCE / 3
    # Few wrong images say little: then it is wider than it has to be.
    if min(size) * (1 - max(areas)) >= 5:
        assert found.covered < 0.97


@pytest.mark.slow
@pytest.mark.parametrize("areas", AREAS)
@pytest.mark.parametrize("size", SIZES)
def test_so_it_does_over_seeds(size: tuple[int, int], areas: tuple[float, float]) -> None:
    for seeds in (2, 5):
        assert label_coverage(size, areas, 0.5, seeds).covered > 0.93


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("areas", MEAN_AREAS)
@pytest.mark.parametrize(("images", "prevalence"), PREVALENCE)
def test_the_interval_of_the_mean_holds_the_truth_as_often_as_it_says(
    images: int, prevalence: float, areas: tuple[float, float], seeds: int
) -> None:
    assert mean_coverage((images, prevalence), areas, 0.5, seeds, sets=600).covered > 0.93


@pytest.mark.slow
def test_where_no_label_differs_one_is_said_to_in_one_of_twenty_sets_at_most() -> None:
    rng = np.random.default_rng(31)
    wrong = 0
    for _ in range(1000):
        targets = draw_truth(rng, 200, 0.2)
        first, second = draw_scores(rng, targets, (0.8, 0.8), 0.5, 1, shared_by_labels=0.5)
        wrong += bool((compare_paired(targets, first, second).adjusted < 0.05).any())
    assert wrong / 1000 < 0.05 + CHANCE
