"""Searches without Ray whose trainings leave checkpoints, in a database and a storage path."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import text

from results.database.models import Experiment
from results.database.store import LabelCounts, Store, open_store
from search.backends.local import run_local
from search.driver import Driver
from search.settings import SearchSettings
from search.study import open_storage, open_study
from sedn.training.result import EpochResult
from tests.search.experiments import experiment_of
from tests.search.histories import FLAT, height, result, space_of

SETTINGS = SearchSettings(trials=4, sampler="random", scheduler="none", seed=1)
SPACE = space_of(FLAT)


@dataclass
class Place:
    """A database and a storage path."""

    url: str
    storage: str
    trials: int = 4
    trained: int = 0
    """Epochs, no one of which was trained twice if no checkpoint was lost."""

    @property
    def settings(self) -> SearchSettings:
        return SETTINGS.model_copy(update={"trials": self.trials})

    def open(self) -> Store:
        return open_store(self.url, create=True)

    def make(self, name: str) -> Experiment:
        """An experiment of which nothing is trained, and which has no study."""
        return self.open().create_experiment(
            replace(
                experiment_of(name, SPACE, self.settings.model_dump(mode="json")),
                data_path="/data/products/data.yaml",
                labels=[LabelCounts("a", 5, 9, 5, 9)],
            )
        )

    def search(self, name: str, *, epochs: int = 99) -> list[str]:
        """Search, or go on, for so many epochs; what was told on the way."""
        store, told = self.open(), list[str]()
        found = store.find_experiment(name) or self.make(name)
        study = open_study(store, name, SPACE, on_notice=told.append)
        driver = Driver(store, found, study, SPACE, self.settings, self.storage)

        def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Iterator[EpochResult]:
            nonlocal epochs
            checkpoint = Path(folder) / "checkpoint.pt"
            held = int(checkpoint.read_text()) if checkpoint.exists() else 0
            assert held >= after_epoch, "the checkpoint of an epoch that was told is not found"
            for epoch in range(after_epoch + 1, config.epochs + 1):
                if epoch > held:
                    if not epochs:
                        raise KeyboardInterrupt
                    epochs -= 1
                    self.trained += 1
                checkpoint.parent.mkdir(parents=True, exist_ok=True)
                checkpoint.write_text(str(epoch))
                yield result(epoch, height(config))

        try:
            run_local(driver, train)
        except KeyboardInterrupt:
            told.append("cut off")
        store.engine.dispose()
        return told

    def holds(self, name: str) -> dict[str, Any]:
        """What is there of an experiment."""
        store = self.open()
        row = store.find_experiment(name)
        with open_storage(store).engine.connect() as connection:
            trials = connection.scalar(text("SELECT count(*) FROM trials")) or 0
        return {
            "trials": [] if row is None else [t.number for t in store.trials(row.id)],
            "study": name in optuna.get_all_study_names(open_storage(store)),
            "trials of studies": trials,
            "folders": sorted(path.name for path in Path(self.storage).glob(f"{name}-*/*")),
        }
