"""What earlier runs of a search left in store and study."""

from collections.abc import Iterable
from dataclasses import dataclass

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.models import BASELINE, Epoch, Trial, TrialState
from results.objectives import Goals, measures_of
from search.budgets import Score, trained_seconds
from search.rebuilding import GPUS
from search.schedulers import Promotion

LOSSES = "lost_workers"
"""The attribute, in the study, that says how often a trial's worker was lost."""
Curve = dict[int, float]
"""Mean AUC by epoch."""


@dataclass(frozen=True)
class Past:
    """The rows of the store, and the study's trials."""

    rows: dict[int, Trial]
    """By number."""
    frozen: list[FrozenTrial]
    epochs: dict[int, list[Epoch]]
    """Of each trial, by number, in order; all there are, or none where nothing needs them."""

    @property
    def asked(self) -> int:
        """Trials that the study was asked for."""
        return sum(trial.state is not OptunaState.WAITING for trial in self.frozen)

    @property
    def running(self) -> list[FrozenTrial]:
        """Trials that have not ended in the study."""
        return running(self.frozen)

    @property
    def losses(self) -> dict[int, int]:
        """How often the worker of a trial that has not ended was lost, by number."""
        return {trial.number: trial.user_attrs.get(LOSSES, 0) for trial in self.running}

    def curve(self, number: int) -> Curve:
        """What a trial reached; one that another answered has that one's."""
        row = self.rows.get(number)
        source = number if row is None or row.duplicate_of is None else row.duplicate_of
        return {epoch.epoch: epoch.mean_auc for epoch in self.epochs.get(source, [])}

    def scores(self) -> list[Score]:
        """Of the complete trials, in the order in which they ended."""
        done = [row for row in self.rows.values() if row.state is TrialState.COMPLETE]
        return [
            Score(row.mean_auc, row.mean_auc_stderr or 0.0)
            for row in sorted(done, key=lambda row: (row.ended_at, row.number))
            if row.mean_auc is not None
        ]

    def seconds(self) -> float:
        """Wall clock in which something was trained."""
        return trained_seconds(epoch for one in self.epochs.values() for epoch in one)

    def gpu_seconds(self) -> float:
        """Seconds of training times the GPUs of the trial."""
        gpus = {trial.number: trial.user_attrs.get(GPUS, 0.0) for trial in self.frozen}
        return float(sum(row.seconds * gpus.get(row.number, 0.0) for row in self.rows.values()))

    def replay(self, promotion: Promotion, goals: Goals) -> None:
        """Show who has come to which rung, but for those that cost more than ``goals`` allow."""
        for number, row in self.rows.items():
            if row.role == BASELINE or row.duplicate_of is not None:
                continue
            if goals.exceeded(measures_of(row, None)):
                continue
            stopped = row.state is TrialState.PRUNED and row.cause is None
            may_go_on = stopped or row.state is TrialState.RUNNING
            promotion.replay(number, self.curve(number).items(), may_go_on=may_go_on)


def running(frozen: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Those that have not ended."""
    return [trial for trial in frozen if trial.state is OptunaState.RUNNING]
