"""An experiment of very many trials, written in bulk into the store's own tables."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, bindparam, insert, update
from sqlalchemy.orm import Session

from results.database.field_values import note_values
from results.database.models import (
    BASELINE,
    Epoch,
    LabelAucs,
    Setup,
    Trial,
    TrialState,
)
from results.database.packing import pack
from results.database.store import LabelCounts, NewExperiment, Store
from results.database.trainings import read_trainings
from results.ranking.leaders import order_experiment
from results.ranking.standing import chosen_configurations
from sedn.config import build_config
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.influence import influence_of, save_influence
from sedn.training.checkpoints.predictions import PREDICTIONS, save_predictions
from tests.results.scored import split_of

CHUNK = 1000
"""Trials of one transaction."""
IMAGES = 1000
"""Validation images."""
SEEDS = 3
"""Replicates of one configuration in 28; the others have one."""
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = ("none", "input", "stage1", "stage2", "stage3", "last2", "stage1+stage3", "crop")
STATES = (TrialState.PRUNED, TrialState.FAILED, *8 * (TrialState.COMPLETE,))
"""Of ten trials; most are complete, as these are what ranking and labels are slow by."""
COSTS = {
    "parameters": 11_180_103.0,
    "flops": 1_823_522_816.0,
    "latency_ms": 4.8132,
    "latency_32_ms": 101.53,
    "images_per_second": 231.4,
    "peak_memory": 2_183_528_448.0,
    "micro_batch": 64.0,
}


def fill(store: Store, name: str, trials: int, epochs: int, labels: int) -> int:
    """Add an experiment with so many trials, which ended in any way; its id."""
    counts = [LabelCounts(f"label {n}", 800, 8000, 100, 1000) for n in range(labels)]
    settings = {"trials": trials, "scheduler": "asha"}
    row = store.create_experiment(
        NewExperiment(name, "data.csv", "f" * 16, 0, b"", "demo", "axes: {}", settings, counts)
    )
    for start in range(0, trials, CHUNK):
        numbers = range(start, min(start + CHUNK, trials))
        write_trials(store.engine, row.id, numbers, epochs, labels)
    return row.id


def write_trials(engine: Engine, experiment: int, numbers: range, epochs: int, labels: int) -> None:
    """Trials of these numbers, in one transaction."""
    generator = np.random.default_rng(numbers.start)
    made = [_config(number) for number in numbers]
    curves = np.sort(0.5 + 0.4 * generator.beta(4, 2, (len(numbers), epochs)), axis=1)
    by_label = 0.5 + 0.5 * generator.beta(4, 2, (len(numbers), labels))
    stderrs = generator.uniform(0.01, 0.04, (len(numbers), labels))
    with Session(engine) as session, session.begin():
        ids = session.scalars(
            insert(Trial).returning(Trial.id, sort_by_parameter_order=True),
            [
                _trial(experiment, number, made[i], curves[i], by_label[i])
                for i, number in enumerate(numbers)
            ],
        ).all()
        session.execute(
            insert(Setup),
            [
                {"trial_id": row, "params": params, "config": config}
                for row, (config, params, _) in zip(ids, made, strict=True)
            ],
        )
        session.execute(
            insert(LabelAucs),
            [
                {"trial_id": row, "aucs": pack(aucs), "stderrs": pack(errors)}
                for row, aucs, errors in zip(ids, by_label, stderrs, strict=True)
            ],
        )
        session.execute(
            insert(Epoch),
            [
                epoch
                for row, curve in zip(ids, curves, strict=True)
                for epoch in _epochs(row, curve)
            ],
        )
        note_values(session, experiment, (config for config, _, _ in made))


Made = tuple[dict[str, Any], dict[str, Any], str]
"""Fields of a configuration, what was sampled, and its hash."""


def _config(number: int) -> Made:
    """A configuration that no other number has, but for replicates."""
    config = BASE if number == 0 else _sampled(number)
    params = {
        "embedding.placement": config["embedding"]["placement"],
        "attention.kind": config["attention"]["kind"],
        "attention.reduction_ratio": config["attention"]["reduction_ratio"],
        "optimizer.learning_rate": config["optimizer"]["learning_rate"],
        "optimizer.weight_decay": config["optimizer"]["weight_decay"],
    }
    return config, params, f"{_configuration(number):016x}"


def _configuration(number: int) -> int:
    """The first three of thirty numbers are seeds of one configuration."""
    return number - number % SEEDS if number % 30 < SEEDS else number


def _sampled(number: int) -> dict[str, Any]:
    generator = np.random.default_rng(_configuration(number))
    place = PLACES[int(generator.integers(len(PLACES)))]
    kind, ratio = ("none", 16) if place in ("none", "input", "crop") else ("se", 8)
    return BASE | {
        "embedding": BASE["embedding"] | {"placement": place},
        "attention": BASE["attention"] | {"kind": kind, "reduction_ratio": ratio},
        "optimizer": BASE["optimizer"]
        | {
            "learning_rate": float(10 ** generator.uniform(-5, -2)),
            "weight_decay": float(10 ** generator.uniform(-4, -1)),
        },
        "seed": number % SEEDS,
    }


BASE: dict[str, Any] = build_config({"epochs": 20}, "benchmark").model_dump(mode="json")


def _trial(experiment: int, number: int, made: Made, curve: Any, by_label: Any) -> dict[str, Any]:
    state = TrialState.COMPLETE if number == 0 else STATES[number % len(STATES)]
    reached = len(curve) if state is TrialState.COMPLETE else max(len(curve) // 3, 1)
    mean, best = float(curve[reached - 1]), float(curve[-1])
    return {
        "experiment_id": experiment,
        "number": number,
        "role": "sampled" if number else BASELINE,
        "config_hash": made[2],
        "seed": made[0]["seed"],
        "state": state,
        "cause": "error" if state is TrialState.FAILED else None,
        "reason": "ValueError: the loss is odd" if state is TrialState.FAILED else None,
        "node": "node-1",
        "started_at": STARTED + timedelta(seconds=number),
        "ended_at": STARTED + timedelta(seconds=number + 90),
        "epochs": reached,
        "target_epochs": len(curve),
        "mean_auc": mean,
        "mean_auc_stderr": 0.004,
        "worst_auc": float(by_label.min()),
        "best_epoch": len(curve),
        "best_auc": best,
        "best_auc_stderr": 0.004,
        "seconds": 4.5 * reached,
        "costs": COSTS | {"latency_ms": 1.0 + number % 977 / 100},
        "folder": f"runs/large-01234567/{number:05d}",
    }


def _epochs(row: int, curve: Any) -> Iterator[dict[str, Any]]:
    for epoch, auc in enumerate(curve.tolist(), 1):
        yield {
            "trial_id": row,
            "epoch": epoch,
            "mean_auc": auc,
            "mean_auc_stderr": 0.004,
            "train_loss": 0.3,
            "seconds": 4.5,
            "recorded_at": STARTED,
        }


def keep_scores(store: Store, name: str, folder: Path) -> None:
    """Write what a ranking and a comparison read of trainings' files: the influence of each image
    for every training of the configurations that are compared image by image, and the scores of the
    first and of the baseline.
    """
    experiment = store.experiment(name)
    labels = [label.name for label in store.labels(experiment.id)]
    generator = np.random.default_rng(0)
    targets = np.zeros((IMAGES, len(labels)))
    targets[: IMAGES // 10] = 1
    split, hard = (
        split_of(generator.permuted(targets, axis=0)),
        generator.normal(size=targets.shape),
    )
    ordered = order_experiment(store, experiment)
    chosen = chosen_configurations(ordered)
    scored = {chosen[0], *ordered["config_hash"][ordered["role"] == BASELINE]}
    known: list[dict[str, Any]] = []
    influence = None
    for training in read_trainings(store, experiment.id, chosen):
        own = str(folder / name / f"{training.number:05d}")
        identity = TrainingIdentity(
            training.config_hash, training.seed, "f" * 16, tuple(labels), {}
        )
        if influence is None or training.config_hash in scored:
            scores = hard + generator.normal(size=targets.shape) + 2 * split.truth
            kept = save_predictions(
                own, "validation", split, labels, scores.astype(np.float32), identity
            )
            influence = influence_of(kept)
        noise = generator.normal(scale=float(np.std(influence.values)) / 2, size=IMAGES)
        values = (influence.values + noise).astype(np.float32)
        of_own = replace(
            influence, values=values, configuration=training.config_hash, seed=training.seed
        )
        save_influence(own, of_own)
        known.append(
            {
                "at": training.number,
                "predictions": f"{own}/{PREDICTIONS}",
                "predictions_fingerprint": influence.fingerprint,
            }
        )
    table: Any = Trial.__table__
    statement = update(table).where(
        table.c.experiment_id == experiment.id, table.c.number == bindparam("at")
    )
    with store.engine.begin() as connection:
        connection.execute(
            statement.values(
                predictions=bindparam("predictions"),
                predictions_fingerprint=bindparam("predictions_fingerprint"),
            ),
            known,
        )
