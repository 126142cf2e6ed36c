"""An experiment whose trials were run elsewhere, written as a whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from results.database.field_values import note_values
from results.database.models import Epoch, Experiment, Label, Setup, Trial, TrialState
from results.database.store import NewExperiment, Store, folder_name
from results.database.writing.statements import storable


@dataclass(frozen=True)
class ForeignTrial:
    """A trial of another program, as far as its results are known."""

    number: int
    state: TrialState
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    config_hash: str
    seed: int
    mean_auc: float | None
    curve: Mapping[int, float]
    """Mean AUC by epoch, from 1; empty where the curve is not known."""
    target_epochs: int
    """0 where it is not known."""
    started_at: datetime
    ended_at: datetime
    role: str = "sampled"
    reason: str | None = None


def import_trials(
    store: Store,
    experiment: NewExperiment,
    trials: Sequence[ForeignTrial],
    beside: Callable[[Connection], object],
) -> None:
    """Add an experiment with its trials, in one transaction with what ``beside`` writes."""
    fields = {k: v for k, v in asdict(experiment).items() if k != "labels"}
    now = datetime.now(UTC)
    with store.sessions.begin() as session:
        row = Experiment(created_at=now, folder=folder_name(experiment, now), **fields)
        session.add(row)
        session.flush()
        session.add_all(
            Label(experiment_id=row.id, position=position, **asdict(label))
            for position, label in enumerate(experiment.labels)
        )
        added = [_row(row, trial) for trial in trials]
        session.add_all(added)
        session.flush()
        for trial, known in zip(added, trials, strict=True):
            session.add_all(
                Epoch(
                    trial_id=trial.id,
                    epoch=epoch,
                    mean_auc=auc,
                    seconds=0.0,
                    recorded_at=known.ended_at,
                )
                for epoch, auc in known.curve.items()
            )
        note_values(session, row.id, (trial.config for trial in trials))
        beside(session.connection())


def _row(experiment: Experiment, trial: ForeignTrial) -> Trial:
    best = max(trial.curve, key=lambda epoch: (trial.curve[epoch], -epoch), default=None)
    return Trial(
        experiment_id=experiment.id,
        setup=Setup(params=dict(trial.params), config=dict(trial.config)),
        number=trial.number,
        role=trial.role,
        config_hash=trial.config_hash,
        seed=trial.seed,
        state=trial.state,
        reason=storable(trial.reason),
        started_at=trial.started_at,
        ended_at=trial.ended_at,
        epochs=max(trial.curve, default=0),
        target_epochs=trial.target_epochs,
        mean_auc=trial.mean_auc,
        best_epoch=best,
        best_auc=None if best is None else trial.curve[best],
        seconds=(trial.ended_at - trial.started_at).total_seconds(),
        costs={},
        folder=f"{experiment.folder}/{trial.number:05d}",
    )
