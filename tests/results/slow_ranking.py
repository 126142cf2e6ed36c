"""Ranking as it was computed before it read columns alone: from whole rows, one after the other.

The reference that the queries of the store are held against.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from results.database.models import BASELINE, Label, Trial, TrialState
from results.goals.objectives import Goals
from results.ranking.pareto import on_front
from results.ranking.pooling import of_labels, of_means, pool
from results.varied import AS_SAMPLED, NOT_PARAMETERS
from sedn.config import build_config, flatten
from sedn.errors import UserError
from sedn.measures import COSTS
from tests.results.rows import columns_of


def slow_rank(
    trials: Sequence[Trial], goals: Goals, worst: Mapping[int, float], labels: Sequence[Label]
) -> pd.DataFrame:
    complete = complete_trials(trials)
    frame = frame_of(complete)
    frame["worst_auc"] = frame["trial"].map(worst).astype(float)
    groups = frame.groupby("config_hash", sort=False)
    ranked = pool(columns_of(frame), ["config_hash"], of_means(labels)).frame()
    ranked = ranked.set_index("config_hash")
    ranked = ranked.join(groups[["trial", "role", "epochs"]].first())
    ranked = ranked.join(groups[["seconds", "worst_auc"]].mean())
    ranked = ranked.reset_index().rename(columns={"auc": "mean_auc"})
    costs = {trial.number: trial.costs for trial in complete}
    for name in COSTS:
        ranked[name] = pd.Series([costs[n].get(name) for n in ranked["trial"]], dtype=object)
    ranked["feasible"] = [goals.are_met(row) for row in ranked.to_dict("records")]
    order, ascending = ["feasible", "mean_auc", "trial"], [False, False, True]
    ranked = ranked.sort_values(order, ascending=ascending, ignore_index=True)
    objectives = goals.all_objectives
    ranked["pareto"] = on_front(
        ranked[[one.measure for one in objectives]].to_numpy(dtype=float),
        [one.maximise for one in objectives],
        ranked["feasible"].to_numpy(dtype=bool),
    )
    ranked["rank"] = range(1, len(ranked) + 1)
    baseline = ranked.loc[ranked["role"] == BASELINE, "mean_auc"]
    plain = baseline.iloc[0] if len(baseline) else float("nan")
    gain = ranked["mean_auc"] / plain - 1.0
    ranked["gain"] = gain.where(gain.abs() != float("inf"))
    return ranked.join(slow_varied(trials), on="trial")


def slow_labels(
    trials: Sequence[Trial], labels: Sequence[Label], scores: pd.DataFrame, ranked: pd.DataFrame
) -> pd.DataFrame:
    frame = frame_of(complete_trials(trials))
    first = frame.groupby("config_hash", sort=False)[["trial", "role"]].first()
    scores = scores.merge(frame[["trial", "config_hash", "seed"]], on="trial")
    pooled = pool(columns_of(scores), ["config_hash", "label"], of_labels(labels)).frame()
    pooled = pooled.join(first, on="config_hash")
    pooled = pooled.sort_values(["auc", "trial"], ascending=[False, True])
    feasible = ranked.loc[ranked["feasible"].astype(bool), "config_hash"]
    may_lead = feasible if len(feasible) else ranked["config_hash"]
    among = pooled[pooled["config_hash"].isin(may_lead)]
    best = among.drop_duplicates("label").set_index("label")
    plain = pooled[pooled["role"] == BASELINE].set_index("label")["auc"].rename("baseline")
    found = pd.DataFrame({"label": [label.name for label in labels]})
    return found.join(best[["trial", "auc", "low", "high"]], on="label").join(plain, on="label")


def slow_varied(trials: Sequence[Trial]) -> pd.DataFrame:
    fields = {trial.number: flatten(trial.config) for trial in trials}
    paths = dict.fromkeys(path for values in fields.values() for path in values)
    distinct = {
        path: {repr(value): value for value in (own.get(path) for own in fields.values())}
        for path in paths
        if path not in NOT_PARAMETERS
    }
    varied = {path: values for path, values in distinct.items() if len(values) > 1}
    rows = [effects(trial.config, fields[trial.number], varied) for trial in trials]
    index = pd.Index(list(fields), dtype=int, name="trial")
    frame = pd.DataFrame(rows, index=index, columns=list(varied), dtype=object)
    for path in paths:
        sampled = [other_sample(trial, path, fields[trial.number].get(path)) for trial in trials]
        if path not in NOT_PARAMETERS and any(value is not None for value in sampled):
            frame[path + AS_SAMPLED] = pd.Series(sampled, index=index, dtype=object)
    return frame


def effects(config: Mapping[str, Any], own: Mapping[str, Any], varied: Any) -> list[Any]:
    try:
        built = build_config(config, "trial")
    except UserError:
        return [own.get(path) for path in varied]
    values = []
    for path, distinct in varied.items():
        value = own.get(path)
        others = [other for text, other in distinct.items() if text != repr(value)][:2]
        effect = any(replaced(config, path, other) != built for other in others)
        values.append(value if effect else None)
    return values


def other_sample(trial: Trial, path: str, value: Any) -> Any:
    sampled = trial.params.get(path)
    if sampled is None or sampled == value:
        return None
    same = replaced(trial.config, path, sampled) == replaced(trial.config, path, value)
    return None if same else sampled


def replaced(config: Mapping[str, Any], path: str, value: Any) -> Any:
    group, _, name = path.rpartition(".")
    fields = dict(config)
    if group:
        fields[group] = config[group] | {name: value}
    else:
        fields[name] = value
    try:
        return build_config(fields, "trial")
    except UserError:
        return None


def complete_trials(trials: Sequence[Trial]) -> list[Trial]:
    complete = [
        trial
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and trial.mean_auc is not None
        and trial.duplicate_of is None
    ]
    return sorted(complete, key=lambda trial: (trial.role != BASELINE, trial.number))


def frame_of(trials: Sequence[Trial]) -> pd.DataFrame:
    columns = ["trial", "role", "config_hash", "seed", "auc", "stderr", "epochs", "seconds"]
    rows = [
        (
            *(trial.number, trial.role, trial.config_hash, trial.seed, trial.mean_auc),
            *(trial.mean_auc_stderr, trial.target_epochs, trial.seconds),
        )
        for trial in trials
    ]
    return pd.DataFrame(rows, columns=columns).astype({"auc": float, "stderr": float})
