"""An ONNX file beside torch, on images of the run's own data."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data import load_dataset
from sedn.prediction.predictor import EnsemblePredictor, Predictor

_BATCH = 33


def largest_difference(
    file: Path, predictor: Predictor | EnsemblePredictor, takes_maps: bool, images: int
) -> tuple[int, float]:
    """How many images of the run's validation split were scored, at most ``images``, and by how
    much a logit of the ONNX file differs at most from the predictor's; infinite where one of them
    is not finite.

    Raises:
        UserError: the run's data cannot be had.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    # Any images do: those of data that have changed since tell as well whether both score alike.
    dataset = load_dataset(predictor.header.config.data.of_fingerprint(""))
    split = dataset.splits["validation"]
    count = min(images, len(split))
    largest = 0.0
    # One image alone, then many: the size of a batch must not matter.
    starts = [0, *range(1, count, _BATCH), count]
    for start, end in pairwise(starts):
        rows = np.arange(start, end)
        pixels, masks, known = split.images[rows], split.maps[rows], split.map_known[rows]
        names = tuple(split.names[row] for row in rows)
        expected = predictor.score(names, pixels, masks, known)
        feed = {"images": _fractions(pixels.transpose(0, 3, 1, 2))}
        if takes_maps:
            feed["maps"] = _map_input(masks, known, predictor.header.has_indicator)
        logits = session.run(["logits"], feed)[0]
        difference = float(np.abs(logits - expected).max())
        largest = max(largest, difference if np.isfinite(difference) else float("inf"))
    return count, largest


def _map_input(
    masks: NDArray[np.uint8], known: NDArray[np.bool_], has_indicator: bool
) -> NDArray[np.float32]:
    maps = _fractions(masks)
    if not has_indicator:
        return maps
    channel = np.broadcast_to(known[:, None, None, None], maps[:, :1].shape)
    return np.concatenate([maps, channel.astype(np.float32)], axis=1)


def _fractions(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)
