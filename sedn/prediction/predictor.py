"""A finished run, loaded from its folder alone and ready to score images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sedn.data import Split
from sedn.errors import UserError
from sedn.network import SemanticNetwork
from sedn.run.model_file import MODEL, ModelHeader, load_network, read_header
from sedn.run.summary import SUMMARY
from sedn.run.train import CONFIG, SEGMENTER
from sedn.segmentation.maps import segment_images
from sedn.segmentation.segmenter import Segmenter, load_segmenter
from sedn.training.device import pick_device
from sedn.training.evaluation import predict
from sedn.training.inputs.fetching import View


@dataclass(frozen=True)
class Predictor:
    """The network of a run, and what predicts the maps that it sees."""

    header: ModelHeader
    network: SemanticNetwork
    segmenter: Segmenter | None
    """Where the run's maps are ``predicted``."""

    def score(
        self,
        names: tuple[str, ...],
        images: NDArray[np.uint8],
        masks: NDArray[np.uint8],
        known: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Logits ``(images, labels)`` of a batch, by the code that scores a split in training.

        Args:
            names: of the images.
            images: ``(images, size, size, 3)``, RGB.
            masks: ``(images, regions, size, size)``, 0 to 255; seen where maps are ``given``.
            known: ``(images,)``: whether an image has a mask.
        """
        count = len(images)
        targets = np.full((count, len(self.header.labels)), np.nan, dtype=np.float32)
        maps = masks
        if self.segmenter is not None:
            maps, known = segment_images(self.segmenter, images), np.ones(count, dtype=bool)
        view = View(
            split=Split(images, masks, known, targets, names),
            maps=maps,
            known=known,
            order=np.arange(count),
            constant=self.header.config.map_source == "constant",
        )
        return predict(self.network, view, count, has_indicator=self.header.has_indicator)


def read_run_header(folder: Path) -> ModelHeader:
    """What the model of a finished run predicts, and how; its weights are not read.

    Raises:
        UserError: the folder holds no finished run, or one that scores no single images.
    """
    if not (folder / SUMMARY).exists():
        if (folder / CONFIG).exists():
            raise UserError(f"{folder}: its run is not finished; run the same `sedn train` again")
        found = "holds no finished run" if folder.is_dir() else "no such folder"
        raise UserError(f"{folder}: {found}; expected one that `sedn train` wrote")
    header = read_header(folder / MODEL)
    if header.config.map_source == "shuffled":
        raise UserError(
            f"{folder}: its network learned with the maps of other images, a control "
            f"(semantic_map.control: shuffled) that cannot score single ones; take another run"
        )
    return header


def load_predictor(folder: Path, device: torch.device | None = None) -> Predictor:
    """Load a finished run, on the GPU if there is one and no other device is named; nothing
    outside its folder is read.

    Raises:
        UserError: as :func:`read_run_header`, or the weights are damaged, or the run's segmenter
            is missing.
    """
    header, device = read_run_header(folder), device or pick_device()
    segmenter = None
    if header.config.map_source == "predicted":
        segmenter = _load_segmenter(folder, header, device)
    return Predictor(header, load_network(folder / MODEL, header, device), segmenter)


def _load_segmenter(folder: Path, header: ModelHeader, device: torch.device) -> Segmenter:
    if not (folder / SEGMENTER).is_dir():
        raise UserError(
            f"{folder}: lacks the folder '{SEGMENTER}', which predicts its maps; copy it there "
            f"from where the run was trained, or train it again"
        )
    segmenter = load_segmenter(folder / SEGMENTER, device)
    if tuple(segmenter.card.regions) != header.regions:
        raise UserError(
            f"{folder / SEGMENTER}: predicts the regions {', '.join(segmenter.card.regions)}; "
            f"the run's network sees {', '.join(header.regions)}"
        )
    return segmenter
