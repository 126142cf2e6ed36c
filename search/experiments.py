"""Looking after experiments: renaming, deleting and relocating them with their checkpoints."""

from collections.abc import Callable, Iterator

from sqlalchemy import Connection

from results.database.store import Store
from search.checks import check_name
from search.dashboard.background import publish_once
from search.lock import sole_driver
from sedn.errors import UserError
from sedn.training.checkpoints.storage import has_folder, remove_folder


def silent(line: str) -> None:
    """Say nothing of what the dashboard lacks."""


def write_note(
    store: Store, name: str, text: str | None, on_notice: Callable[[str], None] = silent
) -> None:
    """Write a note on an experiment, in place of the one before; ``None`` removes it.

    Raises:
        UserError: there is no such experiment.
    """
    store.write_note(store.experiment(name).id, text)
    publish_once(store, name, on_notice)


def rename_experiment(
    store: Store, name: str, new: str, on_notice: Callable[[str], None] = silent
) -> None:
    """Give an experiment and its Optuna study another name, both or neither.

    Its checkpoints stay where they are, and the search goes on under the new name.

    Args:
        store: has the experiment.
        name: of the experiment.
        new: its new name.
        on_notice: called with a line where the dashboard's note cannot be written.

    Raises:
        UserError: there is no such experiment, the new name is taken or cannot be one, or a search
            of either runs.
    """
    check_name(new, "the new name")
    row = store.experiment(name)
    if store.find_experiment(new) is not None:
        raise UserError(f"experiment '{new}' is there already; choose another name for '{name}'")
    with (
        sole_driver(store.engine, name, to="rename it"),
        sole_driver(store.engine, new, to=f"give '{name}' its name"),
    ):
        store.rename_experiment(row.id, new, lambda beside: _rename_study(beside, name, new))
    publish_once(store, new, on_notice)


def _rename_study(connection: Connection, name: str, new: str) -> None:
    from search.optuna_private import rename_studies, study_names

    there = study_names(connection)
    if new in there:
        raise UserError(
            f"an Optuna study '{new}' is in this database, of no experiment; choose another name "
            f"for '{name}', or delete that study in the dashboard"
        )
    rename_studies(connection, {name: new if name in there else None})


def relocate_experiment(
    store: Store, name: str, storage: str, on_notice: Callable[[str], None] = silent
) -> int:
    """Record that the checkpoints of an experiment were moved below another storage path.

    Args:
        store: has the experiment.
        name: of the experiment.
        storage: folder or URI that holds the experiment's folder now.
        on_notice: called with a line where the dashboard's note cannot be written.

    Returns:
        The number of paths that were changed.

    Raises:
        UserError: there is no such experiment, a search of it runs, or its folder is not there.
    """
    row = store.experiment(name)
    folder = f"{storage}/{row.folder}"
    if not has_folder(folder):
        raise UserError(
            f"`storage_path`: '{folder}' is not there; name the folder or URI that holds "
            f"'{row.folder}' now"
        )
    with sole_driver(store.engine, name, to="record where its checkpoints are"):
        changed = store.relocate_trials(row.id, storage)
    if changed:
        # Scores can be read again, and so the figures of images be published.
        publish_once(store, name, on_notice, anew=True)
    return changed


def delete_experiment(store: Store, name: str, folders: list[str]) -> Iterator[str]:
    """Delete an experiment: the ``folders`` of its checkpoints, its study, and its rows.

    The rows go last. So a deletion that is cut off, wherever, is ended by the same call again.

    Yields:
        What was done, and what was left, a line each.

    Raises:
        UserError: there is no such experiment, a search of it runs, or a folder cannot be removed.
    """
    from search.reuse import delete_study

    with sole_driver(store.engine, name, to="delete it"):
        row = store.experiment(name)
        for folder in folders:
            if remove_folder(folder):
                yield f"Deleted {folder}"
            else:
                yield f"{folder}: not found from here, so nothing was deleted there"
        delete_study(store, name)
        for confirmation in store.experiments():
            if confirmation.confirms == row.id:
                yield f"Experiment '{confirmation.name}', which confirms '{name}', stays"
        reads = [r for r in store.test_reads(row.data_fingerprint) if r.experiment_id == row.id]
        store.delete_experiment(row.id)
        if reads:
            times = "once" if len(reads) == 1 else f"{len(reads)} times"
            yield f"The test split was read {times} for '{name}', which stays counted"
        yield f"Deleted experiment '{name}' and its Optuna study"
