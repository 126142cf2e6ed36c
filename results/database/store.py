"""The results store: what a search writes; :mod:`results.database.reading` has what is read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Update,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from results.database.field_values import note_values
from results.database.models import (
    Epoch,
    Experiment,
    FieldValue,
    Label,
    LabelAucs,
    ReadOfTest,
    Request,
    Setup,
    Trial,
    TrialState,
)
from results.database.opening import find_engine, open_engine
from results.database.packing import pack
from results.database.reading import trial_id_of
from results.database.recording import EPOCH, TRIAL, over_epochs, to_epoch
from results.database.scanning import StoreScanner
from results.database.writing import TrialEnded, known_costs, shared_costs, storable, upsert
from sedn.training.result import EpochResult


@dataclass(frozen=True)
class LabelCounts:
    """The counts of positive and of known images of a label, in the splits that a search sees."""

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
    confirms: int | None = None
    """Id of the experiment whose leaders it trains again."""
    folds: int | None = None


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


_ANSWERED = (
    "state", "cause", "reason", "epochs", "mean_auc", "mean_auc_stderr", "predictions",
    "predictions_fingerprint",
)  # fmt: skip
"""What a trial has from the one that answers it, beside the costs that both share; not what was
spent on that one."""

_OF_EPOCH = ("epoch", "mean_auc", "mean_auc_stderr", "train_loss", "seconds")
"""The columns of each epoch."""

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


class Store(StoreScanner):
    """Experiments, trials, epochs and per-label AUC in one database.

    Every write about a trial is one transaction and may be repeated: the rows are the same after
    the second time. Epochs may come in any order, until the trial has ended; then it stays as it
    is, whatever is written, until it is reopened.
    """

    def create_experiment(self, experiment: NewExperiment) -> Experiment:
        """Add an experiment and its labels."""
        fields = {k: v for k, v in asdict(experiment).items() if k != "labels"}
        now = datetime.now(UTC)
        folder = folder_name(experiment, now)
        with self.sessions.begin() as session:
            row = Experiment(created_at=now, folder=folder, **fields)
            session.add(row)
            session.flush()
            session.add_all(
                Label(experiment_id=row.id, position=position, **asdict(label))
                for position, label in enumerate(experiment.labels)
            )
        return row

    def update_settings(self, experiment_id: int, settings: Mapping[str, Any]) -> None:
        """Replace an experiment's settings."""
        with self.sessions.begin() as session:
            session.execute(
                update(Experiment).where(Experiment.id == experiment_id).values(settings=settings)
            )

    def rename_experiment(
        self, experiment_id: int, name: str, beside: Callable[[Connection], object]
    ) -> None:
        """Give an experiment another name, in one transaction with what ``beside`` writes."""
        with self.sessions.begin() as session:
            of_it = update(Experiment).where(Experiment.id == experiment_id)
            session.execute(of_it.values(name=name))
            beside(session.connection())

    def relocate_trials(self, experiment_id: int, storage: str) -> int:
        """Record that the folders of an experiment's trials lie below another storage path now.

        Args:
            experiment_id: of the experiment.
            storage: the folder or URI below which the experiment's folder lies, no slash at its
                end.

        Returns:
            The number of paths that are other ones now.
        """
        of_it = Trial.experiment_id == experiment_id
        moved = 0
        with self.sessions.begin() as session:
            # A trial that another one answered has the predictions of that one.
            for column, depth in ((Trial.predictions, 3), (Trial.folder, 2)):
                paths = session.scalars(select(column).where(of_it, column.is_not(None)))
                for old in sorted({str(path).rsplit("/", depth)[0] for path in paths} - {storage}):
                    below = func.substr(column, 1, len(old) + 1) == f"{old}/"
                    path = literal(storage) + func.substr(column, len(old) + 1)
                    change = update(Trial).where(of_it, below).values({column: path})
                    moved = cast("CursorResult[Any]", session.execute(change)).rowcount + moved
        return moved

    def write_note(self, experiment_id: int, note: str | None) -> None:
        """Replace an experiment's note; a note of ``None`` removes the old one."""
        with self.sessions.begin() as session:
            of_it = update(Experiment).where(Experiment.id == experiment_id)
            session.execute(of_it.values(note=storable(note)))

    def add_request(self, experiment_id: int, command: str) -> int:
        """Ask something of the search that runs; the id of the request."""
        with self.sessions.begin() as session:
            row = Request(experiment_id=experiment_id, command=command, made_at=datetime.now(UTC))
            session.add(row)
            session.flush()
            return row.id

    def answer_requests(self, experiment_id: int) -> list[str]:
        """Take notice of the requests that none has answered; the commands, the oldest first."""
        is_open = (Request.experiment_id == experiment_id) & Request.answered_at.is_(None)
        with self.sessions.begin() as session:
            query = select(Request.id, Request.command).where(is_open).order_by(Request.id)
            rows = session.execute(query).all()
            if rows:
                of_them = update(Request).where(Request.id.in_([row.id for row in rows]))
                session.execute(of_them.values(answered_at=datetime.now(UTC)))
            return [row.command for row in rows]

    def change_tags(
        self, experiment_id: int, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> list[str]:
        """Add tags to an experiment, and remove some; the tags that it has then."""
        with self.sessions.begin() as session:
            of_it = select(Experiment).where(Experiment.id == experiment_id).with_for_update()
            row = session.scalars(of_it).one()
            row.tags = sorted({*row.tags, *add} - set(remove))
            return row.tags

    def delete_experiment(self, experiment_id: int) -> None:
        """Remove an experiment with all of its trials and their results; its readings of the test
        split stay in the count.
        """
        trials = select(Trial.id).where(Trial.experiment_id == experiment_id)
        with self.sessions.begin() as session:
            for table in (Epoch, LabelAucs, Setup):
                session.execute(delete(table).where(table.trial_id.in_(trials)))
            for table_of in (Trial, Label, FieldValue, Request):
                session.execute(delete(table_of).where(table_of.experiment_id == experiment_id))
            of_it = update(Experiment).where(Experiment.confirms == experiment_id)
            session.execute(of_it.values(confirms=None))
            reads = update(ReadOfTest).where(ReadOfTest.experiment_id == experiment_id)
            session.execute(reads.values(experiment_id=None))
            session.execute(delete(Experiment).where(Experiment.id == experiment_id))
        self.forget_trials()

    def add_trial(self, trial: NewTrial) -> None:
        """Add a trial that starts now; one that is there already is left as it is."""
        with self.sessions.begin() as session:
            if session.scalar(trial_id_of(trial.experiment_id, trial.number)) is not None:
                return
            fields = {k: v for k, v in asdict(trial).items() if k not in ("params", "config")}
            begun = {"state": TrialState.RUNNING, "started_at": datetime.now(UTC), "seconds": 0.0}
            added = insert(Trial).values(**fields, **begun, epochs=0).returning(Trial.id)
            row = session.scalars(added).one()
            setup = {"params": trial.params, "config": trial.config}
            session.execute(insert(Setup).values(trial_id=row, **setup))
            note_values(session, trial.experiment_id, [trial.config])

    def record_epoch(
        self, experiment_id: int, number: int, epoch: EpochResult, *, node: str | None
    ) -> None:
        """Write an epoch, and update the row of its trial to that epoch.

        Raises:
            TrialEnded: the trial has ended.
        """
        trial_id = self.trial_id(experiment_id, number)
        of_epoch = {name: storable(getattr(epoch, name)) for name in _OF_EPOCH}
        newest = {name: storable(getattr(epoch, name)) for name in _NEWEST}
        newest["costs"] = known_costs(epoch.costs)
        with self.sessions.begin() as session:
            row = {"trial_id": trial_id, "recorded_at": datetime.now(UTC), **of_epoch}
            upsert(session, Epoch, [row], keep=["recorded_at"])
            of_trial: dict[str, Any] = {TRIAL: trial_id}
            if not _changes(session, over_epochs(), of_trial):
                raise TrialEnded(self.known_trial(experiment_id, number), f"epoch {epoch.epoch}")
            of_trial |= {EPOCH: epoch.epoch, "epochs": epoch.epoch, "node": node} | newest
            session.execute(to_epoch(), of_trial)

    def finish_trial(
        self,
        experiment_id: int,
        number: int,
        state: TrialState,
        reason: str | None = None,
        label_auc: Mapping[str, tuple[float | None, float | None]] | None = None,
        *,
        cause: str | None = None,
        predictions: tuple[str, str] | None = None,
    ) -> None:
        """End a trial, with the AUC and standard error of each label after its last epoch, and the
        file and fingerprint of its ``predictions`` where they were kept.

        Raises:
            TrialEnded: the trial has ended already, in another state.
        """
        trial_id = self.trial_id(experiment_id, number)
        end: dict[str, Any] = {"state": state, "cause": cause, "reason": storable(reason)}
        if predictions is not None:
            end |= {"predictions": predictions[0], "predictions_fingerprint": predictions[1]}
        with self.sessions.begin() as session:
            by_label = _by_label(session, experiment_id, label_auc) if label_auc else []
            if by_label:
                known = [auc for auc, _ in by_label if auc is not None]
                end["worst_auc"] = min(known, default=None)
            ends = _running(trial_id).values(**end, ended_at=datetime.now(UTC))
            if _changes(session, ends) and by_label:
                aucs, stderrs = (pack(values) for values in zip(*by_label, strict=True))
                row = {"trial_id": trial_id, "aucs": aucs, "stderrs": stderrs}
                upsert(session, LabelAucs, [row])
        self._check_state(experiment_id, number, state)

    def reopen_trial(self, experiment_id: int, number: int) -> None:
        """Let a trial that was stopped early run again.

        Raises:
            TrialEnded: it has ended otherwise.
        """
        trial_id = self.trial_id(experiment_id, number)
        with self.sessions.begin() as session:
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
        answer = self.known_trial(experiment_id, by)
        if answer.state is TrialState.RUNNING:
            raise LookupError(f"trial {by} answers for trial {number}, and has not ended")
        copied = {name: getattr(answer, name) for name in _ANSWERED}
        copied["costs"] = shared_costs(answer.costs)
        with self.sessions.begin() as session:
            of_trial = _running(self.trial_id(experiment_id, number))
            session.execute(of_trial.values(**copied, ended_at=datetime.now(UTC)))
        return self._check_state(experiment_id, number, answer.state)

    def begin_test_read(
        self, experiment_id: int, command: str, trials: Sequence[Trial]
    ) -> ReadOfTest:
        """The reading of the test split by these trials; one that there is goes on, or has ended.

        A new one is counted from now on.

        Args:
            experiment_id: of the search whose configurations are tested.
            command: what reads the split.
            trials: those that are tested.
        """
        numbers = [trial.number for trial in trials]
        hashes = [trial.config_hash for trial in trials]
        alike = select(ReadOfTest).where(
            ReadOfTest.experiment_id == experiment_id, ReadOfTest.command == command
        )
        with self.sessions.begin() as session:
            for row in session.scalars(alike):
                if (row.trials, row.config_hashes) == (numbers, hashes):
                    return row
            data = select(Experiment.data_fingerprint).where(Experiment.id == experiment_id)
            begun = ReadOfTest(
                experiment_id=experiment_id,
                data_fingerprint=session.scalars(data).one(),
                read_at=datetime.now(UTC),
                command=command,
                trials=numbers,
                config_hashes=hashes,
            )
            session.add(begun)
        return begun

    def end_test_read(self, read_id: int, result: Mapping[str, Any]) -> None:
        """Keep the result of a reading of the test split, unless the reading has one."""
        with self.sessions.begin() as session:
            of_read = update(ReadOfTest).where(ReadOfTest.id == read_id)
            session.execute(of_read.where(ReadOfTest.result.is_(None)).values(result=dict(result)))

    def _check_state(self, experiment_id: int, number: int, state: TrialState) -> Trial:
        """See that a trial is now in the ``state`` that it was to be brought to; its row."""
        trial = self.known_trial(experiment_id, number)
        if trial.state is not state:
            raise TrialEnded(trial, f"that it is {state}")
        return trial


def _running(trial_id: int) -> Update:
    """Change the row of a trial, if it runs; one that has ended is never overwritten."""
    return update(Trial).where(Trial.id == trial_id, Trial.state == TrialState.RUNNING)


def _by_label(
    session: Session,
    experiment_id: int,
    label_auc: Mapping[str, tuple[float | None, float | None]],
) -> list[tuple[float | None, float | None]]:
    """AUC and standard error of each label of an experiment, in the order of its labels."""
    names = select(Label.name).where(Label.experiment_id == experiment_id)
    pairs = (
        label_auc.get(name, (None, None))
        for name in session.scalars(names.order_by(Label.position))
    )
    return [(storable(auc), storable(stderr)) for auc, stderr in pairs]


def _changes(session: Session, change: Update, parameters: Mapping[str, Any] | None = None) -> bool:
    """Whether there was a row to be changed."""
    return bool(cast("CursorResult[Any]", session.execute(change, parameters)).rowcount)


def folder_name(experiment: NewExperiment, created_at: datetime) -> str:
    """A name that no other experiment has, whatever the database: those of one storage path share
    no folder.
    """
    digest = sha256(f"{created_at.isoformat()} {experiment.data_fingerprint}".encode()).hexdigest()
    return f"{experiment.name}-{digest[:8]}"
