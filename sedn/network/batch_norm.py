"""Norms over a batch: who has them, and where a single image is too few for them."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sedn.config import TrainingConfig


def normalises_batches(network: nn.Module) -> bool:
    """Whether a part of the network takes its mean and deviation over the images of a batch."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def needs_two_images(error: ValueError) -> bool:
    """Whether torch raised the error because a norm over a batch saw one value per channel: of a
    single image whose map, there, is one pixel.
    """
    return "more than 1 value per channel when training" in str(error)


def why_two_images(config: TrainingConfig) -> str:
    """Says of a configuration that its network cannot train on single images."""
    return (
        f"backbone '{config.backbone.name}' cannot train on a single image of "
        f"{config.data.image_size} px: its BatchNorm would see one value per channel; take 2 "
        f"images or more"
    )
