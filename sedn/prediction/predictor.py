"""A finished run, or an ensemble, loaded from its folder alone and ready to score images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sedn.data import Split
from sedn.errors import UserError
from sedn.network import SemanticNetwork
from sedn.registry import describe_source
from sedn.run.model_file import (
    MEMBERS,
    MODEL,
    ModelHeader,
    load_network,
    load_rank_average,
    read_header,
)
from sedn.run.rank_average import RankAverage
from sedn.run.summary import SUMMARY
from sedn.run.train import CONFIG
from sedn.training.device import pick_device
from sedn.training.evaluation import predict
from sedn.training.inputs.fetching import View


class ComputesMaps(Protocol):
    """A component of a run that computes the maps of new images, such as a segmenter."""

    def maps_of(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The maps (images, regions, H, W), 0 to 255, of ``images`` (images, H, W, 3)."""
        ...

    def as_module(self) -> nn.Module:
        """A module from images (B, 3, H, W) to maps (B, regions, H, W), both from 0 to 1."""
        ...


@dataclass(frozen=True)
class Predictor:
    """The network of a run, and what computes the maps that the network sees."""

    header: ModelHeader
    network: SemanticNetwork
    computes_maps: ComputesMaps | None
    """The component that computes the maps of images, where the run's semantic source computes
    them.
    """

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
        if self.computes_maps is not None:
            maps, known = self.computes_maps.maps_of(images), np.ones(count, dtype=bool)
        view = View(
            split=Split(images, masks, known, targets, names),
            maps=maps,
            known=known,
            order=np.arange(count),
            constant=self.header.config.map_source == "constant",
        )
        return predict(self.network, view, count, has_indicator=self.header.has_indicator)


@dataclass(frozen=True)
class EnsemblePredictor:
    """Several networks, whose ranks are averaged for each label.

    A rank is counted against the scores that each network gave the validation images, which the
    folder keeps, so an image is scored alone as among others; see
    :mod:`sedn.run.rank_average`.
    """

    header: ModelHeader
    members: tuple[Predictor, ...]
    average: RankAverage

    def score(
        self,
        names: tuple[str, ...],
        images: NDArray[np.uint8],
        masks: NDArray[np.uint8],
        known: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Logits ``(images, labels)`` of a batch; as :meth:`Predictor.score`."""
        scores = [member.score(names, images, masks, known) for member in self.members]
        return self.average.combine(scores)


def read_run_header(folder: Path) -> ModelHeader:
    """Read the header of a finished run's model, without its weights.

    Raises:
        UserError: the folder holds no finished run, or one that scores no single images.
    """
    if not (folder / SUMMARY).exists():
        if (folder / CONFIG).exists():
            raise UserError(f"{folder}: its run is not finished; run the same `sedn train` again")
        state = "holds no finished run" if folder.is_dir() else "no such folder"
        raise UserError(
            f"{folder}: {state}; expected one that `sedn train` or `sedn combine` wrote"
        )
    header = read_header(folder / MODEL)
    if why_not := describe_source(header.config.map_source).why_no_scores:
        raise UserError(f"{folder}: {why_not}; take another run")
    return header


def load_predictor(
    folder: Path, device: torch.device | None = None
) -> Predictor | EnsemblePredictor:
    """Load a finished run or an ensemble, on the GPU if there is one and no other device is named;
    nothing outside its folder is read.

    Raises:
        UserError: as :func:`read_run_header`, or the weights are damaged, or what computes the
            run's maps is missing.
    """
    header, device = read_run_header(folder), device or pick_device()
    if not header.members:
        return _load(folder, header, device)
    folders = [folder / MEMBERS / name for name in header.members]
    members = tuple(_load(each, read_header(each / MODEL), device) for each in folders)
    return EnsemblePredictor(header, members, load_rank_average(folder / MODEL, header))


def _load(folder: Path, header: ModelHeader, device: torch.device) -> Predictor:
    computed = describe_source(header.config.map_source).computed
    computes_maps = None if computed is None else computed.load(folder, header.regions, device)
    return Predictor(header, load_network(folder / MODEL, header, device), computes_maps)
