"""Random search (Bergstra and Bengio 2012)."""

from typing import Any

from optuna.samplers import RandomSampler

from search.samplers.sampler import MakeSampler, Sampler, seed_of
from search.settings import SearchSettings
from spaces import Space


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    return lambda number: RandomSampler(seed=seed_of(settings, number), **options)


RANDOM = Sampler(_make)
