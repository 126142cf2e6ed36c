"""The name of an experiment of which no trial was trained is free for another search."""

from collections.abc import Callable
from pathlib import Path

from results.database.models import Experiment, TrialState
from results.database.store import Store
from search.driver.folders import TrialFolders
from sedn.errors import UserError
from sedn.training.checkpoints.storage import has_checkpoint


def is_untrained(store: Store, experiment: Experiment, storage: str) -> bool:
    """Whether no trial of an experiment ended an epoch, or left a checkpoint within its first.

    Args:
        store: has the experiment.
        experiment: of the store.
        storage: a folder or a URI, as :meth:`search.settings.Resources.storage` gives it. What lies
            behind a URI is not asked: a trial that is not finished may have a checkpoint there.
    """
    trials = store.trials(experiment.id)
    if any(row.epochs or row.state in (TrialState.COMPLETE, TrialState.PRUNED) for row in trials):
        return False
    if "://" in storage:
        return not any(row.state is TrialState.RUNNING for row in trials)
    folders = {Path(row.folder) for row in trials if "://" not in row.folder}
    folders |= set(Path(storage, TrialFolders.of(storage, experiment).experiment).glob("*"))
    return not any(map(has_checkpoint, folders))


def free_name(
    store: Store,
    name: str,
    storage: str,
    check: Callable[[], None],
    on_notice: Callable[[str], None],
) -> None:
    """Remove the experiment called ``name`` where it is of another search and was never trained.

    Args:
        store: has the experiment, if there is one.
        name: of the experiment.
        storage: as for :func:`is_untrained`.
        check: raises :class:`UserError` where the experiment is of another search.
        on_notice: called with a line when an experiment is removed.

    Raises:
        UserError: as ``check``, where a trial was trained.
    """
    try:
        check()
    except UserError:
        existing = store.find_experiment(name)
        if existing is None or not is_untrained(store, existing, storage):
            raise
    else:
        return
    # The study first: one that outlives its experiment would be taken for the next one's.
    delete_study(store, name)
    store.delete_experiment(existing.id)
    on_notice(
        f"Experiment '{name}' was another search, of which no trial was trained: it is removed, "
        f"and the name begins anew."
    )


def delete_study(store: Store, name: str) -> None:
    """Remove the Optuna study called ``name``, if there is one."""
    import optuna

    from search.study import open_storage

    storage = open_storage(store)
    if name in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=name, storage=storage)
