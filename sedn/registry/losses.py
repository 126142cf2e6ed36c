"""The losses of the labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from torch import Tensor

    from sedn.config import LossConfig

EntryLoss = Callable[["Tensor", "Tensor"], "Tensor"]
"""From logits and targets, 0 to 1, each ``(batch, labels)`` in float32, to the loss of each entry,
of the same shape."""
BuildLoss = Callable[["LossConfig", "Tensor", "Tensor"], EntryLoss]
"""From the configuration and, each ``(labels,)``, the training images that have the label and those
of which it is known. Unknown entries, smoothing and the mean are taken care of outside."""


@dataclass(frozen=True)
class Loss:
    """One loss of the labels."""

    description: str
    build: BuildLoss
    fields: tuple[str, ...] = ()


LOSSES = Registry(
    "loss.kind",
    {
        "bce": Loss(
            "binary cross-entropy, positives weighted by `pos_weight`",
            lazily("sedn.training.optimization.losses:cross_entropy"),
            fields=("pos_weight",),
        ),
        "focal": Loss(
            "focal (Lin et al., arXiv 1708.02002)",
            lazily("sedn.training.optimization.losses:focal"),
            fields=("gamma",),
        ),
        "asl": Loss(
            "asymmetric (Ridnik et al., arXiv 2009.14119)",
            lazily("sedn.training.optimization.losses:asymmetric"),
            fields=("gamma_negative", "clip"),
        ),
    },
    fields=("pos_weight", "gamma", "gamma_negative", "clip"),
)
"""By the values of ``loss.kind``."""


def register_loss(
    name: str, build: BuildLoss, description: str, fields: tuple[str, ...] = ()
) -> None:
    """Add a loss, for ``loss.kind: name``.

    Args:
        name: a lower-case word.
        build: see :data:`BuildLoss`.
        description: one line.
        fields: those of ``pos_weight``, ``gamma``, ``gamma_negative`` and ``clip`` that ``build``
            reads.

    Raises:
        ValueError: the name is taken, or something is not as above.
    """
    LOSSES.register(name, Loss(description, build, fields))
