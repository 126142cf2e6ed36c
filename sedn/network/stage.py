"""What is added to one stage of the backbone."""

from typing import Any

import torch
from torch import Tensor, nn

from sedn.config import TrainingConfig
from sedn.network.attention import BlendedAttention
from sedn.network.embedding import create_embedding
from sedn.network.places import Place


class Stage(nn.Module):
    """What follows one stage of the backbone: the fusion with the map, then the attention.

    Both work on (batch, channels, height, width), whatever the layout of the stage; tokens of
    class and register pass untouched.
    """

    def __init__(self, config: TrainingConfig, place: Place, n_regions: int) -> None:
        super().__init__()
        embedding = config.embedding
        self.embedding = create_embedding(
            embedding.fusion, n_regions, embedding.width, place.channels
        )
        self.attention: nn.Module = nn.Identity()
        if config.attention.kind != "none":
            self.attention = BlendedAttention(config.attention, place.channels)
        self.place = place

    def forward(self, output: Any, maps: Tensor) -> Any:
        """Transform the stage in the ``output`` of its module; ``maps`` are (B, K, H, W)."""
        element = self.place.element
        if element is None:
            return self._transform(output, maps)
        items = list(output)
        items[element] = self._transform(items[element], maps)
        return type(output)(items)

    def _transform(self, x: Tensor, maps: Tensor) -> Tensor:
        if self.place.layout == "NHWC":
            return self._fuse(x.permute(0, 3, 1, 2), maps).permute(0, 2, 3, 1)
        if self.place.layout == "tokens":
            return self._transform_tokens(x, maps)
        return self._fuse(x, maps)

    def _transform_tokens(self, x: Tensor, maps: Tensor) -> Tensor:
        prefix, order = self.place.prefix, self.place.order
        patches = x[:, prefix:]
        if order:
            rows = torch.tensor(order, device=x.device)
            patches = patches[:, rows]
        grid = patches.transpose(1, 2).reshape(len(x), -1, *self.place.grid)
        fused = self._fuse(grid, maps).flatten(2).transpose(1, 2)
        if order:
            fused = fused[:, rows.argsort()]
        return torch.cat([x[:, :prefix], fused], dim=1) if prefix else fused

    def _fuse(self, x: Tensor, maps: Tensor) -> Tensor:
        fused: Tensor = self.attention(self.embedding(x, maps))
        return fused
