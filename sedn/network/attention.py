"""Channel attention over a fused stage; :mod:`sedn.registry.attentions` names the kinds."""

from typing import Any

import torch
from timm.layers.create_attn import create_attn
from torch import Tensor, nn

from sedn.config import AttentionConfig
from sedn.registry import ATTENTIONS


def create_attention(config: AttentionConfig, channels: int) -> nn.Module:
    """The attention over a stage of ``channels``, a module that keeps the shape (B, C, h, w)."""
    build = ATTENTIONS.find(config.kind).build
    return nn.Identity() if build is None else BlendedAttention(build(config, channels), channels)


class BlendedAttention(nn.Module):
    """``x + gain * (attention(x) - x)`` with one gain per channel, which starts at zero.

    An attention that is not trained yet scales a stage by about one half; blended in, it leaves
    a pretrained backbone as it was and takes effect as far as training lets it.
    """

    def __init__(self, attention: nn.Module, channels: int) -> None:
        super().__init__()
        self.attention = attention
        self.gain = nn.Parameter(torch.zeros(channels, 1, 1))

    def no_weight_decay(self) -> set[str]:
        """The gain is a factor, as a norm's: decay would take the attention out again."""
        return {"gain"}

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (B, C, h, w)."""
        attended: Tensor = self.attention(x)
        # Under autocast the three may differ in precision, which lerp does not take.
        return torch.lerp(x, attended.to(x.dtype), self.gain.to(x.dtype))


def create_reducing(config: AttentionConfig, channels: int) -> nn.Module:
    """An attention of timm's with a reduction ratio."""
    return _create(config.kind, channels, rd_ratio=1 / config.reduction_ratio)


def create_fixed(config: AttentionConfig, channels: int) -> nn.Module:
    """An attention of timm's without a reduction ratio."""
    return _create(config.kind, channels)


def create_gather_excite(config: AttentionConfig, channels: int) -> nn.Module:
    """Gather and excite without parameters: timm cannot build it with them."""
    return _create(config.kind, channels, use_mlp=False)


def _create(kind: str, channels: int, **options: Any) -> nn.Module:
    attention: nn.Module = create_attn(kind, channels, **options)  # type: ignore[no-untyped-call]
    return attention
