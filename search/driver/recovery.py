"""What earlier runs of a search left in store and study, and one replay of the past for every
rule.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.database.models import BASELINE, Epoch, Trial, TrialState
from results.goals.objectives import measures_of
from search.budgets import Score, trained_seconds
from search.driver.study_writer import LOSSES
from search.driver.writer import Writer
from search.rebuilding import GPUS
from search.schedulers.decision import Decision, PastCurve

Curve = dict[int, float]
"""Mean AUC by epoch."""


@dataclass(frozen=True)
class Past:
    """The rows of the store, and the study's trials."""

    rows: dict[int, Trial]
    """By number."""
    frozen: list[FrozenTrial]
    epochs: dict[int, list[Epoch]]
    """Of each trial, by number, in order."""

    @classmethod
    def read(cls, writer: Writer) -> "Past":
        """What store and study hold."""
        return cls(writer.trials(), writer.study.trials(), writer.epochs())

    @property
    def asked(self) -> int:
        """Number of trials that were drawn from the study."""
        return sum(trial.state is not OptunaState.WAITING for trial in self.frozen)

    @property
    def running(self) -> list[FrozenTrial]:
        """Trials that have not ended in the study."""
        return [trial for trial in self.frozen if trial.state is OptunaState.RUNNING]

    @property
    def losses(self) -> dict[int, int]:
        """How often the worker of a trial that has not ended was lost, by number."""
        return {trial.number: trial.user_attrs.get(LOSSES, 0) for trial in self.running}

    def curve(self, number: int) -> Curve:
        """What a trial reached; one that another answered has that one's."""
        row = self.rows.get(number)
        source = number if row is None else row.trained_number
        return {epoch.epoch: epoch.mean_auc for epoch in self.epochs.get(source, [])}

    def scores(self) -> list[Score]:
        """Scores of the complete trials, in the order in which the trials ended."""
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

    def curves(self, decision: Decision) -> Iterator[PastCurve]:
        """What the trials reached, for the rules of ``decision``; without those that cost too much.

        The last known epoch of a trial that is still running is left out where trials are
        stopped, as the epoch will be reported again.
        """
        for number, row in self.rows.items():
            is_baseline = row.role == BASELINE
            if not is_baseline and decision.exceeded(measures_of(row, None)):
                continue
            known = self.epochs.get(number, [])
            is_running = row.state is TrialState.RUNNING
            if is_running and decision.promotion is None:
                known = known[:-1]
            stopped = row.state is TrialState.PRUNED and row.cause is None
            yield PastCurve(number, tuple(_reached(known)), is_baseline, stopped or is_running)


def _reached(epochs: Iterable[Epoch]) -> Iterable[tuple[int, float, float]]:
    for epoch in epochs:
        stderr = float("nan") if epoch.mean_auc_stderr is None else epoch.mean_auc_stderr
        yield epoch.epoch, epoch.mean_auc, stderr
