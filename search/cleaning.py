"""Freeing the disk of checkpoints that no command reads any more."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from results.database.models import BASELINE, Experiment, TrialState
from results.database.store import Store
from results.ranking.leaders import order_experiment
from search.disk import checkpoint_folders
from search.schedulers.registry import SCHEDULERS
from sedn.errors import UserError
from sedn.training.checkpoints.storage import CHECKPOINT, SET_ASIDE, list_files, remove_file

KEPT = 10
"""Configurations whose checkpoints stay, the first of the ranking, where the search names none."""


@dataclass(frozen=True)
class Cleaning:
    """The checkpoints of an experiment: those that go, and the bytes of those that stay."""

    files: tuple[tuple[str, int], ...]
    """Path or URI and size of each that goes."""
    kept_bytes: int
    """Of all other files in the folders of the trials."""
    keep: int
    """Number of configurations whose checkpoints stay."""

    @property
    def freed_bytes(self) -> int:
        """The bytes of the files that go."""
        return sum(size for _, size in self.files)


def plan_cleaning(
    store: Store, experiment: Experiment, keep: int | None = None, storage: str | None = None
) -> Cleaning:
    """Choose the checkpoints that no command reads any more; removes nothing.

    Scores, outputs and all that the database has stay, and so do the checkpoints of

    - trials that run or pause;
    - the first ``keep`` configurations of the ranking, with each seed, and the baseline;
    - complete trials of a confirmation, which are tested.

    A trial that ended paused loses its own: if a longer search promotes the trial, its epochs are
    trained again, with the same result.

    Args:
        store: has the experiment.
        experiment: of the store.
        keep: number of configurations; ``None``: as :func:`kept_by_search` says, or
            :data:`KEPT` where the search keeps all.
        storage: folder or URI of the checkpoints, where they have moved since.

    Raises:
        UserError: ``keep`` is below one, or a URI cannot be read.
    """
    keep = keep if keep is not None else kept_by_search(experiment) or KEPT
    if keep < 1:
        raise UserError(f"`keep={keep}`: keep the checkpoints of one configuration at least")
    removable = removable_trials(store, experiment, keep, may_go_on=False)
    going, kept_bytes = [], 0
    for folder in checkpoint_folders(store, experiment, storage):
        for path, size in list_files(folder):
            if is_checkpoint(path, folder, removable):
                going.append((path, size))
            else:
                kept_bytes += size
    return Cleaning(tuple(going), kept_bytes, keep)


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


def kept_by_search(experiment: Experiment) -> int | None:
    """How many configurations keep their checkpoints while the search of ``experiment`` runs;
    ``None``: all.
    """
    kept = experiment.settings.get("keep_best") or KEPT
    return None if kept == "all" else int(kept)


def is_checkpoint(path: str, folder: str, trials: Collection[str]) -> bool:
    """Whether a file below the ``folder`` of an experiment is a checkpoint, in use or set aside, of
    one of the ``trials``, given by the names of their folders.
    """
    trial, _, name = path.removeprefix(f"{folder}/").partition("/")
    return trial in trials and name.rpartition("/")[2] in (CHECKPOINT, SET_ASIDE)


def removable_trials(
    store: Store, experiment: Experiment, keep: int | None, *, may_go_on: bool = True
) -> set[str]:
    """The names of the folders of the trials whose checkpoints are not needed any more.

    Args:
        store: has the experiment.
        experiment: of the store.
        keep: number of configurations; ``None``: all complete trials keep theirs.
        may_go_on: trials that were stopped keep theirs where a longer search may promote them.
    """
    # Before the ranking is read: a trial that completes between the two may be the best.
    ended = store.ended(experiment.id)
    needed = None if keep is None else _leading(store, experiment, keep)
    scheduler = SCHEDULERS.get(experiment.settings.get("scheduler", ""))
    stops = scheduler is not None and scheduler.stops

    def is_removable(state: TrialState, cause: str | None, config_hash: str) -> bool:
        if state is TrialState.COMPLETE:
            is_needed = needed is None or config_hash in needed
            return not is_needed and experiment.confirms is None
        # A trial that was stopped for a cause of its own is never promoted.
        never_goes_on = stops or cause is not None or not may_go_on
        return state is TrialState.FAILED or (state is TrialState.PRUNED and never_goes_on)

    return {
        folder.rpartition("/")[2]
        for folder, state, cause, config_hash in ended
        if is_removable(state, cause, config_hash)
    }


def _leading(store: Store, experiment: Experiment, keep: int) -> set[str]:
    """The hashes of the first ``keep`` configurations of the ranking, and of the baseline."""
    ordered = order_experiment(store, experiment)
    leading = ordered["config_hash"][ordered["feasible"]][:keep]
    baseline = ordered["config_hash"][ordered["role"] == BASELINE]
    return {*leading.tolist(), *baseline.tolist()}
