"""Which trials of a large search a page draws, so that the page stays small."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from results.columns import Columns
from results.database.scanning.trials import COMPLETE_COLUMNS
from results.ranking.pareto import on_front

Thing = TypeVar("Thing")

MOST_DRAWN = 500
"""Trials in the figures, however short each is."""
LEAST_DRAWN = 30
"""However long each is."""
MOST_STUDIED = 2000
"""Trials that tell which axes mattered."""
MOST_ON_FRONT = 60
"""Configurations that none beats on AUC and one cost, in the figure of costs."""
MOST_LISTED = 5000
"""Trials in the page's table of trials, however few parameters each has."""
FIGURES_BYTES = 500_000
"""Of the figures of trials together."""
TABLE_BYTES = 1_000_000
"""Of the table of trials."""
POINT_BYTES = 22
"""Of a point of a curve."""
CELL_BYTES = 14
"""Of a cell of the table of trials, more often than not of a value that many trials have."""
HEAD_CELLS = 7
"""Such cells beside those of the parameters."""
MOST_POINTS = 60
"""Of a curve."""


def room(values: Mapping[str, Sequence[Any]], rows: Sequence[tuple[Any, ...]], costs: int) -> int:
    """How many trials can be drawn.

    Args:
        values: the first few values of each field in the experiment.
        rows: the complete trials, as the store's ``complete`` gives them.
        costs: number of costs in the figures.
    """
    epochs = max((row[list(COMPLETE_COLUMNS).index("epochs")] for row in rows), default=1)
    # In the history, in its curve, on each axis as a line and a point, and for each cost.
    points = 1 + min(epochs, MOST_POINTS) + 2 * (_axes(values) + 1) + costs + 1
    return max(LEAST_DRAWN, min(MOST_DRAWN, FIGURES_BYTES // (POINT_BYTES * points)))


def table_room(values: Mapping[str, Sequence[Any]]) -> int:
    """How many trials the table of trials has room for, by the values of each field."""
    a_row = CELL_BYTES * (HEAD_CELLS + _axes(values))
    return min(MOST_LISTED, TABLE_BYTES // a_row)


def _axes(values: Mapping[str, Sequence[Any]]) -> int:
    return sum(len(of_path) > 1 for of_path in values.values())


def leading(most: int) -> int:
    """How many of the trials that there is room for are the best."""
    return 2 * most // 5


def choose(
    last: int | None, most: int, leaders: Sequence[int], stopped: Sequence[int]
) -> list[int]:
    """Numbers of the trials to draw, at most about ``most``: all where there are no more, else the
    first of the leaders, those of ``stopped``, and an even choice of all.

    Args:
        last: the highest number; ``None``: there is no trial.
        most: how many there is room for.
        leaders: the first trial of each configuration, the best first.
        stopped: of the trials that were stopped early, the best first.
    """
    if last is None:
        return []
    if last < most:
        return list(range(last + 1))
    first = [*leaders[: leading(most)], *stopped[: most // 8]]
    return sorted({*first, *evenly(range(last + 1), most - len(first))})


def evenly(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most so many of the things, the first and the last included, with equal steps between."""
    if len(things) <= most:
        return list(things)
    return [things[round(at)] for at in np.linspace(0, len(things) - 1, most)]


def fronts(ordered: Columns, rows: Sequence[tuple[Any, ...]], costs: Sequence[str]) -> set[int]:
    """Trials of the configurations that none beats on mean AUC and one cost, or the time of
    training.

    Args:
        ordered: all configurations.
        rows: the complete trials, as the store's ``complete`` gives them with ``costs``.
        costs: names of the costs.
    """
    chosen: set[int] = set()
    of_trial = {row[0]: row[len(COMPLETE_COLUMNS) :] for row in rows}
    measured = [of_trial[number] for number in ordered["trial"]]
    columns = [ordered["seconds"]]
    columns += [np.array([row[at] for row in measured], dtype=float) for at in range(len(costs))]
    numbers, aucs = ordered["trial"], ordered["mean_auc"]
    for cost in columns:
        values = np.column_stack([cost, aucs])
        front = on_front(values, [False, True], np.ones(len(values), dtype=bool))
        chosen |= set(evenly(numbers[front].tolist(), MOST_ON_FRONT))
    return chosen
