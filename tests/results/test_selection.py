"""Who may be the best, what fresh images will show of the first, and how often that is right."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.selection import (
    PROBABILITY_SPREADS,
    Case,
    cells,
    interval_coverage,
    judge,
    mean_aucs,
    probability_cases,
    said_and_true,
)
from results.ranking.confidence_set import is_far_below, lower_bounds, may_be_best
from results.ranking.errors import Errors, estimate
from results.ranking.probability import probability_best
from results.ranking.winner import largest_of, winner
from sedn.metrics import auc


def alike(many: int, error: float, shared: float = 0.5, freedom: float = 100.0) -> Errors:
    """The errors of configurations that resemble each other."""
    covariance = error**2 * (shared + (1 - shared) * np.eye(many))
    return Errors(covariance, freedom, freedom, np.zeros(many), float("inf"))


@st.composite
def contests(draw: st.DrawFn) -> tuple[np.ndarray, Errors]:
    """Values and errors as trainings on the same images have them."""
    many, images = draw(st.integers(1, 8)), draw(st.integers(2, 30))
    seeds = draw(st.integers(1, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.0, 0.001, 0.05]))
    influences = random.normal(size=(many * seeds, images)) * scale / images
    values = np.clip(
        draw(st.sampled_from([0.6, 1.0])) + 0.1 * random.normal(size=many * seeds), 0, 1
    )
    owners = np.arange(many * seeds) // seeds
    return estimate(values, influences, owners, draw(st.integers(1, 20)))


@given(contests())
@settings(max_examples=100, deadline=None)
def test_whatever_is_compared_the_first_may_be_the_best(case: tuple[np.ndarray, Errors]) -> None:
    values, errors = case
    first = int(np.argmax(values))
    inside = may_be_best(values, errors)
    assert inside[first]
    # What lies below what is out is out, where the errors are equal.
    assert not (is_far_below(values, errors) & inside).any()
    bounds = lower_bounds(values, errors, 0)
    assert (bounds <= values - values[0] + 1e-12).all()
    assert bounds[0] <= 0
    probabilities = probability_best(values, errors, 200)
    assert probabilities.sum() == pytest.approx(1)
    expected = winner(values, errors)
    if expected is None:
        assert not np.diag(errors.covariance)[~is_far_below(values, errors)].any()
    else:
        assert 0 <= expected.low <= expected.expected <= expected.high <= 1
        assert expected.optimism >= -1e-9


def test_equal_ones_stay_and_one_far_below_goes() -> None:
    values = np.array([0.9, 0.9, 0.9, 0.7])
    assert may_be_best(values, alike(4, 0.01)).tolist() == [True, True, True, False]
    assert (lower_bounds(values, alike(4, 0.01), 3)[:3] > 0.15).all()
    assert (lower_bounds(values, alike(4, 0.01), 0) <= 0).all()


def test_what_images_share_makes_small_differences_sure() -> None:
    values = np.array([0.90, 0.88])
    assert may_be_best(values, alike(2, 0.02, shared=0.1)).tolist() == [True, True]
    assert may_be_best(values, alike(2, 0.02, shared=0.95)).tolist() == [True, False]


def test_the_more_are_compared_the_larger_a_difference_must_be() -> None:
    few = np.array([0.9, 0.871])
    assert not may_be_best(few, alike(2, 0.015))[1]
    many = np.append(np.full(200, 0.9), 0.871)
    assert may_be_best(many, alike(201, 0.015))[-1]


def test_values_of_one_without_an_error_are_level() -> None:
    values = np.ones(3)
    errors = alike(3, 0.0)
    assert may_be_best(values, errors).all()
    assert winner(values, errors) is None
    assert probability_best(values, errors) == pytest.approx([1 / 3] * 3)


def test_one_alone_owes_nothing_to_a_choice() -> None:
    expected = winner(np.array([0.9]), alike(1, 0.02))
    assert expected is not None
    assert expected.optimism == pytest.approx(0, abs=1e-9)
    assert expected.high - expected.low == pytest.approx(2 * 1.984 * 0.02, rel=0.05)


def test_the_first_of_equals_is_drawn_to_their_mean_and_one_far_ahead_is_not() -> None:
    random = np.random.default_rng(5)
    level = 0.8 + 0.01 * random.normal(size=50)
    expected = winner(level, alike(50, 0.01, shared=0.0))
    assert expected is not None
    assert expected.expected == pytest.approx(0.8, abs=0.006)
    ahead = winner(np.append(level, 0.9), alike(51, 0.01, shared=0.0))
    assert ahead is not None
    assert ahead.expected == pytest.approx(0.9, abs=0.001)


def test_the_largest_of_many_normal_numbers() -> None:
    assert largest_of(1) == pytest.approx(0, abs=1e-9)
    assert largest_of(2) == pytest.approx(1 / np.sqrt(np.pi))
    assert largest_of(10) == pytest.approx(1.53875, abs=1e-4)


def test_seeds_add_their_spread_and_share_the_images() -> None:
    images = np.random.default_rng(0).normal(size=200) * 0.01
    values = np.array([0.88, 0.92, 0.80])
    influences = np.stack([images, images, images])
    means, errors = estimate(values, influences, np.array([0, 0, 1]), 50)
    assert means == pytest.approx([0.9, 0.8])
    assert errors.over_images == pytest.approx(np.full((2, 2), (images**2).sum()))
    # Of the one training of the second nothing is known but what it is.
    assert errors.over_seeds == pytest.approx([0.0004 * 2 / 2, 0.0])
    assert errors.seed_freedom == 1


def test_many_rows_at_once_have_the_aucs_of_each() -> None:
    random = np.random.default_rng(1)
    targets = random.permuted(np.arange(40)[:, None] < np.full((40, 8), 6), axis=0)
    scores = random.normal(size=(3, 40, 8))
    means, influences = mean_aucs(targets, scores)
    for row in range(3):
        estimated = auc(targets.astype(float), scores[row])
        assert means[row] == pytest.approx(estimated.mean)
        assert influences[row] == pytest.approx(estimated.influence)


@pytest.mark.parametrize("positives", [5, 50])
def test_noise_has_nothing_that_is_better_than_the_baseline(positives: int) -> None:
    """Every label's truth is drawn without regard to the scores: whatever leads does so by luck."""
    found = judge(Case(positives, 0.5, images=150, configurations=20, sets=80))
    assert found.better <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 80)
    assert found.holds_best >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 80)
    assert found.estimated == pytest.approx(found.optimism, rel=0.35)


SETS = 400
SLACK = 2 * np.sqrt(0.05 * 0.95 / SETS)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_what_is_said_of_a_ranking_is_as_right_as_it_says(seeds: int, spread: float) -> None:
    for case in cells(SETS):
        if case.seeds == seeds:
            check(replace(case, spread=spread))


def check(case: Case) -> None:
    found = judge(case)
    assert found.holds_best >= 0.93 - SLACK
    assert found.better <= 0.07 + SLACK
    # Near 1 and with few positives the error itself is underestimated.
    assert found.covered >= (0.88 if case.area > 0.9 and case.positives < 50 else 0.93) - SLACK
    if case.spread == 0 and case.positives == 50 and case.seeds == 1 and case.area < 0.99:
        # Equals are where the set holds the best no more often than it is asked to.
        assert found.holds_best <= 0.97 + SLACK


@pytest.mark.slow
@pytest.mark.parametrize("labels", [1, 8])
def test_intervals_of_one_and_of_several_seeds_hold_the_truth(labels: int) -> None:
    for case in cells(2000):
        slack = 2 * np.sqrt(0.05 * 0.95 / 2000)
        covered = interval_coverage(replace(case, configurations=1, labels=labels))
        assert covered >= 0.93 - slack
        if case.seeds == 1:
            assert covered <= 0.98 + slack


@pytest.mark.slow
def test_probabilities_to_be_the_best_are_calibrated() -> None:
    assert len(PROBABILITY_SPREADS) == 5
    for case in cells(1):
        for said, true, number in said_and_true(probability_cases(case, 60)):
            assert true == pytest.approx(said, abs=0.1 + 2 * np.sqrt(0.25 / max(number, 1)))
