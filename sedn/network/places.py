"""The places of a backbone at which a semantic map can enter."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, floor, log2
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sedn.config import BackboneConfig, TrainingConfig
from sedn.errors import UserError
from sedn.network.backbone import create_backbone, first_convolution

Layout = Literal["NCHW", "NHWC", "tokens"]


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


def place_embeddings(config: TrainingConfig) -> dict[str, Place]:
    """The places of the placement that lie in the backbone, in forward order; ``last2`` and
    ``all`` are resolved.

    Raises:
        UserError: the backbone is wrong, or lacks a place; the places it has are named.
    """
    places = find_places(config.backbone, config.data.image_size)
    stages = [name for name in places if name.startswith("stage")]
    groups = {"last2": stages[-2:], "all": stages} if len(stages) > 1 else {}
    wanted = {"input"} & set(config.embedding.parts)
    for part in config.embedding.stages:
        wanted.update(groups.get(part, [part]))
    for name in sorted(wanted - places.keys()):
        possible = ", ".join([*places, *groups]) or "no place for a map"
        raise UserError(
            f"embedding.placement: backbone '{config.backbone.name}' has no '{name}'; "
            f"it has {possible}"
        )
    return {name: place for name, place in places.items() if name in wanted}


def find_places(config: BackboneConfig, image_size: int) -> dict[str, Place]:
    """All places of a backbone, by name: ``input``, ``stem``, ``stage1`` … in forward order.

    The stem is the feature at stride 2 and stage K the last feature at stride 2^(K+1) in timm's
    ``feature_info``, strides rounded to the nearest power of two. A backbone of one stride, as a
    vision transformer, has no stem, and its stages 1 to 4 end the quarters of its depth; the last
    block does not count where only a class token is pooled, as its patches come too late. A
    feature counts only if, traced without weights, its module yields once a map or tokens of
    the channels that it states, and the logits depend on them.

    Raises:
        UserError: the backbone cannot be built or cannot take images of this size.
    """
    return dict(_trace_places(config.model_copy(update={"pretrained": False}), image_size))


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # gradients are traced, wherever this is called
def _trace_places(config: BackboneConfig, image_size: int) -> tuple[tuple[str, Place], ...]:
    with torch.device("meta"):
        model = create_backbone(config, 1, image_size).eval()
    try:
        logits, outputs = _trace(model, image_size)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"backbone '{config.name}' cannot take images of {image_size} px: {reason}"
        ) from error
    places = []
    if first := first_convolution(model):
        convolution = model.get_submodule(first)
        assert isinstance(convolution, nn.Conv2d)
        places.append(("input", Place(first, convolution.out_channels)))
    for name, place in _name_places(_features(model, outputs, image_size)).items():
        if _reaches(_pick(place, outputs[place.module]), logits):
            places.append((name, place))
    return tuple(places)


def _trace(model: nn.Module, image_size: int) -> tuple[Tensor, dict[str, Any]]:
    """The logits, and the output of each module in ``feature_info`` that runs exactly once."""
    modules = dict(model.named_modules())
    names = {feature["module"] for feature in _feature_info(model)} & modules.keys() - {""}
    outputs: dict[str, list[Any]] = {name: [] for name in names}
    for name, seen in outputs.items():
        modules[name].register_forward_hook(_recorder(seen))
    logits = model(torch.zeros(2, 3, image_size, image_size, device="meta"))
    return logits, {name: seen[0] for name, seen in outputs.items() if len(seen) == 1}


def _recorder(seen: list[Any]) -> Callable[[nn.Module, Any, Any], Any]:
    """A hook that keeps a module's output apart from what the module itself made of it."""

    def record(_: nn.Module, inputs: Any, output: Any) -> Any:
        seen.append(_apart(output))
        return seen[-1]

    return record


def _apart(output: Any) -> Any:
    if isinstance(output, list | tuple):
        return type(output)(_apart(x) for x in output)
    return output.clone() if isinstance(output, Tensor) else output


def _feature_info(model: nn.Module) -> list[dict[str, Any]]:
    return list(getattr(model, "feature_info", None) or [])


def _features(
    model: nn.Module, outputs: dict[str, Any], image_size: int
) -> list[tuple[int, Place]]:
    """Stride and place of each feature that is what ``feature_info`` says."""
    found = []
    for feature in _feature_info(model):
        place = _find(feature, outputs.get(feature["module"]), model, image_size)
        if place:
            found.append((feature["reduction"], place))
    # Past the last block, a class token that alone is pooled has seen all it will of the patches.
    if found and found[-1][1].prefix and getattr(model, "global_pool", None) == "token":
        found.pop()
    return found


def _name_places(features: list[tuple[int, Place]]) -> dict[str, Place]:
    if len(features) > 1 and len({reduction for reduction, _ in features}) == 1:
        stages = min(4, len(features))
        ends = [ceil(stage * len(features) / stages) for stage in range(1, stages + 1)]
        return {f"stage{stage}": features[end - 1][1] for stage, end in enumerate(ends, 1)}
    depths = [(round(log2(reduction)), place) for reduction, place in features]
    return {
        "stem" if depth == 1 else f"stage{depth - 1}": place for depth, place in depths if depth > 0
    }


def _find(feature: dict[str, Any], output: Any, model: nn.Module, size: int) -> Place | None:
    """The place in a module's output, or in one of its outputs, that is as described."""
    if isinstance(output, Tensor):
        return _find_in(feature, output, model, size)
    for element, x in enumerate(output if isinstance(output, list | tuple) else ()):
        place = _find_in(feature, x, model, size) if isinstance(x, Tensor) else None
        if place:
            return replace(place, element=element)
    return None


def _find_in(feature: dict[str, Any], x: Tensor, model: nn.Module, size: int) -> Place | None:
    name, channels = feature["module"], feature["num_chs"]
    if x.ndim == 4 and x.shape[1] == channels:
        return Place(name, channels)
    if x.ndim == 4 and x.shape[3] == channels:
        return Place(name, channels, "NHWC")
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
    """Where the patches lie in the sequence, for a model that regroups them, as Hiera."""
    reroll: Any = getattr(model, "reroll", None)
    if reroll is None:
        return ()
    block = int(name.rpartition(".")[2])
    return tuple(reroll(torch.arange(tokens).view(1, -1, 1), block).flatten().tolist())


def _pick(place: Place, output: Any) -> Tensor:
    x: Tensor = output if place.element is None else output[place.element]
    return x


def _reaches(x: Tensor, logits: Tensor) -> bool:
    """Whether the logits depend on ``x``."""
    (gradient,) = torch.autograd.grad(logits.sum(), x, retain_graph=True, allow_unused=True)
    return gradient is not None
