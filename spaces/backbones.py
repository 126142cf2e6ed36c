"""Whether the backbones that a space names exist."""

from sedn.errors import UserError
from spaces.axes import Choice
from spaces.fields import flatten
from spaces.space import Space


def backbone_names(space: Space) -> tuple[str, ...]:
    """The timm models that the trials of ``space`` may train."""
    for axis in space.axes:
        if axis.path == "backbone.name" and isinstance(axis, Choice):
            return axis.options
    return (flatten(space.base).get("backbone.name", space.baseline().backbone.name),)


def check_backbones(space: Space) -> None:
    """Refuse a space with a backbone that timm does not have, or that the network cannot use.

    Kept apart from reading the space, because it imports timm, which takes seconds.

    Raises:
        UserError: there is such a backbone; the message names the space and the nearest model.
    """
    from sedn.network import check_backbone

    for name in backbone_names(space):
        try:
            check_backbone(name)
        except UserError as error:
            raise UserError(f"{space.source}: {error}") from None
