"""A search on a cluster that a test started, and what must hold of it in the end."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from benchmarks.machines.account import Account
from benchmarks.machines.network import Machine
from benchmarks.machines.nodes import Nodes, ended, start_search, wait_until, workers
from benchmarks.machines.outcome import outcome_of
from results.database.models import Trial
from results.database.store import open_store
from search.driver.study_writer import LOSSES
from search.run import run_search
from search.settings import Resources
from tests.cluster.driver import NAME, settings_of
from tests.search.conftest import SPACE
from tests.search.curves import make_curves

DRIVER = Path(__file__).with_name("driver.py")


@dataclass
class ClusterSearch:
    """A search by the driver of these tests; its command may be given again."""

    nodes: Nodes
    folder: Path
    url: str
    trials: int
    options: dict[str, Any] = field(default_factory=dict)
    """Of the driver."""
    storage: Path | None = None
    """By default below the folder."""

    def __post_init__(self) -> None:
        self.account = Account(self.folder / "epochs")
        self._complaints = self.folder / "complaints"
        self.space = self.folder / "space.yaml"
        self.space.write_text(SPACE)
        self.storage = self.storage or self.folder / "runs"
        self.driver: subprocess.Popen[str] | None = None

    def start(self, machine: Machine | None = None) -> None:
        """Give the command, on the head or another machine."""
        options = json.dumps(self.options | {"trials": self.trials})
        words = (self.url, str(self.space), str(self.storage), self.nodes.address)
        where = machine or self.nodes.machines[0]
        words += (str(self.account.path), options)
        with self._complaints.open("a") as errors:
            self.driver = start_search(where, DRIVER, *words, errors=errors)

    @property
    def complained(self) -> str:
        """All that its drivers printed to stderr, notices too."""
        return self._complaints.read_text()

    def kill(self) -> None:
        """End the driver as the kernel ends what takes too much memory."""
        assert self.driver is not None
        # What was started is `ip`, which becomes the driver.
        self.driver.kill()
        self.driver.communicate()

    def wait_until(self, is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait while the search runs."""

        def holds() -> bool:
            assert self.driver is not None
            assert self.driver.poll() is None, self.complained[-3000:]
            return is_so()

        wait_until(holds, seconds, otherwise)

    def wait_for(self, more: int) -> None:
        """Wait until so many more trials have ended."""
        enough = ended(self.url) + more
        self.wait_until(lambda: ended(self.url) >= enough, 150, f"{more} trials never ended")

    def wait_for_worker(self, machine: Machine) -> int:
        """The process of a machine that trains, once there is one."""
        there: list[int] = []

        def has_one() -> bool:
            # Asked once: a short trial may have ended when its process is asked for again.
            there.extend(workers(machine))
            return bool(there)

        self.wait_until(has_one, 120, f"{machine.name} never got a trial")
        return there[0]

    def check_end(self, repeated: int = 0, losses: int | None = None) -> list[Trial]:
        """Wait for the end, and see that nothing was lost; gives the trials.

        Args:
            repeated: epochs that may have been trained a second time, at most.
            losses: lost workers that are counted, at most; ``None``: as many as may be.
        """
        assert self.driver is not None
        said, _ = self.driver.communicate(timeout=200)
        assert said.split()[-1:] == ["finished"], self.complained[-3000:]
        rows = self.check_outcome()
        assert not self.account.lost()
        assert not self.account.contradictions()
        assert self.account.repeated() <= repeated, self.account.notes()
        study = optuna.load_study(study_name=NAME, storage=self.url)
        counted = sum(trial.user_attrs.get(LOSSES, 0) for trial in study.trials)
        assert losses is None or counted <= losses
        self.check_left()
        return rows

    def check_outcome(self) -> list[Trial]:
        """All trials and epochs are there once, with the values of a search left alone."""
        found, alone = outcome_of(self.url, NAME), f"sqlite:///{self.folder}/alone.db"
        learns = self.options.get("learns", False)
        run_search(
            *(NAME, str(self.space), settings_of(self.trials, learns), alone),
            Resources(backend="local", storage_path=str(self.folder / "alone")),
            train=make_curves(sleeps=False),
        )
        assert found == outcome_of(alone, NAME)
        store = open_store(self.url)
        rows = store.trials(store.experiment(NAME).id)
        assert len(rows) == self.trials
        states = {"COMPLETE", "PRUNED"} if learns else {"COMPLETE"}
        assert {str(row.state) for row in rows} == states, [row.reason for row in rows]
        for row in rows:
            epochs = [epoch for epoch, _ in found[row.number]["epochs"]]
            assert row.duplicate_of is not None or epochs == list(range(1, row.epochs + 1))
            assert str(row.state) == "PRUNED" or row.epochs == 4
        return rows

    def check_left(self) -> None:
        """No process of the search is left on any machine, nor a file that nobody needs."""

        def left() -> list[str]:
            return [
                text
                for machine in self.nodes.machines
                for text in machine.processes().values()
                if "TrialActor" in text or "driver.py" in text
            ]

        wait_until(lambda: not left(), 20, f"left: {left()}")
        assert self.storage is not None
        files = [path for path in self.storage.rglob("*") if path.is_file()]
        assert not [path for path in files if path.name.startswith(".sedn-")]
