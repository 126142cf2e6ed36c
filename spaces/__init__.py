"""Search spaces: a small declarative language, and a catalog of spaces in it."""

from spaces.axes import Axis, Choice, Condition, FloatRange, IntRange, SuggestsValues
from spaces.backbones import backbone_names, check_backbones, check_pretrained
from spaces.loading import catalog, load_space, parse_space
from spaces.maps import check_maps, computed_maps, needing_masks
from spaces.optimizers import check_optimizers
from spaces.space import Space

__all__ = [
    "Axis",
    "Choice",
    "Condition",
    "FloatRange",
    "IntRange",
    "Space",
    "SuggestsValues",
    "backbone_names",
    "catalog",
    "check_backbones",
    "check_maps",
    "check_optimizers",
    "check_pretrained",
    "computed_maps",
    "load_space",
    "needing_masks",
    "parse_space",
]
