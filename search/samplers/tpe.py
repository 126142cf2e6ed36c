"""Tree-structured Parzen estimator (Bergstra et al. 2011), the default."""

from typing import Any

from optuna.samplers import TPESampler
from pydantic import Field

from search.samplers.recent import RecentTpe
from search.samplers.sampler import MakeSampler, Sampler, SamplerOptions, seed_of, startup_trials
from search.settings import SearchSettings
from spaces import Space


class TpeOptions(SamplerOptions):
    """Options of TPE."""

    n_startup_trials: int | None = Field(None, ge=0)
    """Trials drawn at random first; ``None``: a quarter of all, four to ten."""
    n_ei_candidates: int = Field(24, ge=1)
    multivariate: bool = True
    """Model axes together, and"""
    group: bool = True
    """within groups that are active at once."""
    constant_liar: bool = True
    """Count running trials as bad ones, so that parallel trials spread."""
    history: int | None = Field(250, ge=1)
    """Ended trials that a draw looks at: the newest, and the 25 best of those before them, so that
    the cost of a draw does not grow; ``None``: all."""


def _make(settings: SearchSettings, space: Space, options: dict[str, Any]) -> MakeSampler:
    startup = startup_trials(settings, options.pop("n_startup_trials"))
    history = options.pop("history")

    def make(number: int) -> TPESampler:
        fixed = {"seed": seed_of(settings, number), "n_startup_trials": startup, **options}
        return TPESampler(**fixed) if history is None else RecentTpe(history, **fixed)

    return make


TPE = Sampler(_make, TpeOptions)
