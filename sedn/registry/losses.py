"""The losses of the labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from torch import Tensor

EntryLoss = Callable[["Tensor", "Tensor"], "Tensor"]
"""From logits and targets, 0 to 1, each ``(batch, labels)`` in float32, to the loss of each entry,
of the same shape."""
BuildLoss = Callable[[Any, "Tensor", "Tensor"], EntryLoss]
"""From the loss's own options, or the :class:`sedn.config.LossConfig` where it has none, and, each
``(labels,)``, the training images that have the label and those for which the label is known.
Unknown entries, label smoothing and the mean are taken care of outside."""


@dataclass(frozen=True)
class Loss:
    """A loss of the labels."""

    description: str
    build: BuildLoss
    fields: tuple[str, ...] = ()
    options: type[BaseModel] | None = None
    """Fields of its own, each with a default, beside ``loss.kind``; other losses do not have them.
    A model of pydantic's, with types and bounds."""


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


def own_fields() -> dict[str, type[BaseModel]]:
    """The fields that losses have of their own, each with the options that the field is in."""
    losses = LOSSES.entries.values()
    return {name: o for loss in losses if (o := loss.options) for name in o.model_fields}


def register_loss(
    name: str,
    build: BuildLoss,
    description: str,
    fields: tuple[str, ...] = (),
    options: type[BaseModel] | None = None,
) -> None:
    """Add a loss, for ``loss.kind: name``.

    Args:
        name: a lower-case word.
        build: see :data:`BuildLoss`.
        description: one line.
        fields: those of ``pos_weight``, ``gamma``, ``gamma_negative`` and ``clip`` that ``build``
            reads.
        options: a model of pydantic's with the fields that the loss has of its own, each with a
            default: ``loss.tau`` for a field ``tau``.

    Raises:
        ValueError: the name is taken, or something is not as above.
    """
    for field, about in options.model_fields.items() if options else ():
        if field in (*LOSSES.fields, "kind", "label_smoothing", *own_fields()):
            raise ValueError(f"{LOSSES.path}: '{name}': the field '{field}' is there already")
        if about.default is PydanticUndefined:
            raise ValueError(f"{LOSSES.path}: '{name}': the field '{field}' needs a default")
    LOSSES.register(name, Loss(description, build, fields, options))
