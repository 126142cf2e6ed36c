"""The fusion by which every pixel of a stage asks the map."""

import torch
from torch import Tensor, nn

from sedn.network.layers import map_encoder, resize, zero

KEYS = 8
"""Side of the map that cross-attention reads. 64 keys tell where the regions are; as many as the
largest stage has pixels (3136 at 224 px) would cost millions of scores for each image and head."""


class CrossAttention(nn.Module):
    """Every pixel of the stage attends to the encoded map, pooled to 8x8 (arXiv 1706.03762)."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__()
        self.encode = map_encoder(regions, width)
        self.position = nn.Parameter(0.02 * torch.randn(width, KEYS, KEYS))
        self.norm = nn.LayerNorm(channels)
        heads = max(n for n in (1, 2, 4, 8) if channels % n == 0)
        self.attend = nn.MultiheadAttention(
            channels, heads, kdim=width, vdim=width, batch_first=True
        )
        zero(self.attend.out_proj)

    def no_weight_decay(self) -> set[str]:
        """The position table is an input, and no weight."""
        return {"position"}

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Add to ``x`` (B, C, h, w) what it finds in ``maps`` (B, K, H, W) of any size."""
        encoded: Tensor = self.encode(resize(maps, (KEYS, KEYS))) + self.position
        keys = encoded.flatten(2).transpose(1, 2)
        queries = self.norm(x.flatten(2).transpose(1, 2))
        attended: Tensor = self.attend(queries, keys, keys, need_weights=False)[0]
        return x + attended.transpose(1, 2).reshape(x.shape)
