"""Where the checkpoints of an experiment lie, and how much disk they use.

Imports nothing heavy: `sedn status` asks.
"""

import time
from dataclasses import dataclass

from results.database.models import Experiment
from results.database.store import Store
from sedn.training.checkpoints.storage import files_below


def checkpoint_folders(store: Store, experiment: Experiment, storage: str | None) -> list[str]:
    """The folders and URIs that hold the checkpoints of an experiment, in order.

    Args:
        store: has the experiment.
        experiment: of the store.
        storage: the storage path where it has moved since the trials started, if it has.
    """
    folders = {folder.rpartition("/")[0] for folder in store.trial_folders(experiment.id)}
    if storage is not None:
        folders.add(f"{storage}/{experiment.folder}")
    # Never a folder that may be another's: each experiment's has a name of its own.
    return sorted(one for one in folders if one.rpartition("/")[2] == experiment.folder)


@dataclass(frozen=True)
class DiskUse:
    """What the files of an experiment take."""

    size: int
    """Bytes of the files that were counted."""
    is_whole: bool
    """Whether all were."""


def disk_in_use(
    store: Store, experiment: Experiment, seconds: float | None = None
) -> DiskUse | None:
    """What lies in the folders of an experiment's trials; ``None`` where this machine sees no file.

    Folders behind a URI are not asked.

    Args:
        store: has the experiment.
        experiment: of the store.
        seconds: how long files may be counted; ``None``: until all are.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    size = files = 0
    for folder in checkpoint_folders(store, experiment, None):
        if "://" in folder:
            continue
        for _, of_file in files_below(folder):
            size, files = size + of_file, files + 1
            if ends is not None and time.monotonic() > ends:
                return DiskUse(size, is_whole=False)
    return DiskUse(size, is_whole=True) if files else None
