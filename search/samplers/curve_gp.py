"""A Gaussian process over configurations and epochs, with log expected improvement.

The joint model of MOBSTER (Klein et al., arXiv 2003.10865): trials that were stopped, or wait at a
rung, teach as well as complete ones, each by what its curve shows. All axes are modelled together,
those with conditions as well. The acquisition is the logarithm of the expected improvement at the
last epoch (Ament et al., arXiv 2310.20708).
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from search.samplers.candidates import draw_candidates
from search.samplers.distributions import Axes, all_axes
from search.samplers.encoding import Encoding
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of, startup_trials
from search.settings import SearchSettings
from sedn.arrays import Floats
from spaces import Space

MOST = 200
"""Observations that are modelled, so that a draw takes well under a second."""
NEAR = 5
"""The best trials near which candidates are drawn."""


class CurveGpOptions(SamplerOptions):
    """Options of the Gaussian process over curves."""

    n_startup_trials: int | None = Field(None, ge=2)
    """Trials with a result before the first that is modelled; ``None``: as for TPE."""


class CurveGp(BaseSampler):
    """Draws the point of the greatest expected improvement; made for one trial."""

    def __init__(self, space: Space, last_epoch: int, startup: int, seed: int) -> None:
        self._space = space
        self._axes = all_axes(space)
        self._last_epoch = last_epoch
        self._startup = startup
        self._seed = seed
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Axes:
        """All axes, with those that will not be active."""
        return dict(self._axes)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Axes
    ) -> dict[str, Any]:
        """Values of the active axes of a point; none as long as too little is known."""
        # The trial itself has values already where a crash has cut off its draw.
        others = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        past = [one for one in others if one.params]
        curves = {one.number: _curve(one, self._last_epoch) for one in past}
        if sum(bool(curve) for curve in curves.values()) < self._startup:
            return {}
        rng = np.random.default_rng(self._seed)
        best = sorted(past, key=lambda one: -max(curves[one.number].values(), default=-math.inf))
        good = [one.params for one in best[:NEAR] if curves[one.number]]
        candidates = draw_candidates(self._space, good, (one.params for one in past), rng)
        if not candidates:
            return {}
        gain = self._improvement(past, curves, candidates)
        return candidates[int(np.argmax(gain))]

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A random value."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _improvement(
        self,
        past: list[FrozenTrial],
        curves: dict[int, dict[int, float]],
        candidates: list[dict[str, Any]],
    ) -> Floats:
        # Imports SciPy, which a search that draws otherwise does not need in this process.
        from search.samplers.curve_model import Observations, predict_last

        encoding = Encoding(self._space)
        vectors = dict(
            zip([t.number for t in past], encoding.encode([t.params for t in past]), strict=True)
        )
        worst = min(value for curve in curves.values() for value in curve.values())
        rows = _most_informative(list(_observations(past, curves, self._last_epoch, worst)))
        seen = Observations(
            np.array([vectors[number] for number, _, _ in rows]),
            np.array([epoch for _, epoch, _ in rows], dtype=float),
            np.array([value for _, _, value in rows]),
        )
        waiting = [
            vectors[t.number]
            for t in past
            if t.state is TrialState.RUNNING and not curves[t.number]
        ]
        running = np.array(waiting).reshape(len(waiting), seen.points.shape[1])
        mean, deviation = predict_last(seen, encoding.encode(candidates), running, self._last_epoch)
        return log_improvement(mean, deviation, float(seen.values.max()))


_Row = tuple[int, int, float]
"""Trial, epoch, mean AUC."""


def _curve(trial: FrozenTrial, last_epoch: int) -> dict[int, float]:
    """The mean AUC of a trial by epoch; empty where the trial has none, or breaks a constraint."""
    if any(violation > 0 for violation in trial.constraints.values()):
        return {}
    curve = {at: v for at, v in trial.intermediate_values.items() if at > 0 and math.isfinite(v)}
    if not curve and trial.state is TrialState.COMPLETE and math.isfinite(trial.values[0]):
        return {last_epoch: trial.values[0]}
    return curve


def _observations(
    past: list[FrozenTrial],
    curves: dict[int, dict[int, float]],
    last_epoch: int,
    worst: float,
) -> Iterator[_Row]:
    """Of each curve some epochs, evenly on a logarithmic scale, and its last one.

    A trial that was not trained, as its network cannot be built, or that breaks a constraint,
    counts as the worst there is.
    """
    for trial in past:
        curve = curves[trial.number]
        for epoch, value in curve.items():
            if epoch == max(curve) or _is_power_of_3(epoch):
                yield trial.number, epoch, value
        if not curve and trial.state in (TrialState.PRUNED, TrialState.COMPLETE):
            yield trial.number, last_epoch, worst


def _is_power_of_3(epoch: int) -> bool:
    return bool(epoch == 3 ** round(math.log(epoch, 3)))


def _most_informative(rows: list[_Row]) -> list[_Row]:
    """The highest and the newest observations, in order, where there are too many."""
    if len(rows) <= MOST:
        return rows
    places = range(len(rows))
    highest = sorted(places, key=lambda place: -rows[place][2])[: MOST // 3]
    newest = list(places)[-(MOST - len(highest)) :]
    return [rows[place] for place in sorted({*highest, *newest})]


def log_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """The logarithm of the expected improvement over ``best``, each of shape ``(points,)``."""
    from scipy.special import erfcx

    z = (mean - best) / deviation
    density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    # E = deviation * density * (1 + z * Phi / density), and Phi / density by the scaled erfc.
    ratio = 1 + z * math.sqrt(math.pi / 2) * erfcx(-z / math.sqrt(2))
    # Far below the best the difference cancels out; there it is 1 / z².
    far = z < -1e3
    safe = np.where(far, 1 / np.maximum(z**2, 1.0), np.where(ratio > 0, ratio, np.nan))
    high = z > 20
    gain = np.where(high, np.log(np.maximum(z, 1.0)), density + np.log(np.where(high, 1.0, safe)))
    return np.asarray(np.log(deviation) + gain)


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    startup = startup_trials(settings, options["n_startup_trials"])
    last_epoch = space.baseline(settings.overrides()).total_epochs

    def make(number: int) -> CurveGp:
        return CurveGp(space, last_epoch, startup, seed_of(settings, number))

    return make


CURVE_GP = Sampler(_make, CurveGpOptions)
