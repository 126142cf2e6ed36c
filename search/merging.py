"""Experiments of one database taken into another, each with its Optuna study."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import Connection

from results.database.copies.copying import copy_experiment, extent, same_experiment
from results.database.migrations.backup import copy_file
from results.database.models import Experiment
from results.database.store import Store, open_store
from search.checks import check_name
from search.lock import sole_driver
from search.optuna_private import rename_studies, study_names
from search.study import open_storage
from sedn.errors import UserError
from sedn.files import check_folder

_MERGING = "being merged"


def merge(source: Store, target: Store, names: Mapping[str, str]) -> Iterator[str]:
    """Take experiments of ``source`` into ``target``; those that are there already stay.

    Each is taken with its study, whole or not at all; the same call again takes what is missing.

    Args:
        source: has the experiments, and is not changed.
        target: gets them.
        names: the name that each gets, by the name that it has.

    Yields:
        What was done with each, a line.

    Raises:
        UserError: a name is taken or cannot be one, a search of an experiment runs, or the source
            is a file in a folder that cannot be written to; nothing was written.
    """
    _check_writable(source)
    rows = [source.experiment(name) for name in names]
    for row in rows:
        if same_experiment(target, row.folder) is None:
            _check_free(target, row.name, names[row.name])
    for row in rows:
        there = same_experiment(target, row.folder)
        if there is None:
            yield _take(source, target, row, names[row.name])
        else:
            yield _compare(source, target, row, there)


def _check_writable(source: Store) -> None:
    """See that the experiments of a file can be locked, and its studies opened."""
    folder = Path(str(source.engine.url.database)).absolute().parent
    if source.engine.name == "sqlite" and not os.access(folder, os.W_OK, effective_ids=True):
        raise UserError(
            f"{source.shown}: nothing can be written to its folder, as reading a study needs; copy "
            f"the file to a folder that you can write to"
        )


def _check_free(target: Store, name: str, new: str) -> None:
    check_name(new, "the new name")
    taken = target.find_experiment(new) is not None
    with target.engine.connect() as connection:
        if not taken and new not in study_names(connection):
            return
    what = "another experiment" if taken else "an Optuna study of no experiment"
    raise UserError(
        f"experiment '{name}': {what} has the name '{new}' in {target.shown}; give it another one"
    )


def back_up(store: Store, copy: Path) -> None:
    """Copy all of a database to a new SQLite file, also while searches write to it.

    A study that is copied while its search runs may lack the last trials; a search that goes on
    from the copy makes them good.

    Raises:
        UserError: the file is there already, or cannot be written.
    """
    if copy.exists():
        raise UserError(f"{copy}: is there already; name a file that is not")
    check_folder(copy.parent)
    if store.engine.name == "sqlite":
        copy_file(Path(str(store.engine.url.database)), copy)
        return
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    target = open_store(f"sqlite:///{part}", create=True)
    for row in store.experiments():
        _copy(store, target, row, row.name)
    # The last connection that is closed moves what is in the log to the file.
    target.engine.dispose()
    part.replace(copy)


def _take(source: Store, target: Store, row: Experiment, new: str) -> str:
    to = f"copy it to {target.shown}"
    with ExitStack() as held:
        held.enter_context(sole_driver(source.engine, row.name, to=to))
        held.enter_context(sole_driver(target.engine, new, to=to))
        _copy(source, target, row, new)
    trials = extent(target, target.experiment(new).id)[0]
    called = f"'{row.name}'" if new == row.name else f"'{row.name}' as '{new}'"
    return f"Took experiment {called}: {'1 trial' if trials == 1 else f'{trials} trials'}"


def _copy(source: Store, target: Store, row: Experiment, new: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    from_storage = open_storage(source)
    try:
        there = row.name in optuna.get_all_study_names(from_storage)
        copied = copy_study(from_storage, row.name, target, new) if there else None
    finally:
        from_storage.engine.dispose()

    def name_study(connection: Connection) -> None:
        if copied is not None:
            rename_studies(connection, {copied: new})

    copy_experiment(source, target, row.name, new, name_study)


def copy_study(source: RDBStorage, name: str, target: Store, new: str) -> str:
    """Copy a study to the database of ``target``, for an experiment ``new`` that is about to be.

    Returns:
        The name that the copy has for the time being.
    """
    storage = open_storage(target)
    scratch = f"{new} ({_MERGING})"
    try:
        if scratch in optuna.get_all_study_names(storage):
            optuna.delete_study(study_name=scratch, storage=storage)
        optuna.copy_study(
            from_study_name=name, from_storage=source, to_storage=storage, to_study_name=scratch
        )
    finally:
        storage.engine.dispose()
    return scratch


def _compare(source: Store, target: Store, row: Experiment, there: Experiment) -> str:
    here, known = extent(source, row.id), extent(target, there.id)
    lead = f"Experiment '{row.name}' is in {target.shown} already, as '{there.name}'"
    if here == known:
        return lead
    return (
        f"{lead}, with {known[0]} trials and {known[2]} epochs instead of {here[0]} and {here[2]}; "
        f"to take it as it is here, delete it there first, with its checkpoints kept"
    )
