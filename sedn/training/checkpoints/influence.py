"""The influence of each validation image on the mean AUC of a training, kept beside its scores.

A few bytes for each image in place of those for each image and label: enough to compare the mean
AUC of thousands of trainings on the same images, as a ranking does.
"""

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import load_arrays
from sedn.errors import UserError
from sedn.metrics import AucEstimate, auc_within
from sedn.training.checkpoints.files import read, write
from sedn.training.checkpoints.predictions import DAMAGED, Predictions

INFLUENCE = "influence.npz"
"""The file, in the folder of a training."""
_FORMAT = 1


@dataclass(frozen=True)
class Influence:
    """The influence of validation images on the mean AUC of a training."""

    values: NDArray[np.float32]
    """``(groups,)``: of each image over the number of images, summed over the images of a group,
    which are no independent draws; an image without a group is one by itself. The root of the sum
    of their squares is the standard error of the mean AUC. NaN where no label has an AUC."""
    images: int
    """How many images were scored."""
    fingerprint: str
    """The fingerprint of the split, as
    :attr:`sedn.training.checkpoints.predictions.Predictions.fingerprint`.
    """
    configuration: str
    """Hash of the configuration that was trained, without its seed."""
    seed: int


def influence_of(predictions: Predictions, estimate: AucEstimate | None = None) -> Influence:
    """Compute the influence of each image on the mean AUC of the training that gave these scores.

    Args:
        predictions: of the training.
        estimate: the AUC of the predictions, where that was estimated already.
    """
    images = len(predictions.images)
    estimate = estimate or auc_within(
        predictions.targets, predictions.scores, predictions.numbered_folds
    )
    values = estimate.influence / images
    if (groups := predictions.numbered_groups) is not None:
        values = np.asarray(np.bincount(groups, values), dtype=np.float64)
    of = predictions.fingerprint, predictions.configuration, predictions.seed
    return Influence(values.astype(np.float32), images, *of)


def save_influence(folder: str, influence: Influence) -> None:
    """Write the influence to the folder of the training, whole or not at all.

    Raises:
        StorageFault: the file cannot be written.
    """
    header = {
        "format": _FORMAT,
        "images": influence.images,
        "fingerprint": influence.fingerprint,
        "configuration": influence.configuration,
        "seed": influence.seed,
    }
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(buffer, values=influence.values, header=text)
    write(folder, INFLUENCE, buffer.getvalue())


def load_influence(folder: str) -> Influence | None:
    """What :func:`save_influence` wrote to a folder; ``None`` where there is none.

    Raises:
        StorageFault: the file cannot be read.
        UserError: the file is damaged, or of a later version of this program.
    """
    content = read(folder, INFLUENCE)
    if content is None:
        return None
    try:
        arrays = load_arrays(content)
        header: dict[str, Any] = json.loads(arrays["header"].tobytes())
        version = header.pop("format")
        if version == _FORMAT:
            return Influence(arrays["values"].astype(np.float32), **header)
    except DAMAGED:
        raise UserError(f"{folder}/{INFLUENCE}: the file is damaged") from None
    raise UserError(
        f"{folder}/{INFLUENCE}: written by another version of sedn-search (format {version}, this "
        f"one reads {_FORMAT}); use that version"
    )
