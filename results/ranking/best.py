"""The best trial of a search so far, for where a whole ranking would be too much."""

from results.database.models import Experiment
from results.database.scanning.trials import COMPLETE_COLUMNS
from results.database.store import Store
from results.goals.objectives import Goals


def best_trial(store: Store, experiment: Experiment) -> tuple[int, float] | None:
    """Number and mean AUC of the complete trial of the highest mean AUC among those that satisfy
    the constraints of the search, the first of equal ones; ``None``: there is none.
    """
    goals = Goals.of(experiment.settings)
    if not goals.constraints:
        return store.best(experiment.id)
    names = ["mean_auc" if name == "auc" else name for name in (*COMPLETE_COLUMNS, *goals.costs)]
    trials = [
        dict(zip(names, row, strict=True)) for row in store.complete(experiment.id, goals.costs)
    ]
    met = [(trial["trial"], trial["mean_auc"]) for trial in trials if goals.are_met(trial)]
    return max(met, key=lambda one: (one[1], -one[0]), default=None)
