"""The best configurations in the mean over the labels.

All configurations are put in order by a few numbers of each trial. What only a table shows of the
first ones (their parameters, what they cost) is read for these alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from results.database.models import BASELINE, Experiment, Label
from results.database.scanning import COMPLETE_COLUMNS, MOST_NUMBERS
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.pareto import on_front
from results.ranking.pooling import of_means, pool
from results.ranking.standing import COLUMNS as OF_STANDING
from results.ranking.standing import standing, with_standing
from results.varied import varied_parameters
from sedn.measures import COSTS

LEADING = ["rank", "trial", "role", "mean_auc", "low", "high", "gain"]
TYPES = {
    "trial": int,
    "role": object,
    "config_hash": object,
    "seed": int,
    "auc": float,
    "stderr": float,
    "epochs": int,
    "seconds": float,
    "worst_auc": float,
}
MIDDLE = ["feasible", "pareto", "worst_auc", "replicates", "epochs", "seconds"]


def rank(store: Store, name: str, top: int | None = None) -> pd.DataFrame:
    """Configurations by mean AUC on validation, best first.

    Args:
        store: has the experiment.
        name: of the experiment.
        top: so many at most; by default all. What varies between 100,000 configurations takes
            minutes to tell of each.

    Returns:
        As :func:`order_configurations`, :func:`with_details` and
        :func:`results.ranking.standing.with_standing` say.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    ordered = order_experiment(store, experiment)
    uncertainty = standing(store, experiment.id, ordered)
    shown = with_details(store, experiment, ordered if top is None else ordered.head(top))
    return with_standing(shown, uncertainty)


def order_experiment(store: Store, experiment: Experiment) -> pd.DataFrame:
    """All configurations of an experiment, as :func:`order_configurations` puts them in order."""
    goals = Goals.of(experiment.settings)
    rows = store.complete(experiment.id, goals.costs)
    return order_configurations(rows, goals, store.labels(experiment.id))


def order_configurations(
    rows: Sequence[tuple[Any, ...]], goals: Goals, labels: Sequence[Label]
) -> pd.DataFrame:
    """The configurations that were trained to their last epoch, best first, replicates pooled.

    One that violates a constraint comes after all that violate none.

    Args:
        rows: what the store's ``complete`` gives, with the costs of ``goals``.
        goals: the objectives and constraints of the experiment.
        labels: the labels of the experiment.

    Returns:
        One row per configuration: rank (from 1), trial (the first that trained it, which stands
        for all), role, mean_auc (mean over seeds), low and high (95 % interval as in
        :mod:`results.ranking.pooling`), gain (relative, over the baseline; NaN until that is
        trained), feasible (whether the configuration satisfies the constraints), pareto (whether it
        does, and no other that does is as good in all objectives and better in one), worst_auc (of
        its worst label, mean over seeds), replicates (number of seeds), epochs, seconds (of one
        training) and config_hash.

    The intervals are those of each configuration alone. The first of many is partly first by luck,
    so that its AUC here is on average above what new images will show:
    :mod:`results.ranking.standing` says by how much.
    """
    frame = pd.DataFrame.from_records(rows, columns=[*COMPLETE_COLUMNS, *goals.costs])
    frame = frame.astype(TYPES | dict.fromkeys(goals.costs, float))
    first = frame.drop_duplicates("config_hash").set_index("config_hash")
    ranked = pool(frame, ["config_hash"], of_means(labels))
    ranked = ranked.join(first[["trial", "role", "epochs", *goals.costs]])
    means = frame.groupby("config_hash", sort=False)[["seconds", "worst_auc"]].mean()
    ranked = ranked.join(means).reset_index().rename(columns={"auc": "mean_auc"})
    ranked["feasible"] = _are_feasible(ranked, goals)
    order, ascending = ["feasible", "mean_auc", "trial"], [False, False, True]
    ranked = ranked.sort_values(order, ascending=ascending, ignore_index=True)
    ranked["pareto"] = _on_front(ranked, goals)
    ranked["rank"] = range(1, len(ranked) + 1)
    baseline = ranked.loc[ranked["role"] == BASELINE, "mean_auc"]
    ranked["gain"] = gain(ranked["mean_auc"], baseline.iloc[0] if len(baseline) else float("nan"))
    return ranked[[*LEADING, *MIDDLE, "config_hash"]]


def with_details(store: Store, experiment: Experiment, ordered: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`order_configurations`, with the trial's parameters and costs.

    Returns:
        After gain, a column for each parameter that varies in the experiment (None where it has no
        effect), and those of what these trials were sampled otherwise
        (:func:`results.varied.varied_parameters`); after seconds the
        :data:`sedn.measures.COSTS` (of the trial; None where not measured).
    """
    numbers = [int(number) for number in ordered["trial"]]
    whole = None if len(numbers) > MOST_NUMBERS else numbers
    setups, costs = store.setups(experiment.id, whole), store.costs(experiment.id, whole)
    varied = varied_parameters(
        {number: setups[number] for number in numbers}, store.field_values(experiment.id)
    )
    detailed = ordered.join(varied, on="trial")
    for name in COSTS:
        # As objects: None stays None, and a whole number whole.
        of_trials = [costs[number].get(name) for number in numbers]
        detailed[name] = pd.Series(of_trials, index=detailed.index, dtype=object)
    return detailed[[*LEADING, *varied.columns, *MIDDLE, *COSTS, "config_hash"]]


def varied_columns(ranked: pd.DataFrame) -> list[str]:
    """The columns of a ranking that hold the parameters which vary."""
    fixed = {*LEADING, *MIDDLE, *COSTS, "config_hash", *OF_STANDING}
    return [str(column) for column in ranked.columns if column not in fixed]


def gain(auc: "pd.Series[float]", baseline: "pd.Series[float] | float") -> "pd.Series[float]":
    """Relative gain; NaN where there is no baseline, or one of 0 or next to it."""
    relative = auc / baseline - 1.0
    return relative.where(relative.abs() != float("inf"))


def _are_feasible(ranked: pd.DataFrame, goals: Goals) -> list[bool]:
    if not goals.constraints:
        return [True] * len(ranked)
    names = [constraint.measure for constraint in goals.constraints]
    values = zip(*(ranked[name].tolist() for name in names), strict=True)
    return [goals.are_met(dict(zip(names, row, strict=True))) for row in values]


def _on_front(ranked: pd.DataFrame, goals: Goals) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    objectives = goals.all_objectives
    values = ranked[[objective.measure for objective in objectives]].to_numpy(dtype=float)
    return on_front(
        values,
        [objective.maximise for objective in objectives],
        ranked["feasible"].to_numpy(dtype=bool),
    )
