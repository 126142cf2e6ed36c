"""The results of an experiment as data frames: ``store.experiment("spring").trials()``."""

from typing import TYPE_CHECKING, Any, Self, cast

from sqlalchemy import select

if TYPE_CHECKING:
    import pandas as pd

    from results.database.models import Experiment
    from results.database.store import Store

PARAMETER = "params."
"""Begins the name of a column of trials that holds what was sampled for an axis."""


class ExperimentFrames:
    """The tables of an experiment that :meth:`results.Store.experiment` gave."""

    def of_store(self, store: Any) -> Self:
        """Read from ``store`` what the tables hold; gives the experiment itself."""
        self._store = store
        return self

    def rank(self, top: int | None = None) -> "pd.DataFrame":
        """Configurations by mean AUC on validation, best first, as :func:`results.rank`."""
        from results.ranking.leaders import rank

        return rank(*self._named(), top)

    def labels(self) -> "pd.DataFrame":
        """Per label the best configuration, as :func:`results.labels`."""
        from results.ranking.by_label import labels

        return labels(*self._named())

    def importance(self) -> "pd.DataFrame":
        """How much each axis mattered, as :func:`results.importance`."""
        from results.axes.importance import importance

        return importance(*self._named())

    def axis_effects(self) -> "pd.DataFrame":
        """Estimate the effect of each value of each axis, as :func:`results.axis_effects`."""
        from results.axes.importance import axis_effects

        return axis_effects(*self._named())

    def trials(self) -> "pd.DataFrame":
        """Every trial, by number.

        Returns:
            One row per trial: trial, role, state, cause and reason (why it is not complete),
            duplicate_of, config_hash, seed, epochs (completed), target_epochs, mean_auc,
            mean_auc_stderr and worst_auc (on validation, or over the folds, after the last epoch),
            best_epoch, best_auc and best_auc_stderr (after the best one; over folds after the one
            that ended the last fold, so that of a complete trial they are its mean_auc), seconds,
            started_at, ended_at, node, predictions and predictions_fingerprint (where the
            validation scores lie, and of which images), then a column for each of
            :data:`sedn.measures.COSTS`, and one for each axis, its name beginning with
            :data:`PARAMETER`. What is not known, or was not sampled, is None or NaN.
        """
        return trials_frame(*self._row())

    def epochs(self) -> "pd.DataFrame":
        """Every epoch of every trial, in order.

        Returns:
            Columns trial, epoch, mean_auc and mean_auc_stderr (on validation; over folds of
            those that had ended), train_loss (NaN
            where it was not finite), seconds and recorded_at.
        """
        return epochs_frame(*self._row())

    def label_aucs(self) -> "pd.DataFrame":
        """AUC of every label after every trial's last epoch.

        Returns:
            Columns trial, label, auc and stderr, on validation; NaN where validation lacks a class.
        """
        store, row = self._row()
        return store.label_aucs(row.id)

    def _row(self) -> tuple["Store", "Experiment"]:
        return self._store, cast("Experiment", self)

    def _named(self) -> tuple["Store", str]:
        store, row = self._row()
        return store, row.name


def trials_frame(store: "Store", experiment: "Experiment") -> "pd.DataFrame":
    """Build the frame of :meth:`ExperimentFrames.trials`."""
    import pandas as pd

    from results.database.models import Setup, Trial
    from sedn.measures import COSTS

    columns = [column for column in Trial.__table__.columns if column.name not in _NOT_SHOWN]
    query = (
        select(*columns, Setup.params)
        .join(Setup, Setup.trial_id == Trial.id)
        .where(Trial.experiment_id == experiment.id)
        .order_by(Trial.number)
    )
    with store.sessions() as session:
        rows = [dict(row) for row in session.execute(query).mappings()]
    axes = dict.fromkeys(axis for row in rows for axis in row["params"])
    flat = []
    for row in rows:
        costs, params = row.pop("costs"), row.pop("params")
        number, state = row.pop("number"), str(row.pop("state"))
        fields = {"trial": number, "role": row.pop("role"), "state": state, **row}
        fields |= {name: costs.get(name) for name in COSTS}
        flat.append(fields | {PARAMETER + axis: params.get(axis) for axis in axes})
    named = [column.name for column in columns if column.name not in ("number", "role", "state")]
    names = ["trial", "role", "state", *(name for name in named if name != "costs"), *COSTS]
    frame = pd.DataFrame(flat, columns=[*names, *(PARAMETER + axis for axis in axes)])
    numbers = [name for name in (*_NUMBERS, *COSTS) if name in frame]
    return frame.astype(dict.fromkeys(numbers, float)).astype({"duplicate_of": "Int64"})


_NOT_SHOWN = ("id", "experiment_id", "folder")
_NUMBERS = (
    *("mean_auc", "mean_auc_stderr", "worst_auc"),
    *("best_epoch", "best_auc", "best_auc_stderr", "seconds"),
)


def epochs_frame(
    store: "Store", experiment: "Experiment", numbers: range | None = None
) -> "pd.DataFrame":
    """Build the frame of :meth:`ExperimentFrames.epochs`, of the trials with these numbers, or of
    all.
    """
    import pandas as pd

    from results.database.models import Epoch, Trial

    columns = [column for column in Epoch.__table__.columns if column.name != "trial_id"]
    query = (
        select(Trial.number.label("trial"), *columns)
        .join(Epoch, Epoch.trial_id == Trial.id)
        .where(Trial.experiment_id == experiment.id)
        .order_by(Trial.number, Epoch.epoch)
    )
    if numbers is not None:
        query = query.where(Trial.number >= numbers.start, Trial.number < numbers.stop)
    with store.sessions() as session:
        rows = [tuple(row) for row in session.execute(query)]
    frame = pd.DataFrame(rows, columns=["trial", *(column.name for column in columns)])
    measured = ("mean_auc", "mean_auc_stderr", "train_loss", "seconds")
    return frame.astype(dict.fromkeys(measured, float))
