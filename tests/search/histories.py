"""Searches without Ray: a driver, one trial after another, known curves, crashes where asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna

from results.database.store import Store, open_store
from search.backends.local import run_local
from search.driver import Driver
from search.samplers.choosing import make_samplers
from search.samplers.drawing import draw
from search.settings import SearchSettings
from search.study import open_study
from sedn.training.result import EpochResult
from spaces import Space, parse_space
from tests.search.experiments import experiment_of

FLAT = """
name: flat
description: all axes are always active
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
  optimizer.weight_decay: {float: [0.0, 0.1]}
"""
CONDITIONAL = """
name: conditional
description: two axes are active for one placement
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: stage1}}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
  optimizer.weight_decay: {float: [0.0, 0.1]}
  attention.reduction_ratio: {int: [4, 16], when: {embedding.placement: stage1}}
"""
FINITE = """
name: finite
description: twelve points
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  optimizer.weight_decay: {float: [0.0, 0.3], step: 0.1}
"""
FINITE_CONDITIONAL = """
name: finite-conditional
description: twelve points
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1]}
  embedding.fusion: {choice: [scale_shift, add], when: {embedding.placement: stage1}}
  optimizer.weight_decay: {float: [0.0, 0.2], step: 0.1}
"""
WITHOUT_BASELINE = """
name: without-baseline
description: the plain backbone is no point of it
base: {data: {image_size: 32}, backbone: {pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [input, stage1]}
  optimizer.learning_rate: {float: [1.0e-4, 1.0e-1], log: true}
  optimizer.weight_decay: {float: [0.0, 0.2], step: 0.1}
"""


def space_of(text: str) -> Space:
    return parse_space(text, "test.yaml")


def height(config: Any) -> float:
    """What a full training reaches."""
    best = {"none": 0.7, "input": 0.9, "stage1": 0.8}[config.embedding.placement]
    return best - abs(config.optimizer.learning_rate - 0.01) - 0.1 * config.optimizer.weight_decay


def result(epoch: int, auc: float, seconds: float = 0.5) -> EpochResult:
    return EpochResult(
        epoch=epoch,
        mean_auc=auc,
        mean_auc_stderr=0.01,
        label_auc={"a": auc},
        label_auc_stderr={"a": 0.02},
        train_loss=1.0,
        seconds=seconds,
        costs={"parameters": 10},
    )


@dataclass
class History:
    """An experiment in a database of its own."""

    space: Space
    settings: SearchSettings
    url: str
    storage: str = "folder"
    driver: Driver = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        store = open_store(self.url, create=True)
        store.create_experiment(
            experiment_of("history", self.space, self.settings.model_dump(mode="json"), "abc")
        )
        self.open()

    def open(self, **options: Any) -> None:
        """Start, or start again after a crash."""
        self.store = open_store(self.url)
        self.experiment = self.store.experiment("history")
        study = self.open_study()
        self.driver = Driver(
            self.store,
            self.experiment,
            study,
            self.space,
            self.settings,
            self.storage,
            **options,
        )

    def run(self) -> list[tuple[int, int]]:
        """Train what is handed out to the end of the search; trial and epoch of each result."""
        trained: list[tuple[int, int]] = []

        def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
            for epoch in range(after_epoch + 1, config.epochs + 1):
                trained.append((int(Path(folder).name), epoch))
                yield result(epoch, height(config))

        run_local(self.driver, train)
        return trained

    def open_study(self) -> optuna.Study:
        return open_study(self.store, "history", self.space, self.settings.objective)

    def crash_in_draw(self, axes: int) -> None:
        """Ask for a trial, draw its first ``axes`` parameters, and crash."""
        study = self.open_study()
        trial = study.ask()
        if axes and trial.number:
            sampler = make_samplers(self.settings, self.space)(trial.number)
            draw(replace(self.space, axes=self.space.axes[:axes]), trial, sampler)
        self.open()

    def params(self) -> list[dict[str, Any]]:
        """The parameters of each trial by number."""
        return [row.params for row in self.store.trials(self.experiment.id)]


@contextmanager
def history(text: str, settings: SearchSettings, url: str | None = None) -> Iterator[History]:
    with TemporaryDirectory() as folder:
        yield History(space_of(text), settings, url or f"sqlite:///{Path(folder)}/sedn.db")
