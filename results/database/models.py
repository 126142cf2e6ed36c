"""The tables of the results store; they share a database with Optuna's own."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from results.frames import ExperimentFrames

SCHEMA_VERSION = 5
BASELINE = "baseline"
"""The role of the trial that trains the plain backbone."""


class TrialState(StrEnum):
    """The state of a trial."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    """Trained to its last epoch."""
    PRUNED = "PRUNED"
    """Stopped early by the scheduler."""
    FAILED = "FAILED"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a moment to UTC; a server gives moments in a zone of its own."""
        return value if value is None or value.tzinfo is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a moment in UTC: SQLite keeps no zone, and a server gives its session's."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class StateType(TypeDecorator[TrialState]):
    """A trial's state as text."""

    impl = String(16)
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> TrialState | None:
        """Read the text back as a state."""
        return None if value is None else TrialState(value)


class Base(DeclarativeBase):
    """All tables of the store."""


class Schema(Base):
    """One row: the version of these tables."""

    __tablename__ = "sedn_schema"
    version: Mapped[int] = mapped_column(primary_key=True)


class Experiment(ExperimentFrames, Base):
    """A study with its data, space and settings."""

    __tablename__ = "sedn_experiment"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    data_path: Mapped[str] = mapped_column(Text)
    data_fingerprint: Mapped[str] = mapped_column(String(64))
    skipped_images: Mapped[int]
    """Images that could not be read and were left out."""
    splits: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """A CSV, compressed by gzip: each image's name and split."""
    space_name: Mapped[str] = mapped_column(Text)
    space_yaml: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    folder: Mapped[str] = mapped_column(Text)
    """The folder of its trials' checkpoints below a storage path. No other experiment has one of
    that name, whatever the database, and renaming the experiment leaves the folder as it is."""
    note: Mapped[str | None] = mapped_column(Text)
    """A person's note about the experiment."""
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Words of a person to find it by, in alphabetical order."""
    confirms: Mapped[int | None] = mapped_column(ForeignKey("sedn_experiment.id"))
    """The experiment whose leaders this one trains again on fresh seeds; null for a search."""
    folds: Mapped[int | None]
    """Into how many parts training and validation are cut, of which each validates once; null
    where one split validates."""


class Label(Base):
    """A label of an experiment's data, with the number of its images in each split."""

    __tablename__ = "sedn_label"
    __table_args__ = (Unique("experiment_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("sedn_experiment.id"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    train_positives: Mapped[int]
    train_known: Mapped[int]
    validation_positives: Mapped[int]
    validation_known: Mapped[int]


class Trial(Base):
    """A training of one configuration."""

    __tablename__ = "sedn_trial"
    __table_args__ = (
        Unique("experiment_id", "number"),
        Index("ix_sedn_trial_state", "experiment_id", "state"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("sedn_experiment.id"))
    number: Mapped[int]
    """The trial's number in Optuna's study too."""
    role: Mapped[str] = mapped_column(String(16))
    config_hash: Mapped[str] = mapped_column(String(16), index=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[TrialState] = mapped_column(StateType)
    duplicate_of: Mapped[int | None]
    """Number of the trial of the same configuration and seed whose values these are."""
    cause: Mapped[str | None] = mapped_column(String(16))
    """Why the trial is not complete, in a word or two: ``non-finite``, ``out-of-memory``, ``time``,
    ``worker-lost``, ``infeasible``, ``unmeasured`` (the trial lacks a value for an objective),
    ``error``; null where the scheduler stopped the trial.
    """
    reason: Mapped[str | None] = mapped_column(Text)
    """The cause with all details, such as the traceback."""
    node: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    epochs: Mapped[int] = mapped_column(default=0)
    """Epochs completed."""
    target_epochs: Mapped[int]
    mean_auc: Mapped[float | None]
    mean_auc_stderr: Mapped[float | None]
    worst_auc: Mapped[float | None]
    """AUC of its worst label after its last epoch; null where the trial has not ended, or another
    one answered it."""
    best_epoch: Mapped[int | None]
    """The epoch after which its mean AUC was highest, the first of equal ones; over folds that by
    which the last fold ended, or the best of the first fold until that has ended."""
    best_auc: Mapped[float | None]
    """The mean AUC then: over folds that of all which have ended."""
    best_auc_stderr: Mapped[float | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    """Wall time of the trial's epochs so far, in seconds."""
    costs: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    """The measured costs of the trial, or of its network, after the last epoch, by the names of
    :data:`sedn.measures.COSTS`.
    """
    folder: Mapped[str] = mapped_column(Text)
    predictions: Mapped[str | None] = mapped_column(Text)
    """The file, a path or a URI, of the scores of the validation images after its last epoch; null
    where none are kept. :func:`results.predictions.read_predictions` reads it."""
    predictions_fingerprint: Mapped[str | None] = mapped_column(String(64))
    """A fingerprint of the images and labels of these scores and their order: two trials with the
    same fingerprint can be compared image by image.
    """
    setup: Mapped["Setup"] = relationship(lazy="joined", innerjoin=True)

    @property
    def trained_number(self) -> int:
        """Number of the trial that was trained: this one, or the one that answered it."""
        return self.number if self.duplicate_of is None else self.duplicate_of

    @property
    def params(self) -> dict[str, Any]:
        """The sampled values by axis."""
        return self.setup.params

    @property
    def config(self) -> dict[str, Any]:
        """The fields of the configuration that the trial trains."""
        return self.setup.config

    def cost(self, name: str) -> float | None:
        """The cost called ``name``; ``None`` where the cost was not measured."""
        return self.costs.get(name)


class Setup(Base):
    """The configuration and samples of a trial. A setup is longer than the rest of the trial, and
    few trials' setups are read: in a table of their own they do not slow down reading and updating
    many trials.
    """

    __tablename__ = "sedn_setup"
    trial_id: Mapped[int] = mapped_column(ForeignKey("sedn_trial.id"), primary_key=True)
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    config: Mapped[dict[str, Any]] = mapped_column(JSON)


class FieldValue(Base):
    """A value that a field of the configuration has in some trial of an experiment.

    The first few values of each field are kept, and no others: they tell which fields vary, and
    what else could stand in one, without reading every configuration.
    """

    __tablename__ = "sedn_field_value"
    experiment_id: Mapped[int] = mapped_column(ForeignKey("sedn_experiment.id"), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    """The field by its dotted path."""
    position: Mapped[int] = mapped_column(primary_key=True)
    """From 0, in the order in which trials were added."""
    value: Mapped[str] = mapped_column(Text)
    """The value as JSON text. In a column of type JSON, SQLite would turn 1.0 into 1."""


class Epoch(Base):
    """The results of a trial after an epoch."""

    __tablename__ = "sedn_epoch"
    # In the order of its key, without a table beside it: a third less to write and to keep.
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012
    trial_id: Mapped[int] = mapped_column(ForeignKey("sedn_trial.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    mean_auc: Mapped[float]
    mean_auc_stderr: Mapped[float | None]
    train_loss: Mapped[float | None]
    """Null where the loss was not finite."""
    seconds: Mapped[float]
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """The time of the first record, in whose order the scheduler saw the epochs."""


class LabelAucs(Base):
    """AUC and standard error of every label after a trial's last epoch.

    A row a trial, not one a label: of 100,000 trials with 100 labels all can be read in less than
    half a second, and they take a fifth of the room.
    """

    __tablename__ = "sedn_label_aucs"
    trial_id: Mapped[int] = mapped_column(ForeignKey("sedn_trial.id"), primary_key=True)
    aucs: Mapped[bytes] = mapped_column(LargeBinary)
    """Eight bytes a label, as :func:`results.database.packing.pack` writes them, in the order of
    the labels; NaN where validation lacks a class."""
    stderrs: Mapped[bytes] = mapped_column(LargeBinary)


class Request(Base):
    """What a person asks, from any terminal, of the search that runs now."""

    __tablename__ = "sedn_request"
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("sedn_experiment.id"), index=True)
    command: Mapped[str] = mapped_column(String(16))
    """``stop``: cut off what runs; ``finish``: end what runs, and start no other trial;
    ``concurrent N``: train at most so many trials at a time. ``driver N`` is asked by nobody: the
    one such row of an experiment has the number of the newest start of its search."""
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a search took notice; null until then."""


class ReadOfTest(Base):
    """A reading of the test split of an experiment's data: each reading makes the next one say
    less.
    """

    __tablename__ = "sedn_test_read"
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int | None] = mapped_column(ForeignKey("sedn_experiment.id"), index=True)
    """The search whose trials were tested, also where a confirmation of it trained them again; null
    where the search was deleted since."""
    data_fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    """The data whose test split was read. The reading counts, whatever becomes of the search."""
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the reading began, from when on the reading is counted."""
    command: Mapped[str] = mapped_column(String(16))
    """The command that read the split: ``confirm``, ``combine`` …"""
    trials: Mapped[list[int]] = mapped_column(JSON)
    """Numbers of the trials that were tested."""
    config_hashes: Mapped[list[str]] = mapped_column(JSON)
    """Their configurations, in the same order."""
    result: Mapped[dict[str, Any] | None] = mapped_column("found", JSON(none_as_null=True))
    """The result of the reading; null until the reading has ended. A reading that was cut off is
    resumed, and still counts as one reading.
    """
