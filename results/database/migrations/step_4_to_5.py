"""Columns and tables for comparisons, confirmations and notes, and the indices of rankings."""

import hashlib
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic.operations import Operations

from results.database.migrations.step_4_to_5_tables import reshape_tables


def keep_what_comparing_needs(operations: Operations) -> None:
    """Add columns and tables, of which nothing is known yet but the folders of checkpoints."""
    experiment = "sedn_experiment"
    for column in (
        sa.Column("folder", sa.Text, nullable=False, server_default=""),
        sa.Column("note", sa.Text),
        sa.Column("tags", sa.JSON, nullable=False, server_default="[]"),
        sa.Column("folds", sa.Integer),
    ):
        operations.add_column(experiment, column)
    # Alembic adds no foreign key to a table of SQLite; both databases take one with its column.
    operations.execute(
        "ALTER TABLE sedn_experiment ADD COLUMN confirms INTEGER REFERENCES sedn_experiment (id)"
    )
    _name_folders(operations)
    operations.add_column("sedn_trial", sa.Column("predictions", sa.Text))
    operations.add_column("sedn_trial", sa.Column("predictions_fingerprint", sa.String(64)))
    _count_reads_of_test(operations)
    _take_requests(operations)
    _change_indices(operations)
    reshape_tables(operations)


def _name_folders(operations: Operations) -> None:
    """Write down by which name each experiment's folder of checkpoints has been found so far."""
    table = sa.table(
        "sedn_experiment",
        sa.column("id", sa.Integer),
        sa.column("name", sa.Text),
        sa.column("created_at", sa.DateTime(timezone=True)),
        sa.column("data_fingerprint", sa.Text),
        sa.column("folder", sa.Text),
    )
    connection = operations.get_bind()
    columns = (table.c.id, table.c.name, table.c.created_at, table.c.data_fingerprint)
    for row, name, created_at, fingerprint in connection.execute(sa.select(*columns)).all():
        folder = f"{name}-{_digest(created_at, fingerprint)}"
        connection.execute(table.update().where(table.c.id == row).values(folder=folder))


def _digest(created_at: datetime, fingerprint: str) -> str:
    # SQLite keeps no zone, and the moment is in UTC.
    zoned = created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC)
    made = zoned.astimezone(UTC).isoformat()
    return hashlib.sha256(f"{made} {fingerprint}".encode()).hexdigest()[:8]


def _count_reads_of_test(operations: Operations) -> None:
    operations.create_table(
        "sedn_test_read",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("experiment_id", sa.Integer, sa.ForeignKey("sedn_experiment.id")),
        sa.Column("data_fingerprint", sa.String(64), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("command", sa.String(16), nullable=False),
        sa.Column("trials", sa.JSON, nullable=False),
        sa.Column("config_hashes", sa.JSON, nullable=False),
        sa.Column("found", sa.JSON),
    )
    for column in ("experiment_id", "data_fingerprint"):
        operations.create_index(f"ix_sedn_test_read_{column}", "sedn_test_read", [column])


def _take_requests(operations: Operations) -> None:
    operations.create_table(
        "sedn_request",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("experiment_id", sa.Integer, sa.ForeignKey("sedn_experiment.id"), nullable=False),
        sa.Column("command", sa.String(16), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
    )
    operations.create_index("ix_sedn_request_experiment_id", "sedn_request", ["experiment_id"])


def _change_indices(operations: Operations) -> None:
    """Find trials by state; two indices were the beginnings of other ones."""
    operations.create_index("ix_sedn_trial_state", "sedn_trial", ["experiment_id", "state"])
    operations.drop_index("ix_sedn_trial_experiment_id", "sedn_trial")
    operations.drop_index("ix_sedn_label_experiment_id", "sedn_label")
