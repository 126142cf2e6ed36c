"""A timm backbone into which a semantic map is embedded."""

from sedn.network.backbone import check_backbone, check_pretrained_available
from sedn.network.batch_norm import needs_two_images, normalises_batches, why_two_images
from sedn.network.canonical import canonical_config
from sedn.network.network import Outputs, SemanticNetwork, build_network, check_network

__all__ = [
    "Outputs",
    "SemanticNetwork",
    "build_network",
    "canonical_config",
    "check_backbone",
    "check_network",
    "check_pretrained_available",
    "needs_two_images",
    "normalises_batches",
    "why_two_images",
]
