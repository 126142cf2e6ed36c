"""The statements that record an epoch, built once: to build them takes longer than to run them."""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import FromClause, Table, Update, bindparam, func, select, update

from results.database.models import Epoch, Experiment, Trial, TrialState

TRIAL = "of_trial"
"""The parameter of the statements here: the id of the trial's row."""
EPOCH = "of_epoch"
"""The parameter of :func:`to_epoch`: the number of the epoch."""


@lru_cache
def upsert_into(
    dialect: str, table: FromClause, names: Sequence[str], keep: Sequence[str] = ()
) -> Any:
    """Insert rows; where a key is taken, update all columns but those to ``keep``.

    Args:
        dialect: the name of the kind of database.
        table: to insert into.
        names: the columns of the rows.
        keep: those columns that a row that is there has already.
    """
    # The dialect is imported with the connection; that of the other database is not needed.
    statement = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key]
    changed = [name for name in names if name not in keys and name not in keep]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in changed}
    )


@lru_cache
def over_epochs() -> Update:
    """Set the columns of a trial that runs which are computed from all its epochs."""
    epoch, own, experiment = _table(Epoch), _table(Trial).alias(), _table(Experiment)
    of_trial = epoch.c.trial_id == bindparam(TRIAL)
    # Over folds: values of different folds are not of the same images, so that the last that ended
    # counts, not the luckiest.
    ended = epoch.c.epoch * func.coalesce(experiment.c.folds, 0) // own.c.target_epochs
    best = (
        select(epoch.c.epoch)
        .join(own, own.c.id == epoch.c.trial_id)
        .join(experiment, experiment.c.id == own.c.experiment_id)
        .where(of_trial)
        .order_by(ended.desc(), epoch.c.mean_auc.desc(), epoch.c.epoch)
        .limit(1)
    )
    return _running().values(
        seconds=select(func.sum(epoch.c.seconds)).where(of_trial).scalar_subquery(),
        best_epoch=best.scalar_subquery(),
        best_auc=best.with_only_columns(epoch.c.mean_auc).scalar_subquery(),
        best_auc_stderr=best.with_only_columns(epoch.c.mean_auc_stderr).scalar_subquery(),
    )


@lru_cache
def to_epoch() -> Update:
    """Set columns of a trial that runs, unless the trial has a later epoch."""
    return _running().where(_table(Trial).c.epochs <= bindparam(EPOCH))


def _running() -> Update:
    trial = _table(Trial)
    is_it = trial.c.id == bindparam(TRIAL)
    return update(trial).where(is_it, trial.c.state == TrialState.RUNNING)


def _table(model: type[Epoch | Experiment | Trial]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table
