"""Reading the results store: experiments, trials, epochs and AUC by label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import sessionmaker

from results.database.connection.in_place import FileIdentity, StoreLost, lost
from results.database.connection.opening import shown_name
from results.database.models import Epoch, Experiment, Label, ReadOfTest, Trial, TrialState
from results.goals.objectives import measures_of
from sedn.errors import UserError, did_you_mean


@dataclass(frozen=True)
class BestEpoch:
    """The epoch after which a trial had its highest mean AUC, the first of equal ones."""

    epoch: int
    mean_auc: float
    stderr: float | None


class StoreReader:
    """Reads rows of the database, or results of queries; writes nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sessions = sessionmaker(engine, expire_on_commit=False)
        self._trial_ids: dict[tuple[int, int], int] = {}
        self._file = FileIdentity.of(engine)
        self._lost: StoreLost | None = None
        self._guards: list[Callable[[Engine], None]] = []

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, password included."""
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def shown(self) -> str:
        """The database's name for a person: a file, or a URL without its password."""
        return shown_name(self.engine.url)

    def guard(self, guard: Callable[[Engine], None]) -> None:
        """Let ``guard`` watch over this engine, and over each that :meth:`guard_also` names."""
        self._guards.append(guard)
        guard(self.engine)

    def guard_also(self, engine: Engine) -> None:
        """Watch over another engine of the same database as over this one's."""
        for guard in self._guards:
            guard(engine)

    def is_in_place(self) -> bool:
        """Whether the database's file is still the one that was opened; costs no query."""
        return self._lost is None and (self._file is None or self._file.is_in_place())

    def check_in_place(self) -> None:
        """See that the database's file is still the one that was opened; costs no query.

        Raises:
            StoreLost: the file was deleted, moved or replaced. What the database held is
                saved in another file.
        """
        if self._lost is None and self._file is not None and not self._file.is_in_place():
            self._lost = lost(self.engine, self._file)
        if self._lost is not None:
            raise self._lost

    def experiment(self, name: str) -> Experiment:
        """The experiment called ``name``.

        Raises:
            UserError: there is none.
        """
        experiment = self.find_experiment(name)
        if experiment is None:
            names = [experiment.name for experiment in self.experiments()]
            hint = did_you_mean(name, names) or (f"; there is {', '.join(names)}" if names else "")
            raise UserError(f"no experiment '{name}' in this database{hint}")
        return experiment

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment called ``name``, if there is one."""
        with self.sessions() as session:
            row = session.scalar(select(Experiment).where(Experiment.name == name))
        return row and row.of_store(self)

    def experiments(self) -> list[Experiment]:
        """All experiments, the oldest first."""
        with self.sessions() as session:
            rows = session.scalars(select(Experiment).order_by(Experiment.id))
            return [row.of_store(self) for row in rows]

    def test_reads(self, data_fingerprint: str) -> list[ReadOfTest]:
        """All readings of the test split of these data, the oldest first, by whatever search, also
        by one that was deleted since.
        """
        of_data = select(ReadOfTest).where(ReadOfTest.data_fingerprint == data_fingerprint)
        with self.sessions() as session:
            return list(session.scalars(of_data.order_by(ReadOfTest.id)))

    def splits(self, experiment_id: int) -> bytes:
        """The compressed table of an experiment's splits."""
        with self.sessions() as session:
            return session.scalars(
                select(Experiment.splits).where(Experiment.id == experiment_id)
            ).one()

    def labels(self, experiment_id: int) -> list[Label]:
        """The labels of an experiment in the order of its data."""
        query = select(Label).where(Label.experiment_id == experiment_id).order_by(Label.position)
        with self.sessions() as session:
            return list(session.scalars(query))

    def trial(self, experiment_id: int, number: int) -> Trial | None:
        """The trial with this number, if there is one."""
        query = select(Trial).where(Trial.experiment_id == experiment_id, Trial.number == number)
        with self.sessions() as session:
            return session.scalar(query)

    def trial_folders(self, experiment_id: int) -> list[str]:
        """The folders of checkpoints of an experiment's trials, as they were when each started."""
        query = select(Trial.folder).where(Trial.experiment_id == experiment_id)
        with self.sessions() as session:
            return list(session.scalars(query))

    def trials(self, experiment_id: int) -> list[Trial]:
        """The trials of an experiment by number."""
        query = select(Trial).where(Trial.experiment_id == experiment_id).order_by(Trial.number)
        with self.sessions() as session:
            return list(session.scalars(query))

    def epochs_of(self, experiment_id: int, number: int) -> list[Epoch]:
        """The epochs of one trial, in order."""
        query = (
            select(Epoch)
            .where(Epoch.trial_id == self.trial_id(experiment_id, number))
            .order_by(Epoch.epoch)
        )
        with self.sessions() as session:
            return list(session.scalars(query))

    def best_epochs(self, experiment_id: int, state: TrialState) -> dict[int, BestEpoch]:
        """The best epoch of each trial in a state that has one, by the trial's number."""
        query = select(Trial.number, Trial.best_epoch, Trial.best_auc, Trial.best_auc_stderr).where(
            Trial.experiment_id == experiment_id,
            Trial.state == state,
            Trial.best_epoch.is_not(None),
        )
        with self.sessions() as session:
            rows = session.execute(query)
            return {
                number: BestEpoch(epoch, auc, error)
                for number, epoch, auc, error in rows
                if epoch is not None and auc is not None
            }

    def mean_aucs_after(self, experiment_id: int, epoch: int) -> dict[int, float]:
        """Mean AUC after an epoch of each trial that completed it, by the trial's number."""
        query = (
            select(Trial.number, Epoch.mean_auc)
            .join(Epoch, Epoch.trial_id == Trial.id)
            .where(Trial.experiment_id == experiment_id, Epoch.epoch == epoch)
        )
        with self.sessions() as session:
            return {row.number: row.mean_auc for row in session.execute(query)}

    def worst_aucs(self, experiment_id: int) -> dict[int, float]:
        """AUC of the worst label of each trial that has one, by the trial's number."""
        query = select(Trial.number, Trial.worst_auc).where(
            Trial.experiment_id == experiment_id, Trial.worst_auc.is_not(None)
        )
        with self.sessions() as session:
            return {number: auc for number, auc in session.execute(query) if auc is not None}

    def measured(self, experiment_id: int, number: int) -> dict[str, float | None]:
        """The measures of a trial that has ended, by the names of ``MEASURES``."""
        row = self.known_trial(experiment_id, number)
        source = (
            row if row.duplicate_of is None else self.known_trial(experiment_id, row.duplicate_of)
        )
        return measures_of(row, source.worst_auc)

    def known_trial(self, experiment_id: int, number: int) -> Trial:
        """The trial with this number.

        Raises:
            LookupError: there is none.
        """
        trial = self.trial(experiment_id, number)
        if trial is None:
            raise LookupError(f"no trial {number} in experiment {experiment_id}")
        return trial

    def named_trial(self, experiment: Experiment, number: int, named: str) -> Trial:
        """The trial of an experiment that a user has named.

        Args:
            experiment: of this database.
            number: of the trial.
            named: how the user named the trial, for the message.

        Raises:
            UserError: there is no such trial.
        """
        trial = self.trial(experiment.id, number)
        if trial is None:
            query = select(func.max(Trial.number)).where(Trial.experiment_id == experiment.id)
            with self.sessions() as session:
                last = session.scalar(query)
            there = "it has no trials yet" if last is None else f"its trials are 0 to {last}"
            raise UserError(f"{named}: experiment '{experiment.name}' has no such trial; {there}")
        return trial

    def trial_id(self, experiment_id: int, number: int) -> int:
        """The id of a trial's row; remembered, since it is asked for at every epoch.

        Raises:
            LookupError: there is no such trial.
        """
        key = (experiment_id, number)
        if key not in self._trial_ids:
            with self.sessions() as session:
                trial_id = session.scalar(trial_id_of(experiment_id, number))
            if trial_id is None:
                raise LookupError(f"no trial {number} in experiment {experiment_id}")
            self._trial_ids[key] = trial_id
        return self._trial_ids[key]

    def forget_trials(self) -> None:
        """Remember no id any more, as rows were deleted."""
        self._trial_ids.clear()


def trial_id_of(experiment_id: int, number: int) -> Any:
    """The query for the row of a trial."""
    return select(Trial.id).where(Trial.experiment_id == experiment_id, Trial.number == number)
