"""A fusion of one's own that derives from the fusions by pixel."""

import pytest
import torch
from torch import Tensor

from sedn.network.fusions.pixelwise import PixelFusion


class Half(PixelFusion):
    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__(regions, width, width, channels)

    def fuse(self, x: Tensor, m: Tensor) -> Tensor:
        return x + self.last(m) / 2


class Unfinished(PixelFusion):
    pass


def test_a_fusion_by_pixel_starts_as_the_identity() -> None:
    x = torch.rand(2, 8, 5, 5)
    assert torch.equal(Half(3, 4, 8)(x, torch.rand(2, 3, 40, 40)), x)


def test_a_fusion_that_does_not_say_how_it_fuses_cannot_be_made() -> None:
    with pytest.raises(TypeError, match=r"abstract method '?fuse"):
        Unfinished(3, 4, 4, 8)
