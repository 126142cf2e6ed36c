"""What a new trial trains: its parameters by the sampler, as a configuration in canonical form."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna

from results.database.models import BASELINE
from results.database.writing.trials import NewTrial
from search.driver.duplicates import Key
from search.driver.writer import Writer
from search.packing import Grant
from search.settings import SearchSettings
from search.study import SAMPLED, baseline_point
from sedn.config import TrainingConfig, config_hash
from sedn.errors import UserError
from spaces import Space


@dataclass(frozen=True)
class Draw:
    """A trial that was drawn, before it is written."""

    role: str
    params: dict[str, Any]
    config: TrainingConfig

    @cached_property
    def key(self) -> Key:
        """What the trial has in common with its duplicates."""
        return config_hash(self.config), self.config.seed

    def row(self, experiment_id: int, number: int, folder: str, original: int | None) -> NewTrial:
        """The trial as a row of the store.

        Args:
            experiment_id: of the search.
            number: of the trial.
            folder: where the trial keeps its checkpoint.
            original: number of the trial with the same key that answers this one, if any.
        """
        digest, seed = self.key
        return NewTrial(
            experiment_id=experiment_id,
            number=number,
            role=self.role,
            params=self.params,
            config=self.config.model_dump(mode="json"),
            config_hash=digest,
            seed=seed,
            target_epochs=self.config.total_epochs,
            folder=folder,
            duplicate_of=original,
        )


def draw_trial(
    writer: Writer, space: Space, settings: SearchSettings, trial: optuna.Trial, grant: Grant
) -> Draw:
    """Draw the parameters of a new trial; those of the baseline are given.

    The configuration has the number of threads that the trial is granted, so that an export
    repeats the trial; a number that the space sets stays.
    """
    from sedn.network import canonical_config

    overrides = settings.overrides()
    if trial.user_attrs.get("role") == BASELINE:
        role, params = BASELINE, writer.call(_sample_baseline, space, trial)
        config = space.baseline(overrides)
    else:
        role, params = SAMPLED, writer.study.draw(space, trial)
        config = space.config(params, overrides)
    config = canonical_config(config)
    threads = config.threads or max(1, int(grant.cpus))
    return Draw(role, params, config.model_copy(update={"threads": threads}))


def find_fault(config: TrainingConfig) -> str | None:
    """Why the network of a configuration cannot be built; ``None`` where it can."""
    from sedn.network import check_network

    try:
        check_network(config)
    except UserError as error:
        return str(error)
    return None


def _sample_baseline(space: Space, trial: optuna.Trial) -> dict[str, Any]:
    """Register the baseline's parameters with Optuna, so that the sampler learns from them."""
    return space.sample(trial) if baseline_point(space) else {}
