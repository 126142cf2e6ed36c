"""Modules that fuse a semantic map with a place of the backbone."""

from typing import Any

from timm.layers.conv2d_same import Conv2dSame
from timm.layers.std_conv import ScaledStdConv2dSame, StdConv2dSame
from torch import Tensor, nn

from sedn.network.layers import resize, zero
from sedn.registry import FUSIONS


def create_embedding(fusion: str, regions: int, width: int, channels: int) -> nn.Module:
    """Create the module that fuses a stage of ``channels`` with maps of ``regions``, encoded in
    ``width`` channels.

    The module takes the stage (B, C, h, w) and the maps (B, K, H, W), of any size, and keeps the
    shape of the stage.
    """
    build = FUSIONS.find(fusion).build
    return NoEmbedding() if build is None else build(regions, width, channels)


class NoEmbedding(nn.Module):
    """The stage as it is: a control, in which the attention alone acts."""

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Return ``x``."""
        return x


class InputChannels(nn.Module):
    """The map as further channels of the image.

    A convolution over image and map is the sum of one over the image, which the backbone has,
    and one over the map, which is this: the same geometry, weights that start at zero.
    """

    def __init__(self, first: nn.Conv2d, regions: int) -> None:
        super().__init__()
        padded_by_input = isinstance(first, Conv2dSame | StdConv2dSame | ScaledStdConv2dSame)
        kind = Conv2dSame if padded_by_input else nn.Conv2d
        geometry: dict[str, Any] = {
            name: getattr(first, name) for name in ("kernel_size", "stride", "padding", "dilation")
        }
        self.last = zero(kind(regions, first.out_channels, **geometry, bias=False))

    def forward(self, image: Tensor, output: Tensor, maps: Tensor) -> Tensor:
        """Add the map's share to the ``output`` of the first convolution over ``image``."""
        shifted: Tensor = output + self.last(resize(maps, image.shape[-2:]))
        return shifted
