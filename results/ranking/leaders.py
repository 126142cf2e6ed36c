"""Which configuration is best, in the mean over the labels and for each label."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from results.database.models import BASELINE, Label, Trial, TrialState
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.pareto import on_front
from results.ranking.pooling import of_labels, of_means, pool
from results.varied import varied_parameters
from sedn.measures import COSTS

LEADING = ["rank", "trial", "role", "mean_auc", "low", "high", "gain"]
TYPES = {
    "trial": int,
    "role": str,
    "config_hash": str,
    "seed": int,
    "auc": float,
    "stderr": float,
    "epochs": int,
    "seconds": float,
}
MIDDLE = ["feasible", "pareto", "worst_auc", "replicates", "epochs", "seconds"]


def rank(store: Store, name: str) -> pd.DataFrame:
    """Configurations by mean AUC on validation, best first.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    trials = store.trials(experiment.id)
    goals, worst = Goals.of(experiment.settings), store.worst_aucs(experiment.id)
    labels = store.labels(experiment.id)
    return rank_trials(trials, varied_parameters(trials), goals, worst, labels)


def rank_trials(
    trials: Sequence[Trial],
    varied: pd.DataFrame,
    goals: Goals,
    worst_aucs: Mapping[int, float],
    labels: Sequence[Label],
) -> pd.DataFrame:
    """The configurations that were trained to their last epoch, best first, replicates pooled.

    One that violates a constraint comes after all that violate none.

    Args:
        trials: all trials of an experiment.
        varied: as :func:`results.varied.varied_parameters` gives it.
        goals: the objectives and constraints of the experiment.
        worst_aucs: AUC of the worst label by trial.
        labels: the labels of the experiment.

    Returns:
        One row per configuration: rank (from 1), trial (the first that trained it, which stands
        for all), role, mean_auc (mean over seeds), low and high (95 % interval as in
        :mod:`results.ranking.pooling`), gain (relative, over the baseline; NaN until that is
        trained), a column for each parameter that varies (None where it has no effect), feasible
        (whether the configuration satisfies the constraints), pareto (whether it does, and no other
        that does is as good in all objectives and better in one), worst_auc (of its worst label,
        mean over seeds),
        replicates (number of seeds), epochs, seconds (of one training), the
        :data:`sedn.measures.COSTS` (of the trial; None where not measured) and config_hash.

    The intervals are those of each configuration alone. The first of many is partly first by luck,
    so that its AUC here is on average above what new images will show; the test split, which no
    search sees, says by how much.
    """
    complete = complete_trials(trials)
    frame = _frame(complete)
    frame["worst_auc"] = frame["trial"].map(worst_aucs).astype(float)
    groups = frame.groupby("config_hash", sort=False)
    first = groups[["trial", "role", "epochs"]].first()
    ranked = pool(frame, ["config_hash"], of_means(labels)).join(first)
    ranked = ranked.join(groups[["seconds", "worst_auc"]].mean())
    ranked = ranked.reset_index().rename(columns={"auc": "mean_auc"})
    costs = {trial.number: trial.costs for trial in complete}
    for name in COSTS:
        # As objects: None stays None, and a whole number whole.
        ranked[name] = pd.Series([costs[n].get(name) for n in ranked["trial"]], dtype=object)
    ranked["feasible"] = [goals.are_met(row) for row in _records(ranked)]
    order, ascending = ["feasible", "mean_auc", "trial"], [False, False, True]
    ranked = ranked.sort_values(order, ascending=ascending, ignore_index=True)
    ranked["pareto"] = _on_front(ranked, goals)
    ranked["rank"] = range(1, len(ranked) + 1)
    baseline = ranked.loc[ranked["role"] == BASELINE, "mean_auc"]
    ranked["gain"] = _gain(ranked["mean_auc"], baseline.iloc[0] if len(baseline) else float("nan"))
    ranked = ranked.join(varied, on="trial")
    return ranked[[*LEADING, *varied.columns, *MIDDLE, *COSTS, "config_hash"]]


def varied_columns(ranked: pd.DataFrame) -> list[str]:
    """The columns of a ranking that hold the parameters which vary."""
    fixed = {*LEADING, *MIDDLE, *COSTS, "config_hash"}
    return [str(column) for column in ranked.columns if column not in fixed]


def labels(store: Store, name: str) -> pd.DataFrame:
    """Per label of an experiment, the configuration that is best for it on validation.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    return best_by_label(
        store.labels(experiment.id), store.trials(experiment.id), store.label_aucs(experiment.id)
    )


def best_by_label(
    labels: Sequence[Label], trials: Sequence[Trial], label_aucs: pd.DataFrame
) -> pd.DataFrame:
    """Per label, the configuration that is best for it on validation.

    The best of many configurations on one label is optimistic, the more so the more of them there
    are and the fewer positives the label has: the interval is that of the one configuration, and
    does not know that it was chosen. It tells where to look, not what a new set of images will
    show.

    Args:
        labels: the labels, in order.
        trials: the trials of the experiment.
        label_aucs: columns trial, label, auc and stderr, as the store gives them.

    Returns:
        One row per label, in order: label, prevalence (share of positives in validation), positives
        (their number there), trial (the first of the configuration), auc (mean over seeds),
        low and high (95 %), baseline (its AUC) and gain (relative, over the baseline). A label
        that no configuration has an AUC for has NaN, and no trial.
    """
    frame = pd.DataFrame(
        {
            "label": [label.name for label in labels],
            "prevalence": [
                _share(label.validation_positives, label.validation_known) for label in labels
            ],
            "positives": [label.validation_positives for label in labels],
        }
    )
    pooled = pool_labels(labels, trials, label_aucs)
    pooled = pooled.sort_values(["auc", "trial"], ascending=[False, True])
    best = pooled.drop_duplicates("label").set_index("label")
    plain = pooled[pooled["role"] == BASELINE].set_index("label")["auc"].rename("baseline")
    frame = frame.join(best[["trial", "auc", "low", "high"]], on="label").join(plain, on="label")
    numbers = [None if pd.isna(number) else int(number) for number in frame["trial"]]
    frame["trial"] = pd.Series(numbers, dtype=object)
    frame["gain"] = _gain(frame["auc"], frame["baseline"])
    return frame


def pool_labels(
    labels: Sequence[Label], trials: Sequence[Trial], label_aucs: pd.DataFrame
) -> pd.DataFrame:
    """AUC of each label under each configuration trained to its last epoch, replicates pooled.

    Returns:
        Columns label, trial (the first of the configuration), role, auc, low and high; labels
        without an AUC are left out.
    """
    frame = _frame(complete_trials(trials))
    first = frame.groupby("config_hash", sort=False)[["trial", "role"]].first()
    seeds = frame[["trial", "config_hash", "seed"]]
    scores, by = label_aucs.merge(seeds, on="trial"), ["config_hash", "label"]
    pooled = pool(scores, by, of_labels(labels)).reset_index()
    return pooled.join(first, on="config_hash")[["label", "trial", "role", "auc", "low", "high"]]


def complete_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Those that were trained to their last epoch; the baseline first, then by number.

    A trial that another one answered was not trained.
    """
    complete = [
        trial
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and trial.mean_auc is not None
        and trial.duplicate_of is None
    ]
    return sorted(complete, key=lambda trial: (trial.role != BASELINE, trial.number))


def _frame(trials: Sequence[Trial]) -> pd.DataFrame:
    """What ranking needs of each trial, one row each."""
    rows = [
        (
            trial.number,
            trial.role,
            trial.config_hash,
            trial.seed,
            trial.mean_auc,
            trial.mean_auc_stderr,
            trial.target_epochs,
            trial.seconds,
        )
        for trial in trials
    ]
    return pd.DataFrame(rows, columns=list(TYPES)).astype(TYPES)


def _on_front(ranked: pd.DataFrame, goals: Goals) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    objectives = goals.all_objectives
    values = ranked[[objective.measure for objective in objectives]].to_numpy(dtype=float)
    return on_front(
        values,
        [objective.maximise for objective in objectives],
        ranked["feasible"].to_numpy(dtype=bool),
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _gain(auc: "pd.Series[float]", baseline: "pd.Series[float] | float") -> "pd.Series[float]":
    """Relative gain; NaN where there is no baseline, or one of 0 or next to it."""
    gain = auc / baseline - 1.0
    return gain.where(gain.abs() != float("inf"))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
