"""The places at which a semantic map can enter, as ``embedding.placement`` names them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sedn.errors import did_you_mean
from sedn.registry.registry import lazily

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Placement:
    """A place of the map, or several places under one name."""

    description: str
    is_alone: bool = False
    """Whether the place cannot be joined with others."""
    is_stage: bool = False
    """Whether the name is that of features of the backbone."""
    build_arm: "Callable[[int], nn.Module] | None" = None
    """From the number of regions to what changes the image itself; ``None``: nothing does."""


PLACEMENTS: dict[str, Placement] = {
    "none": Placement("no map", is_alone=True),
    "mask-image": Placement(
        "image times map", is_alone=True, build_arm=lazily("sedn.network.image:MaskedImage")
    ),
    "crop": Placement(
        "the image cut to the map's extent",
        is_alone=True,
        build_arm=lazily("sedn.network.image:CroppedImage"),
    ),
    "input": Placement("further channels of the image"),
    "stem": Placement("the feature at stride 2", is_stage=True),
    "stage": Placement("`stage1` at stride 4, `stage2` at stride 8 …", is_stage=True),
    "last2": Placement("the last two stages", is_stage=True),
    "all": Placement("every stage", is_stage=True),
    "head": Placement("pooled map features beside pooled image features"),
}
"""By the parts of a placement; a ``stage`` has its number."""

ALONE = tuple(name for name, one in PLACEMENTS.items() if one.is_alone)

_STAGE = re.compile(r"stage[1-9][0-9]*")


def find_placement(part: str) -> Placement | None:
    """The entry of one part of a placement, if there is one."""
    if part == "stage":
        return None
    return PLACEMENTS.get("stage" if _STAGE.fullmatch(part) else part)


def unknown_placement(part: str) -> str:
    """The message about a part that no entry has, with the part that was probably meant."""
    joined = [name for name, one in PLACEMENTS.items() if not one.is_alone]
    at = joined.index("stage")
    shown = [*joined[:at], "stage1", "stage2", "…", *joined[at + 1 :]]
    stages = [f"stage{number}" for number in range(1, 5)]
    hint = did_you_mean(part, [*ALONE, *joined[:at], *stages, *joined[at + 1 :]])
    return (
        f"'{part}' is not a placement: {', '.join(ALONE)}, or some of {', '.join(shown[:-1])} and "
        f"{shown[-1]}, joined by '+'{hint}"
    )
