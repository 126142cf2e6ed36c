"""A search by the real driver whose scores of images are drawn: all that a trial keeps is there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from results.database.store import LabelCounts, Store, open_store
from search.backends.local import run_local
from search.dashboard.publishing import Publisher
from search.driver import Driver
from search.settings import SearchSettings
from search.study import open_storage, open_study
from sedn.config import config_hash
from sedn.metrics import auc_within
from sedn.training.checkpoints.identity import TrainingIdentity
from sedn.training.checkpoints.influence import influence_of, save_influence
from sedn.training.checkpoints.predictions import save_predictions
from sedn.training.result import EpochResult, by_label
from tests.results.scored import split_of
from tests.search.experiments import experiment_of
from tests.search.histories import space_of

LABELS = ("red", "striped", "never")
"""No image has the last."""
IMAGES = 80
SKILL = {"none": 0.3, "input": 1.2, "stage1": 1.0}
LATENCY = {"none": 1.0, "input": 2.34567, "stage1": 7.0}


def truth() -> np.ndarray:
    """``(images, labels)``."""
    targets = (np.random.default_rng(0).normal(size=(IMAGES, len(LABELS))) > 0.5) * 1.0
    targets[:, -1] = 0
    return targets


def train_scored(fails: Callable[[Any], bool]) -> Callable[..., Iterator[EpochResult]]:
    """A training function: its scores rise towards the truth, to a height of the placement and the
    learning rate; where the configuration ``fails``, it raises.
    """
    split = split_of(truth())

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
        if fails(config):
            raise ValueError("too much")
        number, placement = int(Path(folder).name), config.embedding.placement
        noise = np.random.default_rng([number, config.seed]).normal(size=split.targets.shape)
        skill = SKILL[placement] - 8 * abs(config.optimizer.learning_rate - 0.01)
        identity = TrainingIdentity(config_hash(config), config.seed, "0" * 16, LABELS, {})
        for epoch in range(after_epoch + 1, config.epochs + 1):
            scores = (noise + split.targets * skill * epoch / config.epochs).astype(np.float32)
            kept = save_predictions(folder, "validation", split, LABELS, scores, identity, ())
            save_influence(folder, influence_of(kept))
            reached = auc_within(kept.targets, kept.scores, None)
            yield EpochResult(
                *(epoch, reached.mean, reached.mean_stderr),
                *(by_label(LABELS, values) for values in (reached.labels, reached.labels_stderr)),
                train_loss=1 / epoch,
                seconds=0.5 + number / 7,
                costs={"parameters": 1_234_567 + number, "latency_ms": LATENCY[placement]},
                predictions=kept.fingerprint,
            )

    return train


def search_scored(
    url: str,
    name: str,
    space_text: str,
    settings: SearchSettings,
    storage: Path,
    fails: Callable[[Any], bool] = lambda config: False,
) -> tuple[Store, Driver]:
    """Run a search to its end, and publish what Optuna's dashboard shows of the search."""
    store, space = open_store(url, create=True), space_of(space_text)
    made = experiment_of(name, space, settings.model_dump(mode="json"), LABELS)
    positives = (truth() == 1).sum(axis=0).tolist()
    counts = [
        LabelCounts(label, 30, 120, number, IMAGES)
        for label, number in zip(LABELS, positives, strict=True)
    ]
    store.create_experiment(replace(made, labels=counts))
    study = open_study(store, name, space, settings.objective)
    driver = Driver(store, store.experiment(name), study, space, settings, str(storage))
    run_local(driver, train_scored(fails))
    publisher = Publisher(store, open_storage(store), name)
    while publisher.publish_trials():
        pass
    publisher.publish_study()
    return store, driver
