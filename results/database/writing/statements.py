"""Single statements of the store's writes, and what may not be written any more."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import DeclarativeBase, Session

from results.database.models import Trial
from results.database.writing.recording import upsert_into
from sedn.errors import UserError
from sedn.measures import COSTS, Costs


class TrialEnded(UserError):
    """A trial that has ended was to be written otherwise; its row stays as it is."""

    def __init__(self, trial: Trial, what: str) -> None:
        super().__init__(
            f"trial {trial.number} has ended as {trial.state} in the store, so {what} was not "
            f"written; another process seems to run this search, see that only one does"
        )


def upsert(
    session: Session,
    table: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    keep: Sequence[str] = (),
) -> None:
    """Insert rows; where a key is taken, update all columns but those to ``keep``."""
    statement = upsert_into(
        session.get_bind().dialect.name, table.__table__, tuple(rows[0]), tuple(keep)
    )
    session.execute(statement, rows)


def known_costs(costs: Costs) -> dict[str, float]:
    """The measured costs, as the database stores them."""
    return {
        name: value
        for name, value in costs.items()
        if value is not None and storable(value) is not None
    }


def shared_costs(costs: Costs) -> dict[str, float]:
    """The costs that all trials of a configuration share, also those that this version does not
    know.
    """
    return {
        name: value
        for name, value in known_costs(costs).items()
        if name not in COSTS or COSTS[name].is_shared
    }


def storable(value: Any) -> Any:
    """A value as both databases take it: a number that is not finite is null, text is Unicode."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        # A traceback may quote a file name that is not UTF-8, or a null character.
        return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return value
