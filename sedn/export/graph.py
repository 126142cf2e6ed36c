"""The whole computation from the pixels of an image to its probabilities, as one module."""

import torch
from torch import Tensor, nn

from sedn.network.backbone import pixel_statistics
from sedn.prediction.predictor import EnsemblePredictor, Predictor


class ScoringGraph(nn.Module):
    """The network of a run, with what it is given in training already done inside.

    Images are normalised here. What computes the maps, such as a segmenter, is part of
    this; the map that is the same for all images is part of this too. Only
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
        computes = predictor.computes_maps
        self.compute_maps = None if computes is None else computes.as_module()

    @property
    def takes_maps(self) -> bool:
        """Whether maps must be given with the images."""
        return self.network.takes_maps and self.compute_maps is None and not self.constant

    def forward(self, images: Tensor, maps: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits and calibrated probabilities (B, labels) of ``images`` (B, 3, H, W) from 0 to 1,
        with their ``maps`` (B, regions [+ 1 for whether the map is known], H, W) where the
        network takes given ones.
        """
        if self.compute_maps is not None:
            maps = self._known(self.compute_maps(images))
        elif self.constant:
            maps = self._known(
                torch.full_like(images[:, :1], 0.5).expand(-1, self.constant, -1, -1)
            )
        logits = self.network((images - self.mean) / self.deviation, maps)
        return logits, (logits / self.temperature).sigmoid()

    def _known(self, maps: Tensor) -> Tensor:
        """The maps, with the channel that says that they are known where the network has it."""
        return torch.cat([maps, torch.ones_like(maps[:, :1])], 1) if self.has_indicator else maps


class EnsembleGraph(nn.Module):
    """The networks of an ensemble, each with what it is given in training inside, and the average
    of their ranks.
    """

    def __init__(self, predictor: EnsemblePredictor) -> None:
        super().__init__()
        self.members = nn.ModuleList(ScoringGraph(member) for member in predictor.members)
        self.average = predictor.average
        self.temperature = predictor.header.calibration.temperature

    @property
    def takes_maps(self) -> bool:
        """Whether maps must be given with the images, as a member takes given ones."""
        return any(member.takes_maps for member in self.members)

    def forward(self, images: Tensor, maps: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As :meth:`ScoringGraph.forward`; each member sees the maps if it takes given ones."""
        scores = [member(images, maps if member.takes_maps else None)[0] for member in self.members]
        logits: Tensor = self.average(*scores)
        return logits, (logits / self.temperature).sigmoid()


def scoring_graph(predictor: Predictor | EnsemblePredictor) -> ScoringGraph | EnsembleGraph:
    """The graph of a run, or of an ensemble."""
    if isinstance(predictor, EnsemblePredictor):
        return EnsembleGraph(predictor)
    return ScoringGraph(predictor)
