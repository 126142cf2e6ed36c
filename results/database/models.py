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
    LargeBinary,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = 4
BASELINE = "baseline"
"""The role of the trial that trains the plain backbone."""


class TrialState(StrEnum):
    """What became of a trial."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    """Trained to its last epoch."""
    PRUNED = "PRUNED"
    """Stopped early by the scheduler."""
    FAILED = "FAILED"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Mark a moment without a zone as UTC."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


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


class Experiment(Base):
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


class Label(Base):
    """A label of an experiment's data, and how many images are known to have it."""

    __tablename__ = "sedn_label"
    __table_args__ = (Unique("experiment_id", "position"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("sedn_experiment.id"), index=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    train_positives: Mapped[int]
    train_known: Mapped[int]
    validation_positives: Mapped[int]
    validation_known: Mapped[int]


class Trial(Base):
    """One training of one configuration."""

    __tablename__ = "sedn_trial"
    __table_args__ = (Unique("experiment_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("sedn_experiment.id"), index=True)
    number: Mapped[int]
    """The trial's number in Optuna's study too."""
    role: Mapped[str] = mapped_column(String(16))
    params: Mapped[dict[str, Any]] = mapped_column(JSON)
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    config_hash: Mapped[str] = mapped_column(String(16), index=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[TrialState] = mapped_column(StateType)
    duplicate_of: Mapped[int | None]
    """Number of the trial of the same configuration and seed whose values these are."""
    cause: Mapped[str | None] = mapped_column(String(16))
    """Why it is not complete, in a word or two: ``non-finite``, ``out-of-memory``, ``time``,
    ``worker-lost``, ``infeasible``, ``unmeasured`` (it lacks a value for an objective), ``error``;
    null where the scheduler stopped it."""
    reason: Mapped[str | None] = mapped_column(Text)
    """The same with all that is known, such as the traceback."""
    node: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    epochs: Mapped[int] = mapped_column(default=0)
    """Epochs completed."""
    target_epochs: Mapped[int]
    mean_auc: Mapped[float | None]
    mean_auc_stderr: Mapped[float | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    """Wall time of its epochs so far."""
    costs: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    """What the trial, or its network, costs after its last epoch: those of
    :data:`sedn.measures.COSTS` that are known, by name."""
    folder: Mapped[str] = mapped_column(Text)

    def cost(self, name: str) -> float | None:
        """One of the costs; ``None`` where it was not measured."""
        return self.costs.get(name)


class Epoch(Base):
    """What a trial reached after an epoch."""

    __tablename__ = "sedn_epoch"
    trial_id: Mapped[int] = mapped_column(ForeignKey("sedn_trial.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    mean_auc: Mapped[float]
    mean_auc_stderr: Mapped[float | None]
    train_loss: Mapped[float | None]
    """Null where the loss was not finite."""
    seconds: Mapped[float]
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When it was recorded first: the order in which the scheduler saw the epochs."""


class LabelAuc(Base):
    """A label's AUC after a trial's last epoch; null where validation lacks a class."""

    __tablename__ = "sedn_label_auc"
    trial_id: Mapped[int] = mapped_column(ForeignKey("sedn_trial.id"), primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("sedn_label.id"), primary_key=True)
    auc: Mapped[float | None]
    stderr: Mapped[float | None]
