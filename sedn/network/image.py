"""The semantic map on the image itself: what to compare the embedding with."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sedn.network.layers import resize

MARGIN = 0.1
"""Left around a box on each side, as a share of the box's side."""


class MaskedImage(nn.Module):
    """The image times the map, at each pixel the largest of its regions.

    Images arrive normalised: where the map is 0 the network sees the mean colour. Of an image
    whose map is unknown, hence zero, it sees nothing else.
    """

    def __init__(self, regions: int) -> None:
        super().__init__()
        self.regions = regions

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """Images (B, 3, H, W) under their ``maps`` (B, K, h, w), regions first."""
        regions = resize(maps[:, : self.regions], images.shape[-2:])
        return images * regions.amax(1, keepdim=True)


class CroppedImage(nn.Module):
    """The image cropped to its map and resized to what it was, bilinearly.

    The box holds the pixels above half of the map's maximum over regions and pixels, and a
    margin of a tenth of its sides all around. An image whose map is empty or unknown stays whole.
    """

    def __init__(self, regions: int) -> None:
        super().__init__()
        self.regions = regions

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """Images (B, 3, H, W), each cropped to its map of ``maps`` (B, K, h, w), regions first."""
        boxes = bounding_boxes(maps[:, : self.regions].amax(1))
        top, bottom, left, right = boxes.to(images.dtype).unbind(1)
        zero = torch.zeros_like(top)
        # From the output's coordinates to the image's, -1 to 1 from edge to edge: half the box's
        # side in units of half the image's, and the centre.
        transform = torch.stack(
            [right - left, zero, left + right - 1, zero, bottom - top, top + bottom - 1], dim=1
        )
        grid = F.affine_grid(transform.view(-1, 2, 3), list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def bounding_boxes(maps: Tensor) -> Tensor:
    """Top, bottom, left and right (B, 4) of the boxes of ``maps`` (B, H, W), from 0 to 1 of the
    image's sides, with their margins; the whole image for a map that is empty.
    """
    inside = maps > 0.5 * maps.amax((1, 2), keepdim=True)
    spans = torch.cat([_span(inside.any(2)), _span(inside.any(1))], dim=1)
    whole = spans.new_tensor([0.0, 1.0, 0.0, 1.0])
    return torch.where(inside.any(2).any(1)[:, None], spans, whole)


def _span(inside: Tensor) -> Tensor:
    """Start and end (B, 2) of what is ``inside`` (B, N), with a margin."""
    length = inside.shape[1]
    start = inside.int().argmax(1) / length
    end = 1 - inside.flip(1).int().argmax(1) / length
    margin = MARGIN * (end - start)
    return torch.stack([start - margin, end + margin], dim=1).clamp(0, 1)
