"""Where the checkpoints of an experiment lie, and how much disk they use.

Imports nothing heavy: `sedn status` asks.
"""

from results.database.models import Experiment
from results.database.store import Store
from sedn.training.checkpoints.storage import list_files


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


def disk_in_use(store: Store, experiment: Experiment) -> int | None:
    """Bytes in the folders of an experiment's trials; ``None`` where this machine sees no folder.

    Folders behind a URI are not asked.
    """
    folders = checkpoint_folders(store, experiment, None)
    sizes = [list_files(folder) for folder in folders if "://" not in folder]
    files = [size for one in sizes for _, size in one]
    return sum(files) if files else None
