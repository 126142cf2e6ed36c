"""Experiments and trials to fill a store with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from results.columns import Columns
from results.database.models import TrialState
from results.database.store import LabelCounts, NewExperiment, Store
from results.database.writing.trials import NewTrial
from sedn.config import TrainingConfig, build_config, config_hash
from sedn.training.result import EpochResult

COUNTS = {"train_positives": 30, "train_known": 120, "validation_positives": 8}


def new_experiment(
    store: Store,
    name: str = "rows",
    labels: Sequence[str] = ("red", "striped"),
    trials: int = 9,
    folds: int | None = None,
) -> int:
    """Add an experiment and give its id."""
    counts = [LabelCounts(label, **COUNTS, validation_known=40) for label in labels]
    row = store.create_experiment(
        NewExperiment(
            name,
            "data.csv",
            "f" * 16,
            0,
            b"",
            "small",
            "axes: {}",
            {"trials": trials},
            counts,
            folds=folds,
        )
    )
    return row.id


def new_trial(
    experiment_id: int,
    number: int,
    config: TrainingConfig,
    role: str,
    epochs: int | None = None,
) -> NewTrial:
    """A trial that is about to start."""
    return NewTrial(
        experiment_id=experiment_id,
        number=number,
        role=role,
        params={},
        config=config.model_dump(mode="json"),
        config_hash=config_hash(config),
        seed=config.seed,
        target_epochs=epochs or config.epochs,
        folder=f"runs/{number}",
    )


def add_trial(
    store: Store,
    experiment_id: int,
    number: int,
    auc: float | None,
    *,
    stderr: float = 0.01,
    role: str = "sampled",
    state: TrialState = TrialState.COMPLETE,
    reason: str | None = None,
    labels: Mapping[str, tuple[float | None, float | None]] | None = None,
    params: Mapping[str, Any] | None = None,
    predictions: tuple[str, str] | None = None,
    **fields: Any,
) -> TrialState:
    """Add a trial of two epochs that reached ``auc``; ``fields`` are of its configuration."""
    config = build_config({"epochs": 2, **fields}, "test")
    store.add_trial(replace(new_trial(experiment_id, number, config, role), params=params or {}))
    last = 0 if auc is None else 2 if state is TrialState.COMPLETE else 1
    for epoch in range(1, last + 1):
        record = EpochResult(
            epoch, auc * epoch / last, stderr, {}, {}, 0.5, 1.5, {"parameters": 10_000 + number}
        )
        store.record_epoch(experiment_id, number, record, node="here")
    if state is not TrialState.RUNNING:
        store.finish_trial(experiment_id, number, state, reason, labels, predictions=predictions)
    return state


def columns_of(frame: pd.DataFrame) -> Columns:
    """The columns of a frame, without its index."""
    return Columns({str(name): frame[name].to_numpy() for name in frame.columns})
