"""The fusions: how a stage of the backbone takes up the semantic map."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from torch import nn

BuildFusion = Callable[[int, int, int], "nn.Module"]
"""From the number of regions, the channels of the encoded map and those of the stage to a module.
The module takes the stage (B, C, h, w) and the maps (B, regions, H, W), of any size, and keeps the
shape of the stage. At first the module should return the stage unchanged, so that a pretrained
backbone begins as what it was."""


@dataclass(frozen=True)
class Fusion:
    """A way to fuse a stage with the map."""

    description: str
    build: BuildFusion | None
    """``None`` leaves the stage as it is."""
    fields: tuple[str, ...] = ("width",)
    sees_map: bool = True
    """Whether the module reads the map; one that does not is a control."""
    starts_plain: bool = True
    """Whether the stage is unchanged at first."""


FUSIONS = Registry(
    "embedding.fusion",
    {
        "scale_shift": Fusion(
            "`x * (1 + s(m)) + t(m)`, feature-wise modulation (arXiv 1709.07871) per pixel",
            lazily("sedn.network.fusions.pixelwise:ScaleShift"),
        ),
        "concat": Fusion("`x + W [x, m]`", lazily("sedn.network.fusions.pixelwise:Concat")),
        "add": Fusion("`x + W m`", lazily("sedn.network.fusions.pixelwise:Add")),
        "gate": Fusion("`x * 2 sigmoid(W m)`", lazily("sedn.network.fusions.pixelwise:Gate")),
        "focus": Fusion(
            "`x * (1 + s (m - 1))`: three quarters of what is outside of the regions are left out "
            "at first, then each channel learns how much",
            lazily("sedn.network.fusions.pixelwise:Focus"),
            fields=(),
            starts_plain=False,
        ),
        "cross_attention": Fusion(
            "`x + W attention(x, m)`: pixels of the stage ask, an 8x8 map answers",
            lazily("sedn.network.fusions.cross_attention:CrossAttention"),
        ),
        "none": Fusion("`x`: the attention alone, a control", None, fields=(), sees_map=False),
    },
    fields=("width",),
)
"""By the values of ``embedding.fusion``."""


def register_fusion(
    name: str,
    build: BuildFusion,
    description: str,
    fields: tuple[str, ...] = ("width",),
    sees_map: bool = True,
) -> None:
    """Add a fusion, for ``embedding.fusion: name``.

    Args:
        name: a lower-case word.
        build: see :data:`BuildFusion`.
        description: one line.
        fields: ``("width",)`` where the number of channels of the encoded map has an effect.
        sees_map: whether the module reads the map.

    Raises:
        ValueError: the name is taken, or something is not as above.
    """
    FUSIONS.register(name, Fusion(description, build, fields, sees_map))
