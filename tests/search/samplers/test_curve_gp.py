"""The Gaussian process over configurations and epochs."""

import math
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial, TrialState, create_trial
from scipy.integrate import quad
from scipy.stats import norm, spearmanr

from search.samplers.candidates import draw_candidates
from search.samplers.choosing import check_sampler, make_samplers
from search.samplers.curve_gp import log_improvement
from search.samplers.curve_model import Observations, predict_last
from search.samplers.distributions import all_axes
from search.samplers.encoding import Encoding
from search.settings import SearchSettings
from sedn.errors import UserError
from spaces import Space
from tests.search.histories import CONDITIONAL, FINITE, FINITE_CONDITIONAL, FLAT, space_of

SPACES = [space_of(text) for text in (CONDITIONAL, FINITE, FINITE_CONDITIONAL, FLAT)]
EPOCHS = 9


def points(space: Space, n: int, seed: int = 0) -> list[dict[str, Any]]:
    return draw_candidates(space, (), (), np.random.default_rng(seed))[:n]


class TestEncoding:
    @pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
    def test_distinct_points_have_distinct_vectors_from_0_to_1(self, space: Space) -> None:
        drawn = points(space, 100)
        vectors = Encoding(space).encode(drawn)
        assert vectors.min() >= 0
        assert vectors.max() <= 1
        assert len({tuple(one) for one in vectors}) == len(drawn)

    def test_an_axis_that_is_not_active_differs_from_each_of_its_values(self) -> None:
        space = space_of(FINITE_CONDITIONAL)
        conditional = next(axis for axis in space.axes if axis.when)
        drawn = points(space, 300)
        vectors = Encoding(space).encode(drawn)
        is_there = np.array([conditional.path in point for point in drawn])
        assert is_there.any()
        assert not is_there.all()
        # One feature tells the two apart.
        assert (vectors == is_there[:, None]).all(axis=0).any()


class TestCandidates:
    @pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
    def test_every_candidate_is_a_point_of_the_space(self, space: Space) -> None:
        good = points(space, 3)
        for point in draw_candidates(space, good, good, np.random.default_rng(1)):
            assert point not in good
            assert space.sample(FixedTrial(point)) == point

    def test_a_finite_space_comes_to_its_end(self) -> None:
        space = space_of(FINITE)
        everything = points(space, 1000)
        assert len(everything) == space.points()
        assert draw_candidates(space, (), everything, np.random.default_rng(1)) == []
        left = draw_candidates(space, (), everything[1:], np.random.default_rng(1))
        assert left == everything[:1]


class TestLogImprovement:
    @settings(max_examples=60, deadline=None)
    @given(z=st.floats(-30, 30), deviation=st.floats(1e-4, 1e2))
    def test_is_the_logarithm_of_the_integral(self, z: float, deviation: float) -> None:
        got = log_improvement(np.array([z * deviation]), np.array([deviation]), 0.0)[0]
        # Scaled by the density at the bound, so that nothing underflows.
        inner, _ = quad(lambda t: t * math.exp(t * z - 0.5 * t * t - max(z, 0) ** 2 / 2), 0, 60)
        expected = math.log(deviation) - 0.5 * z * z + max(z, 0) ** 2 / 2 + math.log(inner)
        assert got == pytest.approx(expected - 0.5 * math.log(2 * math.pi), abs=1e-6)

    def test_stays_finite_and_in_order_far_away(self) -> None:
        z = np.array([-1e6, -2e3, -1e3, -999.0, -30.0, 0.0, 19.9, 20.1, 1e6])
        gains = log_improvement(z, np.ones_like(z), 0.0)
        assert np.isfinite(gains).all()
        assert (np.diff(gains) > 0).all()
        assert gains[5] == pytest.approx(math.log(norm.pdf(0)))


class TestModel:
    def test_few_epochs_of_many_say_what_the_last_epoch_brings(self) -> None:
        rng = np.random.default_rng(0)
        inputs = rng.random((40, 3))
        ends = 0.8 - (inputs[:, 0] - 0.3) ** 2 + 0.1 * inputs[:, 1]
        rows = [(i, epoch) for i in range(40) for epoch in ((1, 3, 9) if i < 6 else (1,))]
        values = [ends[i] - 0.3 / epoch + 0.002 * rng.normal() for i, epoch in rows]
        seen = Observations(
            inputs[[i for i, _ in rows]],
            np.array([epoch for _, epoch in rows], dtype=float),
            np.array(values),
        )
        mean, deviation = predict_last(seen, inputs, np.empty((0, 3)), EPOCHS)
        assert spearmanr(mean[6:], ends[6:]).statistic > 0.95
        # What was trained to the end is known best.
        assert deviation[:6].max() < deviation[6:].min()
        assert np.abs(mean[:6] - (ends[:6] - 0.3 / 9)).max() < 0.02

    def test_a_trial_that_runs_makes_its_surroundings_less_promising(self) -> None:
        rng = np.random.default_rng(1)
        inputs = rng.random((8, 2))
        seen = Observations(inputs, np.full(8, 9.0), np.sin(5 * inputs).sum(axis=1))
        running = np.array([[0.5, 0.5]])
        _, before = predict_last(seen, running, np.empty((0, 2)), EPOCHS)
        _, after = predict_last(seen, running, running, EPOCHS)
        assert after[0] < before[0] / 2

    def test_equal_values_are_no_fault(self) -> None:
        seen = Observations(np.eye(4), np.ones(4), np.full(4, 0.7))
        mean, deviation = predict_last(seen, np.eye(4), np.empty((0, 4)), EPOCHS)
        assert mean == pytest.approx(np.full(4, 0.7), abs=1e-3)
        assert np.isfinite(deviation).all()


LEARNED = """
name: learned
description: 600 points, of which one is best.
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 9}
axes:
  embedding.placement: {choice: [none, input, stage1, stage2]}
  embedding.fusion: {choice: [scale_shift, concat], when: {embedding.placement: [stage1, stage2]}}
  optimizer.learning_rate: {choice: [1.0e-4, 1.0e-3, 3.0e-3, 1.0e-2, 1.0e-1], default: 1.0e-2}
  optimizer.weight_decay: {float: [0.0, 0.09], step: 0.01, default: 0.05}
"""


def worth(point: dict[str, Any]) -> float:
    placement = {"none": 0.0, "input": 0.02, "stage1": 0.06, "stage2": 0.04}
    rate = abs(math.log10(point["optimizer.learning_rate"]) + 2.5)
    return (
        0.7
        + placement[point["embedding.placement"]]
        + 0.02 * (point.get("embedding.fusion") == "concat")
        - 0.03 * rate
        - abs(point["optimizer.weight_decay"] - 0.03)
    )


def search(sampler: str, seed: int, trials: int, *, excess_at: str = "") -> list[dict[str, Any]]:
    """The points of a search in which most trials wait after their first epoch."""
    space = space_of(LEARNED)
    asked = SearchSettings(sampler=sampler, seed=seed, trials=trials)
    make, axes = make_samplers(asked, space), all_axes(space)
    study = optuna.create_study(direction="maximize")
    for number in range(trials):
        study.sampler = make(number)
        point = space.sample(study.ask())
        # In the study's place of the trial, as it stands when the next one is drawn.
        is_whole = number % 4 == 0
        trial = create_trial(
            params=point,
            distributions={path: axes[path] for path in point},
            state=TrialState.COMPLETE if is_whole else TrialState.RUNNING,
            value=worth(point) if is_whole else None,
            intermediate_values={
                epoch: worth(point) - 0.2 / epoch for epoch in ((1, 3, 9) if is_whole else (1,))
            },
        )
        if point["embedding.placement"] == excess_at:
            trial.set_constraint("latency_ms", 1.0)
        kept = [one for one in study.trials if one.number != number]
        study = optuna.create_study(direction="maximize")
        study.add_trials([*kept, trial])
    return [trial.params for trial in study.trials]


class TestSampler:
    @pytest.mark.slow
    def test_finds_the_best_of_a_space_with_conditions_sooner_than_chance(self) -> None:
        by_model = [max(map(worth, search("curve-gp", seed, 24))) for seed in range(4)]
        by_chance = [max(map(worth, search("random", seed, 24))) for seed in range(4)]
        assert np.mean(by_model) > np.mean(by_chance) + 0.005
        assert np.median(by_model) > 0.77

    def test_draws_no_point_twice(self) -> None:
        points = search("curve-gp", 1, 24)[6:]
        assert len({str(sorted(point.items())) for point in points}) == len(points)

    def test_keeps_away_from_what_violates_a_constraint(self) -> None:
        free = search("curve-gp", 0, 24)[8:]
        bound = search("curve-gp", 0, 24, excess_at="stage1")[8:]
        at_best = [
            sum(point["embedding.placement"] == "stage1" for point in points)
            for points in (free, bound)
        ]
        assert at_best[1] < at_best[0] / 2

    def test_refuses_another_objective(self) -> None:
        asked = SearchSettings(sampler="curve-gp", objective=("auc", "latency"))
        with pytest.raises(UserError, match="'curve-gp' models the curves of the mean AUC"):
            check_sampler(asked, space_of(FLAT))
