"""Reading a few columns of very many trials: no row, and no JSON, that the question does not need.

A search may have 100,000 trials with 100 labels. What ranking, labels and status ask of them is
read here as plain values, past the object that a row would become, and by one statement each: in
both databases a statement sees one moment, and holds up no writer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from results.database.field_values import FieldValues, read_values
from results.database.models import BASELINE, Epoch, Setup, Trial, TrialState
from results.database.scanning.labels import LabelScanner
from results.database.scanning.plain_rows import AnySelect, is_complete, plain_rows, rows_of_trials

COMPLETE_COLUMNS: dict[str, type] = {
    **{"trial": int, "role": object, "config_hash": object, "seed": int},
    **{"auc": float, "stderr": float, "epochs": int, "seconds": float, "worst_auc": float},
}
"""What :meth:`StoreScanner.complete` reads of each trial, and of which type."""


@dataclass(frozen=True)
class StoppedTrial:
    """A trial that was stopped before its last epoch."""

    number: int
    best_auc: float
    best_auc_stderr: float | None
    best_epoch: int
    epochs: int
    """Epochs completed."""
    target_epochs: int
    cause: str | None
    reason: str | None
    config_hash: str


@dataclass(frozen=True)
class Ending:
    """How a trial ended, in short."""

    state: TrialState
    epochs: int
    """Epochs completed."""
    mean_auc: float | None


@dataclass(frozen=True)
class Failures:
    """Trials that failed with the same error."""

    first_line: str
    """The first line of the error; empty where no error was recorded."""
    numbers: list[int]


@dataclass(frozen=True)
class TrialTimes:
    """The time that a trial took."""

    state: TrialState
    started_at: datetime
    ended_at: datetime | None
    seconds: float
    """Of its epochs."""
    duplicate_of: int | None
    """Number of the trial that answered it."""
    first_seconds: float | None
    """Of its first epoch; ``None``, like what follows, where it has none."""
    first_at: datetime | None
    """When its first epoch was recorded."""
    last_at: datetime | None
    """When its last epoch was recorded."""


class StoreScanner(LabelScanner):
    """Reads the trials of an experiment column by column."""

    def counts(self, experiment_id: int) -> "Counter[TrialState]":
        """How many trials are in each state."""
        query = (
            select(Trial.state, func.count())
            .where(Trial.experiment_id == experiment_id)
            .group_by(Trial.state)
        )
        with self.sessions() as session:
            return Counter({row[0]: row[1] for row in session.execute(query)})

    def ended(self, experiment_id: int) -> list[tuple[str, TrialState, str | None, str]]:
        """Folder, state, cause and hash of the configuration of each trial that has ended, by
        number.
        """
        query = (
            select(Trial.folder, Trial.state, Trial.cause, Trial.config_hash)
            .where(Trial.experiment_id == experiment_id, Trial.state != TrialState.RUNNING)
            .order_by(Trial.number)
        )
        with self.sessions() as session:
            return [(row[0], TrialState(row[1]), *row[2:]) for row in session.execute(query)]

    def last_number(self, experiment_id: int) -> int | None:
        """The highest number of a trial; ``None``: there is no trial."""
        query = select(func.max(Trial.number)).where(Trial.experiment_id == experiment_id)
        with self.sessions() as session:
            return session.scalar(query)

    def best(self, experiment_id: int) -> tuple[int, float] | None:
        """Number and mean AUC of the best trial that was trained to its last epoch, the first of
        equal ones; ``None``: there is none.
        """
        order = (Trial.mean_auc.desc(), Trial.number)
        return self._first(select(Trial.number, Trial.mean_auc).order_by(*order), experiment_id)

    def baseline(self, experiment_id: int) -> tuple[int, float] | None:
        """Number and mean AUC of the baseline; ``None``: the baseline was not trained to
        its last epoch."""
        of_role = select(Trial.number, Trial.mean_auc).where(Trial.role == BASELINE)
        return self._first(of_role.order_by(Trial.number.desc()), experiment_id)

    def has_replicates(self, experiment_id: int) -> bool:
        """Whether a configuration was trained to its last epoch more than once."""
        numbers = select(func.count(), func.count(Trial.config_hash.distinct()))
        of_trained = numbers.where(*is_complete(experiment_id), Trial.duplicate_of.is_(None))
        with self.sessions() as session:
            trials, configurations = session.execute(of_trained).one()
        return bool(trials != configurations)

    def complete(self, experiment_id: int, costs: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        """The trials that were trained to their last epoch, but for those that another one
        answered; the baseline first, then by number.

        Returns:
            A tuple for each, of :data:`COMPLETE_COLUMNS` and then the named ``costs``, ``None``
            where one was not measured.
        """
        columns: list[Any] = [
            *(Trial.number, Trial.role, Trial.config_hash, Trial.seed, Trial.mean_auc),
            *(Trial.mean_auc_stderr, Trial.target_epochs, Trial.seconds, Trial.worst_auc),
            *(Trial.costs[name].as_float() for name in costs),
        ]
        query = select(*columns).where(*is_complete(experiment_id), Trial.duplicate_of.is_(None))
        with self.sessions() as session:
            rows = list(plain_rows(session, query))
        # Not by the database, which would sort by text first.
        rows.sort()
        plain = [row for row in rows if row[1] == BASELINE]
        return plain + [row for row in rows if row[1] != BASELINE] if plain else rows

    def endings(self, experiment_id: int) -> dict[int, Ending]:
        """How each trial that has ended did, by its number."""
        columns = (Trial.number, Trial.state, Trial.epochs, Trial.mean_auc)
        query = select(*columns).where(
            Trial.experiment_id == experiment_id, Trial.state != TrialState.RUNNING
        )
        with self.sessions() as session:
            rows = sorted(plain_rows(session, query))
        return {number: Ending(TrialState(state), *rest) for number, state, *rest in rows}

    def stopped(self, experiment_id: int, most: int | None = None) -> list[StoppedTrial]:
        """The trials that were stopped early after an epoch or more, but for those that another
        one answered; the highest mean AUC after any epoch first, at ``most`` so many.
        """
        query = (
            select(
                *(Trial.number, Trial.best_auc, Trial.best_auc_stderr, Trial.best_epoch),
                *(Trial.epochs, Trial.target_epochs, Trial.cause, Trial.reason, Trial.config_hash),
            )
            .where(*_stopped(experiment_id))
            .order_by(Trial.best_auc.desc(), Trial.number)
            .limit(most)
        )
        with self.sessions() as session:
            return [StoppedTrial(*row) for row in plain_rows(session, query)]

    def unfinished(self, experiment_id: int, most: int) -> list[Trial]:
        """The trials that have started and not ended, by number, at most ``most`` of them."""
        query = (
            select(Trial)
            .where(Trial.experiment_id == experiment_id, Trial.state == TrialState.RUNNING)
            .order_by(Trial.number)
            .limit(most)
        )
        with self.sessions() as session:
            return list(session.scalars(query))

    def count_stopped(self, experiment_id: int) -> int:
        """How many trials :meth:`stopped` has in all."""
        query = select(func.count()).select_from(Trial).where(*_stopped(experiment_id))
        with self.sessions() as session:
            return session.scalar(query) or 0

    def costs(
        self, experiment_id: int, numbers: Sequence[int] | None = None
    ) -> dict[int, dict[str, float]]:
        """The costs of trials by number, or of all trials."""
        query = select(Trial.number, Trial.costs).where(Trial.experiment_id == experiment_id)
        with self.sessions() as session:
            return {row[0]: row[1] for row in rows_of_trials(session, query, numbers)}

    def setups(self, experiment_id: int, numbers: Sequence[int] | None = None) -> dict[int, Setup]:
        """The samples and configurations of trials by number; of some trials or of all."""
        query = (
            select(Trial.number, Setup)
            .join(Setup, Setup.trial_id == Trial.id)
            .where(Trial.experiment_id == experiment_id)
            .order_by(Trial.number)
        )
        with self.sessions() as session:
            return {row[0]: row[1] for row in rows_of_trials(session, query, numbers)}

    def some_trials(self, experiment_id: int, numbers: Sequence[int]) -> list[Trial]:
        """The trials that have these numbers, by number."""
        query = select(Trial).where(Trial.experiment_id == experiment_id)
        with self.sessions() as session:
            trials = [row[0] for row in rows_of_trials(session, query, numbers)]
        return sorted(trials, key=lambda trial: trial.number)

    def numbers_with_predictions(self, experiment_id: int) -> list[int]:
        """The numbers of the trials that keep their validation scores, in order."""
        query = select(Trial.number).where(
            Trial.experiment_id == experiment_id, Trial.predictions.is_not(None)
        )
        with self.sessions() as session:
            return list(session.scalars(query.order_by(Trial.number)))

    def epochs(
        self, experiment_id: int, numbers: Sequence[int] | None = None
    ) -> dict[int, list[Epoch]]:
        """The epochs of each trial by its number, in order; of some trials or of all."""
        query = (
            select(Trial.number, Epoch)
            .join(Epoch, Epoch.trial_id == Trial.id)
            .where(Trial.experiment_id == experiment_id)
            .order_by(Trial.number, Epoch.epoch)
        )
        by_trial: dict[int, list[Epoch]] = {}
        with self.sessions() as session:
            for number, epoch in rows_of_trials(session, query, numbers):
                by_trial.setdefault(number, []).append(epoch)
        return by_trial

    def totals(self, experiment_id: int) -> tuple[int, float]:
        """Epochs that all trials completed, and the seconds that these took."""
        query = select(func.sum(Trial.epochs), func.sum(Trial.seconds)).where(
            Trial.experiment_id == experiment_id
        )
        with self.sessions() as session:
            epochs, seconds = session.execute(query).one()
        return epochs or 0, seconds or 0.0

    def times(self, experiment_id: int) -> list[TrialTimes]:
        """The time that each trial took, by number."""
        first, last = aliased(Epoch), aliased(Epoch)
        query = (
            select(
                *(Trial.state, Trial.started_at, Trial.ended_at, Trial.seconds),
                *(Trial.duplicate_of, first.seconds, first.recorded_at, last.recorded_at),
            )
            .outerjoin(first, (first.trial_id == Trial.id) & (first.epoch == 1))
            .outerjoin(last, (last.trial_id == Trial.id) & (last.epoch == Trial.epochs))
            .where(Trial.experiment_id == experiment_id)
            .order_by(Trial.number)
        )
        with self.sessions() as session:
            return [TrialTimes(*row) for row in session.execute(query)]

    def failures(self, experiment_id: int) -> list[Failures]:
        """The trials that failed, by the first line of the reason, the most frequent first."""
        query = select(Trial.number, Trial.reason).where(
            Trial.experiment_id == experiment_id, Trial.state == TrialState.FAILED
        )
        alike: dict[str, list[int]] = {}
        with self.sessions() as session:
            for number, reason in plain_rows(session, query.order_by(Trial.number)):
                first = next(iter((reason or "").strip().splitlines()), "")
                alike.setdefault(first, []).append(number)
        failures = [Failures(first, numbers) for first, numbers in alike.items()]
        return sorted(failures, key=lambda one: -len(one.numbers))

    def field_values(self, experiment_id: int) -> FieldValues:
        """The first few values of each field of the trials' configurations, by dotted path."""
        with self.sessions() as session:
            return read_values(session, experiment_id)

    def _first(self, query: AnySelect, experiment_id: int) -> tuple[int, float] | None:
        with self.sessions() as session:
            row = session.execute(query.where(*is_complete(experiment_id)).limit(1)).first()
        return None if row is None else (row[0], row[1])


def _stopped(experiment_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Trial.experiment_id == experiment_id,
        Trial.state == TrialState.PRUNED,
        Trial.duplicate_of.is_(None),
        Trial.best_epoch.is_not(None),
    )
