"""The heads: from the last feature of the backbone to one logit for each label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from torch import nn

BuildHead = Callable[[int, int], "nn.Module"]
"""From the channels of the feature and the number of labels to a module, which takes the places of
the image (B, N, channels) and gives logits (B, labels)."""


@dataclass(frozen=True)
class Head:
    """A kind of head."""

    description: str
    build: BuildHead | None
    """``None`` leaves the backbone its own pooling and classifier."""
    fields: tuple[str, ...] = ()


HEADS = Registry(
    "head.kind",
    {
        "average": Head("the backbone's own pooling and classifier", None),
        "gem": Head(
            "generalised mean (Radenović et al., arXiv 1711.02512)",
            lazily("sedn.network.heads:GemHead"),
        ),
        "attention": Head(
            "attention pooling (arXiv 1810.00825)", lazily("sedn.network.heads:AttentionHead")
        ),
        "query": Head(
            "a transformer decoder with one query for each label (Query2Label, arXiv 2107.10834; "
            "ML-Decoder, arXiv 2111.12933)",
            lazily("sedn.network.heads:QueryHead"),
        ),
    },
)
"""By the values of ``head.kind``."""


def register_head(name: str, build: BuildHead, description: str) -> None:
    """Add a head, for ``head.kind: name``.

    Args:
        name: a lower-case word.
        build: see :data:`BuildHead`.
        description: one line.

    Raises:
        ValueError: the name is taken or no plain word, or the description is not one line.
    """
    HEADS.register(name, Head(description, build))
