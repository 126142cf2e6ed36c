"""What TPE loses by looking at the newest trials and the best, and not at all of them.

Nothing is trained: each search draws from the space `standard` (13 axes, some of them conditional)
and is answered by a landscape that is drawn at random, with an effect of each choice, of pairs of
choices, and a best learning rate that depends on the backbone, plus noise as of a validation split.
Searches of `history: 250`, of Optuna's TPE over all trials, and of the random sampler meet the same
landscapes. The table has the noise-free height of what each search would export after so many
trials: of the trial that looked best. The last line is JSON.

    python benchmarks/history.py [--trials 1000] [--landscapes 10]
"""

import argparse
import json
import zlib
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution

from search.optuna_private import frozen_of
from search.samplers.choosing import make_samplers
from search.samplers.drawing import draw
from search.settings import SearchSettings
from spaces import Space, load_space

MARKS = (250, 500, 1000, 2000)
NOISE = 0.004
SIDES: dict[str, dict[str, Any]] = {
    "history: 250": {"sampler": "tpe"},
    "all trials": {"sampler": "tpe", "sampler_options": {"history": None}},
    "random": {"sampler": "random"},
}


class Landscape:
    """A height for each point of a space, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def height(self, trial: optuna.trial.FrozenTrial) -> float:
        """What a training would reach if there were no noise."""
        chosen, found = {"": "all"}, 0.85
        for name, distribution in trial.distributions.items():
            value = trial.params[name]
            if isinstance(distribution, CategoricalDistribution):
                chosen[name] = str(value)
                found += 0.01 * self._normal(f"{name}={value}")
                continue
            low, high = float(distribution.low), float(distribution.high)  # type: ignore[attr-defined]
            scale = np.log if getattr(distribution, "log", False) else float
            place = (scale(value) - scale(low)) / (scale(high) - scale(low))
            best = 0.5 + 0.15 * self._normal(f"{name}|{trial.params['backbone.name']}")
            found -= 0.06 * float(place - best) ** 2
        pairs = combinations(sorted(chosen.items()), 2)
        return found + sum(0.004 * self._normal(f"{one}&{other}") for one, other in pairs)

    def _normal(self, what: str) -> float:
        key = zlib.crc32(what.encode())
        return float(np.random.default_rng([self._seed, key]).standard_normal())


def search(space: Space, seed: int, trials: int, options: Mapping[str, Any]) -> list[float]:
    """The height of the trial that looks best, after each trial."""
    samplers = make_samplers(SearchSettings(trials=trials, seed=seed, **options), space)
    landscape, noise = Landscape(seed), np.random.default_rng(seed)
    study = optuna.create_study(direction="maximize")
    best, reached, curve = -np.inf, 0.0, []
    for number in range(trials):
        trial = study.ask()
        draw(space, trial, samplers(number))
        height = landscape.height(frozen_of(trial))
        seen = height + NOISE * noise.standard_normal()
        study.tell(trial, seen)
        if seen > best:
            best, reached = seen, height
        curve.append(reached)
    return curve


def show(name: str, marks: Sequence[int], values: np.ndarray) -> None:
    """A line of the table; values of shape (landscapes, marks)."""
    halves = 1.96 * values.std(axis=0, ddof=1) / len(values) ** 0.5
    cells = [
        f"{mark}: {mean:7.4f} ± {half:.4f}"
        for mark, mean, half in zip(marks, values.mean(axis=0), halves, strict=True)
    ]
    print(f"{name:14}", *cells, sep="  ", flush=True)


def main() -> None:
    """Search, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--landscapes", type=int, default=10)
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = load_space("standard")
    marks = [mark for mark in MARKS if mark <= asked.trials] or [asked.trials]
    heights = {}
    print("mean height after so many trials, and half of its 95 % interval over landscapes")
    for name, options in SIDES.items():
        curves = [search(space, seed, asked.trials, options) for seed in range(asked.landscapes)]
        heights[name] = np.array([[curve[mark - 1] for mark in marks] for curve in curves])
        show(name, marks, heights[name])
    show("paired", marks, heights["history: 250"] - heights["all trials"])
    gains = {name: (found - heights["random"])[:, -1].mean() for name, found in heights.items()}
    share = float(gains["history: 250"] / gains["all trials"])
    found = {"value": share, "goal": 0.95, "at_most": False}
    print(json.dumps({"ratios": {"share_of_gain_over_random": found}}))


if __name__ == "__main__":
    main()
