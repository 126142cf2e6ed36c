"""The places of a backbone at which a semantic map can enter."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from sedn.config import BackboneConfig, TrainingConfig
from sedn.errors import UserError
from sedn.network.backbone import check_weights, create_backbone, first_convolution


@dataclass(frozen=True)
class Place:
    """A module of the backbone whose output takes up the map."""

    module: str
    """Dotted name, as in ``model.named_modules()``."""
    channels: int
    """Channels of its output."""
    channels_last: bool = False
    """Whether its output is (batch, height, width, channels), as Swin's, not (batch, channels,
    height, width)."""


def check_placement(config: TrainingConfig) -> None:
    """Check that the backbone can be built and has the configured places; fetches no weights.

    Raises:
        UserError: the backbone is wrong, or lacks a place; the places it has are named.
    """
    place_embeddings(config)
    check_weights(config.backbone)


def place_embeddings(config: TrainingConfig) -> dict[str, Place]:
    """The places of ``config.embedding.placement``, ``last2`` and ``all`` resolved, in order.

    Raises:
        UserError: as :func:`check_placement`.
    """
    places = find_places(config.backbone, config.data.image_size)
    stages = [name for name in places if name.startswith("stage")]
    groups: dict[str, list[str]] = {"none": []}
    if len(stages) > 1:
        groups |= {"last2": stages[-2:], "all": stages}
    wanted: set[str] = set()
    for part in config.embedding.placement.split("+"):
        wanted.update(groups.get(part, [part]))
    for name in sorted(wanted - places.keys()):
        possible = [*places, "last2", "all"] if len(stages) > 1 else [*places]
        raise UserError(
            f"embedding.placement: backbone '{config.backbone.name}' has no '{name}'; "
            f"it has {', '.join(possible) or 'no place for a map'}"
        )
    return {name: place for name, place in places.items() if name in wanted}


def find_places(config: BackboneConfig, image_size: int) -> dict[str, Place]:
    """All places of a backbone, by name: ``input``, ``stem``, ``stage1`` … in forward order.

    The stem is the feature at stride 2 and stage K the last feature at stride 2^(K+1) in timm's
    ``feature_info``. A feature counts only if, traced without weights, its module yields one
    map of the channels it states.

    Raises:
        UserError: the backbone cannot be built or cannot take images of this size.
    """
    return dict(_trace_places(config.model_copy(update={"pretrained": False}), image_size))


@lru_cache(maxsize=64)
def _trace_places(config: BackboneConfig, image_size: int) -> tuple[tuple[str, Place], ...]:
    with torch.device("meta"):
        model = create_backbone(config, 1, image_size).eval()
    features = _features(model)
    try:
        shapes = _output_shapes(model, [module for module, _ in features.values()], image_size)
    except (RuntimeError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"backbone '{config.name}' cannot take images of {image_size} px: {reason}"
        ) from error
    places = []
    if first := first_convolution(model):
        convolution = model.get_submodule(first)
        assert isinstance(convolution, nn.Conv2d)
        places.append(("input", Place(first, convolution.out_channels)))
    for name, (module, channels) in features.items():
        shape = shapes.get(module, ())
        if len(shape) == 4 and shape[1] == channels:
            places.append((name, Place(module, channels)))
        elif len(shape) == 4 and shape[3] == channels:
            places.append((name, Place(module, channels, channels_last=True)))
    return tuple(places)


def _features(model: nn.Module) -> dict[str, tuple[str, int]]:
    """Module name and channels of the stem and the stages that ``feature_info`` claims."""
    features = {}
    for feature in getattr(model, "feature_info", None) or []:
        reduction = int(feature["reduction"])
        depth = reduction.bit_length() - 1
        if depth >= 1 and reduction == 2**depth:
            name = "stem" if depth == 1 else f"stage{depth - 1}"
            features[name] = (feature["module"], int(feature["num_chs"]))
    return features


def _output_shapes(model: nn.Module, names: list[str], image_size: int) -> dict[str, torch.Size]:
    """Shape of each named module's output, where it runs exactly once and yields one tensor."""
    modules = dict(model.named_modules())
    outputs: dict[str, list[object]] = {name: [] for name in names if name and name in modules}
    for name, seen in outputs.items():
        modules[name].register_forward_hook(lambda _m, _i, output, seen=seen: seen.append(output))
    with torch.no_grad():
        model(torch.zeros(2, 3, image_size, image_size, device="meta"))
    return {
        name: seen[0].shape
        for name, seen in outputs.items()
        if len(seen) == 1 and isinstance(seen[0], Tensor)
    }
