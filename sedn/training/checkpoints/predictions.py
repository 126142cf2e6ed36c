"""The scores of a whole training on validation, kept so that any two can be compared later.

They are one file beside the checkpoint, ``predictions.npz``, which needs neither the checkpoint nor
the data to be read: what the images and labels are called and what is true of them is in the file.
``scores`` holds float32 logits, so that no rounding ties two images; ``targets`` 1, 0, or -1 where
the truth is unknown; ``header`` is JSON in UTF-8. The arrays are compressed, so a file has up to 4
bytes for each image and label.

Of a training over folds they are the scores of all images of train and validation, each by the
network that did not see the image, and ``header`` has the fold of each. Such a file has format 2,
as a reader that knows no folds would take the scores of several networks for those of one.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sedn.arrays import load_arrays
from sedn.errors import UserError
from sedn.training.checkpoints.files import read, write

if TYPE_CHECKING:
    from sedn.data import Split
    from sedn.training.checkpoints.identity import TrainingIdentity

PREDICTIONS = "predictions.npz"
"""The file of the validation scores, in the folder of a training."""
_FORMATS = (1, 2)
"""Without folds, and with them."""
_UNKNOWN = -1
DAMAGED = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
"""The errors that reading raises where the bytes are not those that were written."""


def predictions_file(split: str) -> str:
    """The file of the scores on a split, in the folder of a training."""
    return PREDICTIONS if split == "validation" else f"predictions-{split}.npz"


@dataclass(frozen=True)
class Predictions:
    """The scores of a trained network for the images of a split, and their true labels."""

    split: str
    images: tuple[str, ...]
    """The name of each image: its path, from the folder of the data set."""
    labels: tuple[str, ...]
    scores: NDArray[np.float32]
    """``(images, labels)``: logits, all finite."""
    targets: NDArray[np.float32]
    """``(images, labels)``: 1, 0, or NaN where the truth is unknown."""
    groups: tuple[str, ...]
    """The group of each image, ``""`` for none; empty where the data have no groups."""
    configuration: str
    """Hash of the configuration that was trained, without its seed."""
    seed: int
    data: str
    """Fingerprint of the data set: of all images, maps, labels and splits."""
    folds: tuple[int, ...] = ()
    """The fold of each image, from 0, by the network of which it was scored; empty where one
    network scored all."""

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name the split: its images, labels and truth, in their order.

        Predictions of one fingerprint can be compared image by image. Pixels and maps are not in
        it: two networks may see the same images differently prepared.
        """
        return split_fingerprint(self.split, self.images, self.labels, self.targets, self.folds)

    @property
    def numbered_folds(self) -> NDArray[np.int64] | None:
        """``(images,)``: the fold of each image; ``None`` where one network scored all."""
        return np.array(self.folds, dtype=np.int64) if self.folds else None

    @property
    def numbered_groups(self) -> NDArray[np.int64] | None:
        """``(images,)``: a number for each group, images of no group alone; ``None`` where every
        image is alone.
        """
        if not any(self.groups):
            return None
        names = [name or f"\0{row}" for row, name in enumerate(self.groups)]
        first = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return np.array([first[name] for name in names], dtype=np.int64)


def split_fingerprint(
    split: str,
    images: Sequence[str],
    labels: Sequence[str],
    targets: NDArray[np.float32],
    folds: Sequence[int] = (),
) -> str:
    """Compute the fingerprint of a split, as in :attr:`Predictions.fingerprint`."""
    names = json.dumps([split, list(images), list(labels), *([list(folds)] if folds else [])])
    digest = hashlib.sha256(names.encode())
    digest.update(_as_bytes(targets).tobytes())
    return digest.hexdigest()[:16]


def save_predictions(
    folder: str,
    name: str,
    split: "Split",
    labels: Sequence[str],
    scores: NDArray[np.float32],
    identity: "TrainingIdentity",
    folds: Sequence[int] = (),
) -> Predictions:
    """Write the scores of a training on a split to its folder, whole or not at all.

    Args:
        folder: of the training, or a URI.
        name: of the split.
        split: the images that were scored.
        labels: of the data set, in order.
        scores: ``(images, labels)``: logits.
        identity: of the training.
        folds: the fold of each image, where several networks scored them.

    Raises:
        StorageFault: the file cannot be written.
    """
    predictions = Predictions(
        name, split.names, tuple(labels), scores, split.truth, split.groups,
        identity.configuration, identity.seed, identity.data, tuple(folds),
    )  # fmt: skip
    header = {
        "format": _FORMATS[bool(folds)],
        "split": name,
        "images": split.names,
        "labels": list(labels),
        "groups": split.groups,
        "configuration": identity.configuration,
        "seed": identity.seed,
        "data": identity.data,
        **({"folds": list(folds)} if folds else {}),
    }
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        scores=scores.astype(np.float32, copy=False),
        targets=_as_bytes(split.truth),
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
    )
    write(folder, predictions_file(name), buffer.getvalue())
    return predictions


def load_predictions(folder: str, split: str = "validation") -> Predictions | None:
    """What :func:`save_predictions` wrote to a folder; ``None`` where there is none.

    Raises:
        StorageFault: the file cannot be read.
        UserError: the file is damaged, or of a later version of this program.
    """
    content = read(folder, predictions_file(split))
    if content is None:
        return None
    where = f"{folder}/{predictions_file(split)}"
    try:
        arrays = load_arrays(content)
        header: dict[str, Any] = json.loads(arrays["header"].tobytes())
        if header["format"] in _FORMATS:
            return _build(header, arrays["scores"], arrays["targets"])
    except DAMAGED:
        raise UserError(f"{where}: the file is damaged") from None
    raise UserError(
        f"{where}: written by another version of sedn-search (format {header['format']}, this one "
        f"reads {_FORMATS[-1]}); use that version"
    )


def _build(
    header: dict[str, Any], scores: NDArray[np.float32], stored: NDArray[np.int8]
) -> Predictions:
    targets = np.where(stored == _UNKNOWN, np.float32("nan"), stored).astype(np.float32)
    shape = (len(header["images"]), len(header["labels"]))
    folds = tuple(header.get("folds", ()))
    if scores.shape != shape or targets.shape != shape or len(folds) not in (0, shape[0]):
        raise ValueError(f"{scores.shape} scores, {targets.shape} targets for {shape}")
    return Predictions(
        split=header["split"],
        images=tuple(header["images"]),
        labels=tuple(header["labels"]),
        scores=scores,
        targets=targets,
        groups=tuple(header["groups"]),
        configuration=header["configuration"],
        seed=header["seed"],
        data=header["data"],
        folds=folds,
    )


def _as_bytes(targets: NDArray[np.float32]) -> NDArray[np.int8]:
    """The truth as it is stored."""
    return np.where(np.isnan(targets), _UNKNOWN, targets).astype(np.int8)
