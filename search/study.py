"""The Optuna study of an experiment, in the same database as the results."""

import warnings
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from sqlalchemy import event

from results.database import configure_connection
from results.models import BASELINE
from results.store import Store
from spaces import Space
from spaces.axes import is_active

SAMPLED = "sampled"


def open_study(store: Store, name: str, space: Space) -> optuna.Study:
    """The study called ``name``, made when it is not there.

    Its first trial, enqueued here, is the plain backbone with the space's default settings, so
    that every search shows the gain over the baseline.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=name, storage=open_storage(store), direction="maximize", load_if_exists=True
    )
    if not study.get_trials(deepcopy=False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(["mean AUC"])
        study.set_user_attr("space", space.name)
        study.enqueue_trial(baseline_point(space), user_attrs={"role": BASELINE})
    return study


def baseline_point(space: Space) -> dict[str, Any]:
    """The baseline as a point of the space; empty when no point of the space is the baseline."""
    params = space.baseline_params()
    whole = all(axis.path in params for axis in space.axes if is_active(axis, params))
    return params if whole and space.config(params) == space.baseline() else {}


def open_storage(store: Store) -> RDBStorage:
    """Optuna's tables in the database of ``store``."""
    storage = RDBStorage(store.url, engine_kwargs={"pool_pre_ping": True})
    event.listen(storage.engine, "connect", configure_connection)
    # Connections made before the listener was there lack its settings.
    storage.engine.dispose()
    return storage
