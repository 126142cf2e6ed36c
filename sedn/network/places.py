"""The places of a backbone at which a semantic map can enter."""

from functools import lru_cache
from math import ceil, log2

import torch
from torch import nn

from sedn.config import BackboneConfig, TrainingConfig
from sedn.errors import UserError
from sedn.network.backbone import create_backbone, first_convolution
from sedn.network.features import Place, trace_features


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


@lru_cache(maxsize=256)
# Gradients are traced, wherever this is called.
@torch.inference_mode(False)
@torch.enable_grad()
def _trace_places(config: BackboneConfig, image_size: int) -> tuple[tuple[str, Place], ...]:
    with torch.device("meta"):
        model = create_backbone(config, 1, image_size).eval()
    try:
        features = trace_features(model, image_size)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"backbone '{config.name}' cannot take images of {image_size} px: {reason}"
        ) from error
    places = {}
    if first := first_convolution(model):
        convolution = model.get_submodule(first)
        assert isinstance(convolution, nn.Conv2d)
        places["input"] = Place(first, convolution.out_channels)
    return tuple({**places, **_name_places(features)}.items())


def _name_places(features: list[tuple[int, Place]]) -> dict[str, Place]:
    if len(features) > 1 and len({stride for stride, _ in features}) == 1:
        stages = min(4, len(features))
        ends = [ceil(stage * len(features) / stages) for stage in range(1, stages + 1)]
        return {f"stage{stage}": features[end - 1][1] for stage, end in enumerate(ends, 1)}
    depths = [(round(log2(stride)), place) for stride, place in features]
    return {
        "stem" if depth == 1 else f"stage{depth - 1}": place for depth, place in depths if depth > 0
    }
