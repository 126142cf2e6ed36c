"""The result of a comparison in a few sentences."""

from results.comparison.comparing import Comparison
from results.comparison.sides import Side
from results.held_out import images_of, measured_on
from sedn.metrics import SIGNIFICANCE
from sedn.style import number_text, one_line

MOST_NAMED = 5
"""Labels that are named in a sentence."""
LEAST_P = 0.001


def answer(comparison: Comparison) -> list[str]:
    """The effect, first in the mean and then by label."""
    return [_mean(comparison), _labels(comparison)]


def assumptions(comparison: Comparison) -> list[str]:
    """Describe what the comparison assumes, and what stays unknown."""
    first, second = comparison.first, comparison.second
    lines = [_seeds(first, second), *_chosen(first), *_chosen(second)]
    if comparison.has_groups:
        lines.append(
            f"Images of one group count as one draw: {comparison.paired.units} draws of "
            f"{comparison.paired.images} images."
        )
    return lines


def _mean(comparison: Comparison) -> str:
    mean = comparison.mean()
    first, second = one_line(comparison.first.name), one_line(comparison.second.name)
    if mean["difference"] != mean["difference"]:
        return (
            f"No label has {images_of(comparison.folds)} both with and without it: nothing is "
            "compared."
        )
    aucs = f"{number_text(mean['first'])} against {number_text(mean['second'])}"
    apart = f"{difference(mean['difference'], 4)} {interval(mean['low'], mean['high'])}"
    if mean["p"] < SIGNIFICANCE <= comparison.counted(mean["difference"], mean["p"]):
        return (
            f"{first} and {second} do not differ significantly in mean AUC: {aucs}, {apart}, and "
            f"the best of {_most_chosen(comparison)} configurations may be as far ahead by luck."
        )
    if mean["p"] < SIGNIFICANCE:
        better = "higher" if mean["difference"] > 0 else "lower"
        return f"{first} is {better} than {second} in mean AUC: {aucs}, {apart}."
    return (
        f"{first} and {second} do not differ significantly in mean AUC: {aucs}, {apart}. The "
        f"images allow {first} to be {number_text(max(-mean['low'], 0.0), 3)} lower or "
        f"{number_text(max(mean['high'], 0.0), 3)} higher."
    )


def _labels(comparison: Comparison) -> str:
    rows = comparison.by_label().records()
    known = sum(row["p"] == row["p"] for row in rows)
    differs = sorted((row for row in rows if row["differs"]), key=lambda row: row["p"])
    unknown = len(rows) - known
    rest = f" {unknown} without an AUC, for want of images of a class." if unknown else ""
    if not known:
        return f"No label of {len(rows)} has an AUC {measured_on(comparison.folds)}."
    if not differs:
        return f"No label of {known} differs, looked at together (Holm).{rest}"
    significant = [
        row
        for row in differs
        if comparison.counted(row["difference"], row["p_holm"]) < SIGNIFICANCE
    ]
    if not significant:
        return (
            f"No label of {known} differs, with the choice of the best of "
            f"{_most_chosen(comparison)} configurations counted.{rest}"
        )
    parts = [
        f"{word} for {_names([row['label'] for row in some])}"
        for word, some in (
            ("higher", [row for row in significant if row["difference"] > 0]),
            ("lower", [row for row in significant if row["difference"] < 0]),
        )
        if some
    ]
    name = one_line(comparison.first.name)
    return (
        f"{len(significant)} of {known} labels differ (Holm): {name} is {', '.join(parts)}.{rest}"
    )


def _most_chosen(comparison: Comparison) -> int:
    return max(comparison.first.best_of, comparison.second.best_of)


def _names(labels: list[str]) -> str:
    shown = ", ".join(one_line(label) for label in labels[:MOST_NAMED])
    return shown if len(labels) <= MOST_NAMED else f"{shown} and {len(labels) - MOST_NAMED} more"


def _seeds(first: Side, second: Side) -> str:
    counts = len(first.trainings), len(second.trainings)
    if counts == (1, 1):
        return (
            "One training each: the intervals cover the choice of images, and not what another "
            "seed would have given."
        )
    if 1 in counts:
        return (
            f"{counts[0]} and {counts[1]} seeds: the intervals cover images and seeds, with the "
            f"spread between seeds taken from the side that has several."
        )
    return f"{counts[0]} and {counts[1]} seeds: the intervals cover images and seeds."


def _chosen(side: Side) -> list[str]:
    if side.best_of < 2:
        return []
    return [
        f"{one_line(side.name)} was chosen on these images as the best of {side.best_of} "
        f"configurations, so that part of its lead is luck: fresh seeds and the test split tell."
    ]


def p_text(p: float) -> str:
    """A p with three decimals; ``–`` where there is none."""
    return f"<{LEAST_P}" if p < LEAST_P else number_text(p, 3)


def difference(value: float | None, digits: int = 4) -> str:
    """A difference with its sign, ``+0.0123``."""
    return number_text(value, digits, signed=True)


def interval(low: float, high: float) -> str:
    """The interval of a difference as text: ``[+0.001, +0.023]``."""
    if low != low or high != high:
        return ""
    return f"[{difference(low, 3)}, {difference(high, 3)}]"
