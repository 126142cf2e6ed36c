"""All that is known of an experiment at one moment, for a page that agrees with itself."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from results.axes.found import Importance, importance_of
from results.confirmed import confirmation_lines
from results.database.models import BASELINE, Epoch, Experiment, Label, Trial, TrialState
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.by_label import best_by_label, complete_frame, pool_labels
from results.ranking.leaders import order_configurations, with_details
from results.ranking.standing import Standing, standing, with_standing
from results.ranking.stopped import scheduler_of, stopped_trials
from results.varied import varied_parameters
from sedn.measures import COSTS

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "stopped early",
    TrialState.FAILED: "failed",
    TrialState.RUNNING: "running",
}
"""What a state is called on a page, in the order in which they are shown."""

SHOWN_COSTS = ("latency_ms", "parameters")
"""Costs that a page shows beside the time of training; objectives and bounds come to them."""


@dataclass(frozen=True)
class Findings:
    """An experiment with its trials, and what follows from them."""

    experiment: Experiment
    labels: list[Label]
    trials: list[Trial]
    epochs: dict[int, list[Epoch]]
    """By trial number."""
    goals: Goals
    """Objectives and constraints."""
    ranked: pd.DataFrame
    """As :func:`results.ranking.leaders.rank_trials` gives it."""
    standing: Standing
    """What the validation images say of the ranking as a whole."""
    confirmation: list[str]
    """What the newest confirmation came to, in words; nothing where there is none."""
    stopped: pd.DataFrame
    """As :func:`results.ranking.stopped.stopped_trials` gives it."""
    by_label: pd.DataFrame
    """As :func:`results.ranking.leaders.best_by_label` gives it."""
    pooled_labels: pd.DataFrame
    """As :func:`results.ranking.leaders.pool_labels` gives it."""
    varied: pd.DataFrame
    """As :func:`results.varied.varied_parameters` gives it."""
    importance: Importance
    """Which axes mattered."""

    @property
    def costs(self) -> list[str]:
        """The costs that a page shows, by the names of :data:`sedn.measures.COSTS`."""
        asked = [one.measure for one in self.goals.all_objectives]
        asked += [one.measure for one in self.goals.constraints]
        return [name for name in dict.fromkeys((*SHOWN_COSTS, *asked)) if name in COSTS]

    @property
    def best(self) -> dict[str, Any] | None:
        """The first of the ranking."""
        return _first(self.ranked)

    @property
    def baseline(self) -> dict[str, Any] | None:
        """The baseline's place in the ranking."""
        return _first(self.ranked[self.ranked["role"] == BASELINE])

    def in_state(self, state: TrialState) -> list[Trial]:
        """The trials that stand so, by number."""
        return [trial for trial in self.trials if trial.state is state]

    def parameters_of(self, number: int) -> dict[str, Any]:
        """What the trial has of the varied parameters that have an effect on it."""
        return {str(path): v for path, v in self.varied.loc[number].items() if v is not None}


def read_findings(store: Store, name: str) -> Findings:
    """Read an experiment.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    labels, goals = store.labels(experiment.id), Goals.of(experiment.settings)
    rows = store.complete(experiment.id, goals.costs)
    ordered = order_configurations(rows, goals, labels)
    complete = complete_frame(rows)
    found = standing(store, experiment.id, ordered)
    label_aucs = store.label_auc_arrays(experiment.id).only(complete["trial"])
    # Trials after what is found of them: they must be there.
    stopped, trials = store.stopped(experiment.id), store.trials(experiment.id)
    values = store.field_values(experiment.id)
    return Findings(
        experiment=experiment,
        labels=labels,
        trials=trials,
        epochs=store.epochs(experiment.id),
        goals=goals,
        ranked=with_standing(with_details(store, experiment, ordered), found),
        standing=found,
        confirmation=confirmation_lines(store, experiment),
        stopped=stopped_trials(stopped, ordered, labels, scheduler_of(experiment)),
        by_label=best_by_label(
            labels, rows, label_aucs, lambda n: store.label_auc_arrays(experiment.id, n)
        ),
        pooled_labels=pool_labels(labels, complete, label_aucs),
        varied=varied_parameters({trial.number: trial for trial in trials}, values),
        importance=importance_of(store, experiment.id, name, trials),
    )


def _first(rows: pd.DataFrame) -> dict[str, Any] | None:
    return None if rows.empty else {str(k): v for k, v in rows.iloc[0].items()}
