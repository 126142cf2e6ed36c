"""Searches with a truth that is known: real samplers and schedulers over planted curves."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from search.backends.virtual import Clock, run_virtual
from search.settings import SearchSettings
from sedn.training.result import EpochResult
from tests.search.histories import History, space_of

Effect = Callable[[Any, str], float]
"""From a configuration and a label to what the label's AUC gains after a full training."""

PLANTED = """
name: planted
description: a place, what comes with a place, and two that do nothing
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 4}
axes:
  embedding.placement: {choice: [none, input, stage1, stage2]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: [stage1, stage2]}}
  augmentation.horizontal_flip: {choice: [false, true]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
"""


def nothing(config: Any, label: str) -> float:
    """Nothing has an effect: all differences are luck."""
    return 0.0


def stage1_helps_a(config: Any, label: str) -> float:
    """One placement helps label ``a``, and no other."""
    return 0.06 if label == "a" and config.embedding.placement == "stage1" else 0.0


def search_planted(
    url: str, settings: SearchSettings, effect: Effect, noise: float = 0.01, text: str = PLANTED
) -> History:
    """Run a search in virtual time; each label has the luck of its training and luck of its own."""
    history = History(space_of(text), settings, url)
    clock = Clock()
    history.open(clock=clock)

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
        random = np.random.default_rng([settings.seed, int(Path(folder).name)])
        luck = noise * (random.normal() + random.normal(size=3)) / np.sqrt(2)
        for epoch in range(after_epoch + 1, config.epochs + 1):
            rise = 1 - 0.5**epoch
            aucs = {
                label: 0.5 + rise * (0.3 + luck[i] + effect(config, label))
                for i, label in enumerate("abc")
            }
            mean = float(np.mean(list(aucs.values())))
            yield EpochResult(epoch, mean, 0.01, aucs, dict.fromkeys(aucs, 0.02), 1.0, 1.0, {})

    run_virtual(history.driver, train, clock, workers=3)
    return history
