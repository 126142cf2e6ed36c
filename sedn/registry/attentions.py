"""The kinds of channel attention after a fusion."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from torch import nn

    from sedn.config import AttentionConfig

BuildAttention = Callable[["AttentionConfig", int], "nn.Module"]
"""From the configuration and the channels of the stage to a module that keeps the shape (B, C, h,
w). The result is blended in by a gain that starts at zero."""


@dataclass(frozen=True)
class Attention:
    """A kind of attention."""

    description: str
    build: BuildAttention | None
    """``None``: no attention."""
    fields: tuple[str, ...] = ()
    inner_width: Callable[[int, int], int] | None = None
    """From the channels of a stage and the reduction ratio to the channels that the attention
    squeezes the stage into: ratios of one inner width make one network. ``None``: where the ratio
    has an effect, each makes another network."""


def _timm_width(rounded_to: int, factor: float, channels: int, ratio: int) -> int:
    """The width that timm rounds to: to the nearest multiple of ``rounded_to``, at least that."""
    from timm.layers.helpers import make_divisible

    exact = channels * (1 / ratio) * factor
    width: int = make_divisible(exact, rounded_to, round_limit=0.0)  # type: ignore[no-untyped-call]
    return width


def _fixed(description: str) -> Attention:
    return Attention(description, lazily("sedn.network.attention:create_fixed"))


def _reducing(description: str, rounded_to: int = 1, factor: float = 1.0) -> Attention:
    return Attention(
        description,
        lazily("sedn.network.attention:create_reducing"),
        ("reduction_ratio",),
        partial(_timm_width, rounded_to, factor),
    )


ATTENTIONS = Registry(
    "attention.kind",
    {
        "none": Attention("no attention", None),
        "se": _reducing("squeeze and excitation (arXiv 1709.01507)", rounded_to=8),
        "ese": _fixed("effective squeeze and excitation (arXiv 1911.06667)"),
        "eca": _fixed("efficient channel attention (arXiv 1910.03151)"),
        "ceca": _fixed("efficient channel attention, circular"),
        "cbam": _reducing("channel, then spatial attention (arXiv 1807.06521)"),
        "lcbam": _reducing("CBAM, lighter"),
        "gc": _reducing("global context (arXiv 1904.11492)"),
        "gca": _reducing("global context, added"),
        "ge": Attention(
            "gather and excite without parameters (arXiv 1810.12348)",
            lazily("sedn.network.attention:create_gather_excite"),
        ),
        # Coordinate attention has two outer layers to share one of squeeze and excitation.
        "coord": _reducing("coordinate attention (arXiv 2103.02907)", rounded_to=8, factor=2 / 3),
        "scoord": _reducing("coordinate attention, simpler", rounded_to=8, factor=2 / 3),
        "ela": _fixed("efficient local attention (arXiv 2403.01123)"),
        "strip": _fixed("strip attention"),
    },
    fields=("reduction_ratio",),
)
"""By the values of ``attention.kind``."""


def register_attention(
    name: str,
    build: BuildAttention,
    description: str,
    fields: tuple[str, ...] = (),
    inner_width: Callable[[int, int], int] | None = None,
) -> None:
    """Add a kind of attention, for ``attention.kind: name``.

    Args:
        name: a lower-case word.
        build: see :data:`BuildAttention`.
        description: one line.
        fields: ``("reduction_ratio",)`` where the reduction ratio has an effect.
        inner_width: see :class:`Attention`.

    Raises:
        ValueError: the name is taken, or something is not as above.
    """
    ATTENTIONS.register(name, Attention(description, build, fields, inner_width))
