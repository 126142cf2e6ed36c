"""A search over recorded curves, by the driver, samplers and schedulers of a real search."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import numpy as np

from results.database.store import LabelCounts, NewExperiment, Store, open_store
from search.backends.virtual import Clock, run_virtual
from search.driver import Driver, TrainFunction
from search.progress import Snapshot
from search.samplers.choosing import check_sampler
from search.schedulers.choosing import check_scheduler
from search.settings import SearchSettings
from search.simulation.curves import Curve, RecordedCurves
from search.simulation.nearest import Nearest
from search.study import study_in_memory
from sedn.arrays import Floats
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult
from spaces import Space

NAME = "simulated"
"""The experiment of a simulated search, in a database of its own."""
LABEL = "mean"
"""The one label of a simulated search: curves keep the mean over the real labels."""


@dataclass(frozen=True)
class Trajectory:
    """The best result of a simulated search so far, by virtual time."""

    seconds: Floats
    """When each epoch was reported, in order, ``(reports,)``."""
    best: Floats
    """The highest mean AUC reported by then, ``(reports,)``."""
    target: float
    """The highest mean AUC of the recorded curves, with the seed of the search."""
    trials: int
    """Trials that were trained."""

    @classmethod
    def of(
        cls, seconds: Sequence[float], aucs: Sequence[float], target: float, trials: int
    ) -> "Trajectory":
        """Make the trajectory of reports in order: when each came, and its mean AUC."""
        return cls(np.array(seconds), np.maximum.accumulate(np.array(aucs)), target, trials)

    def seconds_to(self, mean_auc: float) -> float:
        """Virtual seconds until a trial reached ``mean_auc``; infinite where none did."""
        reached = np.flatnonzero(self.best >= mean_auc)
        return float(self.seconds[reached[0]]) if len(reached) else float("inf")

    def regret_at(self, seconds: Floats) -> Floats:
        """What the best result lacked to the target at each of ``seconds``, of their shape.

        NaN before the first report.
        """
        places = np.searchsorted(self.seconds, seconds, side="right") - 1
        return np.where(places < 0, np.nan, self.target - self.best[np.maximum(places, 0)])


def simulate(recorded: RecordedCurves, settings: SearchSettings, workers: int = 1) -> Trajectory:
    """Replay a search over recorded curves.

    Args:
        recorded: the curves, and their space.
        settings: of the search; its seed also chooses the recorded seed of each curve. Its data
            and epochs are those of the curves.
        workers: trials at a time.

    Raises:
        UserError: the sampler or the scheduler does not take the space.
    """
    with simulated(recorded, settings, workers) as (_, trajectory):
        return trajectory


@contextmanager
def simulated(
    recorded: RecordedCurves, settings: SearchSettings, workers: int = 1
) -> Iterator[tuple[Store, Trajectory]]:
    """As :func:`simulate`, with the store of the search, which is there within the context."""
    settings = settings.model_copy(update=dict(recorded.settings))
    check_sampler(settings, recorded.space)
    check_scheduler(settings, recorded.space.baseline(settings.overrides()).epochs)
    clock = Clock()
    seconds: list[float] = []
    aucs: list[float] = []

    def watch(snapshot: Snapshot) -> None:
        seconds.append(clock.seconds)
        # The trial that reported is still among those that run.
        aucs.append(max(one.mean_auc for one in snapshot.running if one.mean_auc is not None))

    with TemporaryDirectory(prefix="sedn-simulated-") as folder:
        store = open_store(f"sqlite:///{folder}/sedn.db", create=True)
        experiment = store.create_experiment(_experiment(recorded.space, settings))
        study = study_in_memory(NAME, recorded.space, settings.objective)
        driver = Driver(store, experiment, study, recorded.space, settings, folder, clock=clock)
        run_virtual(driver, _replaying(recorded, settings.seed), clock, workers, watch)
        target, trials = recorded.best(settings.seed), driver.snapshot().ended
        yield store, Trajectory.of(seconds, aucs, target, trials)
        store.engine.dispose()


def _experiment(space: Space, settings: SearchSettings) -> NewExperiment:
    return NewExperiment(
        name=NAME,
        data_path=settings.data,
        data_fingerprint="",
        skipped_images=0,
        splits=b"",
        space_name=space.name,
        space_yaml=space.source_text,
        settings=settings.model_dump(mode="json"),
        labels=[LabelCounts(LABEL, 1, 2, 1, 2)],
    )


def _replaying(recorded: RecordedCurves, replicate: int) -> TrainFunction:
    """A training function that reads a recorded curve, the nearest where there is none."""
    nearest = Nearest(recorded)

    def train(
        config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
    ) -> Iterator[EpochResult]:
        key = nearest.key(recorded.values_of(config))
        yield from _results(recorded.of(key, replicate), after_epoch)

    return train


def _results(curve: Curve, after_epoch: int) -> Iterator[EpochResult]:
    for place in range(after_epoch, len(curve.auc)):
        auc, stderr = float(curve.auc[place]), float(curve.stderr[place])
        yield EpochResult(
            epoch=place + 1,
            mean_auc=auc,
            mean_auc_stderr=stderr,
            label_auc={LABEL: auc},
            label_auc_stderr={LABEL: stderr},
            train_loss=0.0,
            seconds=float(curve.seconds[place]),
            costs=curve.costs,
        )
