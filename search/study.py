"""The Optuna study of an experiment, in the same database as the results."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import event, inspect

from results.database.connection.opening import configure_connection, connection_options
from results.database.models import BASELINE
from results.database.store import Store
from results.goals.objectives import Goals
from search.lock import sole_maker
from search.optuna_private import StudyStorage, StudyTables
from search.rebuilding import StoredTrials, notice, rebuild_study
from spaces import Space
from spaces.axes import is_active

SAMPLED = "sampled"
LAST_TABLE = "alembic_version"
"""The last table that Optuna makes."""
REBUILT = "rebuilt"
"""The attribute of a study that says that it was made again from the store."""


class CurveStudy(optuna.Study):
    """A study whose trials are stopped by their mean AUC, whatever its objectives are.

    Optuna knows no intermediate values beside several objectives: its TPE, which compares pruned
    trials by them, breaks as it asks for the one direction. That of the curves is the answer.
    """

    @property
    def direction(self) -> StudyDirection:
        """The direction of the only objective, or of the intermediate values."""
        return StudyDirection.MAXIMIZE if len(self.directions) > 1 else super().direction


def open_study(
    store: Store,
    name: str,
    space: Space,
    objectives: Sequence[str] = ("auc",),
    on_notice: Callable[[str], None] = lambda line: None,
) -> optuna.Study:
    """The study called ``name``, made when it is not there, and level with the store.

    ``objectives`` are names of :func:`results.goals.objectives.objectives`, in the order of the
    trial's values.

    Its first trial, enqueued here, is the plain backbone with the space's default settings, so
    that every search shows the gain over the baseline; after it come the space's first points.
    A study that lacks trials of the store is made again from it. One that says otherwise of a trial
    how it ended has that trial opened again, for the driver to report;
    ``on_notice`` is called with a line for each.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(store)
    stored = StoredTrials.of(store, store.experiment(name))
    study = _make_study(storage, name, space, objectives)
    trials = study.get_trials(deepcopy=False)
    if stored.is_missed_by(trials):
        study = _rebuild(store, storage, name, space, objectives, stored, on_notice)
    else:
        tables = StudyTables(study)
        for trial in stored.edited(trials):
            tables.reopen(trial.number)
            on_notice(
                f"The Optuna study had trial {trial.number} as {trial.state.name}, unlike the "
                f"store: the study gets the store's values again"
            )
    _enqueue_first(study, space)
    return study


def study_in_memory(name: str, space: Space, objectives: Sequence[str] = ("auc",)) -> optuna.Study:
    """A new study as :func:`open_study` makes one, which ends with the process.

    For searches that nobody will resume: a study in a database is read again for each draw, which
    takes most of the time of a simulated search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _make_study(InMemoryStorage(), name, space, objectives)
    _enqueue_first(study, space)
    return study


def _enqueue_first(study: optuna.Study, space: Space) -> None:
    """Let the study begin with the baseline and the space's first points."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(baseline_point(space), user_attrs={"role": BASELINE})
    begun = sum(t.state is not TrialState.WAITING for t in study.get_trials(deepcopy=False))
    if REBUILT in study.user_attrs or not begun:
        # A crash may have come between two of them.
        for point in queued_points(space)[max(1, begun) :]:
            study.enqueue_trial(point, skip_if_exists=True)


def rebuild(
    store: Store, name: str, space: Space, objectives: Sequence[str] = ("auc",)
) -> list[str]:
    """Make the study called ``name`` again from the store, whatever it is now; lines on that."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage, lines = open_storage(store), list[str]()
    stored = StoredTrials.of(store, store.experiment(name))
    _rebuild(store, storage, name, space, objectives, stored, lines.append)
    return lines


def _rebuild(
    store: Store,
    storage: RDBStorage,
    name: str,
    space: Space,
    objectives: Sequence[str],
    stored: StoredTrials,
    on_notice: Callable[[str], None],
) -> optuna.Study:
    def make(scratch: str) -> optuna.Study:
        made = _make_study(storage, scratch, space, objectives)
        made.set_user_attr(REBUILT, True)
        return made

    epochs = store.epochs(store.experiment(name).id)
    trials = list(stored.frozen(space, queued_points(space), epochs))
    aside = rebuild_study(storage, name, make, trials)
    on_notice(notice(stored, aside))
    return CurveStudy(name, StudyStorage(storage))


def _make_study(
    storage: BaseStorage, name: str, space: Space, objectives: Sequence[str]
) -> optuna.Study:
    """The study called ``name``; one that is not there is made, without trials."""
    goals = Goals(tuple(objectives)).all_objectives
    optuna.create_study(
        study_name=name,
        storage=storage,
        directions=["maximize" if goal.maximise else "minimize" for goal in goals],
        load_if_exists=True,
    )
    # One in memory, of a simulated search, needs nothing before it.
    study = CurveStudy(name, StudyStorage(storage) if isinstance(storage, RDBStorage) else storage)
    if not study.get_trials(deepcopy=False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([goal.title for goal in goals])
        study.set_user_attr("space", space.name)
    return study


def has_begun(study: optuna.Study) -> bool:
    """Whether the study has a trial, of whatever kind."""
    return any(trial.state is not TrialState.WAITING for trial in study.get_trials(deepcopy=False))


def queued_points(space: Space) -> list[dict[str, Any]]:
    """The baseline, as :func:`baseline_point` gives it, and the space's other first points."""
    baseline = baseline_point(space)
    return [baseline, *(point for point in space.first if point != baseline)]


def baseline_point(space: Space) -> dict[str, Any]:
    """The baseline as a point of the space; empty when no point of the space is the baseline."""
    params = space.baseline_params()
    whole = all(axis.path in params for axis in space.axes if is_active(axis, params))
    return params if whole and space.config(params) == space.baseline() else {}


def open_storage(store: Store) -> RDBStorage:
    """Optuna's tables in the database of ``store``."""
    options = connection_options(store.engine.url)
    kwargs = {"pool_pre_ping": True, "connect_args": options}
    # Two that make Optuna's tables at once break each other off.
    made = inspect(store.engine).has_table(LAST_TABLE)
    with nullcontext() if made else sole_maker(store.engine):
        storage = RDBStorage(store.url, engine_kwargs=kwargs)
    event.listen(storage.engine, "connect", configure_connection)
    # Connections made before the listener was there lack its settings.
    storage.engine.dispose()
    store.guard_also(storage.engine)
    return storage
