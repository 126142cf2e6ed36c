"""A semantic map of the network's own: predicted at one stage, embedded at later ones."""

from typing import Any

from torch import Tensor, nn

from sedn.config import TrainingConfig
from sedn.errors import UserError
from sedn.network.features import Place
from sedn.network.layout import feature_map
from sedn.network.places import find_places, place_embeddings
from sedn.registry.placements import ALONE

_WIDTH = 64
_DEEPEST = "stage2"
"""Where the map is predicted at the latest: stride 8, or half-way through a plain transformer.
Deeper features are too coarse for regions, or leave too few stages that could take up the map."""


class AuxiliaryHead(nn.Module):
    """Predicts the semantic map from a stage of the backbone, at that stage's resolution."""

    def __init__(self, place: Place, n_regions: int) -> None:
        super().__init__()
        self.place = place
        self.segment = nn.Sequential(
            nn.Conv2d(place.channels, _WIDTH, 1),
            nn.SiLU(),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(_WIDTH, n_regions, 1),
        )

    def forward(self, output: Any) -> Tensor:
        """Logits (B, regions, h, w) of the map, from the ``output`` of the place's module."""
        logits: Tensor = self.segment(feature_map(output, self.place))
        return logits


def embeddable(region_logits: Tensor) -> Tensor:
    """The predicted map (B, regions, h, w), 0 to 1, as the later stages see it.

    No gradient passes: the segmentation loss alone makes the map, so that it stays one of the
    regions, and does not become one more feature of the labels under that name.
    """
    return region_logits.detach().sigmoid()


def auxiliary_place(config: TrainingConfig) -> Place:
    """The place where the map is predicted: the deepest place of stride 8 or less; in a plain
    transformer the second quarter of its depth; where the backbone starts coarser, its first stage.

    Raises:
        UserError: the backbone has no stage, or the map enters before it is predicted.
    """
    places = find_places(config.backbone, config.data.image_size)
    stages = [name for name in places if name != "input"]
    if not stages:
        raise UserError(
            f"semantic_map.source: backbone '{config.backbone.name}' has no stage to predict the "
            "map from: set semantic_map.source to given or predicted"
        )
    fine = [name for name in stages if name in ("stem", "stage1", _DEEPEST)]
    chosen = fine[-1] if fine else stages[0]
    later = stages[stages.index(chosen) + 1 :]
    _check_later(config, chosen, later)
    return places[chosen]


def _check_later(config: TrainingConfig, chosen: str, later: list[str]) -> None:
    """Check that what sees the map comes after the place that predicts it."""
    embedding = config.embedding
    seeing = [part for part in embedding.parts if part in ALONE and part != "none"]
    seeing += [
        name for name in place_embeddings(config) if name == "input" or embedding.fusion_sees_map
    ]
    early = [name for name in seeing if name not in later]
    if early:
        possible = ", ".join([*later, *(["last2"] if len(later) > 1 else []), "head"])
        raise UserError(
            f"embedding.placement: '{early[0]}' does not come after {chosen}, which predicts the "
            f"map of semantic_map.source 'auxiliary'; possible are {possible}"
        )
    if config.semantic_map.control == "shuffled":
        raise UserError(
            "semantic_map.control: 'shuffled' needs maps from outside the network: set "
            "semantic_map.source to given or predicted"
        )
