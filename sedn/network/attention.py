"""Channel attention over a fused stage."""

from typing import Any

import torch
from timm.layers.create_attn import create_attn
from timm.layers.helpers import make_divisible
from torch import Tensor, nn

from sedn.config import REDUCING_ATTENTION, AttentionConfig

_ROUNDED = {"se": 1.0, "coord": 2 / 3, "scoord": 2 / 3}
"""Kinds whose inner width timm rounds to a multiple of 8, not to a whole channel, and what it
multiplies it by: coordinate attention has two outer layers to share one of ``se``."""


class BlendedAttention(nn.Module):
    """``x + gain * (attention(x) - x)`` with one gain per channel, which starts at zero.

    An attention that is not trained yet scales a stage by about one half; blended in, it leaves
    a pretrained backbone as it was and takes effect as far as training lets it.
    """

    def __init__(self, config: AttentionConfig, channels: int) -> None:
        super().__init__()
        options = _options(config)
        self.attention = create_attn(config.kind, channels, **options)  # type: ignore[no-untyped-call]
        self.gain = nn.Parameter(torch.zeros(channels, 1, 1))

    def no_weight_decay(self) -> set[str]:
        """The gain is a factor, as a norm's: decay would take the attention out again."""
        return {"gain"}

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (B, C, h, w)."""
        attended: Tensor = self.attention(x)
        # Under autocast the three may differ in precision, which lerp does not take.
        return torch.lerp(x, attended.to(x.dtype), self.gain.to(x.dtype))


def inner_width(kind: str, channels: int, ratio: int) -> int | None:
    """Channels that attention of ``kind`` squeezes a stage of ``channels`` into.

    timm rounds ``channels / ratio``: for ``se``, and of two thirds of it for ``coord`` and
    ``scoord``, to the nearest multiple of 8, at least 8; for the others to the nearest whole
    number, at least 1. Ratios of one inner width make one network. None where the ratio has no
    effect.
    """
    if kind not in REDUCING_ATTENTION:
        return None
    exact = channels * (1 / ratio) * _ROUNDED.get(kind, 1.0)
    width: int = make_divisible(exact, 8 if kind in _ROUNDED else 1, round_limit=0.0)  # type: ignore[no-untyped-call]
    return width


def _options(config: AttentionConfig) -> dict[str, Any]:
    if config.kind == "ge":
        # Gather-excite without parameters (arXiv 1810.12348): timm cannot build it with them.
        return {"use_mlp": False}
    if config.kind in REDUCING_ATTENTION:
        return {"rd_ratio": 1 / config.reduction_ratio}
    return {}
