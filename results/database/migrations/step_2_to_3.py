"""A trial says why it broke, which one it duplicates, and what it costs."""

import sqlalchemy as sa
from alembic.operations import Operations


def keep_causes_and_costs(operations: Operations) -> None:
    """Add columns, of which nothing is known for the trials that are there."""
    for column in (
        sa.Column("duplicate_of", sa.Integer),
        sa.Column("cause", sa.String(16)),
        sa.Column("images_per_second", sa.Float),
        sa.Column("flops", sa.BigInteger),
        sa.Column("latency_ms", sa.Float),
        sa.Column("latency_32_ms", sa.Float),
        sa.Column("peak_memory", sa.BigInteger),
        sa.Column("device_memory", sa.BigInteger),
        sa.Column("micro_batch", sa.Integer),
    ):
        operations.add_column("sedn_trial", column)
