"""Who may be the best, what fresh images will show of the first, and how often that is right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import confirmation
from benchmarks.drawn_rankings import Case, draw, mean_aucs
from benchmarks.kept_cells import KeptCells
from benchmarks.selection import (
    PROBABILITY_SPREADS,
    cells,
    interval_coverage,
    judge_called,
    judge_luck,
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
    return Errors(covariance, freedom, freedom, np.zeros(many), float("inf"), np.zeros(many))


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
    order = random.permuted(np.tile(np.arange(40), (8, 1)), axis=1)
    drawn = random.normal(size=(3, 8, 40)).astype(np.float32)
    means, influences = mean_aucs(order, drawn, 6)
    for row in range(3):
        targets, scores = np.zeros((40, 8)), np.zeros((40, 8))
        for label, images in enumerate(order):
            targets[images[:6], label] = 1
            scores[images, label] = drawn[row, label]
        estimated = auc(targets, scores)
        assert means[row] == pytest.approx(estimated.mean)
        assert influences[row] == pytest.approx(estimated.influence)


def test_a_simulation_that_was_ended_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    path, made = tmp_path / "cells.jsonl", []

    def simulate() -> list[float]:
        made.append(1)
        return [0.1, float("nan"), 1 / 3]

    first = KeptCells(path).get("a cell", simulate)
    again = KeptCells(path).get("a cell", simulate)
    assert again == pytest.approx(first, nan_ok=True, abs=0)
    assert len(made) == 1
    path.write_text(path.read_text() + '{"cell": "anot')
    KeptCells(path).get("another", simulate)
    assert len(made) == 2
    assert KeptCells(path).get("another", simulate) == pytest.approx(first, nan_ok=True)
    assert len(made) == 2


@pytest.mark.parametrize("positives", [5, 50])
def test_noise_has_nothing_that_is_better_than_the_baseline(positives: int) -> None:
    """Every label's truth is drawn without regard to the scores: whatever leads does so by luck."""
    case = Case(positives, 0.5, images=150, configurations=20, sets=80)
    sets = list(draw(case))
    called, luck = judge_called(sets), judge_luck(sets)
    assert called.better <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 80)
    assert called.holds_best >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 80)
    assert luck.estimated == pytest.approx(luck.optimism, rel=0.35)


SETS = 100


def slack(sets: int, share: float = 0.05) -> float:
    """How far a share that is right may lie from what it should be: three standard errors."""
    return float(3 * np.sqrt(share * (1 - share) / sets))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_what_is_said_of_a_ranking_is_as_right_as_it_says(seeds: int, spread: float) -> None:
    for cell in cells(SETS):
        if cell.seeds != seeds:
            continue
        case = replace(cell, spread=spread)
        sets = list(draw(case))
        called, luck = judge_called(sets), judge_luck(sets)
        assert called.holds_best >= 0.95 - slack(SETS), case
        assert called.better <= 0.05 + slack(SETS), case
        assert luck.covered >= 0.93 - slack(SETS), case
        if spread == 0 and case.positives == 50 and seeds == 1 and case.area < 0.99:
            # The set holds each of equals as often as it is asked to hold the best.
            assert called.size <= 0.98, case


@pytest.mark.slow
@pytest.mark.parametrize("labels", [1, 8])
def test_intervals_of_one_and_of_several_seeds_hold_the_truth(labels: int) -> None:
    for cell in cells(1000):
        case = replace(cell, configurations=1, labels=labels)
        sets = list(draw(case))
        covered = interval_coverage(case, sets)
        assert covered >= 0.93 - slack(1000), case
        if case.seeds > 1 and labels > 1:
            covered = interval_coverage(case, sets, from_images=True)
            assert covered >= 0.93 - slack(1000), case
        if case.seeds == 1 or labels > 1:
            assert covered <= 0.98 + slack(1000, 0.02), case


@pytest.mark.slow
def test_probabilities_to_be_the_best_are_calibrated() -> None:
    assert len(PROBABILITY_SPREADS) == 5
    for case in cells(1):
        for said, true, number in said_and_true(probability_cases(case, 40)):
            assert not number or abs(true - said) <= 0.08 + slack(number, 0.25), (case, said)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, confirmation.APART])
def test_a_confirmation_is_as_right_as_it_says(spread: float) -> None:
    for cell in confirmation.cells(SETS, (5, 10, 50)):
        told = confirmation.judge(replace(cell, spread=spread))
        # Four intervals of a set share its images: their mean is no better known than one.
        assert told.mean >= 0.93 - slack(SETS), cell
        assert told.gains >= 0.95 - slack(SETS), cell
        assert told.wrong <= 0.05 + slack(SETS), cell


@given(contests(), st.sampled_from([1, 3, 50, 3000, 100_000]))
@settings(max_examples=60, deadline=None)
def test_what_is_counted_and_not_compared_makes_nothing_surer(
    case: tuple[np.ndarray, Errors], others: int
) -> None:
    values, errors = case
    alone, among = may_be_best(values, errors), may_be_best(values, errors, others)
    assert (among | ~alone).all(), "one more may be the best where more are counted"
    bounds = lower_bounds(values, errors, 0)
    assert (lower_bounds(values, errors, 0, others) <= bounds + 1e-12).all()


@pytest.mark.parametrize("compared", [12, 60])
def test_the_leaders_of_many_equals_are_not_called_better_than_one_of_them(compared: int) -> None:
    """All are worth the same, and those with the highest values alone are compared."""
    many, sets = 600, 200
    random = np.random.default_rng(3)
    better, refuted = 0, 0
    for values in 0.8 + 0.01 * random.normal(size=(sets, many)):
        # The first is as any other, and compared whatever its value.
        leading = [0, *(np.argsort(-values[1:])[: compared - 1] + 1)]
        errors = alike(compared, 0.01, shared=0.0, freedom=1e6)
        others = many - compared
        better += (lower_bounds(values[leading], errors, 0, others) > 0).any()
        refuted += not may_be_best(values[leading], errors, others)[0]
    assert better <= 0.09 * sets
    assert refuted <= 0.09 * sets
