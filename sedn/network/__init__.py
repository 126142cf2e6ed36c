"""A timm backbone into which a semantic map is embedded."""

from sedn.network.backbone import check_backbone
from sedn.network.network import Outputs, SemanticNetwork, build_network, check_network
from sedn.network.places import check_placement

__all__ = [
    "Outputs",
    "SemanticNetwork",
    "build_network",
    "check_backbone",
    "check_network",
    "check_placement",
]
