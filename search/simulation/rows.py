"""A simulated method as a row of text, for the terminal and the page."""

import math

import numpy as np

from search.simulation.methods import Outcome, quartiles
from sedn.style import duration, number_text

HEADS = ("sampler", "scheduler", "workers", "to 1 %", "quartiles", "there", "regret", "time")
"""Columns of a table of methods."""
EXPLAINED = (
    "to 1 %: median time until the best result was within 1 % of the best recorded one, with its "
    "quartiles over the seeds; there: seeds that came so far; regret: what the best result lacked "
    "at the end, and time: how long the search took, medians."
)
"""What the columns mean."""


def outcome_row(outcome: Outcome) -> list[str]:
    """The cells of a method, as text, in the order of :data:`HEADS`."""
    arrivals = outcome.arrivals
    low, middle, high = map(_time, quartiles(arrivals))
    return [
        outcome.method.sampler,
        outcome.method.scheduler,
        str(outcome.method.workers),
        middle,
        f"{low} – {high}",
        f"{int(np.isfinite(arrivals).sum())} of {len(arrivals)}",
        number_text(float(np.median(outcome.regrets))),
        _time(float(np.median(outcome.ends))),
    ]


def _time(seconds: float) -> str:
    return duration(seconds) if math.isfinite(seconds) else "never"
