"""The best configurations in the mean over the labels.

All configurations are put in order by a few numbers of each trial. What only a table shows of the
first ones (their parameters, what they cost) is read for these alone.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from results.columns import Columns, check_top, from_rows, number_groups, objects
from results.database.models import BASELINE, Experiment, Label
from results.database.scanning.plain_rows import MOST_NUMBERS
from results.database.scanning.trials import COMPLETE_COLUMNS
from results.database.store import Store
from results.effect_probe import EffectProbe
from results.goals.objectives import Goals
from results.ranking.pareto import on_front
from results.ranking.pooling import gain, group_means, of_means, pool
from results.ranking.standing import COLUMNS as OF_STANDING
from results.ranking.standing import standing, with_standing
from results.varied import varied_parameters
from sedn.measures import COSTS

if TYPE_CHECKING:
    import pandas as pd

LEADING = ["rank", "trial", "role", "mean_auc", "low", "high", "gain"]
MIDDLE = ["feasible", "pareto", "worst_auc", "replicates", "epochs", "seconds"]


def rank(store: Store, name: str, top: int | None = None) -> "pd.DataFrame":
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
        UserError: there is no experiment ``name``, or ``top`` is below 1.
    """
    check_top(top)
    return read_ranking(store, store.experiment(name), top).frame()


def read_ranking(store: Store, experiment: Experiment, top: int | None = None) -> Columns:
    """The ranking that :func:`rank` gives as a frame."""
    ordered = order_experiment(store, experiment)
    uncertainty = standing(store, experiment.id, ordered)
    shown = with_details(store, experiment, ordered if top is None else ordered.head(top))
    return with_standing(shown, uncertainty)


def order_experiment(store: Store, experiment: Experiment) -> Columns:
    """All configurations of an experiment, as :func:`order_configurations` puts them in order."""
    goals = Goals.of(experiment.settings)
    rows = store.complete(experiment.id, goals.costs)
    return order_configurations(rows, goals, store.labels(experiment.id))


def order_configurations(
    rows: Sequence[tuple[Any, ...]], goals: Goals, labels: Sequence[Label]
) -> Columns:
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
    trials = from_rows(rows, COMPLETE_COLUMNS | dict.fromkeys(goals.costs, float))
    trials = trials.rows(~np.isnan(trials["auc"]))
    ranked = pool(trials, ["config_hash"], of_means(labels))
    groups, first = number_groups(trials["config_hash"].tolist())
    ranked = ranked.adding(
        {
            **trials.rows(first).only(["trial", "role", "epochs", *goals.costs]).by_name,
            **{name: group_means(trials[name], groups) for name in ("seconds", "worst_auc")},
            "mean_auc": ranked["auc"],
        }
    )
    ranked = ranked.adding({"feasible": _are_feasible(ranked, goals)})
    order = np.lexsort([ranked["trial"], -ranked["mean_auc"], ~ranked["feasible"]])
    ranked = ranked.rows(order)
    baseline = ranked["mean_auc"][ranked["role"] == BASELINE]
    ranked = ranked.adding(
        {
            "pareto": _on_front(ranked, goals),
            "rank": np.arange(1, len(ranked) + 1),
            "gain": gain(ranked["mean_auc"], baseline[0] if len(baseline) else np.nan),
        }
    )
    return ranked.only([*LEADING, *MIDDLE, "config_hash"])


def with_details(
    store: Store, experiment: Experiment, ordered: Columns, probe: EffectProbe | None = None
) -> Columns:
    """Rows of :func:`order_configurations`, with the trial's parameters and costs; ``probe``: what
    is known already of the effects of parameters.

    Returns:
        After gain, a column for each parameter that varies in the experiment (None where it has no
        effect), and those of what these trials were sampled otherwise
        (:func:`results.varied.varied_parameters`); after seconds the
        :data:`sedn.measures.COSTS` (of the trial; None where not measured).
    """
    numbers: list[int] = ordered["trial"].tolist()
    whole = None if len(numbers) > MOST_NUMBERS else numbers
    setups, costs = store.setups(experiment.id, whole), store.costs(experiment.id, whole)
    by_number = {number: setups[number] for number in numbers}
    varied = varied_parameters(by_number, store.field_values(experiment.id), probe)
    # As objects: None stays None, and a whole number whole.
    of_trials = {name: objects(costs[number].get(name) for number in numbers) for name in COSTS}
    detailed = ordered.adding(varied.by_name).adding(of_trials)
    return detailed.only([*LEADING, *varied.names, *MIDDLE, *COSTS, "config_hash"])


def varied_columns(names: Sequence[str]) -> list[str]:
    """Of the columns of a ranking, those that hold the parameters which vary."""
    fixed = {*LEADING, *MIDDLE, *COSTS, "config_hash", *OF_STANDING}
    return [name for name in names if name not in fixed]


def _are_feasible(ranked: Columns, goals: Goals) -> NDArray[np.bool_]:
    if not goals.constraints:
        return np.ones(len(ranked), dtype=bool)
    named = ranked.only([constraint.measure for constraint in goals.constraints])
    return np.array([goals.are_met(row) for row in named.records()], dtype=bool)


def _on_front(ranked: Columns, goals: Goals) -> NDArray[np.bool_]:
    objectives = goals.all_objectives
    values = np.stack([ranked[one.measure] for one in objectives], axis=1).astype(np.float64)
    return on_front(values, [one.maximise for one in objectives], ranked["feasible"])
