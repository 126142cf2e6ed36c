"""Whether the backbones that a space names exist, and which have the places it names."""

from collections.abc import Sequence
from typing import Any

from sedn.errors import UserError
from spaces.axes import Axis
from spaces.configurations import CONFIGURATION
from spaces.space import Space

_BUILDS = (
    CONFIGURATION,
    "backbone.name",
    "backbone.pretrained",
    "backbone.weights",
    "backbone.drop_path",
    "embedding.placement",
    "embedding.fusion",
    "semantic_map.source",
    "head.kind",
)
"""Axes that decide whether a network can be built at all."""


def backbone_names(space: Space) -> tuple[str, ...]:
    """The timm models that the trials of ``space`` may train."""
    configs = (space.config(params) for params in _builds(space))
    return tuple(dict.fromkeys(config.backbone.name for config in configs))


def check_pretrained(space: Space) -> None:
    """Check that the pretrained weights of all trials can be had on this machine.

    Raises:
        UserError: some weights cannot be had, or timm lacks a backbone; the message names the
            space, the models and what to do.
    """
    from sedn.network import check_backbone, check_pretrained_available

    configs = [space.baseline(), *(space.config(params) for params in _builds(space))]
    try:
        for name in backbone_names(space):
            check_backbone(name)
        check_pretrained_available(configs)
    except UserError as error:
        raise UserError(f"{space.source}: {error}") from None


def check_backbones(space: Space) -> str | None:
    """Check before the first trial which networks of a space can be built.

    Each backbone is met with each placement. Nothing is trained and no weights are fetched, but
    timm is imported, which takes seconds; so this is kept apart from reading the space.

    Returns:
        A line on the combinations that cannot be built, which a search tells its sampler as
        infeasible; ``None`` where all can.

    Raises:
        UserError: timm lacks a backbone or its weights, the baseline cannot be built, or nothing
            can; the message names the space and what would do.
    """
    from sedn.network import check_backbone, check_network

    combinations = _builds(space)
    try:
        for name in backbone_names(space):
            check_backbone(name)
        faults = [fault for params in combinations if (fault := _fault(space, params))]
        if len(faults) == len(combinations):
            raise UserError(faults[0])
        check_network(space.baseline())
    except UserError as error:
        raise UserError(f"{space.source}: {error}") from None
    if not faults:
        return None
    return (
        f"{space.source}: {len(faults)} of {len(combinations)} combinations of backbone and place "
        f"cannot be built and are passed over; the first: {faults[0]}"
    )


def _fault(space: Space, params: dict[str, Any]) -> str | None:
    """Why the network of a combination cannot be built; ``None`` where it can."""
    from sedn.network import check_network

    try:
        check_network(space.config(params))
    except UserError as error:
        return str(error)
    return None


def _builds(space: Space) -> list[dict[str, Any]]:
    """The combinations of the axes that decide how a network is built.

    A condition on any other axis is taken to hold in some trials and not in others. Of the drop
    path, the largest value stands for all: a backbone takes any or only 0.
    """
    axes = [axis for axis in space.axes if axis.path in _BUILDS]
    combinations: list[dict[str, Any]] = [{}]
    known = {axis.path for axis in axes}
    for axis in axes:
        grown = []
        for params in combinations:
            held = [condition.holds(params) for condition in axis.when if condition.path in known]
            if all(held):
                grown += [{**params, axis.path: value} for value in _values_to_check(axis)]
            if not all(held) or len(held) < len(axis.when):
                grown.append(params)
        combinations = grown
    return combinations


def _values_to_check(axis: Axis) -> Sequence[Any]:
    """Values of the axis that stand for all; the largest of a continuous one."""
    values = None if axis.path == "backbone.drop_path" else axis.values()
    return [axis.largest()] if values is None else values
