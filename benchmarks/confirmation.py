"""How often the intervals of ``sedn confirm`` hold the truth, by simulation.

``python -m benchmarks.confirmation`` prints a table of ``docs/statistics.md``: a baseline and
three leaders on 2, 3 and 5 fresh seeds, scored on the same images
(:mod:`benchmarks.drawn_rankings`), by the product's own
:func:`results.confirmation.score_values`. ``--keep FILE`` keeps finished cells, so that a call that
was ended goes on. ``--positives 5`` simulates those cells only.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.drawn_rankings import SETS, Case, Drawn, draw
from benchmarks.kept_cells import KeptCells, Numbers, simulation_options
from benchmarks.selection import AREAS, SIZES
from results.confirmation import Score, score_values

SEEDS = (2, 3, 5)
CONFIGURATIONS = 4
"""The baseline and three leaders."""
APART = 0.2
"""Standard deviation of the worths where they are apart, in standard deviations of the scores."""


@dataclass(frozen=True)
class Told:
    """How right a confirmation is, over many sets of images."""

    mean: float
    """Share of the intervals of a mean AUC that hold it."""
    gains: float
    """Share of sets in which all intervals of the differences to the baseline hold them."""
    wrong: float
    """Share of sets in which something is called better than the baseline and is not."""
    found: float
    """Share of the leaders that are truly better which are called better."""
    said: float
    """Probability to be the best of the one with the highest mean, on average over sets."""
    true: float
    """How often this one is the best."""


def judge(case: Case) -> Told:
    """Simulate a case."""
    return Told(*simulate(case))


def simulate(case: Case) -> Numbers:
    """The numbers of :class:`Told`, in its order."""
    rows = []
    for drawn in draw(case):
        many = case.labels
        counts = np.full(many, case.positives), np.full(many, case.negatives)
        rows.append(_row(drawn, score_values(drawn.values, drawn.errors, *counts)))
    numbers = np.array(rows, dtype=np.float64)
    means = numbers.mean(axis=0)
    found = numbers[:, 3].sum() / max(numbers[:, 4].sum(), 1)
    return [*means[:3].tolist(), float(found), *means[5:].tolist()]


def _row(drawn: Drawn, scores: Sequence[Score]) -> tuple[float, ...]:
    truth = drawn.truth
    held = np.mean([one.low <= true <= one.high for one, true in zip(scores, truth, strict=True)])
    ends = np.array([(one.gain_low, one.gain_high) for one in scores[1:]], dtype=np.float64)
    gains = truth[1:] - truth[0]
    called, better = ends[:, 0] > 0, gains > 0
    first = int(np.argmax(drawn.values))
    return (
        float(held),
        float(((ends[:, 0] <= gains) & (gains <= ends[:, 1])).all()),
        float((called & ~better).any()),
        float((called & better).sum()),
        float(better.sum()),
        scores[first].probability_best,
        float(first == np.argmax(truth)),
    )


def cells(sets: int, positives: Sequence[int]) -> Iterator[Case]:
    """All cases of the table."""
    for rarer, images in SIZES:
        for area in AREAS:
            for seeds in SEEDS:
                if rarer in positives:
                    yield Case(
                        rarer, area, seeds, configurations=CONFIGURATIONS, images=images, sets=sets
                    )


def table(sets: int, positives: Sequence[int], kept: KeptCells) -> Iterator[str]:
    """The lines of the table, as Markdown."""
    head = (
        "| positives, negatives | true AUC | seeds | level: mean | differences | wrong "
        "| apart: mean | differences | found | said | true |"
    )
    yield from (head, "|" + "---:|" * (head.count("|") - 1))
    for case in cells(sets, positives):
        level, apart = (
            Told(*kept.get(f"confirm {one!r}", lambda one=one: simulate(one)))  # type: ignore[misc]
            for one in (case, replace(case, spread=APART))
        )
        yield (
            f"| {case.positives}, {case.negatives} | {case.area:g} | {case.seeds} "
            f"| {level.mean:.3f} | {level.gains:.3f} | {level.wrong:.3f} "
            f"| {apart.mean:.3f} | {apart.gains:.3f} | {apart.found:.2f} "
            f"| {apart.said:.2f} | {apart.true:.2f} |"
        )


def main() -> None:
    """Print the table."""
    given = simulation_options(__doc__, SETS).parse_args()
    for line in table(given.sets, given.positives, KeptCells(given.keep)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
