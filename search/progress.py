"""The progress of a search: counts by state, running trials, the best so far, the time that is
left.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from results.database.models import BASELINE, Experiment, Trial, TrialState
from results.database.store import Store
from results.goals.objectives import Goals, measures_of
from results.ranking.best import Leading, Reached, read_leading
from sedn.config import TrainingConfig


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is being trained."""

    number: int
    role: str
    epoch: int
    epochs: int
    mean_auc: float | None
    config: TrainingConfig


@dataclass(frozen=True)
class Ended:
    """A configuration that was trained to its last epoch."""

    number: int
    """Of its first trial."""
    mean_auc: float
    """The mean over its seeds."""

    @classmethod
    def of(cls, reached: Reached | None) -> "Ended | None":
        """Of what the ranking has."""
        return None if reached is None else cls(*reached)

    def to_json(self) -> dict[str, int | float]:
        """As all commands write it in JSON."""
        return {"trial": self.number, "mean_auc": self.mean_auc}


@dataclass(frozen=True)
class Snapshot:
    """The state of a search at one moment."""

    asked: int
    counts: dict[TrialState, int]
    running: tuple[RunningTrial, ...]
    best: Ended | None
    """Rank 1: of the highest mean AUC among those that satisfy the constraints."""
    baseline: Ended | None
    elapsed: float
    """Seconds since this run of the search began."""
    remaining: float | None
    """Estimated seconds to the end; ``None`` until a trial that was trained, and did not fail, has
    ended in this run."""
    paused: int = 0
    """Trials that wait at a rung."""
    unfinished: int = 0
    """Trials that the database had begun and not ended when it was read."""
    all_violate: bool = False
    """Whether there are complete trials, and all of them violate a constraint."""

    @property
    def ended(self) -> int:
        """Number of trials that have ended, in whatever way."""
        return sum(n for state, n in self.counts.items() if state is not TrialState.RUNNING)

    @property
    def gain(self) -> float | None:
        """Gain in mean AUC of the best trial over the baseline, relative; of one of 0 there is
        none.
        """
        if self.best is None or self.baseline is None or self.baseline.mean_auc == 0:
            return None
        return self.best.mean_auc / self.baseline.mean_auc - 1.0

    def leaders_as_json(self) -> dict[str, Any]:
        """What leads, as all commands write it in JSON."""
        return {
            "best": self.best and self.best.to_json(),
            "baseline": self.baseline and self.baseline.to_json(),
            "gain": self.gain,
        }


Watcher = Callable[[Snapshot], None]
"""Shown where a search stands while it runs."""


@dataclass
class Tally:
    """Counts kept while a search runs, so that a progress line costs no query."""

    counts: Counter[TrialState] = field(default_factory=Counter)
    best: Ended | None = None
    """Of the highest mean AUC among those that satisfy the constraints."""
    baseline: Ended | None = None
    any_violates: bool = False
    """Whether a complete trial violates a constraint."""
    trained_before: int = 0
    """Trials that had ended before this run, and had not failed."""
    unfinished: int = 0
    """Trials that had begun before this run, and had not ended."""
    started_at: float = field(default_factory=time.monotonic)

    @classmethod
    def read(cls, store: Store, experiment: Experiment) -> "Tally":
        """The tally of an experiment, from a few numbers that the database adds up."""
        counts = store.counts(experiment.id)
        unfinished = counts.pop(TrialState.RUNNING, 0)
        tally = cls(counts, unfinished=unfinished)
        tally.lead(read_leading(store, experiment))
        return tally

    @classmethod
    def of(cls, trials: Iterable[Trial], goals: Goals) -> "Tally":
        """Count the trials that had ended before this run."""
        tally, rows = cls(), list(trials)
        worst = {trial.number: trial.worst_auc for trial in rows}
        for trial in rows:
            state = TrialState(trial.state)
            if state is not TrialState.RUNNING:
                is_met = goals.are_met(measures_of(trial, worst.get(trial.trained_number)))
                tally.add(trial.number, trial.role, state, trial.mean_auc, satisfies=is_met)
        tally.trained_before = tally.trained
        return tally

    @property
    def trained(self) -> int:
        """Number of trials that have ended and did not fail."""
        return self.counts.total() - self.counts[TrialState.FAILED]

    def add(
        self,
        number: int,
        role: str,
        state: TrialState,
        mean_auc: float | None,
        *,
        satisfies: bool = True,
    ) -> None:
        """Count a trial that ended; ``satisfies``: it satisfies the constraints."""
        self.counts[state] += 1
        if state is not TrialState.COMPLETE or mean_auc is None:
            return
        ended = Ended(number, mean_auc)
        if role == BASELINE:
            self.baseline = ended
        self.any_violates |= not satisfies
        if satisfies and (self.best is None or _order(ended) < _order(self.best)):
            self.best = ended

    def lead(self, leading: Leading) -> None:
        """Take what leads from the ranking: where there are several seeds, no trial says alone what
        its configuration came to.
        """
        self.best, self.baseline = Ended.of(leading.best), Ended.of(leading.baseline)
        self.any_violates |= leading.all_violate

    def snapshot(
        self,
        asked: int,
        running: tuple[RunningTrial, ...],
        paused: int = 0,
        budget_left: float | None = None,
    ) -> Snapshot:
        """The tally with what runs now, and the time left.

        Args:
            asked: trials that the search has in the end.
            running: the trials that are being trained.
            paused: number of trials that wait at a rung.
            budget_left: seconds until a budget ends the search; ``None``: none will.
        """
        elapsed = time.monotonic() - self.started_at
        ended = self.counts.total()
        # A trial that fails takes no time to speak of, and says nothing of those to come.
        here = self.trained - self.trained_before
        remaining = elapsed / here * max(0, asked - ended) if here > 0 else None
        if budget_left is not None:
            remaining = budget_left if remaining is None else min(remaining, budget_left)
        counts = dict(self.counts) | {TrialState.RUNNING: len(running)}
        return Snapshot(
            *(asked, counts, running, self.best, self.baseline, elapsed, remaining, paused),
            all_violate=self.any_violates and self.best is None,
        )


def _order(ended: Ended) -> tuple[float, int]:
    """By which the ranking puts configurations in order."""
    return -ended.mean_auc, ended.number


MOST_RUNNING = 1000
"""Trials that run at a time and are read, at most."""


def read_snapshot(store: Store, experiment: Experiment, *, searching: bool) -> Snapshot:
    """Where a search of any process stands, by what the database holds.

    The time left is the mean time of the trials that were trained, for each trial that has not
    ended, divided by the trials that run now.

    Args:
        store: the database.
        experiment: of the search.
        searching: whether a process searches now; if none does, no trial runs.
    """
    tally = Tally.read(store, experiment)
    rows = store.unfinished(experiment.id, MOST_RUNNING) if searching else []
    running = tuple(
        RunningTrial(
            row.number,
            row.role,
            row.epochs,
            row.target_epochs,
            row.mean_auc,
            TrainingConfig.model_validate(row.config),
        )
        for row in rows
    )
    asked = experiment.settings["trials"]
    snapshot = tally.snapshot(asked, running)
    seconds = store.totals(experiment.id)[1]
    left = max(0, asked - snapshot.ended)
    remaining = seconds / tally.trained * left / len(running) if running and tally.trained else None
    return replace(snapshot, remaining=remaining, unfinished=tally.unfinished)
