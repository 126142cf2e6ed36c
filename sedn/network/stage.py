"""The modules that are added to a stage of the backbone."""

from typing import Any

from torch import Tensor, nn

from sedn.config import TrainingConfig
from sedn.network.attention import create_attention
from sedn.network.embedding import create_embedding
from sedn.network.features import Place
from sedn.network.layout import feature_map, replace_feature_map


class Stage(nn.Module):
    """The modules that follow a stage of the backbone: the fusion with the map, then the attention.

    Both work on (batch, channels, height, width), whatever the layout of the stage; tokens of
    class and register pass untouched.
    """

    def __init__(self, config: TrainingConfig, place: Place, n_regions: int) -> None:
        super().__init__()
        embedding = config.embedding
        self.embedding = create_embedding(
            embedding.fusion, n_regions, embedding.width, place.channels
        )
        self.attention = create_attention(config.attention, place.channels)
        self.place = place

    def forward(self, output: Any, maps: Tensor) -> Any:
        """Transform the stage in the ``output`` of its module; ``maps`` are (B, K, H, W)."""
        x = feature_map(output, self.place)
        return replace_feature_map(output, self.place, self.attention(self.embedding(x, maps)))
