"""From what data say of each image to the matrix of targets."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sedn.errors import UserError


def target_matrix(
    rows: Sequence[Mapping[str, float] | None], labels: Sequence[str], absent: float = 0.0
) -> NDArray[np.float32]:
    """``(rows, labels)``: 1, 0, between, or NaN where the truth is unknown.

    Args:
        rows: the value of each label of an image; labels other than ``labels`` are passed over;
            ``None`` where nothing is known.
        labels: the columns.
        absent: what a label is of which a row says nothing.
    """
    position = {label: index for index, label in enumerate(labels)}
    targets = np.full((len(rows), len(labels)), absent, dtype=np.float32)
    for row, values in enumerate(rows):
        if values is None:
            targets[row] = np.nan
            continue
        for label, value in values.items():
            if label in position:
                targets[row, position[label]] = value
    return targets


def labels_that_occur(
    names: Iterable[str], rows: Iterable[Iterable[str]], missing: str
) -> tuple[str, ...]:
    """The names that some image has, each once and in their order.

    Args:
        names: of all labels.
        rows: the labels of each image.
        missing: the message where no image has any.

    Raises:
        UserError: no image has any.
    """
    occurring = {label for row in rows for label in row}
    labels = tuple(name for name in dict.fromkeys(names) if name in occurring)
    if not labels:
        raise UserError(missing)
    return labels
