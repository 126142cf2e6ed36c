"""Columns of numbers between 0 and 1: labels that are there to a share, or measurements.

Where several annotators were asked, a label is the share of them that saw it: 0, 1/3, 2/3, 1. A
brightness may lie between 0 and 1 as well. So such columns are labels by themselves only where two
or more hold shares of one small number; otherwise it is a question.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from sedn.data.formats.columns.cells import Column, as_number, judge
from sedn.errors import Question, some_of

_MOST_ANNOTATORS = 10
_ROUNDED = 0.006
"""Two digits of a third are that far from it."""
_NEARLY_ALL = 0.9

MEASUREMENTS = frozenset({
    "probability", "prob", "weight", "ratio", "aspect", "aspectratio", "quality", "brightness",
    "contrast", "saturation", "sharpness", "blur", "blurscore", "certainty", "agreement", "iou",
    "loss", "area", "x", "y", "w", "h", "xcenter", "ycenter", "xmin", "xmax", "ymin", "ymax",
    "cloudcover", "discount",
})  # fmt: skip
"""Names, in small letters and without other signs, of what is measured or noted."""


def is_share(column: Column, values: Mapping[str, float], *, named: bool = False) -> bool:
    """Whether a column holds numbers between 0 and 1, beside words that are known.

    Args:
        column: the column.
        values: meanings of words that the description gives.
        named: whether the description says that it is a label; then a few cells may be wrong.
    """
    numbers = [as_number(cell) for cell in column.cells]
    if not any(number is not None and 0 < number < 1 for number in numbers):
        return False
    known = np.array([meaning is not None for meaning in judge(column, values, soft=True)])
    if not named:
        return bool(known.all())
    counts = column.counts()
    return bool(counts[known].sum() >= _NEARLY_ALL * counts.sum())


def are_labels(columns: Sequence[Column]) -> bool:
    """Whether columns of numbers between 0 and 1 surely hold labels: shares of the annotators, who
    agree on some images in each.
    """
    if not all(any(as_number(cell) in (0, 1) for cell in column.cells) for column in columns):
        return False
    cells = [as_number(cell) for column in columns for cell in column.cells]
    numbers = np.array([n for n in cells if n is not None and n >= 0])
    shares = numbers[None] * np.arange(1, _MOST_ANNOTATORS + 1)[:, None]
    off = np.abs(shares - shares.round()) / np.arange(1, _MOST_ANNOTATORS + 1)[:, None]
    return len(columns) > 1 and bool((off <= _ROUNDED).all(axis=1).any())


def soft_question(columns: Sequence[Column], labels: Sequence[str], source: str) -> Question:
    """The question whether such columns are labels or measurements.

    Args:
        columns: of them.
        labels: all labels, if these columns are.
        source: names the data in messages.
    """
    names = [column.name for column in columns]
    shown = some_of((f"'{name}'" for name in names), 5)
    first = next(c for c in columns[0].cells if 0 < (as_number(c) or 0) < 1)
    place = columns[0].where(columns[0].first(columns[0].cells.index(first)))
    columns_of = "columns" if len(names) > 1 else "column"
    return Question(
        f"{place}: '{names[0]}' is {first}: {columns_of} {shown} may hold soft labels, or "
        f"measurements between 0 and 1; name all labels with labels:, or say leave_out: "
        f"[{some_of(names, 5)}]",
        [{"labels": [*labels]}, {"leave_out": names}],
    )
