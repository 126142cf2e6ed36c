"""Nodes that join while trials wait for room, and nodes that are about to be taken."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest

from results.database.models import Trial
from results.database.store import open_store
from search.driver.study_writer import LOSSES
from tests.cluster.nodes import ENVIRONMENT, Nodes, ended, start_search, wait_until, workers
from tests.search.conftest import SPACE

TRIALS = 30
OPTIONS = {"autoscaling": True, "max_concurrent": 3, "gpus_per_trial": 0, "trials": TRIALS}
"""Of a cluster that starts nodes for trials that wait."""


def started(nodes: Nodes, folder: Path, options: dict[str, Any]) -> "Search":
    """A search of these options, whose driver runs on the head."""
    log, space = folder / "epochs", folder / "space.yaml"
    space.write_text(SPACE)
    url = f"sqlite:///{folder}/sedn.db"
    words = (url, str(space), str(folder / "runs"), nodes.address, str(log), json.dumps(options))
    return Search(url, log, start_search(nodes.machines[0], *words))


@dataclass(frozen=True)
class Search:
    """A search that was started."""

    url: str
    log: Path
    driver: subprocess.Popen[str]

    def wait_until(self, is_so: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait while the search runs."""

        def holds() -> bool:
            assert self.driver.poll() is None, "\n".join(self.driver.communicate())[-3000:]
            return is_so()

        wait_until(holds, seconds, otherwise)

    def check_end(self, trials: int, told_again: int) -> list[Trial]:
        """All trials are complete, and no worker counts as lost; gives them."""
        said, complained = self.driver.communicate(timeout=120)
        assert said.split()[-1:] == ["finished"], complained[-3000:]
        store = open_store(self.url)
        rows = store.trials(store.experiment("faults").id)
        assert len(rows) == trials
        assert {str(row.state) for row in rows} == {"COMPLETE"}, [row.reason for row in rows]
        # The last epoch of what is cut off is told again: here, where there is no checkpoint,
        # trained.
        times = Counter(self.log.read_text().split("\n")[:-1])
        assert sum(times.values()) <= len(times) + told_again, times
        study = optuna.load_study(study_name="faults", storage=self.url)
        assert not any(trial.user_attrs.get(LOSSES) for trial in study.trials)
        return rows


@pytest.mark.slow
def test_nodes_come_for_trials_that_wait_and_are_taken_again(nodes: Nodes, tmp_path: Path) -> None:
    nodes.start()
    search = started(nodes, tmp_path, OPTIONS)
    search.wait_until(lambda: ended(search.url) > 0, 180, "no trial ended on the head alone")
    joined = [nodes.start(), nodes.start()]
    for machine in joined:
        search.wait_until(lambda m=machine: bool(workers(m)), 60, "a node got no trial")
    before = ended(search.url)
    search.wait_until(lambda: ended(search.url) >= before + 3, 60, "no trial ends any more")
    nodes.tell(joined[0], signal.SIGTERM)
    search.wait_until(lambda: not joined[0].processes(), 25, "the node was not given up")
    rows = search.check_end(TRIALS, told_again=1)
    on = Counter((row.node or "").partition(" ")[2] for row in rows if row.duplicate_of is None)
    assert len(on) == 3, "a node trained no trial to its end"


@pytest.mark.slow
def test_an_epoch_that_takes_longer_than_the_node_has_is_no_loss(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "1")
    nodes.start()
    taken = nodes.start()
    options = {"max_concurrent": 2, "gpus_per_trial": 0, "trials": 2, "seconds": 6.0}
    search = started(nodes, tmp_path, options)
    search.wait_until(lambda: bool(workers(taken)), 180, "the node got no trial")
    nodes.tell(taken, signal.SIGTERM)
    search.wait_until(lambda: not taken.processes(), 10, "the node is still there")
    search.check_end(2, told_again=1)
