"""The description of a sampler: its options, its constructor, and the spaces that it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler
from pydantic import BaseModel, ConfigDict

from search.samplers.distributions import Axes, all_axes
from search.settings import SearchSettings
from sedn.extras import Extra
from spaces import Space

MakeSampler = Callable[[int], BaseSampler]
"""The sampler that draws the trial of a number."""


class SamplerOptions(BaseModel):
    """Options of a sampler, under Optuna's names; this one takes none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Sampler:
    """A sampler of configurations."""

    make: Callable[[SearchSettings, Space, dict[str, Any]], MakeSampler]
    """From the settings of the search, its space and the sampler's options."""
    options: type[SamplerOptions] = SamplerOptions
    models: Callable[[Space], Axes] = all_axes
    """The axes that it models together, by path; it draws the others one by one."""
    modelled: str = ""
    """The axes that the sampler models, in words."""
    others: str = ""
    """How the sampler draws the other axes, in words."""
    check: Callable[[Space], str | None] = lambda space: None
    """The reason why the sampler does not take a space, to follow the sampler's name; ``None``
    where the sampler takes the space.
    """
    tries_all_points: bool = False
    """Whether the sampler draws every point of a finite space once, after which the search ends."""
    has_own_order: bool = False
    """Whether points that are tried first would come again in its order."""
    extra: Extra | None = None
    """The extra that must be installed for the sampler."""


def seed_of(settings: SearchSettings, number: int) -> int:
    """The seed of the trial's sampler: from the search's seed and the trial's number alone."""
    return int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])


def startup_trials(settings: SearchSettings, given: int | None) -> int:
    """Trials that are drawn at random first: as given, or a quarter of all, four to ten."""
    return min(10, max(4, settings.trials // 4)) if given is None else given
