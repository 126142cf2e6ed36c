"""Images that were left out are counted, and the splits are kept with the experiment."""

import gzip

import sqlalchemy as sa
from alembic.operations import Operations

NO_SPLITS = gzip.compress(b"image,split\n", mtime=0)
"""A CSV without rows: which image was in which split is not known."""


def keep_splits(operations: Operations) -> None:
    """Add both to experiments, none of whose images were left out then."""
    skipped = sa.Column("skipped_images", sa.Integer, nullable=False, server_default="0")
    operations.add_column("sedn_experiment", skipped)
    splits = sa.Column("splits", sa.LargeBinary, nullable=False, server_default="")
    operations.add_column("sedn_experiment", splits)
    table = sa.table("sedn_experiment", sa.column("splits", sa.LargeBinary))
    operations.execute(table.update().values(splits=NO_SPLITS))
