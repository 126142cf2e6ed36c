"""The features of a backbone, as its modules yield them: what a map can be embedded in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

Layout = Literal["NCHW", "NHWC", "tokens"]

_MEANT = {"block": ("blocks", "stages"), "blocks": ("encoder.blocks",)}
"""Containers that some of timm's models (Twins, MViT, Gemma) call by another name in
``feature_info``."""


@dataclass(frozen=True)
class Place:
    """A module of the backbone whose output takes up the map."""

    module: str
    """Dotted name, as in ``model.named_modules()``."""
    channels: int
    """Channels of its output."""
    layout: Layout = "NCHW"
    """Order of its output: (batch, channels, height, width); channels last, as Swin's; or
    (batch, tokens, channels), as a vision transformer's."""
    prefix: int = 0
    """Tokens, of class or register, before those of the patches."""
    grid: tuple[int, int] = (0, 0)
    """Rows and columns of the patches, for tokens alone."""
    order: tuple[int, ...] = ()
    """Position in the sequence of each patch, row by row; empty where it is the same."""
    element: int | None = None
    """Which one of the module's outputs takes up the map, where they are several."""


def trace_features(model: nn.Module, image_size: int) -> list[tuple[int, Place]]:
    """Stride and place of each feature for which timm's ``feature_info`` is right.

    The model, on the meta device, is run once. A feature counts only if its module runs exactly
    once and yields a map or tokens of the channels stated, and if the logits depend on them.
    """
    described = [
        {**feature, "module": _module(feature["module"], dict(model.named_modules()))}
        for feature in getattr(model, "feature_info", None) or []
    ]
    logits, outputs = _run(model, {feature["module"] for feature in described}, image_size)
    passed = _behind(logits)
    places = []
    for feature in described:
        output = outputs.get(feature["module"])
        place = _find(feature, output, model, image_size)
        if place and stage_of(output, place).grad_fn in passed:
            places.append((feature["reduction"], place))
    # Past the last block, a class token that alone is pooled has seen all it will of the patches.
    if places and places[-1][1].prefix and getattr(model, "global_pool", None) == "token":
        last = places[-1][1].module
        places = [(stride, place) for stride, place in places if place.module != last]
    return places


def stage_of(output: Any, place: Place) -> Tensor:
    """The tensor of the module's ``output`` that takes up the map, in the module's own layout."""
    x: Tensor = output if place.element is None else output[place.element]
    return x


def map_layout(x: Tensor, channels: int, model: nn.Module) -> Layout | None:
    """Layout of ``x`` as a map of ``channels``; None if it is no such map.

    Where the map has as many rows as channels, what the model says of itself decides.
    """
    axes: dict[Layout, int] = {"NCHW": 1, "NHWC": 3}
    fitting = [name for name, axis in axes.items() if x.ndim == 4 and x.shape[axis] == channels]
    own = getattr(model, "output_fmt", "NCHW")
    return own if own in fitting else next(iter(fitting), None)


def _module(name: str, modules: dict[str, nn.Module]) -> str:
    """The module that ``feature_info`` means by a name; of a list, which never runs, the last."""
    container, _, rest = name.partition(".")
    others = [f"{other}.{rest}" for other in _MEANT.get(container, ())]
    module = next((candidate for candidate in [name, *others] if candidate in modules), "")
    while isinstance(listed := modules[module], nn.ModuleList):
        module = f"{module}.{len(listed) - 1}"
    return module


def _run(model: nn.Module, names: set[str], image_size: int) -> tuple[Tensor, dict[str, Any]]:
    """The logits, and the output of each named module that runs exactly once."""
    outputs: dict[str, list[Any]] = {name: [] for name in names if name}
    for name, seen in outputs.items():
        model.get_submodule(name).register_forward_hook(_recorder(seen))
    logits = model(torch.zeros(2, 3, image_size, image_size, device="meta"))
    return logits, {name: seen[0] for name, seen in outputs.items() if len(seen) == 1}


def _recorder(seen: list[Any]) -> Callable[[nn.Module, Any, Any], Any]:
    """A hook that records a copy of a module's output and passes the copy on."""

    def record(_: nn.Module, inputs: Any, output: Any) -> Any:
        seen.append(_apart(output))
        return seen[-1]

    return record


def _apart(output: Any) -> Any:
    if isinstance(output, list | tuple):
        return type(output)(_apart(x) for x in output)
    return output.clone() if isinstance(output, Tensor) else output


def _find(feature: dict[str, Any], output: Any, model: nn.Module, size: int) -> Place | None:
    """The place in a module's output, or in one of its outputs, that is as described."""
    if isinstance(output, Tensor):
        return _find_in(feature, output, model, size)
    elements = list(enumerate(output)) if isinstance(output, list | tuple) else []
    tensors = [(element, x) for element, x in elements if isinstance(x, Tensor)]
    for element, x in tensors:
        if place := _find_in(feature, x, model, size):
            return replace(place, element=element)
    # HRNet yields a map at each resolution, and states the channels that it makes of it later.
    side = ceil(size / feature["reduction"])
    for element, x in tensors:
        if x.ndim == 4 and x.shape[2:] == (side, side):
            return Place(feature["module"], x.shape[1], element=element)
    return None


def _find_in(feature: dict[str, Any], x: Tensor, model: nn.Module, size: int) -> Place | None:
    name, channels = feature["module"], feature["num_chs"]
    if layout := map_layout(x, channels, model):
        return Place(name, channels, layout)
    if x.ndim != 3 or x.shape[2] != channels:
        return None
    side = size / feature["reduction"]
    for rows in (floor(side), ceil(side)):
        prefix = x.shape[1] - rows**2
        if prefix in {0, getattr(model, "num_prefix_tokens", 1)}:
            order = _order(name, model, x.shape[1])
            return Place(name, channels, "tokens", prefix, (rows, rows), order)
    return None


def _order(name: str, model: nn.Module, tokens: int) -> tuple[int, ...]:
    """The order of the patches in the sequence, for a model that regroups them, as Hiera."""
    reroll: Any = getattr(model, "reroll", None)
    if reroll is None:
        return ()
    block = int(name.rpartition(".")[2])
    return tuple(reroll(torch.arange(tokens).view(1, -1, 1), block).flatten().tolist())


def _behind(logits: Tensor) -> set[Node]:
    """The nodes of autograd's graph that the logits depend on."""
    behind, left = set[Node](), [logits.grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in behind:
            behind.add(node)
            left += [before for before, _ in node.next_functions]
    return behind
