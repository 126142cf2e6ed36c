"""Trials that were stopped before their last epoch: listed beside the ranking, not in it.

A ranking compares values after a full training. A trial that was stopped early has none, however
near it was to the best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from results.columns import Columns, check_top, from_rows
from results.database.models import Experiment, Label, Trial, TrialState
from results.database.scanning.trials import StoppedTrial
from results.database.store import Store
from results.ranking.pooling import of_means
from sedn.style import count_of, interval_text

if TYPE_CHECKING:
    import pandas as pd

MOST_LINES = 3
"""Stopped trials that are named beside a ranking."""
LEADERS = 3
"""A stopped trial that reached more than the configuration at this rank is named."""
COLUMNS: dict[str, type] = {
    "trial": int,
    "mean_auc": float,
    "low": float,
    "high": float,
    "best_epoch": int,
    "epochs": int,
    "target_epochs": int,
    "better": int,
    "stopped_by": object,
    "config_hash": object,
}


def stopped_early(
    store: Store, name: str, ranked: "pd.DataFrame", top: int | None = None
) -> "pd.DataFrame":
    """The trials of an experiment that were stopped early, as :func:`stopped_trials` gives them.

    Args:
        store: has the experiment.
        name: of the experiment.
        ranked: all its configurations, as :func:`results.rank` gives them.
        top: only so many, the highest mean AUC first.

    Raises:
        UserError: there is no experiment ``name``, or ``top`` is below 1.
    """
    check_top(top)
    known = Columns({"mean_auc": ranked["mean_auc"].to_numpy(dtype=float)})
    return read_stopped(store, store.experiment(name), known, top).frame()


def read_stopped(
    store: Store, experiment: Experiment, ranked: Columns, top: int | None = None
) -> Columns:
    """The trials of an experiment that were stopped early, as :func:`stopped_trials` gives them.

    Args:
        store: has the experiment.
        experiment: whose trials they are.
        ranked: all its configurations, as :func:`results.ranking.leaders.order_experiment` gives
            them.
        top: only so many, the highest mean AUC first.
    """
    stopped = store.stopped(experiment.id, top)
    return stopped_trials(stopped, ranked, store.labels(experiment.id), scheduler_of(experiment))


def scheduler_of(experiment: Experiment) -> str:
    """The name of the scheduler of an experiment."""
    return str(experiment.settings.get("scheduler", "the scheduler"))


def stopped_trials(
    stopped: Sequence[StoppedTrial], ranked: Columns, labels: Sequence[Label], scheduler: str
) -> Columns:
    """The trials that were stopped before their last epoch, the highest mean AUC first.

    Args:
        stopped: as the store's ``stopped`` gives them.
        ranked: all configurations of the experiment with their mean_auc.
        labels: the labels of the experiment.
        scheduler: what stops trials of which no cause is known.

    Returns:
        One row per trial: trial, mean_auc (the best after any epoch, on validation), low and high
        (95 % interval over images), best_epoch, epochs (completed), target_epochs, better (number
        of ranked configurations with a higher mean AUC), stopped_by (why, in a few words) and
        config_hash. A trial that another one answered is left out, and one without an epoch.
    """
    rows = [
        (
            *(trial.number, trial.best_auc, trial.best_auc_stderr, trial.best_epoch, trial.epochs),
            *(trial.target_epochs, stopped_by(trial, scheduler), trial.config_hash),
        )
        for trial in stopped
    ]
    types = {name: kind for name, kind in COLUMNS.items() if name not in ("low", "high", "better")}
    table = from_rows(rows, {"trial": int, "mean_auc": float, "stderr": float} | types)
    ends = of_means(labels)({"auc": table["mean_auc"], "stderr": table["stderr"]})
    low, high = ends.reshape(-1, 2).T
    rising = np.sort(ranked["mean_auc"])
    better = len(rising) - np.searchsorted(rising, table["mean_auc"], side="right")
    return table.adding({"low": low, "high": high, "better": better}).only(COLUMNS)


def read_stopped_lines(store: Store, experiment: Experiment, ranked: Columns) -> list[str]:
    """The lines of :func:`stopped_lines` and :func:`unlisted_lines` on an experiment.

    Args:
        store: has the experiment.
        experiment: whose trials they are.
        ranked: all its configurations, as :func:`results.ranking.leaders.order_experiment` gives
            them.
    """
    early = read_stopped(store, experiment, ranked, MOST_LINES)
    number = count_stopped(store, experiment)
    return [*stopped_lines(early, ranked, number.listed), *unlisted_lines(number)]


@dataclass(frozen=True)
class NumberStopped:
    """How many trials of an experiment were stopped early."""

    all: int
    listed: int
    """Those that :func:`stopped_trials` lists."""


def count_stopped(store: Store, experiment: Experiment) -> NumberStopped:
    """How many trials of an experiment were stopped early."""
    counts = store.counts(experiment.id)
    return NumberStopped(counts[TrialState.PRUNED], store.count_stopped(experiment.id))


def unlisted_lines(number: NumberStopped) -> list[str]:
    """Why fewer trials are listed than were stopped early, in a line; nothing where all are."""
    rest = number.all - number.listed
    if not rest:
        return []
    return [
        f"Not listed: {rest} of {count_of(number.all, 'trial')} that stopped early, as another "
        "trial answered them or no epoch was trained."
    ]


def stopped_lines(stopped: Columns, ranked: Columns, number: int | None = None) -> list[str]:
    """A few lines to stand below a ranking: which stopped trials came near its first, and how many
    there are; none where no trial was stopped.

    A trial came near if its value lies within the interval of the first of the ranking, or above
    one of the first :data:`LEADERS`.

    Args:
        stopped: as :func:`stopped_trials` gives it; the first :data:`MOST_LINES` trials at least.
        ranked: all configurations, as :func:`results.ranking.leaders.order_experiment` gives them.
        number: of trials that were stopped early, where ``stopped`` has not all.
    """
    if not len(stopped):
        return []
    number = len(stopped) if number is None else number
    # An interval that is not known is NaN, which fmin passes over.
    least = np.fmin.reduce([*ranked["low"][:1], *ranked["mean_auc"][:LEADERS]], initial=np.nan)
    near = stopped.rows(~(stopped["mean_auc"] < least)).head(MOST_LINES)
    lines = ["Stopped early, so not ranked; mean AUC [95 %] after the best epoch:"]
    for row in near.records():
        reached = interval_text(row["mean_auc"], row["low"], row["high"])
        lines.append(
            f"  trial {row['trial']}: {reached} at epoch {row['best_epoch']} of "
            f"{row['target_epochs']}, {row['stopped_by']}; {place(row['better'], len(ranked))}"
        )
    if not len(near):
        trials = "1 trial was" if number == 1 else f"{number} trials were"
        return [f"{trials} stopped early, none near the first; `sedn rank --stopped` lists them."]
    if rest := number - len(near):
        lines.append(f"  {rest} more reached less; `sedn rank --stopped` lists all.")
    return lines


def place(better: int, ranked: int) -> str:
    """Describe the rank of a stopped trial: the number of ranked configurations that are
    ``better``.
    """
    return f"{better} of {ranked} ranked are higher" if ranked else "nothing is ranked yet"


def stopped_by(trial: StoppedTrial | Trial, scheduler: str) -> str:
    """Why a trial was stopped."""
    after = f"after epoch {trial.epochs}"
    if trial.reason is None and trial.cause is None:
        return f"stopped by {scheduler} {after}"
    first = (trial.reason or trial.cause or "").strip().splitlines()[0]
    return f"stopped {after}: {first}"
