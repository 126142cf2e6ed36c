"""The segmenter that a run keeps in its folder, to predict the maps of new images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sedn.config import MapConfig
from sedn.errors import UserError
from sedn.network.layers import interpolate
from sedn.segmentation.maps import segment_images
from sedn.segmentation.network import MapNetwork, Maps
from sedn.segmentation.segmenter import Segmenter, copy_segmenter, load_segmenter

FOLDER = "segmenter"
"""In the folder of a run."""


class KeptSegmenter:
    """A segmenter, ready for new images."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter

    def maps_of(self, images: NDArray[np.uint8]) -> Maps:
        """The maps (images, regions, H, W), 0 to 255, of ``images`` (images, H, W, 3)."""
        return segment_images(self.segmenter, images)

    def as_module(self) -> nn.Module:
        """A module from images (B, 3, H, W) to maps (B, regions, H, W), both from 0 to 1."""
        return MeanSegmenter(self.segmenter.networks, self.segmenter.card.data.image_size)


class MeanSegmenter(nn.Module):
    """The map that :func:`sedn.segmentation.network.predict` makes of an image, 0 to 1, in the
    256 steps in which a map is kept.
    """

    def __init__(self, networks: Sequence[MapNetwork], size: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, regions, H, W) of ``images`` (B, 3, H, W) from 0 to 1."""
        seen = interpolate(images, (self.size, self.size))
        mean = torch.stack([network(seen).sigmoid() for network in self.networks]).mean(0)
        return interpolate(mean, images.shape[2:]).mul(255).round().div(255)


def keep_segmenter(config: MapConfig, run: Path) -> None:
    """Copy the segmenter that the configuration names into the folder of a run.

    Raises:
        UserError: there is no finished segmenter, or the folder cannot be written.
    """
    copy_segmenter(Path(config.segmenter), run / FOLDER)


def load_kept_segmenter(run: Path, regions: tuple[str, ...], device: torch.device) -> KeptSegmenter:
    """Load the segmenter of a run whose network sees ``regions``.

    Raises:
        UserError: the run lacks its segmenter, or has one of other regions.
    """
    folder = run / FOLDER
    if not folder.is_dir():
        raise UserError(
            f"{run}: lacks the folder '{FOLDER}', which predicts its maps; copy it there "
            f"from where the run was trained, or train it again"
        )
    segmenter = load_segmenter(folder, device)
    if tuple(segmenter.card.regions) != regions:
        raise UserError(
            f"{folder}: predicts the regions {', '.join(segmenter.card.regions)}; "
            f"the run's network sees {', '.join(regions)}"
        )
    return KeptSegmenter(segmenter)
