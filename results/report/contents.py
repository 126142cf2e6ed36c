"""All that is known of an experiment at one moment, for a page that agrees with itself."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from results.database.models import BASELINE, Epoch, Experiment, Label, Trial, TrialState
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.leaders import best_by_label, pool_labels, rank_trials
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
    stopped: pd.DataFrame
    """As :func:`results.ranking.stopped.stopped_trials` gives it."""
    by_label: pd.DataFrame
    """As :func:`results.ranking.leaders.best_by_label` gives it."""
    pooled_labels: pd.DataFrame
    """As :func:`results.ranking.leaders.pool_labels` gives it."""
    varied: pd.DataFrame
    """As :func:`results.varied.varied_parameters` gives it."""

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
    # Trials first: what they are found to be must be borne out by what is read after them.
    trials = store.trials(experiment.id)
    labels, label_aucs = store.labels(experiment.id), store.label_aucs(experiment.id)
    varied, goals = varied_parameters(trials), Goals.of(experiment.settings)
    ranked = rank_trials(trials, varied, goals, store.worst_aucs(experiment.id), labels)
    best_epochs = store.best_epochs(experiment.id, TrialState.PRUNED)
    scheduler = scheduler_of(experiment)
    return Findings(
        experiment=experiment,
        labels=labels,
        trials=trials,
        epochs=store.epochs(experiment.id),
        goals=goals,
        ranked=ranked,
        stopped=stopped_trials(trials, best_epochs, ranked, labels, scheduler),
        by_label=best_by_label(labels, trials, label_aucs),
        pooled_labels=pool_labels(labels, trials, label_aucs),
        varied=varied,
    )


def _first(rows: pd.DataFrame) -> dict[str, Any] | None:
    return None if rows.empty else {str(k): v for k, v in rows.iloc[0].items()}
