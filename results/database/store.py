"""The results store: all that is read and written of experiments, in one class.

Each module adds its part to the class: :mod:`results.database.reading` and
:mod:`results.database.scanning.trials` what is read, :mod:`results.database.writing.trials` what is
written of trials, and this module what is written of experiments.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    delete,
    func,
    literal,
    select,
    update,
)

from results.database.connection.opening import find_engine, open_engine
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
)
from results.database.writing.statements import storable
from results.database.writing.trials import TrialWriter


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


def open_store(url: str, *, create: bool = False) -> "Store":
    """Open the store at an SQLAlchemy URL.

    Raises:
        UserError: the database cannot be opened, or is not there and not to be made.
    """
    return Store(open_engine(url, create=create))


def find_store(url: str) -> "Store | None":
    """The store at an SQLAlchemy URL, if there is one; nothing is written.

    Raises:
        UserError: there is none and it cannot be made, or there is one and it cannot be written.
    """
    engine = find_engine(url)
    return None if engine is None else Store(engine)


class Store(TrialWriter):
    """Experiments, trials, epochs and per-label AUC in one database."""

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


def folder_name(experiment: NewExperiment, created_at: datetime) -> str:
    """A name that no other experiment has, whatever the database: those of one storage path share
    no folder.
    """
    digest = sha256(f"{created_at.isoformat()} {experiment.data_fingerprint}".encode()).hexdigest()
    return f"{experiment.name}-{digest[:8]}"
