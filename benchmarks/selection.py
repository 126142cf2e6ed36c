"""How far what is said of a ranking is right, by simulation.

``python -m benchmarks.selection --keep FILE`` prints the tables of ``docs/statistics.md``, of
configurations of known worth that are scored on the same images
(:mod:`benchmarks.drawn_rankings`). The file keeps finished cells, so that a call that was ended
goes on. ``--positives 5`` simulates those cells only, ``--sets`` so many sets of images for each.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from benchmarks.drawn_rankings import SETS, Case, Drawn, draw
from benchmarks.kept_cells import KeptCells, Numbers, simulation_options
from results.columns import Columns
from results.database.models import Label
from results.ranking.confidence_set import lower_bounds, may_be_best
from results.ranking.pooling import intervals_of, of_labels, of_means, pool
from results.ranking.probability import probability_best
from results.ranking.winner import winner
from sedn.style import share_text

SIZES = ((5, 100), (10, 100), (50, 200))
"""Positives of each label, and images."""
AREAS = (0.6, 0.9, 0.99)
SEEDS = (1, 5)


@dataclass(frozen=True)
class Called:
    """How often a confidence set and what is called better are right."""

    holds_best: float
    """Share of sets in which the confidence set holds the truly best configuration."""
    size: float
    """Share of the configurations that are in it, in the mean."""
    better: float
    """Share of sets in which something is called better than the first configuration, or by more,
    that is not.
    """


@dataclass(frozen=True)
class Luck:
    """How right the expected AUC of the first of a ranking is."""

    covered: float
    """Share of sets in which its interval holds what the first is worth."""
    optimism: float
    """How far the first's value lies above what it is worth, in the mean."""
    estimated: float
    """How far it is said to."""


def judge_called(sets: Iterable[Drawn]) -> Called:
    """Confidence set, and comparison with a baseline."""
    rows = []
    for drawn in sets:
        inside = may_be_best(drawn.values, drawn.errors)
        above = lower_bounds(drawn.values, drawn.errors, 0)
        is_wrong = (above > drawn.truth - drawn.truth[0]) & (above > 0)
        rows.append((inside[np.argmax(drawn.truth)], inside.mean(), is_wrong.any()))
    return Called(*np.mean(rows, axis=0).tolist())


def judge_luck(sets: Iterable[Drawn]) -> Luck:
    """Expected AUC of the first, where the images tell of errors."""
    rows = []
    for drawn in sets:
        expected = winner(drawn.values, drawn.errors)
        if expected is not None:
            worth = drawn.truth[np.argmax(drawn.values)]
            covered = expected.low <= worth <= expected.high
            rows.append((covered, expected.value - worth, expected.optimism))
    return Luck(*np.mean(rows, axis=0).tolist())


def interval_coverage(case: Case, sets: Sequence[Drawn], *, from_images: bool = False) -> float:
    """Share of sets in which a configuration's interval holds its mean AUC, or its AUC where there
    is one label, over images and seeds.

    Args:
        case: of one configuration.
        sets: that were drawn of it.
        from_images: as a ranking has the interval of several seeds, which knows the influence of
            each image; else as it follows from the values and errors of the trainings alone.
    """
    truth = np.array([drawn.truth[0] for drawn in sets])
    low, high = (_from_images(case, sets) if from_images else _from_values(case, sets)).T
    return float(((low <= truth) & (truth <= high)).mean())


def _from_images(case: Case, sets: Sequence[Drawn]) -> np.ndarray:
    counts = np.full(case.labels, case.positives), np.full(case.labels, case.negatives)
    return np.concatenate([intervals_of(one.values, one.errors, *counts) for one in sets])


def _from_values(case: Case, sets: Sequence[Drawn]) -> np.ndarray:
    rows = Columns(
        {
            "label": np.full(len(sets) * case.seeds, "label", dtype=object),
            "set": np.repeat(np.arange(len(sets)), case.seeds),
            "seed": np.tile(np.arange(case.seeds), len(sets)),
            "auc": np.concatenate([drawn.by_seed[0] for drawn in sets]),
            "stderr": np.concatenate([drawn.stderrs[0] for drawn in sets]),
        }
    )
    label = Label(name="label", validation_positives=case.positives, validation_known=case.images)
    ends = of_labels([label]) if case.labels == 1 else of_means([label] * case.labels)
    pooled = pool(rows, ["label", "set"], ends)
    return np.stack([pooled["low"], pooled["high"]], axis=1)


def said_and_true(
    cases: Sequence[Case], edges: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9)
) -> list[tuple[float, float, int]]:
    """Probabilities to be the best, in bins: what was said in the mean, how often it was true, and
    how many there were.
    """
    said, true = [], []
    for case in cases:
        for drawn in draw(case):
            said.append(probability_best(drawn.values, drawn.errors, 1000))
            true.append(np.arange(case.configurations) == np.argmax(drawn.truth))
    probabilities, outcomes = np.concatenate(said), np.concatenate(true)
    bins = np.digitize(probabilities, edges)
    return [
        (
            float(probabilities[bins == i].mean()),
            float(outcomes[bins == i].mean()),
            int(sum(bins == i)),
        )
        for i in range(len(edges) + 1)
    ]


def cells(sets: int, positives: Sequence[int] = (5, 10, 50)) -> Iterator[Case]:
    """All cases of the tables."""
    for rarer, images in SIZES:
        for area in AREAS:
            for seeds in SEEDS:
                if rarer in positives:
                    yield Case(rarer, area, seeds, images=images, sets=sets)


PROBABILITY_SPREADS = (0.02, 0.05, 0.1, 0.2, 0.4)


def probability_cases(cell: Case, sets: int) -> list[Case]:
    """Four configurations, as far apart as may be."""
    return [
        replace(cell, configurations=4, spread=spread, sets=sets) for spread in PROBABILITY_SPREADS
    ]


def shapes(cell: Case) -> tuple[Case, Case, Case]:
    """Level, apart, and one ahead of equals."""
    return cell, replace(cell, spread=0.2), replace(cell, spread=0.5, shape="one ahead")


def interval_row(cell: Case, kept: KeptCells) -> str:
    """A line of the table of intervals and sets."""
    one = replace(cell, configurations=1)
    intervals = kept.get(f"intervals {one!r}", lambda: _intervals(one))
    texts = ["–" if np.isnan(share) else f"{share:.3f}" for share in intervals]
    level, apart = (
        Called(*kept.get(f"sets {case!r}", lambda case=case: [*astuple(judge_called(draw(case)))]))  # type: ignore[misc]
        for case in shapes(cell)[:2]
    )
    held = f"{level.holds_best:.3f} | {apart.holds_best:.3f} | {share_text(apart.size, 0)}"
    return (
        f"{_head(cell)} | {' | '.join(texts)} | {held} | {level.better:.3f} | {apart.better:.3f} |"
    )


def _intervals(cell: Case) -> Numbers:
    one, sets = replace(cell, labels=1), list(draw(cell))
    label, mean = interval_coverage(one, list(draw(one))), interval_coverage(cell, sets)
    several = interval_coverage(cell, sets, from_images=True) if cell.seeds > 1 else float("nan")
    return [label, mean, several]


def luck_row(cell: Case, kept: KeptCells) -> str:
    """A line of the table of optimism."""
    parts = []
    for case in shapes(cell):
        numbers = kept.get(f"luck {case!r}", lambda case=case: [*astuple(judge_luck(draw(case)))])  # type: ignore[misc]
        found = Luck(*numbers)
        parts.append(f"{found.covered:.3f} | {found.optimism:.4f} | {found.estimated:.4f}")
    return f"{_head(cell)} | {' | '.join(parts)} |"


def probability_row(cell: Case, kept: KeptCells) -> str:
    """A line of the table of probabilities: what was said, and how often it was true."""
    sets = cell.sets // len(PROBABILITY_SPREADS)

    def simulate() -> Numbers:
        return [number for row in said_and_true(probability_cases(cell, sets)) for number in row]

    numbers = kept.get(f"probabilities {cell!r}", simulate)
    bins = zip(numbers[::3], numbers[1::3], strict=True)
    return f"{_head(cell)} | " + " | ".join(f"{said:.2f}, {true:.2f}" for said, true in bins) + " |"


def _head(cell: Case) -> str:
    return f"| {cell.positives}, {cell.negatives} | {cell.area:g} | {cell.seeds}"


Row = Callable[[Case, KeptCells], str]


def tables() -> dict[str, tuple[str, Row]]:
    """The head of each table by its name, and what makes a line of it."""
    case = "| positives, negatives | true AUC | seeds |"
    held = "set, level | set, apart | size, apart | wrong, level | wrong, apart |"
    luck = " | ".join(f"{shape}: covers | luck | said" for shape in ("level", "apart", "one ahead"))
    return {
        "intervals": (f"{case} label | mean | mean, images known | {held}", interval_row),
        "luck": (f"{case} {luck} |", luck_row),
        "probabilities": (
            f"{case} to 0.1 | to 0.3 | to 0.5 | to 0.7 | to 0.9 | above |",
            probability_row,
        ),
    }


def main() -> None:
    """Print the tables."""
    parser = simulation_options(__doc__, SETS)
    parser.add_argument("--tables", nargs="+", default=[*tables()], choices=[*tables()])
    given = parser.parse_args()
    kept = KeptCells(given.keep)
    for name in given.tables:
        head, row = tables()[name]
        print(head, "|" + "---:|" * (head.count("|") - 1), sep="\n")
        for cell in cells(given.sets, given.positives):
            print(row(cell, kept), flush=True)
        print()


if __name__ == "__main__":
    main()
