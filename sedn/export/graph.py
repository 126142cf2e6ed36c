"""All that lies between the pixels of an image and its probabilities, as one module."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sedn.network.backbone import pixel_statistics
from sedn.network.layers import interpolate
from sedn.prediction.predictor import Predictor
from sedn.segmentation.network import MapNetwork


class ScoringGraph(nn.Module):
    """The network of a run, with what it is given in training already done inside.

    Images are normalised here. Maps that are predicted come from the run's segmenter, whose
    networks are part of this; the map that is the same for all images is part of this too. Only
    given maps are an input.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        header = predictor.header
        self.network = predictor.network
        mean, deviation = pixel_statistics(predictor.network.backbone)
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1))
        self.temperature = header.calibration.temperature
        self.has_indicator = header.has_indicator
        self.constant = len(header.regions) if header.config.map_source == "constant" else 0
        self.segment = (
            MeanSegmenter(predictor.segmenter.networks, predictor.segmenter.card.data.image_size)
            if predictor.segmenter is not None
            else None
        )

    @property
    def takes_maps(self) -> bool:
        """Whether maps must be given with the images."""
        return self.network.takes_maps and self.segment is None and not self.constant

    def forward(self, images: Tensor, maps: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits and calibrated probabilities (B, labels) of ``images`` (B, 3, H, W) from 0 to 1,
        with their ``maps`` (B, regions [+ 1 for whether the map is known], H, W) where the
        network takes given ones.
        """
        if self.segment is not None:
            maps = self._known(self.segment(images))
        elif self.constant:
            maps = self._known(
                torch.full_like(images[:, :1], 0.5).expand(-1, self.constant, -1, -1)
            )
        logits = self.network((images - self.mean) / self.deviation, maps)
        return logits, (logits / self.temperature).sigmoid()

    def _known(self, maps: Tensor) -> Tensor:
        """The maps, with the channel that says that they are known where the network has it."""
        return torch.cat([maps, torch.ones_like(maps[:, :1])], 1) if self.has_indicator else maps


class MeanSegmenter(nn.Module):
    """The map that :func:`sedn.segmentation.network.predict` makes of an image, 0 to 1, in the
    256 steps in which it is kept.
    """

    def __init__(self, networks: Sequence[MapNetwork], size: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, regions, H, W) of ``images`` (B, 3, H, W) from 0 to 1."""
        seen = interpolate(images, (self.size, self.size))
        sure = torch.stack([network(seen).sigmoid() for network in self.networks]).mean(0)
        return interpolate(sure, images.shape[2:]).mul(255).round().div(255)
