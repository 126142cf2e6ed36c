"""The network that predicts a map from an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from sedn.config import BackboneConfig
from sedn.errors import UserError, did_you_mean
from sedn.network.layers import interpolate
from sedn.network.pretrained import check_available
from sedn.network.weights_file import check_weights_file, weights_options
from sedn.segmentation.config import SegmenterConfig

Maps = NDArray[np.uint8]

SIDE = 224
"""The side of the images for which the weights of an encoder are compared."""
STRIDE = 32
"""Sides are padded to a multiple of it, as the encoder's last features have this stride."""


class MapNetwork(nn.Module):
    """A segmentation network for images of any size."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", mean.view(-1, 1, 1), persistent=False)
        self.register_buffer("deviation", deviation.view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, regions, H, W)`` of ``images`` (batch, 3, H, W) from 0 to 1."""
        height, width = images.shape[2:]
        normal = (images - self.mean) / self.deviation
        padded = F.pad(normal, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        logits: Tensor = self.network(padded)
        return logits[:, :, :height, :width]


def build_map_network(config: SegmenterConfig, n_regions: int) -> MapNetwork:
    """Build the network of a segmenter, its encoder pretrained if the configuration asks for it.

    Raises:
        UserError: the encoder is unknown, has no features down to stride 32, or its weights
            cannot be had.
    """
    # Imports much that is needed only here.
    import segmentation_models_pytorch  # type: ignore[import-untyped]

    model = config.encoder.partition(".")[0]
    if not timm.is_model(model):
        hint = did_you_mean(model, timm.list_models())
        raise UserError(f"segmenter.encoder '{config.encoder}': timm has no such model{hint}")
    loaded: dict[str, Any] = {}
    if config.pretrained and config.weights:
        named = BackboneConfig(name=config.encoder, weights=config.weights)
        check_weights_file(named, SIDE, "segmenter.weights")
        loaded = weights_options(named)
    elif config.pretrained:
        check_available([config.encoder], "train without them (`pretrained=False`)")
    try:
        network = segmentation_models_pytorch.create_model(
            config.architecture,
            encoder_name=f"tu-{config.encoder}",
            encoder_weights=True if config.pretrained else None,
            classes=n_regions,
            **loaded,
        )
        network.eval()
        with torch.inference_mode():
            network(torch.zeros(1, 3, 2 * STRIDE, 3 * STRIDE))
    except Exception as error:
        reason = " ".join(str(error).split())
        weights = " with pretrained weights" if config.pretrained else ""
        raise UserError(
            f"segmenter.encoder '{config.encoder}'{weights} does not go with "
            f"segmenter.architecture '{config.architecture}': {reason}"
        ) from error
    described = get_pretrained_cfg(config.encoder)
    half = (0.5, 0.5, 0.5)
    mean, deviation = (described.mean, described.std) if described else (half, half)
    return MapNetwork(network, torch.tensor(mean), torch.tensor(deviation))


@torch.inference_mode()
def predict(networks: Sequence[MapNetwork], images: NDArray[np.uint8], size: int) -> Maps:
    """Maps ``(batch, regions, H, W)``, 0 to 255, of one batch of ``images`` (batch, H, W, 3).

    The networks are in evaluation mode and see images of ``size`` pixels a side; the map is the
    mean of theirs, brought back to the images' own size.
    """
    pixels = fraction(images, networks[0].mean.device).permute(0, 3, 1, 2)
    own = pixels.shape[2:]
    seen = interpolate(pixels, (size, size))
    mean = torch.stack([network(seen).sigmoid() for network in networks]).mean(0)
    maps: Maps = interpolate(mean, own).mul(255).round().byte().cpu().numpy()
    return maps


def fraction(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Pixels from 0 to 255 as numbers from 0 to 1, on the device."""
    return torch.tensor(pixels, device=device).float().div_(255)
