"""What a search writes of its trials: their start, each epoch, and their end."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Update, insert, select, update
from sqlalchemy.orm import Session

from results.database.field_values import note_values
from results.database.models import Epoch, Label, LabelAucs, Setup, Trial, TrialState
from results.database.packing import pack
from results.database.reading import trial_id_of
from results.database.scanning.trials import StoreScanner
from results.database.writing.recording import EPOCH, TRIAL, over_epochs, to_epoch
from results.database.writing.statements import (
    TrialEnded,
    known_costs,
    shared_costs,
    storable,
    upsert,
)
from sedn.training.result import EpochResult


@dataclass(frozen=True)
class NewTrial:
    """A trial that is about to start."""

    experiment_id: int
    number: int
    role: str
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    config_hash: str
    seed: int
    target_epochs: int
    folder: str
    duplicate_of: int | None = None
    """Number of the trial of the same configuration and seed that answers it."""


_ANSWERED = (
    "state", "cause", "reason", "epochs", "mean_auc", "mean_auc_stderr", "predictions",
    "predictions_fingerprint",
)  # fmt: skip
"""What a trial has from the one that answers it, beside the costs that both share; not what was
spent on that one."""

_OF_EPOCH = ("epoch", "mean_auc", "mean_auc_stderr", "train_loss", "seconds")
"""The columns of each epoch."""

_NEWEST = ("mean_auc", "mean_auc_stderr")
"""What a trial's own row has of its last epoch, beside the costs."""


class TrialWriter(StoreScanner):
    """Writes the trials of an experiment.

    Every write about a trial is one transaction and may be repeated: the rows are the same after
    the second time. Epochs may come in any order, until the trial has ended; then the trial
    stays as it is, whatever is written, until the trial is reopened.
    """

    def add_trial(self, trial: NewTrial) -> None:
        """Add a trial that starts now; one that is there already is left as it is."""
        with self.sessions.begin() as session:
            if session.scalar(trial_id_of(trial.experiment_id, trial.number)) is not None:
                return
            fields = {k: v for k, v in asdict(trial).items() if k not in ("params", "config")}
            begun = {"state": TrialState.RUNNING, "started_at": datetime.now(UTC), "seconds": 0.0}
            added = insert(Trial).values(**fields, **begun, epochs=0).returning(Trial.id)
            row = session.scalars(added).one()
            setup = {"params": trial.params, "config": trial.config}
            session.execute(insert(Setup).values(trial_id=row, **setup))
            note_values(session, trial.experiment_id, [trial.config])

    def record_epoch(
        self, experiment_id: int, number: int, epoch: EpochResult, *, node: str | None
    ) -> None:
        """Write an epoch, and update the row of its trial to that epoch.

        Raises:
            TrialEnded: the trial has ended.
        """
        trial_id = self.trial_id(experiment_id, number)
        of_epoch = {name: storable(getattr(epoch, name)) for name in _OF_EPOCH}
        newest = {name: storable(getattr(epoch, name)) for name in _NEWEST}
        newest["costs"] = known_costs(epoch.costs)
        with self.sessions.begin() as session:
            row = {"trial_id": trial_id, "recorded_at": datetime.now(UTC), **of_epoch}
            upsert(session, Epoch, [row], keep=["recorded_at"])
            of_trial: dict[str, Any] = {TRIAL: trial_id}
            if not _changes(session, over_epochs(), of_trial):
                raise TrialEnded(self.known_trial(experiment_id, number), f"epoch {epoch.epoch}")
            of_trial |= {EPOCH: epoch.epoch, "epochs": epoch.epoch, "node": node} | newest
            session.execute(to_epoch(), of_trial)

    def finish_trial(
        self,
        experiment_id: int,
        number: int,
        state: TrialState,
        reason: str | None = None,
        label_auc: Mapping[str, tuple[float | None, float | None]] | None = None,
        *,
        cause: str | None = None,
        predictions: tuple[str, str] | None = None,
    ) -> None:
        """End a trial, with the AUC and standard error of each label after its last epoch, and the
        file and fingerprint of its ``predictions`` where they were kept.

        Raises:
            TrialEnded: the trial has ended already, in another state.
        """
        trial_id = self.trial_id(experiment_id, number)
        end: dict[str, Any] = {"state": state, "cause": cause, "reason": storable(reason)}
        if predictions is not None:
            end |= {"predictions": predictions[0], "predictions_fingerprint": predictions[1]}
        with self.sessions.begin() as session:
            by_label = _by_label(session, experiment_id, label_auc) if label_auc else []
            if by_label:
                known = [auc for auc, _ in by_label if auc is not None]
                end["worst_auc"] = min(known, default=None)
            ends = _running(trial_id).values(**end, ended_at=datetime.now(UTC))
            if _changes(session, ends) and by_label:
                aucs, stderrs = (pack(values) for values in zip(*by_label, strict=True))
                row = {"trial_id": trial_id, "aucs": aucs, "stderrs": stderrs}
                upsert(session, LabelAucs, [row])
        self._check_state(experiment_id, number, state)

    def reopen_trial(self, experiment_id: int, number: int) -> None:
        """Let a trial that was stopped early run again.

        Raises:
            TrialEnded: the trial has ended in another state.
        """
        trial_id = self.trial_id(experiment_id, number)
        with self.sessions.begin() as session:
            session.execute(
                update(Trial)
                .where(Trial.id == trial_id, Trial.state == TrialState.PRUNED)
                .values(state=TrialState.RUNNING, ended_at=None)
            )
        self._check_state(experiment_id, number, TrialState.RUNNING)

    def answer_trial(self, experiment_id: int, number: int, *, by: int) -> Trial:
        """End a trial as the trial ``by`` has ended, with its values and costs, at no time.

        Raises:
            TrialEnded: the trial has ended already, in another state.
            LookupError: the trial ``by`` has not ended.
        """
        answer = self.known_trial(experiment_id, by)
        if answer.state is TrialState.RUNNING:
            raise LookupError(f"trial {by} answers for trial {number}, and has not ended")
        copied = {name: getattr(answer, name) for name in _ANSWERED}
        copied["costs"] = shared_costs(answer.costs)
        with self.sessions.begin() as session:
            of_trial = _running(self.trial_id(experiment_id, number))
            session.execute(of_trial.values(**copied, ended_at=datetime.now(UTC)))
        return self._check_state(experiment_id, number, answer.state)

    def _check_state(self, experiment_id: int, number: int, state: TrialState) -> Trial:
        """The row of a trial, after a check that the trial is in the ``state`` now."""
        trial = self.known_trial(experiment_id, number)
        if trial.state is not state:
            raise TrialEnded(trial, f"that it is {state}")
        return trial


def _running(trial_id: int) -> Update:
    """Change the row of a trial, if it runs; one that has ended is never overwritten."""
    return update(Trial).where(Trial.id == trial_id, Trial.state == TrialState.RUNNING)


def _by_label(
    session: Session,
    experiment_id: int,
    label_auc: Mapping[str, tuple[float | None, float | None]],
) -> list[tuple[float | None, float | None]]:
    """AUC and standard error of each label of an experiment, in the order of its labels."""
    names = select(Label.name).where(Label.experiment_id == experiment_id)
    pairs = (
        label_auc.get(name, (None, None))
        for name in session.scalars(names.order_by(Label.position))
    )
    return [(storable(auc), storable(stderr)) for auc, stderr in pairs]


def _changes(session: Session, change: Update, parameters: Mapping[str, Any] | None = None) -> bool:
    """Whether there was a row to be changed."""
    return bool(cast("CursorResult[Any]", session.execute(change, parameters)).rowcount)
