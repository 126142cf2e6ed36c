"""The Optuna study made again from the store, where it was deleted, renamed or lost trials.

The store is the truth and the study its picture. The store alone is needed to draw it again: the
trials with their numbers, states, values, curves, times, and by how much they violate a constraint.
What only the study knew is lost: how often a worker was lost, what a trial had of the GPUs, notes
made in the dashboard, and the state that CMA-ES and the genetic samplers keep there.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FixedTrial, FrozenTrial
from optuna.trial import TrialState as OptunaState

from results.database.models import BASELINE, Epoch, Experiment, Trial, TrialState
from results.database.store import Store
from results.goals.objectives import Goals, Measured, measures_of
from search.optuna_private import constraint_attrs, fixed_attrs, rename_studies
from spaces import Space

OPTUNA_STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
}
GPUS = "gpus"
"""The attribute, in the study, that says what a trial had of the GPUs."""
_REBUILDING = "being rebuilt"


@dataclass(frozen=True)
class StoredTrials:
    """The trials of an experiment as the store records them."""

    rows: dict[int, Trial]
    """By number."""
    goals: Goals
    worst: dict[int, float]
    """AUC of the worst label, by number; of all trials that have one, or empty where no goal
    needs it."""

    @classmethod
    def of(cls, store: Store, experiment: Experiment) -> "StoredTrials":
        """Read the trials of an experiment from the store."""
        goals = Goals.of(experiment.settings)
        worst = {} if goals.are_plain else store.worst_aucs(experiment.id)
        return cls({row.number: row for row in store.trials(experiment.id)}, goals, worst)

    def is_missed_by(self, in_study: Iterable[FrozenTrial]) -> bool:
        """Whether the study lacks trials of the store, or has others or other parameters."""
        seen = {trial.number: trial for trial in in_study if trial.state is not OptunaState.WAITING}
        if any(n not in self.rows and trial.state.is_finished() for n, trial in seen.items()):
            return True
        return any(
            n not in seen or not _are_same(seen[n].params, row.params)
            for n, row in self.rows.items()
        )

    def edited(self, in_study: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Trials that ended in the study, but in the store did not end or ended otherwise."""
        return [
            trial
            for trial in in_study
            if trial.state.is_finished() and not self._is_in_study(self.rows[trial.number], trial)
        ]

    def frozen(
        self, space: Space, queued: list[dict[str, Any]], epochs: Mapping[int, list[Epoch]]
    ) -> Iterator[FrozenTrial]:
        """The trials as Optuna's, in order; one that is not here has yet to be drawn.

        Args:
            space: what is searched.
            queued: the points that the first trials have.
            epochs: of each trial, by number.
        """
        for number in range(max(self.rows, default=-1) + 1):
            if row := self.rows.get(number):
                yield self._frozen(row, space, self._curve(row, epochs))
            else:
                fixed = fixed_attrs(queued[number]) if number < len(queued) else {}
                yield _trial(
                    state=OptunaState.RUNNING,
                    user_attrs={} if number else {"role": BASELINE},
                    system_attrs=fixed,
                )

    def _frozen(self, row: Trial, space: Space, curve: dict[int, float]) -> FrozenTrial:
        """A trial as the driver would have reported it to the study."""
        state = OPTUNA_STATES.get(row.state, OptunaState.RUNNING)
        user_attrs: dict[str, Any] = {"role": BASELINE} if row.role == BASELINE else {}
        if row.cost("device_memory") is not None:
            user_attrs[GPUS] = 1.0
        is_measured = state in (OptunaState.COMPLETE, OptunaState.PRUNED)
        excesses = self.goals.excesses(self._measured(row)) if is_measured else []
        drawn = FixedTrial(row.params)
        if row.params:
            space.sample(drawn)
        return _trial(
            state=state,
            values=self.goals.values(self._measured(row)) if is_measured else None,
            datetime_start=_local(row.started_at),
            datetime_complete=_local(row.ended_at or row.started_at) if row.ended_at else None,
            params=row.params,
            distributions=drawn.distributions,
            user_attrs=user_attrs,
            system_attrs=constraint_attrs(excesses),
            intermediate_values=curve,
        )

    def _is_in_study(self, row: Trial, trial: FrozenTrial) -> bool:
        """Whether a trial of the study has ended as here."""
        if trial.state is not OPTUNA_STATES.get(row.state):
            return False
        is_complete = row.state is TrialState.COMPLETE
        return not is_complete or trial.values == self.goals.values(self._measured(row))

    def _measured(self, row: Trial) -> Measured:
        return measures_of(row, self.worst.get(row.trained_number))

    def _curve(self, row: Trial, epochs: Mapping[int, list[Epoch]]) -> dict[int, float]:
        """Mean AUC by epoch; one that waits for the trial that answers it has none yet."""
        if row.duplicate_of is not None and row.state is TrialState.RUNNING:
            return {}
        return {epoch.epoch: epoch.mean_auc for epoch in epochs.get(row.trained_number, [])}


def rebuild_study(
    storage: RDBStorage, name: str, make: Callable[[str], optuna.Study], trials: list[FrozenTrial]
) -> str | None:
    """Replace the study called ``name``, or create one, with these ``trials``.

    A crash on the way leaves what was there, and the next call begins again.

    Args:
        storage: Optuna's tables.
        name: of the study.
        make: makes an empty study of a name.
        trials: what the new study has.

    Returns:
        The name that the one before has now; ``None`` where it had no trials, and is deleted.
    """
    names = set(optuna.get_all_study_names(storage))
    scratch = f"{name} ({_REBUILDING})"
    if scratch in names:
        optuna.delete_study(study_name=scratch, storage=storage)
    new = make(scratch)
    for trial in trials:
        new.add_trial(trial)
    aside = None
    if name in names:
        before = optuna.load_study(study_name=name, storage=storage)
        if all(t.state is OptunaState.WAITING for t in before.get_trials(deepcopy=False)):
            optuna.delete_study(study_name=name, storage=storage)
        else:
            aside = next(free for free in _names_aside(name) if free not in names)
    with storage.engine.begin() as connection:
        rename_studies(connection, {name: aside, scratch: name})
    return aside


def notice(stored: StoredTrials, aside: str | None) -> str:
    """Describe in one line what was rebuilt and what is lost."""
    trials = "1 trial" if len(stored.rows) == 1 else f"{len(stored.rows)} trials"
    parts = [
        f"The Optuna study was made again from {trials} in the store: numbers, states, values and "
        f"curves. Lost with the old one are notes that people wrote, the state of the samplers "
        f"cmaes, nsga2 and nsga3, and how often a worker was lost"
    ]
    if any(row.cost("device_memory") is not None for row in stored.rows.values()):
        parts.append("for GPU-hours, each trial so far counts as on one GPU")
    if aside is not None:
        parts.append(f"the study that had the name before is kept as '{aside}'")
    return "; ".join(parts)


def _are_same(drawn: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether the study's parameters are the store's, which are rounded to the steps of an axis."""
    return drawn.keys() == params.keys() and all(
        math.isclose(drawn[name], value, rel_tol=1e-9, abs_tol=1e-12)
        if isinstance(value, float) and isinstance(drawn[name], float)
        else drawn[name] == value
        for name, value in params.items()
    )


def _trial(**fields: Any) -> FrozenTrial:
    """Optuna's trial with these fields; all other fields are empty."""
    empty: dict[str, Any] = {
        "value": None,
        "datetime_start": datetime.now(),
        "datetime_complete": None,
        "params": {},
        "distributions": {},
        "intermediate_values": {},
    }
    # Optuna gives it the next number, and an id.
    return FrozenTrial(number=-1, trial_id=-1, **empty | fields)


def _local(moment: datetime) -> datetime:
    """A moment in the local time that Optuna stores."""
    return moment.astimezone().replace(tzinfo=None)


def _names_aside(name: str) -> Iterator[str]:
    yield f"{name} (set aside)"
    yield from (f"{name} (set aside, {number})" for number in range(2, 1_000_000))
