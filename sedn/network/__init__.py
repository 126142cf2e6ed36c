"""A timm backbone into which a semantic map is embedded."""

from sedn.network.backbone import check_backbone
from sedn.network.network import SemanticNetwork, build_network
from sedn.network.places import check_placement

__all__ = ["SemanticNetwork", "build_network", "check_backbone", "check_placement"]
