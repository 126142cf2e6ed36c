"""A segmenter in its folder: a card, and one network for each fold of the training images.

A network that has seen an image with its mask predicts that image's map better than it will
predict the map of a new image; a classifier trained on such maps would trust them too much. So the
training images are cut into folds, and each fold has a network that is trained on the others. A
training image's map comes from its fold's network (out-of-fold, as in stacking: Wolpert, Neural
Networks 5, 1992), that of any other image is the mean over all networks. Validation masks only
tell when to stop, and test masks are not read at all.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
import yaml
from pydantic import ValidationError

from sedn.config import DataConfig, describe_error
from sedn.data import forget_datasets, load_dataset
from sedn.document import parse_document, read_text
from sedn.errors import UserError
from sedn.files import check_folder, make_folder, write_bytes, write_text
from sedn.segmentation.config import SegmenterCard, SegmenterConfig
from sedn.segmentation.fold import FoldEpoch, train_fold
from sedn.segmentation.network import MapNetwork, build_map_network
from sedn.training.device import pick_device
from sedn.weights import read_weights, weights_checksum

CARD = "segmenter.yaml"
_CHECKSUM = "crc32"


@dataclass(frozen=True)
class Segmenter:
    """The networks of a folder, ready to predict."""

    card: SegmenterCard
    networks: tuple[MapNetwork, ...]
    """The networks, one for each fold of the training images, which the network has not seen."""


@dataclass(frozen=True)
class SegmenterSummary:
    """The scores of a segmenter's networks on the validation images."""

    validation_dice: list[float]
    """The Dice coefficient of each fold's network at its best epoch."""
    epochs: list[int]
    """The epoch, from 1, whose weights each network kept."""
    data_fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return vars(self).copy()


def train_segmenter(
    data: DataConfig,
    config: SegmenterConfig,
    folder: Path,
    show: Callable[[FoldEpoch], None] = lambda epoch: None,
) -> SegmenterSummary:
    """Train a segmenter into ``folder``, or go on with the first fold that is not finished there.

    Raises:
        UserError: the folder holds another segmenter or cannot be written, the data has too few
            masks, or the encoder cannot be had.
        NonFiniteLoss: the loss is not finite.
    """
    forget_datasets()
    dataset = load_dataset(data)
    card = SegmenterCard(
        segmenter=config,
        data=data,
        fingerprint=dataset.fingerprint,
        regions=list(dataset.regions),
    )
    check_segmenter(config, folder)
    _claim(card, folder)
    device = pick_device()
    for fold in range(config.folds):
        if not fold_path(folder, fold).exists():
            network, best = train_fold(config, dataset, fold, device, show)
            weights = {name: value.contiguous() for name, value in network.state_dict().items()}
            reached = {
                "validation_dice": best.validation_dice,
                "epoch": best.epoch,
                _CHECKSUM: weights_checksum(weights),
            }
            # One entry alone: several come in any order, and equal weights in unequal files.
            header = {"reached": json.dumps(reached)}
            write_bytes(fold_path(folder, fold), safetensors.torch.save(weights, metadata=header))
    return read_segmenter_summary(folder)


def check_segmenter(config: SegmenterConfig, folder: Path) -> None:
    """Check the configuration and the folder before the data are read; nothing is written.

    Raises:
        UserError: the encoder cannot be had, or the folder cannot be written.
    """
    build_map_network(config, 1)
    check_folder(folder)


def read_segmenter_summary(folder: Path) -> SegmenterSummary:
    """Read the summary of the finished segmenter in ``folder``.

    Raises:
        UserError: the folder holds no finished segmenter.
    """
    card = read_card(folder)
    folds = range(card.segmenter.folds)
    reached = [_read_reached(fold_path(folder, fold)) for fold in folds]
    return SegmenterSummary(
        validation_dice=[fold["validation_dice"] for fold in reached],
        epochs=[fold["epoch"] for fold in reached],
        data_fingerprint=card.fingerprint,
    )


def load_segmenter(folder: Path, device: torch.device) -> Segmenter:
    """Load the finished segmenter in ``folder``.

    Raises:
        UserError: the folder holds no finished segmenter, or its weights are damaged.
    """
    card = read_card(folder)
    config = card.segmenter.model_copy(update={"pretrained": False})
    networks = []
    for fold in range(config.folds):
        network = build_map_network(config, len(card.regions))
        path = fold_path(folder, fold)
        weights = read_weights(path, _read_reached(path).get(_CHECKSUM))
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{path}: not the weights of this segmenter: {reason}") from None
        networks.append(network.to(device).eval())
    return Segmenter(card, tuple(networks))


def copy_segmenter(folder: Path, target: Path) -> None:
    """Copy the finished segmenter in ``folder`` into the folder ``target``, each file whole.

    Raises:
        UserError: the folder holds no finished segmenter, or ``target`` cannot be written.
    """
    card = read_card(folder)
    make_folder(target)
    for fold in range(card.segmenter.folds):
        write_bytes(fold_path(target, fold), fold_path(folder, fold).read_bytes())
    write_bytes(target / CARD, (folder / CARD).read_bytes())


def read_card(folder: Path) -> SegmenterCard:
    """Read the card of the finished segmenter in ``folder``.

    Raises:
        UserError: the folder holds none, or one that is not finished.
    """
    card = _read_card(folder)
    missing = [f for f in range(card.segmenter.folds) if not fold_path(folder, f).exists()]
    if missing:
        raise UserError(
            f"{folder}: its segmenter is not finished; run the same `sedn segment` again"
        )
    return card


def segmenter_fingerprint(folder: Path) -> str:
    """Changes whenever a weight of the finished segmenter in ``folder`` does.

    Raises:
        UserError: the folder holds no finished segmenter.
    """
    digest = hashlib.sha256()
    for fold in range(read_card(folder).segmenter.folds):
        with fold_path(folder, fold).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _read_reached(path: Path) -> dict[str, Any]:
    """Read the scores of a fold's network from the header of its file."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        reached: dict[str, Any] = json.loads(metadata.get("reached", "{}"))
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a fold of a segmenter: {reason}") from None
    return reached


def fold_path(folder: Path, fold: int) -> Path:
    """The weights of the network that has not seen ``fold``, from 0."""
    return folder / f"fold-{fold + 1}.safetensors"


def _claim(card: SegmenterCard, folder: Path) -> None:
    """Write the card into the folder, unless the folder is another segmenter's."""
    make_folder(folder)
    path = folder / CARD
    if not path.exists():
        write_text(path, yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False))
    elif _read_card(folder) != card:
        raise UserError(
            f"{folder}: holds a segmenter of other data or settings; name another folder"
        )


def _read_card(folder: Path) -> SegmenterCard:
    path = folder / CARD
    text = read_text(path, "; `sedn segment` makes the folder of a segmenter")
    fields = parse_document(text, str(path), "the card of a segmenter")
    try:
        return SegmenterCard.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{path}: {describe_error(error, SegmenterCard)}") from None
