"""Freeing the disk of checkpoints that no command reads any more."""

from collections.abc import Iterator
from dataclasses import dataclass

from results.database.models import BASELINE, Experiment, TrialState
from results.database.store import Store
from results.ranking.leaders import order_experiment
from search.disk import checkpoint_folders
from search.schedulers.registry import SCHEDULERS
from sedn.errors import UserError
from sedn.training.checkpoints.storage import CHECKPOINT, list_files, remove_file

KEPT = 10
"""Configurations whose checkpoints stay, the first of the ranking."""


@dataclass(frozen=True)
class Cleaning:
    """The checkpoints of an experiment: those that go, and the bytes of those that stay."""

    files: tuple[tuple[str, int], ...]
    """Path or URI and size of each that goes."""
    kept_bytes: int
    """Of all other files in the folders of the trials."""

    @property
    def freed_bytes(self) -> int:
        """The bytes of the files that go."""
        return sum(size for _, size in self.files)


def plan_cleaning(
    store: Store, experiment: Experiment, keep: int = KEPT, storage: str | None = None
) -> Cleaning:
    """Choose the checkpoints that no command reads any more; removes nothing.

    Scores, outputs and all that the database has stay, and so do the checkpoints of

    - trials that run or pause, and those that stopped where a longer search may let them go on;
    - the first ``keep`` configurations of the ranking, with each seed, and the baseline;
    - complete trials of a confirmation, which are tested.

    Args:
        store: has the experiment.
        experiment: of the store.
        keep: number of configurations.
        storage: folder or URI of the checkpoints, where they have moved since.

    Raises:
        UserError: ``keep`` is below one, or a URI cannot be read.
    """
    if keep < 1:
        raise UserError(f"`keep={keep}`: keep the checkpoints of one configuration at least")
    removable = _removable(store, experiment, keep)
    going, kept_bytes = [], 0
    for folder in checkpoint_folders(store, experiment, storage):
        for path, size in list_files(folder):
            trial, _, name = path.removeprefix(f"{folder}/").partition("/")
            if trial in removable and name.rpartition("/")[2] == CHECKPOINT:
                going.append((path, size))
            else:
                kept_bytes += size
    return Cleaning(tuple(going), kept_bytes)


def clean(cleaning: Cleaning) -> Iterator[int]:
    """Remove the files of a plan, one after another; a call that is cut off goes on with a new
    plan.

    Yields:
        The bytes of each file that was there.

    Raises:
        UserError: one cannot be removed.
    """
    for path, size in cleaning.files:
        if remove_file(path):
            yield size


def _removable(store: Store, experiment: Experiment, keep: int) -> set[str]:
    """The names of the folders of the trials whose checkpoints are not needed any more."""
    ordered = order_experiment(store, experiment)
    leading = ordered["config_hash"][ordered["feasible"]][:keep]
    baseline = ordered["config_hash"][ordered["role"] == BASELINE]
    needed = {*leading.tolist(), *baseline.tolist()}
    scheduler = SCHEDULERS.get(experiment.settings.get("scheduler", ""))
    final = {TrialState.FAILED}
    if experiment.confirms is None:
        final.add(TrialState.COMPLETE)
    if scheduler is not None and scheduler.stops:
        final.add(TrialState.PRUNED)
    return {
        folder.rpartition("/")[2]
        for folder, state, config_hash in store.ended(experiment.id)
        if state in final and not (state is TrialState.COMPLETE and config_hash in needed)
    }
