"""From the tables of each earlier version to those of the next, one file a step."""

from collections.abc import Callable

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, update

from results.database.migrations.step_1_to_2 import keep_splits
from results.database.migrations.step_2_to_3 import keep_causes_and_costs
from results.database.migrations.step_3_to_4 import keep_costs_by_name
from results.database.migrations.step_4_to_5 import keep_what_comparing_needs
from results.database.models import SCHEMA_VERSION, Schema

STEPS: dict[int, Callable[[Operations], None]] = {
    1: keep_splits,
    2: keep_causes_and_costs,
    3: keep_costs_by_name,
    4: keep_what_comparing_needs,
}
"""By the version from which a step leads to the next."""
if sorted(STEPS) != list(range(1, SCHEMA_VERSION)):
    raise RuntimeError("a version of the tables has no step that leads to the next")


def migrate(connection: Connection, version: int) -> None:
    """Bring tables of an earlier ``version`` to that of this program.

    The caller commits: a step that breaks leaves the database as it was.
    """
    operations = Operations(MigrationContext.configure(connection))
    for step in range(version, SCHEMA_VERSION):
        STEPS[step](operations)
        connection.execute(update(Schema).values(version=step + 1))
