"""The maps that a segmenter predicts, kept on disk and shared by the processes of a node."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from sedn.config import MapConfig
from sedn.data import Dataset
from sedn.data.cache.folder import build_folder
from sedn.errors import UserError
from sedn.files import cache_folder
from sedn.segmentation.config import SegmenterCard
from sedn.segmentation.fold import assign_folds
from sedn.segmentation.network import MapNetwork, Maps, predict
from sedn.segmentation.segmenter import (
    Segmenter,
    load_segmenter,
    read_card,
    segmenter_fingerprint,
)
from sedn.training.device import pick_device

_FILE = "maps.npy"


def predict_maps(folder: Path, dataset: Dataset, split: str) -> Maps:
    """``(images, regions, H, W)``, 0 to 255: the maps of a split, by the segmenter in ``folder``.

    A training image's map is predicted by a network that has not seen the image; that of any
    other image by the mean of all networks. Images are predicted at the size that the segmenter
    was trained at. The maps are predicted once on this machine, then mapped from the cache.

    Raises:
        UserError: the folder holds no finished segmenter, or one that was trained on other data,
            whose training images may be this data's test images; or the cache cannot be written.
    """
    card = _read_named(folder)
    if card.fingerprint != dataset.fingerprint:
        raise UserError(
            f"{folder}: its segmenter was trained on other data than '{dataset.name}' is now, or "
            f"on other splits of it; train one on this data with `sedn segment`"
        )
    size = dataset.splits[split].images.shape[1]
    entry = cache_folder() / f"maps-{segmenter_fingerprint(folder)}-{dataset.fingerprint}-{size}"
    build_folder(
        entry / split,
        lambda draft: _write_maps(
            draft / _FILE, load_segmenter(folder, pick_device()), dataset, split
        ),
        "predicted maps",
    )
    maps: Maps = np.load(entry / split / _FILE, mmap_mode="r")
    return maps


def maps_of_split(
    dataset: Dataset, split: str, config: MapConfig
) -> tuple[Maps, NDArray[np.bool_]]:
    """Predict the maps of a split by :func:`predict_maps`, with ``(images,)``: the map of every
    image is known.
    """
    maps = predict_maps(Path(config.segmenter), dataset, split)
    return maps, np.ones(len(maps), dtype=bool)


def check_segmenter(config: MapConfig) -> None:
    """Check that the folder that the configuration names holds a segmenter.

    Raises:
        UserError: the configuration names no folder, or one that holds no finished segmenter.
    """
    _read_named(Path(config.segmenter))


def segment_images(segmenter: Segmenter, images: NDArray[np.uint8]) -> Maps:
    """``(images, regions, H, W)``, 0 to 255: the maps of a batch of new ``images`` (images, H, W,
    3), by the mean of all networks.
    """
    return predict(segmenter.networks, images, segmenter.card.data.image_size)


def _read_named(folder: Path) -> SegmenterCard:
    """The card of the segmenter in the folder that a configuration names."""
    if folder == Path():
        raise UserError("semantic_map.segmenter: name the folder that `sedn segment` wrote")
    return read_card(folder)


def _write_maps(path: Path, segmenter: Segmenter, dataset: Dataset, split: str) -> None:
    """Predict the maps of a split into the file ``path``."""
    card, images = segmenter.card, dataset.splits[split].images
    shape = (len(images), len(card.regions), *images.shape[1:3])
    maps = open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for networks, seen in _shares(segmenter, split, len(images)):
        for start in range(0, len(seen), card.segmenter.batch_size):
            rows = seen[start : start + card.segmenter.batch_size]
            maps[rows] = predict(networks, images[rows], card.data.image_size)
    maps.flush()


def _shares(
    segmenter: Segmenter, split: str, images: int
) -> Iterator[tuple[Sequence[MapNetwork], NDArray[np.int64]]]:
    """Which networks predict which images of a split."""
    if split != "train":
        yield segmenter.networks, np.arange(images)
        return
    folds = assign_folds(images, segmenter.card.segmenter)
    for fold, network in enumerate(segmenter.networks):
        yield [network], np.flatnonzero(folds == fold)
