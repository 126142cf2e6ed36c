"""Costs of a trial by name, so that a new cost needs no column."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic.operations import Operations

COLUMNS = {
    "parameters": sa.BigInteger,
    "images_per_second": sa.Float,
    "flops": sa.BigInteger,
    "latency_ms": sa.Float,
    "latency_32_ms": sa.Float,
    "peak_memory": sa.BigInteger,
    "device_memory": sa.BigInteger,
    "micro_batch": sa.Integer,
}


def keep_costs_by_name(operations: Operations) -> None:
    """Move the columns into one of JSON."""
    costs = sa.Column("costs", sa.JSON, nullable=False, server_default="{}")
    operations.add_column("sedn_trial", costs)
    old = [sa.column(name, kind()) for name, kind in COLUMNS.items()]
    table = sa.table("sedn_trial", sa.column("id", sa.Integer), sa.column("costs", sa.JSON), *old)
    connection = operations.get_bind()
    rows = connection.execute(sa.select(table.c.id, *old)).all()
    filled = [{"row": row[0], "known": _known(row[1:])} for row in rows]
    if filled:
        change = table.update().where(table.c.id == sa.bindparam("row"))
        connection.execute(change.values(costs=sa.bindparam("known", type_=sa.JSON)), filled)
    for name in COLUMNS:
        operations.drop_column("sedn_trial", name)


def _known(values: Sequence[float | None]) -> dict[str, float]:
    pairs = zip(COLUMNS, values, strict=True)
    return {name: value for name, value in pairs if value is not None}
