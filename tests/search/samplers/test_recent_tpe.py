"""TPE that looks at the newest trials and the best of the others."""

import random
from collections.abc import Iterable

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.samplers.recent import BEST, RecentTpe

AXES = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}


def trials(n: int, state: TrialState, *, seed: int, at_least: float = 0.0) -> list[FrozenTrial]:
    """Points of ``x >= at_least``, the better the nearer they are to zero."""
    drawn = random.Random(seed)
    points = [{"x": drawn.uniform(at_least, 1.0), "y": drawn.random()} for _ in range(n)]
    return [
        create_trial(
            params=point,
            distributions=AXES,
            state=state,
            value=-point["x"] if state is TrialState.COMPLETE else None,
            intermediate_values={1: -point["x"]},
        )
        for point in points
    ]


def unmeasured(n: int) -> list[FrozenTrial]:
    """Trials that run and have reported nothing yet."""
    return [
        create_trial(params=one.params, distributions=AXES, state=TrialState.RUNNING)
        for one in trials(n, TrialState.PRUNED, seed=9)
    ]


def study_of(past: Iterable[FrozenTrial]) -> optuna.Study:
    study = optuna.create_study(direction="maximize")
    study.add_trials(list(past))
    return study


def draw(sampler: TPESampler, study: optuna.Study) -> dict[str, float]:
    study.sampler = sampler
    trial = study.ask()
    return {name: trial.suggest_float(name, 0.0, 1.0) for name in AXES}


OPTIONS = {"seed": 3, "multivariate": True, "group": True, "n_startup_trials": 4}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
class TestRecentTpe:
    @pytest.mark.parametrize("states", [TrialState.COMPLETE, TrialState.PRUNED])
    def test_draws_what_optuna_draws_from_a_short_past(self, states: TrialState) -> None:
        past = [*trials(20, states, seed=0), *trials(20, TrialState.COMPLETE, seed=1)]
        ours = draw(RecentTpe(40, **OPTIONS), study_of(past))
        assert ours == draw(TPESampler(**OPTIONS), study_of(past))

    def test_what_is_old_and_not_good_makes_no_difference(self) -> None:
        newest = trials(30, TrialState.COMPLETE, seed=0)
        old = trials(50, TrialState.PRUNED, seed=1)
        seen, all_of_them = (study_of(past) for past in (newest, [*old, *newest]))
        expected = draw(RecentTpe(30, **OPTIONS), seen)
        assert draw(RecentTpe(30, **OPTIONS), all_of_them) == expected
        assert draw(RecentTpe(80, **OPTIONS), all_of_them) != expected

    def test_trials_that_wait_at_a_rung_teach_as_pruned_ones_do(self) -> None:
        waiting = [
            create_trial(
                params=trial.params,
                distributions=AXES,
                state=TrialState.RUNNING,
                intermediate_values=trial.intermediate_values,
            )
            for trial in trials(40, TrialState.PRUNED, seed=0)
        ]
        pruned = trials(40, TrialState.PRUNED, seed=0)
        alone, with_new = study_of(waiting), study_of([*pruned, *unmeasured(15)])
        expected = draw(RecentTpe(30, **OPTIONS), study_of(pruned))
        assert draw(RecentTpe(30, **OPTIONS), alone) == expected
        # Those that have reported nothing count as bad ones, so that parallel trials spread.
        assert draw(RecentTpe(30, constant_liar=True, **OPTIONS), with_new) != expected

    def test_what_is_old_and_good_is_still_drawn_from(self) -> None:
        good = trials(BEST, TrialState.COMPLETE, seed=0)
        good = [
            create_trial(params={**t.params, "x": t.params["x"] / 100}, distributions=AXES, value=1)
            for t in good
        ]
        study = study_of([*good, *trials(300, TrialState.COMPLETE, seed=1, at_least=0.5)])
        assert draw(RecentTpe(20, **OPTIONS), study)["x"] < 0.4

    def test_what_violates_a_constraint_is_not_among_the_good(self) -> None:
        far = trials(BEST, TrialState.COMPLETE, seed=0, at_least=0.9)
        near = trials(BEST, TrialState.COMPLETE, seed=1)
        for trial in near:
            trial.set_constraint("latency_ms", 1.0)
        newest = trials(30, TrialState.PRUNED, seed=2)
        without, with_them = (study_of(past) for past in ([*far, *newest], [*near, *far, *newest]))
        expected = draw(RecentTpe(30, **OPTIONS), without)
        assert draw(RecentTpe(30, **OPTIONS), with_them) == expected
