"""How the report shows the states of trials and writes values."""

import math
from typing import Any

from results.database.models import TrialState
from sedn.style import BLUE, GREEN, GREY, VERMILION, short_text

NONE_COMPLETE = "No trial has been trained to its last epoch yet."
BEST_OF_MANY = (
    "The best configuration of each label by itself. The best of many is optimistic, the more "
    "so the fewer positives a label has: the interval does not tell of the choice. The table "
    "tells where to look, not what new images will show."
)
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "stopped early",
    TrialState.FAILED: "failed",
    TrialState.RUNNING: "running",
}
"""What a state is called on a page, in the order in which they are shown."""
STATE_COLOURS = {
    TrialState.COMPLETE: BLUE,
    TrialState.PRUNED: GREY,
    TrialState.FAILED: VERMILION,
    TrialState.RUNNING: GREEN,
}
STATE_SYMBOLS = {
    TrialState.COMPLETE: "circle",
    TrialState.PRUNED: "triangle-down-open",
    TrialState.FAILED: "x",
    TrialState.RUNNING: "circle-open",
}


def value_text(value: Any) -> str:
    """A parameter's value in a few characters; ``–`` where it has no effect."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short_text(value) if isinstance(value, float) else str(value)


def parameter_text(value: Any, sampled: Any) -> str:
    """A parameter's value, and what was sampled where that was another one; else ``None``."""
    text = value_text(value)
    return text if sampled is None else f"{text} (sampled {value_text(sampled)})"


def round_numbers(low: float, high: float, *, log: bool) -> list[float]:
    """A few round numbers from ``low`` to ``high``; the ends themselves where there are too few."""
    if high <= low:
        return [low]
    steps = (1.0, 2.0, 5.0)
    if log:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        grids = [[m * 10.0**power for power in powers for m in some] for some in ((1.0,), steps)]
    else:
        power = 10.0 ** math.floor(math.log10(high - low))
        sizes = [m * power / 10 for m in (10.0, 5.0, 2.0, 1.0)]
        grids = [
            [i * size for i in range(math.ceil(low / size), math.floor(high / size) + 1)]
            for size in sizes
        ]
    # Ends that nearly touch have a grid finer than floats are, so a value may come twice.
    inside = [sorted({value for value in grid if low <= value <= high}) for grid in grids]
    return next((grid for grid in inside if len(grid) >= 3), [low, high])
