"""The private parts of Optuna that the project uses.

No other module uses a private name of Optuna. Each door here says what is used, and why there is
no public way. The tests in ``tests/search/backends/test_private_doors.py`` open each with the
installed release.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.samplers import QMCSampler
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, delete, inspect, select, update

_FIXED_PARAMS = "fixed_params"


class StudyStorage(_CachedStorage):
    """Optuna's tables as the one process sees them that writes a study.

    Derived from ``_CachedStorage``, which Optuna puts before the tables, and which reads all trials
    that have not ended anew for each draw: where hundreds run or wait at a rung, a draw takes
    seconds. Here a trial is read anew where this process has written to it, or where the database
    has it in another state, as one that was ended by hand or queued by another program.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._written: set[int] = set()
        """Ids of trials to which this process has written since they were read."""
        self._newest: dict[int, int] = {}
        """The highest id of a trial that was read, by the study's id."""

    def set_trial_param(self, trial_id: int, *args: Any, **options: Any) -> None:
        """Write the value of a parameter."""
        with self._writing(trial_id):
            super().set_trial_param(trial_id, *args, **options)

    def set_trial_state_values(self, trial_id: int, *args: Any, **options: Any) -> bool:
        """Write the state of a trial and its values; whether the state was another one."""
        with self._writing(trial_id):
            return super().set_trial_state_values(trial_id, *args, **options)

    def set_trial_intermediate_value(self, trial_id: int, *args: Any, **options: Any) -> None:
        """Write an intermediate value."""
        with self._writing(trial_id):
            super().set_trial_intermediate_value(trial_id, *args, **options)

    def set_trial_user_attr(self, trial_id: int, *args: Any, **options: Any) -> None:
        """Write a user attribute."""
        with self._writing(trial_id):
            super().set_trial_user_attr(trial_id, *args, **options)

    def set_trial_system_attr(self, trial_id: int, *args: Any, **options: Any) -> None:
        """Write a system attribute."""
        with self._writing(trial_id):
            super().set_trial_system_attr(trial_id, *args, **options)

    @contextmanager
    def _writing(self, trial_id: int) -> Iterator[None]:
        try:
            yield
        finally:
            # Also where the connection broke: the value may have been written.
            self._written.add(trial_id)

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        with self._lock:
            study = self._studies.setdefault(study_id, _StudyInfo())
            written, self._written = self._written, set()
            try:
                trials = self._backend._get_trials(
                    study_id,
                    states=None,
                    included_trial_ids=written
                    | (study.unfinished_trial_ids ^ self._unfinished(study_id)),
                    trial_id_greater_than=self._newest.get(study_id, -1),
                )
            except BaseException:
                self._written |= written
                raise
            self._add_trials_to_cache(study_id, trials)
            for trial in trials:
                known = study.unfinished_trial_ids
                (known.discard if trial.state.is_finished() else known.add)(trial._trial_id)
                self._newest[study_id] = max(self._newest.get(study_id, -1), trial._trial_id)

    def _unfinished(self, study_id: int) -> set[int]:
        """Ids of the trials that have not ended, as the database has them now."""
        from optuna.storages._rdb.models import TrialModel

        table: Any = TrialModel.__table__
        is_open = table.c.state.in_([state for state in TrialState if not state.is_finished()])
        query = select(table.c.trial_id).where(table.c.study_id == study_id, is_open)
        with self._backend.engine.connect() as connection:
            return set(connection.scalars(query))


class StudyTables:
    """The trials of a study by their numbers, read and written one by one.

    Uses ``Study._storage`` and ``Study._study_id``: Optuna's public functions take a trial object,
    which is costly to make, and each does more than one write.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._ids: dict[int, int] = {}

    def trial(self, number: int) -> optuna.Trial:
        """A trial to draw parameters for.

        Uses the constructor of ``optuna.Trial``, which Optuna advises against: ``Study.ask`` gives
        new trials only.
        """
        return optuna.Trial(self._study, self._id(number))

    def frozen(self, number: int) -> FrozenTrial:
        """A trial as it stands; ``Study.get_trials`` would read all of them."""
        return self._study._storage.get_trial(self._id(number))

    def report(self, number: int, step: int, value: float) -> None:
        """Write an intermediate value; a later value of the same step replaces the first.

        Uses ``set_trial_intermediate_value``, as ``Trial.report`` would keep the earlier value.

        Raises:
            UpdateFinishedTrialError: the trial has ended.
        """
        self._study._storage.set_trial_intermediate_value(self._id(number), step, value)

    def set_attribute(self, key: str, value: Any) -> None:
        """Write a system attribute of the study, which no person sees in Optuna's dashboard.

        Uses ``set_study_system_attr`` of the database behind the study, as Optuna advises users
        against ``Study.set_system_attr``. Any thread may call this.
        """
        self._backend.set_study_system_attr(self._study._study_id, key, value)

    def constrain(self, number: int, excesses: Sequence[float]) -> None:
        """Write by how much a trial violates each constraint, as :func:`constraint_attrs`."""
        for key, value in constraint_attrs(excesses).items():
            self._study._storage.set_trial_system_attr(self._id(number), key, value)

    def prune(self, number: int, values: Sequence[float]) -> None:
        """End a trial as PRUNED with these values, one for each objective.

        Uses ``set_trial_state_values``, and ``Study._thread_local`` to drop the trials that
        samplers remember: ``Study.tell`` takes the last intermediate value for what a PRUNED trial
        reached, and refuses values.
        """
        self._study._thread_local.cached_all_trials = None
        frozen = self.frozen(number)
        self._study.sampler.after_trial(self._study, frozen, TrialState.PRUNED, values)
        self._study._storage.set_trial_state_values(self._id(number), TrialState.PRUNED, values)

    def reopen(self, number: int) -> None:
        """Make a trial that has ended a running one again, without values.

        Writes to Optuna's tables, and drops what ``Study._storage`` remembers of them: Optuna has
        no way back from an ended trial.
        """
        from optuna.storages._rdb.models import TrialModel, TrialValueModel

        trials: Any = TrialModel.__table__
        values: Any = TrialValueModel.__table__
        backend, trial_id = self._backend, self._id(number)
        with backend.engine.begin() as connection:
            connection.execute(
                update(trials)
                .where(trials.c.trial_id == trial_id)
                .values(state=TrialState.RUNNING, datetime_complete=None)
            )
            connection.execute(delete(values).where(values.c.trial_id == trial_id))
        self._study._storage = StudyStorage(backend)

    def count(self) -> int | None:
        """How many trials the study has in the database; ``None`` where the study is not there, or
        another study has its name.

        Uses ``_backend`` of the study's storage, as what the storage remembers of a study outlives
        the study.
        """
        backend, study_id = self._backend, self._study._study_id
        try:
            if backend.get_study_id_from_name(self._study.study_name) != study_id:
                return None
            return int(backend.get_n_trials(study_id))
        except KeyError:
            return None

    @property
    def _backend(self) -> RDBStorage:
        """The database behind what the storage remembers."""
        backend: RDBStorage = self._study._storage._backend  # type: ignore[attr-defined]
        return backend

    def _id(self, number: int) -> int:
        """A trial's id in Optuna's tables, which never changes; read from them once."""
        if number not in self._ids:
            storage = self._study._storage
            self._ids[number] = storage.get_trial_id_from_study_id_trial_number(
                self._study._study_id, number
            )
        return self._ids[number]


def constraint_attrs(excesses: Sequence[float]) -> dict[str, Any]:
    """The system attribute that says by how much a trial violates each constraint.

    Uses the key of Optuna's old list: ``Trial.set_constraint`` writes an attribute for each
    constraint, which Optuna's dashboard does not read, and refuses to write one again.
    """
    return {_CONSTRAINTS_KEY: list(excesses)} if excesses else {}


def fixed_attrs(params: Mapping[str, Any]) -> dict[str, Any]:
    """The system attribute that fixes parameters of a trial before they are drawn.

    Uses the key of ``Study.enqueue_trial``, which makes trials that wait, not running ones.
    """
    return {_FIXED_PARAMS: dict(params)}


def fixed_names(trial: optuna.Trial) -> set[str]:
    """Names of the parameters that were fixed when the trial was enqueued; Optuna shows them in no
    public attribute.
    """
    return set(frozen_of(trial).system_attrs.get(_FIXED_PARAMS, {}))


def frozen_of(trial: optuna.Trial) -> FrozenTrial:
    """A trial's own record of its parameters and values, in the form that samplers take.

    Uses ``Trial._cached_frozen_trial``: ``Study.get_trials`` would read all trials.
    """
    return trial._cached_frozen_trial


def study_names(connection: Connection) -> set[str]:
    """The names of the studies in a database, also where Optuna has made no table yet.

    Reads Optuna's table, in a transaction of the caller: Optuna opens a connection of its own.
    """
    from optuna.storages._rdb.models import StudyModel

    studies: Any = StudyModel.__table__
    if not inspect(connection).has_table(studies.name):
        return set()
    return set(connection.scalars(select(studies.c.study_name)))


def rename_studies(connection: Connection, names: Mapping[str, str | None]) -> None:
    """Give studies other names in a transaction of the caller; one without a new name keeps its
    own.

    Writes to Optuna's table: Optuna can only copy a study.
    """
    from optuna.storages._rdb.models import StudyModel

    studies: Any = StudyModel.__table__
    for before, after in names.items():
        if after is not None:
            connection.execute(
                update(studies).where(studies.c.study_name == before).values(study_name=after)
            )


class NumberedQmc(QMCSampler):
    """QMC that gives the trial of a number that point of the sequence.

    Replaces ``QMCSampler._find_sample_id``: Optuna counts draws in the study, where a draw that a
    crash cut off would leave a gap.
    """

    def __init__(self, number: int, **options: Any) -> None:
        super().__init__(**options)
        self.number = number

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, Any]) -> int:
        return self.number


class StudyView:
    """A study of which a sampler sees some trials only.

    Replaces ``Study._get_trials`` and ``Study._storage.get_all_trials``, by which Optuna's samplers
    read; no sampler has an option that leaves trials out.
    """

    def __init__(self, study: optuna.Study, trials: Callable[[], list[FrozenTrial]]) -> None:
        """Show ``trials`` in place of the trials of ``study``, called at each reading."""
        self._study = study
        self._trials = trials
        self._storage = _StorageView(study._storage, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        return [one for one in self._trials() if states is None or one.state in states]


class _StorageView:
    """The storage of a :class:`StudyView`."""

    def __init__(self, storage: Any, view: StudyView) -> None:
        self._storage = storage
        self._view = view

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._view._get_trials(deepcopy=deepcopy, states=states)
