"""The results store: what a search writes, and what ranking and reports read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, Engine, Update, delete, func, insert, select, update
from sqlalchemy.orm import Session, sessionmaker

from results.database.in_place import FileIdentity, StoreLost, lost
from results.database.models import Epoch, Experiment, Label, LabelAuc, Trial, TrialState
from results.database.opening import find_engine, open_engine, shown_name
from results.database.writing import TrialEnded, known_costs, shared_costs, storable, upsert
from results.goals.objectives import measures_of
from sedn.errors import UserError, did_you_mean
from sedn.training.result import EpochResult

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LabelCounts:
    """How often a label is positive, and known at all, in the splits that a search sees."""

    name: str
    train_positives: int
    train_known: int
    validation_positives: int
    validation_known: int


@dataclass(frozen=True)
class NewExperiment:
    """An experiment to be made."""

    name: str
    data_path: str
    data_fingerprint: str
    skipped_images: int
    splits: bytes
    space_name: str
    space_yaml: str
    settings: Mapping[str, Any]
    labels: Sequence[LabelCounts]


@dataclass(frozen=True)
class NewTrial:
    """A trial that is about to start."""

    experiment_id: int
    number: int
    role: str
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    config_hash: str
    seed: int
    target_epochs: int
    folder: str
    duplicate_of: int | None = None
    """Number of the trial of the same configuration and seed that answers it."""


@dataclass(frozen=True)
class BestEpoch:
    """The epoch after which a trial had its highest mean AUC, the first of equal ones."""

    epoch: int
    mean_auc: float
    stderr: float | None


_ANSWERED = ("state", "cause", "reason", "epochs", "mean_auc", "mean_auc_stderr")
"""What a trial has from the one that answers it, beside the costs that both share; not what was
spent on that one."""

_OF_EPOCH = ("epoch", "mean_auc", "mean_auc_stderr", "train_loss", "seconds")
"""What is kept of each epoch."""

_NEWEST = ("mean_auc", "mean_auc_stderr")
"""What a trial's own row has of its last epoch, beside the costs."""


def open_store(url: str, *, create: bool = False) -> "Store":
    """Open the store at an SQLAlchemy URL.

    Raises:
        UserError: it cannot be opened, or is not there and not to be made.
    """
    return Store(open_engine(url, create=create))


def find_store(url: str) -> "Store | None":
    """The store at an SQLAlchemy URL, if there is one; nothing is written.

    Raises:
        UserError: there is none and it cannot be made, or there is one and it cannot be written.
    """
    engine = find_engine(url)
    return None if engine is None else Store(engine)


class Store:
    """Experiments, trials, epochs and per-label AUC in one database.

    Every write about a trial is one transaction and may be repeated: the rows are the same after
    the second time. Epochs may come in any order, until the trial has ended; then it stays as it
    is, whatever is written, until it is reopened.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._session = sessionmaker(engine, expire_on_commit=False)
        self._trial_ids: dict[tuple[int, int], int] = {}
        self._file = FileIdentity.of(engine)
        self._lost: StoreLost | None = None

    @property
    def url(self) -> str:
        """The SQLAlchemy URL, password included."""
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def shown(self) -> str:
        """The database's name for a person: a file, or a URL without its password."""
        return shown_name(self.engine.url)

    def check_in_place(self) -> None:
        """See that the database's file is still the one that was opened; costs no query.

        Raises:
            StoreLost: it was deleted, moved or replaced. What it held is saved in another file.
        """
        if self._lost is None and self._file is not None and not self._file.is_in_place():
            self._lost = lost(self.engine, self._file)
        if self._lost is not None:
            raise self._lost

    def create_experiment(self, experiment: NewExperiment) -> Experiment:
        """Add an experiment and its labels."""
        fields = {k: v for k, v in asdict(experiment).items() if k != "labels"}
        with self._session.begin() as session:
            row = Experiment(created_at=datetime.now(UTC), **fields)
            session.add(row)
            session.flush()
            session.add_all(
                Label(experiment_id=row.id, position=position, **asdict(label))
                for position, label in enumerate(experiment.labels)
            )
        return row

    def update_settings(self, experiment_id: int, settings: Mapping[str, Any]) -> None:
        """Replace an experiment's settings."""
        with self._session.begin() as session:
            session.execute(
                update(Experiment).where(Experiment.id == experiment_id).values(settings=settings)
            )

    def delete_experiment(self, experiment_id: int) -> None:
        """Remove an experiment with all that is known of its trials."""
        trials = select(Trial.id).where(Trial.experiment_id == experiment_id)
        with self._session.begin() as session:
            for table in (Epoch, LabelAuc):
                session.execute(delete(table).where(table.trial_id.in_(trials)))
            for table_of in (Trial, Label):
                session.execute(delete(table_of).where(table_of.experiment_id == experiment_id))
            session.execute(delete(Experiment).where(Experiment.id == experiment_id))
        self._trial_ids.clear()

    def splits(self, experiment_id: int) -> bytes:
        """The compressed table of an experiment's splits."""
        with self._session() as session:
            return session.scalars(
                select(Experiment.splits).where(Experiment.id == experiment_id)
            ).one()

    def experiment(self, name: str) -> Experiment:
        """The experiment called ``name``.

        Raises:
            UserError: there is none.
        """
        found = self.find_experiment(name)
        if found is None:
            names = [experiment.name for experiment in self.experiments()]
            hint = did_you_mean(name, names) or (f"; there is {', '.join(names)}" if names else "")
            raise UserError(f"no experiment '{name}' in this database{hint}")
        return found

    def find_experiment(self, name: str) -> Experiment | None:
        """The experiment called ``name``, if there is one."""
        with self._session() as session:
            return session.scalar(select(Experiment).where(Experiment.name == name))

    def experiments(self) -> list[Experiment]:
        """All experiments, the oldest first."""
        with self._session() as session:
            return list(session.scalars(select(Experiment).order_by(Experiment.id)))

    def labels(self, experiment_id: int) -> list[Label]:
        """The labels of an experiment in the order of its data."""
        query = select(Label).where(Label.experiment_id == experiment_id).order_by(Label.position)
        with self._session() as session:
            return list(session.scalars(query))

    def add_trial(self, trial: NewTrial) -> None:
        """Add a trial that starts now; one that is there already is left as it is."""
        with self._session.begin() as session:
            known = session.scalar(_trial_id(trial.experiment_id, trial.number))
            if known is None:
                session.execute(
                    insert(Trial).values(
                        **asdict(trial),
                        state=TrialState.RUNNING,
                        started_at=datetime.now(UTC),
                        epochs=0,
                        seconds=0.0,
                    )
                )

    def record_epoch(
        self, experiment_id: int, number: int, epoch: EpochResult, *, node: str | None
    ) -> None:
        """Write an epoch, and bring its trial's own row up to it.

        Raises:
            TrialEnded: the trial has ended.
        """
        trial_id = self._id_of(experiment_id, number)
        of_epoch = {name: storable(getattr(epoch, name)) for name in _OF_EPOCH}
        newest = {name: storable(getattr(epoch, name)) for name in _NEWEST}
        newest["costs"] = known_costs(epoch.costs)
        with self._session.begin() as session:
            row = {"trial_id": trial_id, "recorded_at": datetime.now(UTC), **of_epoch}
            upsert(session, Epoch, [row], keep=["recorded_at"])
            of_trial = _running(trial_id)
            seconds = select(func.sum(Epoch.seconds)).where(Epoch.trial_id == trial_id)
            if not _changes(session, of_trial.values(seconds=seconds.scalar_subquery())):
                raise TrialEnded(self._trial(experiment_id, number), f"epoch {epoch.epoch}")
            session.execute(
                of_trial.where(Trial.epochs <= epoch.epoch).values(
                    epochs=epoch.epoch, node=node, **newest
                )
            )

    def finish_trial(
        self,
        experiment_id: int,
        number: int,
        state: TrialState,
        reason: str | None = None,
        label_auc: Mapping[str, tuple[float | None, float | None]] | None = None,
        *,
        cause: str | None = None,
    ) -> None:
        """End a trial, with the AUC and standard error of each label after its last epoch.

        Raises:
            TrialEnded: the trial has ended already, in another state.
        """
        trial_id = self._id_of(experiment_id, number)
        end = {"state": state, "cause": cause, "reason": storable(reason)}
        with self._session.begin() as session:
            ends = _running(trial_id).values(**end, ended_at=datetime.now(UTC))
            if _changes(session, ends) and label_auc:
                self._write_label_aucs(session, trial_id, experiment_id, label_auc)
        self._check_state(experiment_id, number, state)

    def reopen_trial(self, experiment_id: int, number: int) -> None:
        """Let a trial that was stopped early run again.

        Raises:
            TrialEnded: it has ended otherwise.
        """
        trial_id = self._id_of(experiment_id, number)
        with self._session.begin() as session:
            session.execute(
                update(Trial)
                .where(Trial.id == trial_id, Trial.state == TrialState.PRUNED)
                .values(state=TrialState.RUNNING, ended_at=None)
            )
        self._check_state(experiment_id, number, TrialState.RUNNING)

    def answer_trial(self, experiment_id: int, number: int, *, by: int) -> Trial:
        """End a trial as the trial ``by`` has ended, with its values and costs, at no time.

        Raises:
            TrialEnded: the trial has ended already, in another state.
            LookupError: the trial ``by`` has not ended.
        """
        answer = self._trial(experiment_id, by)
        if answer.state is TrialState.RUNNING:
            raise LookupError(f"trial {by} answers for trial {number}, and has not ended")
        copied = {name: getattr(answer, name) for name in _ANSWERED}
        copied["costs"] = shared_costs(answer.costs)
        with self._session.begin() as session:
            of_trial = _running(self._id_of(experiment_id, number))
            session.execute(of_trial.values(**copied, ended_at=datetime.now(UTC)))
        return self._check_state(experiment_id, number, answer.state)

    def epochs_of(self, experiment_id: int, number: int) -> list[Epoch]:
        """The epochs of one trial, in order."""
        query = (
            select(Epoch)
            .where(Epoch.trial_id == self._id_of(experiment_id, number))
            .order_by(Epoch.epoch)
        )
        with self._session() as session:
            return list(session.scalars(query))

    def trial(self, experiment_id: int, number: int) -> Trial | None:
        """The trial with this number, if there is one."""
        query = select(Trial).where(Trial.experiment_id == experiment_id, Trial.number == number)
        with self._session() as session:
            return session.scalar(query)

    def trials(self, experiment_id: int) -> list[Trial]:
        """The trials of an experiment by number."""
        query = select(Trial).where(Trial.experiment_id == experiment_id).order_by(Trial.number)
        with self._session() as session:
            return list(session.scalars(query))

    def epochs(self, experiment_id: int) -> dict[int, list[Epoch]]:
        """The epochs of each trial, by the trial's number, in order."""
        query = (
            select(Trial.number, Epoch)
            .join(Epoch, Epoch.trial_id == Trial.id)
            .where(Trial.experiment_id == experiment_id)
            .order_by(Trial.number, Epoch.epoch)
        )
        by_trial: dict[int, list[Epoch]] = {}
        with self._session() as session:
            for number, epoch in session.execute(query):
                by_trial.setdefault(number, []).append(epoch)
        return by_trial

    def best_epochs(self, experiment_id: int, state: TrialState) -> dict[int, BestEpoch]:
        """The best epoch of each trial in a state that has one, by the trial's number."""
        of_state = (Trial.experiment_id == experiment_id, Trial.state == state)
        best = (
            select(Epoch.trial_id, func.max(Epoch.mean_auc).label("mean_auc"))
            .join(Trial, Epoch.trial_id == Trial.id)
            .where(*of_state)
            .group_by(Epoch.trial_id)
            .subquery()
        )
        query = (
            select(Trial.number, Epoch.epoch, Epoch.mean_auc, Epoch.mean_auc_stderr)
            .join(Epoch, Epoch.trial_id == Trial.id)
            .join(best, best.c.trial_id == Epoch.trial_id)
            .where(Epoch.mean_auc == best.c.mean_auc)
            # The first of equal ones comes last, and stays.
            .order_by(Trial.number, Epoch.epoch.desc())
        )
        with self._session() as session:
            rows = session.execute(query)
            return {number: BestEpoch(epoch, auc, error) for number, epoch, auc, error in rows}

    def label_aucs(self, experiment_id: int) -> "pd.DataFrame":
        """AUC and standard error in long form: columns trial, label, auc, stderr."""
        import pandas as pd

        query = (
            select(Trial.number, Label.name, LabelAuc.auc, LabelAuc.stderr)
            .join(Trial, LabelAuc.trial_id == Trial.id)
            .join(Label, LabelAuc.label_id == Label.id)
            .where(Trial.experiment_id == experiment_id)
            .order_by(Trial.number, Label.position)
        )
        with self._session() as session:
            rows = [tuple(row) for row in session.execute(query)]
        frame = pd.DataFrame(rows, columns=["trial", "label", "auc", "stderr"])
        return frame.astype({"auc": float, "stderr": float})

    def worst_aucs(self, experiment_id: int) -> dict[int, float]:
        """AUC of the worst label of each trial that has one, by the trial's number."""
        query = (
            select(Trial.number, func.min(LabelAuc.auc))
            .join(LabelAuc, LabelAuc.trial_id == Trial.id)
            .where(Trial.experiment_id == experiment_id, LabelAuc.auc.is_not(None))
            .group_by(Trial.number)
        )
        with self._session() as session:
            return {number: auc for number, auc in session.execute(query) if auc is not None}

    def measured(self, experiment_id: int, number: int) -> dict[str, float | None]:
        """What is known of a trial that has ended, by the names of ``MEASURES``."""
        row = self._trial(experiment_id, number)
        source = number if row.duplicate_of is None else row.duplicate_of
        worst = select(func.min(LabelAuc.auc)).where(
            LabelAuc.trial_id == self._id_of(experiment_id, source)
        )
        with self._session() as session:
            return measures_of(row, session.scalar(worst))

    def _write_label_aucs(
        self,
        session: Session,
        trial_id: int,
        experiment_id: int,
        label_auc: Mapping[str, tuple[float | None, float | None]],
    ) -> None:
        names = select(Label.name, Label.id).where(Label.experiment_id == experiment_id)
        ids = {row.name: row.id for row in session.execute(names)}
        rows = [
            {
                "trial_id": trial_id,
                "label_id": ids[name],
                "auc": storable(auc),
                "stderr": storable(stderr),
            }
            for name, (auc, stderr) in label_auc.items()
            if name in ids
        ]
        if rows:
            upsert(session, LabelAuc, rows)

    def _check_state(self, experiment_id: int, number: int, state: TrialState) -> Trial:
        """See that a trial is now in the ``state`` that it was to be brought to; its row."""
        trial = self._trial(experiment_id, number)
        if trial.state is not state:
            raise TrialEnded(trial, f"that it is {state}")
        return trial

    def _trial(self, experiment_id: int, number: int) -> Trial:
        found = self.trial(experiment_id, number)
        if found is None:
            raise LookupError(f"no trial {number} in experiment {experiment_id}")
        return found

    def _id_of(self, experiment_id: int, number: int) -> int:
        """The row of a trial; remembered, since it is asked for at every epoch."""
        key = (experiment_id, number)
        if key not in self._trial_ids:
            with self._session() as session:
                found = session.scalar(_trial_id(experiment_id, number))
            if found is None:
                raise LookupError(f"no trial {number} in experiment {experiment_id}")
            self._trial_ids[key] = found
        return self._trial_ids[key]


def _running(trial_id: int) -> Update:
    """Change the row of a trial, if it runs; one that has ended is never overwritten."""
    return update(Trial).where(Trial.id == trial_id, Trial.state == TrialState.RUNNING)


def _changes(session: Session, change: Update) -> bool:
    """Whether there was a row to be changed."""
    return bool(cast("CursorResult[Any]", session.execute(change)).rowcount)


def _trial_id(experiment_id: int, number: int) -> Any:
    return select(Trial.id).where(Trial.experiment_id == experiment_id, Trial.number == number)
