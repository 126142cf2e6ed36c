"""The optimiser of a run: any of timm's, with a learning rate of its own for each part."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from timm.optim import create_optimizer_v2, get_optimizer_info, list_optimizers
from timm.optim._param_groups import param_groups_layer_decay, param_groups_weight_decay
from torch import nn

from sedn.config import OptimizerConfig
from sedn.errors import UserError, did_you_mean
from sedn.network import SemanticNetwork

_LOOKAHEAD = "lookahead_"
_FUSED = frozenset({"adam", "adamw", "sgd", "momentum", "nesterov"})
"""Optimisers of torch's that have one kernel for a whole step."""


def check_optimizer(name: str) -> None:
    """Check that timm knows the optimiser and that what it needs is installed.

    Raises:
        UserError: timm does not know the optimiser, or a package is missing; the nearest name is
            suggested.
    """
    plain = name.removeprefix(_LOOKAHEAD)
    known = [str(option) for option in list_optimizers()]
    if plain not in known:
        hint = did_you_mean(plain, known)
        raise UserError(f"optimizer '{name}': timm has no such optimiser{hint}")
    if get_optimizer_info(plain).second_order:
        raise UserError(
            f"optimizer '{name}' needs gradients of gradients, which are not computed here; "
            f"take another, such as 'adamw'"
        )
    try:
        create_optimizer_v2([nn.Parameter(torch.zeros(2, 2))], opt=name, lr=1e-3)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"optimizer '{name}' cannot be had here ({reason}); take another, such as 'adamw'"
        ) from None


def create_optimizer(network: SemanticNetwork, config: OptimizerConfig) -> torch.optim.Optimizer:
    """The configured optimiser over all parameters of the network.

    Each group of parameters has an ``lr_scale``, by which timm's schedules multiply its learning
    rate: of the layer in the backbone, of the classifier, or of what takes up the map.

    Raises:
        UserError: as :func:`check_optimizer`, or it does not take one of the configured values.
    """
    check_optimizer(config.name)
    options: dict[str, Any] = {"fused": True} if config.name in _FUSED else {}
    try:
        return create_optimizer_v2(
            parameter_groups(network, config),
            opt=config.name,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            momentum=config.momentum,
            **options,
        )
    except ValueError as error:
        raise UserError(f"optimizer '{config.name}': {error}") from None


def parameter_groups(network: SemanticNetwork, config: OptimizerConfig) -> list[dict[str, Any]]:
    """The parameters of the network in groups with their own decay and ``lr_scale``."""
    backbone = _backbone_groups(network.backbone, config)
    classifier = {id(parameter) for parameter in _classifier(network)}
    groups = []
    for group in backbone:
        head = [p for p in group["params"] if id(p) in classifier]
        trunk = [p for p in group["params"] if id(p) not in classifier]
        scale = group.get("lr_scale", 1.0)
        groups.append({**group, "params": trunk, "lr_scale": scale})
        groups.append({**group, "params": head, "lr_scale": config.head_rate})
    for part, rate in _other_parts(network, config).items():
        of_part = param_groups_weight_decay(
            part, config.weight_decay, no_weight_decay_list=_undecayed(part)
        )
        groups += [{**group, "lr_scale": rate} for group in of_part]
    return [group for group in groups if group["params"]]


def _undecayed(part: nn.Module) -> set[str]:
    """Names in ``part`` of what its modules say is not to be drawn towards zero."""
    return {
        f"{prefix}.{name}".lstrip(".")
        for prefix, module in part.named_modules()
        for name in getattr(module, "no_weight_decay", set)()
    }


def _backbone_groups(backbone: nn.Module, config: OptimizerConfig) -> list[dict[str, Any]]:
    undecayed: Iterable[str] = getattr(backbone, "no_weight_decay", set)()
    if config.layer_decay == 1.0:
        plain: list[dict[str, Any]] = param_groups_weight_decay(
            backbone, config.weight_decay, no_weight_decay_list=set(undecayed)
        )
        return plain
    by_layer: list[dict[str, Any]] = param_groups_layer_decay(
        backbone,
        config.weight_decay,
        no_weight_decay_list=set(undecayed),
        layer_decay=config.layer_decay,
    )
    return by_layer


def _classifier(network: SemanticNetwork) -> list[nn.Parameter]:
    """The parameters of the backbone's own classifier, of which a few models have two."""
    if network.head is not None or not hasattr(network.backbone, "get_classifier"):
        return []
    classifier: Any = network.backbone.get_classifier()  # type: ignore[operator]
    heads = classifier if isinstance(classifier, tuple | list) else (classifier,)
    return [p for head in heads if isinstance(head, nn.Module) for p in head.parameters()]


def _other_parts(network: SemanticNetwork, config: OptimizerConfig) -> Mapping[nn.Module, float]:
    """The parts of the network besides the backbone, each with its factor of the learning rate."""
    rates = {
        network.head: config.head_rate,
        network.embeddings: config.embedding_rate,
        network.auxiliary: config.embedding_rate,
        network.image_arm: 1.0,
    }
    return {part: rate for part, rate in rates.items() if part is not None}
