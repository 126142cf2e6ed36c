"""Scores of images, batch by batch, decoded while the network computes."""

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sedn.data.images.content import FileContent
from sedn.data.images.decoding import decode_sample
from sedn.data.images.levels import OtherLevels, UnclearLevels
from sedn.data.listing import RegionMap
from sedn.data.maps.coverage import CoverageComparison, covered_shares
from sedn.errors import UserError
from sedn.prediction.masks import MaskFolder
from sedn.prediction.predictor import (
    EnsemblePredictor,
    Predictor,
    load_predictor,
    read_run_header,
)
from sedn.registry import describe_source
from sedn.run.model_file import ModelHeader
from sedn.training.inputs.fetching import ask_ahead

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prediction:
    """The prediction of a run's network for one image."""

    name: str
    """The path that was given."""
    probabilities: dict[str, float]
    """By label, in the order of the run's data; calibrated on validation."""
    present: tuple[str, ...]
    """Labels whose probability reaches their threshold, in that order."""
    logits: NDArray[np.float32]
    """``(labels,)``, before temperature and sigmoid."""
    lacks_mask: bool
    """Whether the network sees given maps and the image has none."""


def predict_images(
    run_folder: Path,
    images: Iterable[Path],
    batch_size: int = 32,
    maps: Path | None = None,
    skip: Callable[[str], None] | None = None,
    roots: Collection[Path] = (),
) -> Iterator[Prediction]:
    """Score images by a finished run, in their order; at most three batches are in memory.

    Images are decoded as in training. Their maps come from the run's own semantic source: nothing,
    the network itself, the segmenter that the run keeps, or the masks of the folder ``maps``. The
    run is loaded at once, the images when the predictions are asked for. Given maps that together
    are unlike those of the training are told by a warning of :mod:`logging`, after the last image.

    Args:
        run_folder: what ``sedn train`` or ``sedn combine`` wrote.
        images: their files.
        batch_size: images that the network sees at once.
        maps: the masks, for a run with ``given`` maps; see :class:`MaskFolder`.
        skip: called with a line for each image that cannot be read and is left out.
        roots: the folders in which the images were found, where masks lie in folders as they do.

    Raises:
        UserError: the run or its maps cannot be had; or later, after the predictions of all images
            before it, an image cannot be read or lacks its mask.
    """
    masks = _open_masks(run_folder, read_run_header(run_folder), maps, roots)
    return _stream(load_predictor(run_folder), masks, images, batch_size, skip)


@dataclass(frozen=True)
class _Sample:
    """One decoded image."""

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    known: bool


class _Unreadable(UserError):
    """An image that may be skipped."""


def _open_masks(
    run_folder: Path, header: ModelHeader, folder: Path | None, roots: Collection[Path]
) -> MaskFolder | None:
    """The masks, where the network sees given ones.

    Raises:
        UserError: masks are given to a network that sees none, or not to one that needs them.
    """
    why_no_masks = describe_source(header.config.map_source).why_no_masks
    if why_no_masks is None:
        if folder is not None:
            return MaskFolder(
                folder,
                header.regions,
                header.maps.reading if header.maps is not None else None,
                required=not header.has_indicator,
                roots=roots,
            )
        if header.has_indicator:
            return None
        raise UserError(
            f"{run_folder}: its network sees given maps; name the folder of the images' masks "
            f"with `maps`"
        )
    if folder is not None:
        raise UserError(f"{run_folder}: {why_no_masks}; leave `maps` out")
    return None


def _stream(
    predictor: Predictor | EnsemblePredictor,
    masks: MaskFolder | None,
    images: Iterable[Path],
    batch_size: int,
    skip: Callable[[str], None] | None,
) -> Iterator[Prediction]:
    """Predict batch by batch; what is wrong is raised after the images before it."""
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    batch: list[_Sample] = []
    fault: UserError | None = None
    trained = predictor.header.maps if masks is not None else None
    seen = CoverageComparison(predictor.header.regions, trained.coverage if trained else ())
    try:
        decoded = _submit(pool, predictor.header, masks, images)
        for future in ask_ahead(decoded, 2 * batch_size):
            try:
                batch.append(future.result())
            except UserError as error:
                if skip is None or not isinstance(error, _Unreadable):
                    fault = error
                    break
                skip(str(error))
            if len(batch) == batch_size:
                yield from _predict(predictor, batch, seen)
                batch = []
        if batch:
            yield from _predict(predictor, batch, seen)
        if masks is not None and (said := seen.describe()):
            _log.warning("%s: maps unlike those of the run's training: %s", masks.folder, said)
        if fault is not None:
            raise fault
    finally:
        pool.shutdown(cancel_futures=True)


def _submit(
    pool: ThreadPoolExecutor,
    header: ModelHeader,
    masks: MaskFolder | None,
    images: Iterable[Path],
) -> Iterator[Future[_Sample]]:
    """Have each image decoded; what is wrong with the list itself comes last, as one of them."""
    try:
        for image in images:
            region_map = masks.find(image) if masks is not None else None
            yield pool.submit(_decode, image, region_map, header)
    except UserError as error:
        wrong: Future[_Sample] = Future()
        wrong.set_exception(error)
        yield wrong


def _decode(image: Path, region_map: RegionMap | None, header: ModelHeader) -> _Sample:
    """Decode an image and its mask as training does.

    Raises:
        _Unreadable: one of them cannot be decoded, or they do not fit each other.
    """
    size = header.config.data.image_size
    try:
        pixels, mask = decode_sample(
            FileContent(str(image)), region_map, len(header.regions), size, header.levels
        )
    except (OtherLevels, UnclearLevels) as error:
        seen = header.levels.describe() if header.levels else "8 bits"
        raise _Unreadable(
            f"{error.observed}, and the run was trained on images of {seen}; scale it as they are"
        ) from None
    except UserError as error:
        raise _Unreadable(str(error)) from None
    return _Sample(str(image), pixels, mask, region_map is not None)


def _predict(
    predictor: Predictor | EnsemblePredictor, batch: list[_Sample], seen: CoverageComparison
) -> Iterator[Prediction]:
    if known := [sample.mask for sample in batch if sample.known]:
        seen.add(covered_shares(np.stack(known)))
    logits = predictor.score(
        tuple(sample.name for sample in batch),
        np.stack([sample.image for sample in batch]),
        np.stack([sample.mask for sample in batch]),
        np.array([sample.known for sample in batch]),
    )
    header = predictor.header
    given = describe_source(header.config.map_source).why_no_masks is None
    probabilities = header.calibration.probabilities(logits).tolist()
    for sample, row, values in zip(batch, logits, probabilities, strict=True):
        by_label = dict(zip(header.labels, values, strict=True))
        reached = zip(by_label.items(), header.calibration.thresholds, strict=True)
        present = tuple(label for (label, value), threshold in reached if value >= threshold)
        yield Prediction(sample.name, by_label, present, row, given and not sample.known)
