"""The best of a search and its baseline so far, for where a whole ranking would be too much."""

from dataclasses import dataclass

from results.database.models import BASELINE, Experiment
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.leaders import order_experiment

Reached = tuple[int, float]
"""The first trial of a configuration, and the configuration's mean AUC: the mean over its seeds."""


@dataclass(frozen=True)
class Leading:
    """What leads a search, as the ranking has it."""

    best: Reached | None
    """Rank 1; ``None`` where no trial is complete, or all violate a constraint."""
    baseline: Reached | None
    all_violate: bool = False
    """Whether there are complete trials, and all of them violate a constraint."""


def read_leading(store: Store, experiment: Experiment) -> Leading:
    """What leads a search: without constraints, and where each configuration was trained once, by
    two numbers that the database finds; else by the ranking.

    Raises:
        UserError: a constraint is on a measure that is not known here.
    """
    goals = Goals.of(experiment.settings)
    if not goals.constraints and not store.has_replicates(experiment.id):
        return Leading(store.best(experiment.id), store.baseline(experiment.id))
    rows = order_experiment(store, experiment).records()
    reached = [(row["trial"], row["mean_auc"]) for row in rows]
    feasible = [one for one, row in zip(reached, rows, strict=True) if row["feasible"]]
    plain = [one for one, row in zip(reached, rows, strict=True) if row["role"] == BASELINE]
    return Leading(
        best=feasible[0] if feasible else None,
        baseline=plain[0] if plain else None,
        all_violate=bool(rows) and not feasible,
    )
