"""Optuna samplers by name."""

import warnings

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from search.settings import SearchSettings


def make_sampler(settings: SearchSettings, number: int) -> BaseSampler:
    """The sampler that draws trial ``number``.

    Its random state comes from the search's seed and the trial's number alone, so that a resumed
    search draws what an uninterrupted one would have drawn from the same history.

    TPE (Bergstra et al. 2011) models axes together (``multivariate``) within groups that are
    active at once (``group``), and counts running trials as bad ones so that parallel trials
    spread (``constant_liar``). A quarter of the trials, four to ten, are drawn at random first.
    """
    seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
    if settings.sampler == "random":
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(
            seed=seed,
            n_startup_trials=min(10, max(4, settings.trials // 4)),
            multivariate=True,
            group=True,
            constant_liar=True,
        )
