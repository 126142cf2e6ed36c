"""Channel attention over a fused stage."""

import torch
from timm.layers.create_attn import create_attn
from torch import Tensor, nn

from sedn.config import REDUCING_ATTENTION, AttentionConfig


class BlendedAttention(nn.Module):
    """``x + gain * (attention(x) - x)`` with one gain per channel, which starts at zero.

    An attention that is not trained yet scales a stage by about one half; blended in, it leaves
    a pretrained backbone as it was and takes effect as far as training lets it.
    """

    def __init__(self, config: AttentionConfig, channels: int) -> None:
        super().__init__()
        options = {}
        if config.kind in REDUCING_ATTENTION:
            options["rd_ratio"] = 1 / config.reduction_ratio
        self.attention = create_attn(config.kind, channels, **options)  # type: ignore[no-untyped-call]
        self.gain = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (B, C, h, w)."""
        blended: Tensor = x + self.gain * (self.attention(x) - x)
        return blended
