"""A search of one worker, without Ray, whose process is killed at a chosen write."""

import json
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import Engine, event

from results.database.connection.outage import in_one_line
from results.database.models import TrialState
from results.database.store import Store, open_store
from search.backends.local import run_local
from search.driver import OPTUNA_STATES, Driver
from search.settings import SearchSettings
from search.study import open_storage, open_study
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult
from tests.search.experiments import experiment_of
from tests.search.histories import height, result, space_of

NAME = "history"
FLOPS = {"none": 1, "input": 2, "stage1": 3}
"""By the placement of the map."""

OnWrite = Callable[[str], None]
"""Told of each write before it is there for good: the tables, or the checkpoint."""


class Killed(BaseException):
    """What stands for the end of the process."""


@dataclass(frozen=True)
class Crashing:
    """A search in a folder of its own; each call of :meth:`run` is the same command again."""

    folder: Path
    space: str
    settings: SearchSettings

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/sedn.db"

    def make_tables(self) -> None:
        self.folder.mkdir()
        open_storage(open_store(self.url, create=True))

    def copy(self, name: str, settings: SearchSettings) -> "Crashing":
        """The same search as it stands, in a folder beside this one."""
        folder = self.folder.with_name(name)
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder, settings=settings)

    def run(
        self,
        on_write: OnWrite = lambda what: None,
        on_wait: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Start the search, or go on with it, to its end."""
        store = open_store(self.url)
        with in_one_line(store.shown):
            self._run(store, on_write, on_wait)

    def _run(self, store: Store, on_write: OnWrite, on_wait: Callable[[str], None]) -> None:
        driver = self._open(store, on_wait)

        def train(
            config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
        ) -> Iterator[EpochResult]:
            return train_with_checkpoint(config, folder, after_epoch, on_write)

        run_local(driver, train)
        assert driver.finished

    def _open(self, store: Store, on_wait: Callable[[str], None]) -> Driver:
        space = space_of(self.space)
        if store.find_experiment(NAME) is None:
            store.create_experiment(
                experiment_of(NAME, space, self.settings.model_dump(mode="json"))
            )
        study = open_study(store, NAME, space)
        experiment, folder = store.experiment(NAME), str(self.folder / "trials")
        return Driver(store, experiment, study, space, self.settings, folder, on_wait=on_wait)

    def run_and_die(self, at: int) -> bool:
        """Run in a process of its own, killed before its write ``at``; whether it got that far."""
        child = os.fork()
        if child == 0:
            try:
                left = at

                def kill(what: str) -> None:
                    nonlocal left
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

                with watching(kill):
                    self.run(kill)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the search broke"
            return False
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True

    def writes(self) -> list[str]:
        """Run to the end, and say what is written, in order."""
        seen: list[str] = []
        with watching(seen.append):
            self.run(seen.append)
        return seen

    def outcome(self) -> list[dict[str, Any]]:
        """What was decided on each trial, and what it reached; store and study must agree."""
        store = open_store(self.url)
        experiment = store.experiment(NAME)
        rows, epochs = store.trials(experiment.id), store.epochs(experiment.id)
        labels = store.label_aucs(experiment.id)
        study = optuna.load_study(study_name=NAME, storage=self.url)
        assert [row.number for row in rows] == [t.number for t in study.trials]
        assert len(rows) == self.settings.trials
        found = []
        for row, trial in zip(rows, study.trials, strict=True):
            source = row.trained_number
            curve = {e.epoch: e.mean_auc for e in epochs.get(source, [])}
            check_row(row, trial, curve)
            of_labels = labels[labels.trial == row.number][["label", "auc"]].values.tolist()
            stopped = row.state is TrialState.PRUNED and row.cause is None
            ran_to_rung = stopped and self.settings.scheduler == "promote"
            assert bool(of_labels) == (row.duplicate_of is None and not ran_to_rung)
            same = ("role", "params", "config_hash", "state", "cause", "epochs", "duplicate_of")
            found.append(
                {name: getattr(row, name) for name in same} | {"curve": curve, "labels": of_labels}
            )
        return found


def check_row(row: Any, trial: optuna.trial.FrozenTrial, curve: dict[int, float]) -> None:
    """See that the store's row is whole, and that the study says the same."""
    assert trial.params == row.params
    assert trial.state is OPTUNA_STATES[row.state]
    assert trial.intermediate_values == curve
    assert list(curve) == list(range(1, row.epochs + 1))
    assert row.mean_auc == curve[row.epochs]
    assert trial.value == row.mean_auc
    assert (row.ended_at - row.started_at).total_seconds() >= 0


def train_with_checkpoint(
    config: TrainingConfig, folder: str, after_epoch: int, on_write: OnWrite
) -> Iterator[EpochResult]:
    """Training with a checkpoint: an epoch builds on the one before, and is there before its end
    is told.
    """
    placement = config.embedding.placement
    checkpoint = Path(folder) / "checkpoint.json"
    curve = json.loads(checkpoint.read_text()) if checkpoint.exists() else []
    assert len(curve) >= after_epoch, "an epoch was told that no checkpoint holds"
    for epoch in range(after_epoch + 1, config.epochs + 1):
        if epoch > len(curve):
            last = curve[-1] if curve else 0.5
            curve.append(last + (height(config) - last) * 0.6)
            on_write("checkpoint")
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            new = checkpoint.with_suffix(".new")
            new.write_text(json.dumps(curve))
            new.replace(checkpoint)
            on_write("checkpoint is there")
        reached = result(epoch, curve[epoch - 1])
        yield replace(reached, label_auc={"a": reached.mean_auc}, costs={"flops": FLOPS[placement]})


class watching:  # noqa: N801
    """While it is entered, ``on_write`` is told of each transaction that is about to be kept."""

    def __init__(self, on_write: OnWrite) -> None:
        self._on_write = on_write

    def __enter__(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._note)
        event.listen(Engine, "commit", self._commit)
        event.listen(Engine, "rollback", self._forget)

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._note)
        event.remove(Engine, "commit", self._commit)
        event.remove(Engine, "rollback", self._forget)

    def _note(self, connection: Any, cursor: Any, statement: str, *_: object) -> None:
        words = statement.split()
        if words[0] in ("INSERT", "UPDATE", "DELETE"):
            table = words[1] if words[0] == "UPDATE" else words[2]
            connection.info.setdefault("written", []).append(f"{words[0]} {table}")

    def _commit(self, connection: Any) -> None:
        if written := connection.info.pop("written", None):
            self._on_write(", ".join(written))

    def _forget(self, connection: Any) -> None:
        connection.info.pop("written", None)
