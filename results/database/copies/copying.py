"""Copying an experiment's rows from one database to another, of either kind."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select

from results.database.models import Base, Epoch, Experiment, Schema, Trial
from results.database.store import Store

CHUNK = 1000
"""Rows that are copied at once."""

_EXPERIMENT, _TRIAL = Base.metadata.tables["sedn_experiment"], Base.metadata.tables["sedn_trial"]
OF_EXPERIMENT = [t for t in Base.metadata.sorted_tables if "experiment_id" in t.columns]
"""Their rows belong to an experiment."""
OF_TRIAL = [t for t in Base.metadata.sorted_tables if "trial_id" in t.columns]
"""Their rows belong to a trial."""
if {*OF_EXPERIMENT, *OF_TRIAL, _EXPERIMENT, Schema.__table__} != {*Base.metadata.sorted_tables}:
    raise RuntimeError("a table belongs to no experiment and no trial, so nobody copies its rows")


def copy_experiment(
    source: Store, target: Store, name: str, new: str, beside: Callable[[Connection], object]
) -> None:
    """Copy an experiment with all of its trials, in one transaction of ``target``.

    The copy keeps the name of its folder, which identifies the experiment.

    Args:
        source: has the experiment.
        target: gets it.
        name: in the source.
        new: its name in the target, where no experiment has it.
        beside: what is written in the same transaction.
    """
    experiment = source.experiment(name).id
    # One moment of the source, also where a search writes to it.
    reading = source.engine.connect().execution_options(**_one_moment(source))
    with reading, target.engine.begin() as writing:
        row = next(_rows(reading, _EXPERIMENT, "id", experiment))
        row["confirms"] = _confirmed(reading, writing, row["confirms"])
        del row["id"]
        added = insert(_EXPERIMENT).values(row | {"name": new}).returning(_EXPERIMENT.c.id)
        copy = writing.scalars(added).one()
        for table in OF_EXPERIMENT:
            _copy(reading, writing, table, {"experiment_id": {experiment: copy}})
        numbers = _numbers(writing, copy)
        ids = {row: numbers[number] for number, row in _numbers(reading, experiment).items()}
        for table in OF_TRIAL:
            _copy(reading, writing, table, {"trial_id": ids})
        beside(writing)


def same_experiment(store: Store, folder: str) -> Experiment | None:
    """The experiment that has this folder, and so is the same as one of another database."""
    same = (row for row in store.experiments() if row.folder == folder)
    return next(same, None)


def extent(store: Store, experiment_id: int) -> tuple[int, int, int]:
    """The extent of an experiment: numbers of trials, of ended trials, and of epochs."""
    of_it = select(func.count(), func.count(Trial.ended_at)).where(
        Trial.experiment_id == experiment_id
    )
    epochs = (
        select(func.count())
        .select_from(Epoch)
        .join(Trial, Trial.id == Epoch.trial_id)
        .where(Trial.experiment_id == experiment_id)
    )
    with store.sessions() as session:
        trials, ended = session.execute(of_it).one()
        return trials, ended, session.scalar(epochs) or 0


def _one_moment(store: Store) -> dict[str, Any]:
    return {"isolation_level": "REPEATABLE READ"} if store.engine.name == "postgresql" else {}


def _copy(
    reading: Connection,
    writing: Connection,
    table: Table,
    ids: Mapping[str, Mapping[int, int]],
) -> None:
    """Copy the rows of a table whose column is one of the ``ids``, with the new ones."""
    ((column, new_ids),) = ids.items()
    chunk: list[dict[str, Any]] = []
    for row in _rows(reading, table, column, *new_ids):
        if column != "trial_id":
            row.pop("id", None)
        row[column] = new_ids[row[column]]
        chunk.append(row)
        if len(chunk) == CHUNK:
            writing.execute(insert(table), chunk)
            chunk = []
    if chunk:
        writing.execute(insert(table), chunk)


def _rows(connection: Connection, table: Table, column: str, *ids: int) -> Iterator[dict[str, Any]]:
    for start in range(0, len(ids), CHUNK // 2):
        some = table.c[column].in_(ids[start : start + CHUNK // 2])
        yield from (dict(row) for row in connection.execute(select(table).where(some)).mappings())


def _numbers(connection: Connection, experiment_id: int) -> dict[int, int]:
    """The id of each trial by its number."""
    query = select(_TRIAL.c.number, _TRIAL.c.id).where(_TRIAL.c.experiment_id == experiment_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _confirmed(reading: Connection, writing: Connection, confirms: int | None) -> int | None:
    """The experiment in the target that an experiment of the source confirms, if it is there."""
    if confirms is None:
        return None
    folder = select(_EXPERIMENT.c.folder).where(_EXPERIMENT.c.id == confirms)
    of_folder = select(_EXPERIMENT.c.id).where(_EXPERIMENT.c.folder == reading.scalar(folder))
    return writing.scalar(of_folder)
