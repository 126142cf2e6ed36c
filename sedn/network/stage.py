"""What is added to one stage of the backbone."""

from torch import Tensor, nn

from sedn.config import TrainingConfig
from sedn.network.attention import BlendedAttention
from sedn.network.embedding import create_embedding
from sedn.network.places import Place


class Stage(nn.Module):
    """What follows one stage of the backbone: the fusion with the map, then the attention."""

    def __init__(self, config: TrainingConfig, place: Place, n_regions: int) -> None:
        super().__init__()
        embedding = config.embedding
        self.embedding = create_embedding(
            embedding.fusion, n_regions, embedding.width, place.channels
        )
        self.attention: nn.Module = nn.Identity()
        if config.attention.kind != "none":
            self.attention = BlendedAttention(config.attention, place.channels)
        self.channels_last = place.channels_last

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Keep the shape and the order of dimensions of ``x``."""
        if self.channels_last:
            return self._transform(x.permute(0, 3, 1, 2), maps).permute(0, 2, 3, 1)
        return self._transform(x, maps)

    def _transform(self, x: Tensor, maps: Tensor) -> Tensor:
        fused: Tensor = self.attention(self.embedding(x, maps))
        return fused
