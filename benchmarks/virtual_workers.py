"""What one driver sustains: the reports of hundreds of workers, without the workers.

The workers are virtual (``search.backends.virtual``): each trains empty trials of three epochs, and
its next report is there as soon as the driver has answered the last one. So the wall time is that
of the driver alone: drawing a trial, the decision after each epoch, and what is written to the
store and to Optuna's study. The driver keeps up with real workers as long as they report less often
than that. At each mark there are the reports a second since the mark before, and the memory that
this process alone holds (``RssAnon``). The last line is JSON.

    python -m benchmarks.virtual_workers [--trials 1000] [--workers 500] [--store sqlite]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.driver_memory import MARKS, resident
from benchmarks.overhead import EPOCHS, curve, databases
from results.database.store import LabelCounts, NewExperiment, open_store
from search.backends.virtual import Clock, run_virtual
from search.driver import Driver
from search.progress import Snapshot
from search.settings import SearchSettings
from search.study import open_study
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult
from spaces import load_space

EPOCH_SECONDS = 10.0
"""What an epoch takes in virtual time; longer by up to a half, so that workers come apart."""


@dataclass
class Marks:
    """What the driver had done and held after so many trials."""

    wanted: tuple[int, ...]
    began: float = field(default_factory=time.perf_counter)
    reports: int = 0
    at: dict[int, tuple[float, float, float]] = field(default_factory=dict)
    """Seconds, reports a second since the mark before, and MiB, by the number of ended trials."""
    _last: tuple[float, int] = (0.0, 0)

    def watch(self, snapshot: Snapshot) -> None:
        """Count a report, and measure where a mark is passed."""
        self.reports += 1
        for mark in self.wanted:
            if mark <= snapshot.ended and mark not in self.at:
                self._measure(mark)

    def _measure(self, mark: int) -> None:
        seconds = time.perf_counter() - self.began
        rate = (self.reports - self._last[1]) / (seconds - self._last[0])
        self._last = (seconds, self.reports)
        self.at[mark] = (seconds, rate, resident())
        print(f"{mark:>7} trials {seconds:8.1f} s {rate:7.1f} reports/s {resident():7.0f} MiB")
        sys.stdout.flush()


def train(
    config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
) -> Iterator[EpochResult]:
    """Three epochs of nothing, each of its own length, better or worse by the learning rate."""
    for epoch in range(after_epoch + 1, config.epochs + 1):
        rate = config.optimizer.learning_rate
        auc = curve(rate, epoch)
        of_label = {"label": auc}, {"label": 0.01}
        longer = hash((rate, epoch)) % 1000 / 2000
        yield EpochResult(epoch, auc, 0.01, *of_label, 1.0 / epoch, EPOCH_SECONDS * (1 + longer))


def measure(url: str, settings: SearchSettings, workers: int, folder: str) -> Marks:
    """Run a search in virtual time, with what was measured at each mark."""
    space = load_space("demo")
    store = open_store(url, create=True)
    label = LabelCounts("label", 800, 8000, 100, 1000)
    stored = settings.model_dump(mode="json")
    what = ("virtual", "data", "f" * 16, 0, b"", space.name, space.source_text, stored, [label])
    experiment = store.create_experiment(NewExperiment(*what))
    clock = Clock()
    study = open_study(store, experiment.name, space)
    driver = Driver(store, experiment, study, space, settings, folder, clock=clock)
    marks = Marks(tuple(mark for mark in (*MARKS, settings.trials) if mark <= settings.trials))
    run_virtual(driver, train, clock, workers, marks.watch)
    # The last trial ends after its last report.
    marks.watch(driver.snapshot())
    store.engine.dispose()
    return marks


def main() -> None:
    """Measure, print a line for each mark and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--sampler", choices=["tpe", "random"], default="tpe")
    parser.add_argument("--scheduler", choices=["asha", "promote", "none"], default="asha")
    options = parser.parse_args()
    settings = SearchSettings(
        trials=options.trials,
        epochs=EPOCHS,
        sampler=options.sampler,
        scheduler=options.scheduler,
    )
    with tempfile.TemporaryDirectory() as folder, databases(options.store, Path(folder)) as new_url:
        marks = measure(new_url("virtual"), settings, options.workers, folder)
    print(f"{marks.reports} reports of {options.workers} workers")
    named = f"{options.store}_{options.sampler}_{options.scheduler}"
    held = {mark: memory for mark, (_, _, memory) in marks.at.items()}
    last = max(held)
    ratio = {"value": held[last] / held.get(1000, held[last]), "goal": 1.3, "at_most": True}
    print(json.dumps({"ratios": {f"virtual_driver_memory_{named}": ratio}}))


if __name__ == "__main__":
    main()
