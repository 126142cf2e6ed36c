"""The canonical form of configurations that train the same network."""

from timm.optim import get_optimizer_info

from sedn.config import AttentionConfig, OptimizerConfig, TrainingConfig
from sedn.errors import UserError
from sedn.network.features import Place
from sedn.network.places import place_embeddings
from sedn.registry import ATTENTIONS


def canonical_config(config: TrainingConfig) -> TrainingConfig:
    """The form that a configuration shares with all others that train the same network.

    Its placement names the places of the backbone, in forward order, instead of ``last2`` and
    ``all``; its reduction ratio is the smallest of those that give the same inner widths on all
    its stages. The momentum is the default where the optimiser has none. A configuration whose
    network cannot be built is left as it is.
    """
    config = config.model_copy(update={"optimizer": _default_momentum(config.optimizer)})
    try:
        places = place_embeddings(config)
    except UserError:
        return config
    if not places:
        return config
    names = [*places, *(["head"] if config.embedding.has_head else [])]
    stages = [place for name, place in places.items() if name != "input"]
    groups = {
        "embedding": config.embedding.model_copy(update={"placement": "+".join(names)}),
        "attention": _smallest_ratio(config.attention, stages),
    }
    return config.model_copy(update=groups)


def _default_momentum(optimizer: OptimizerConfig) -> OptimizerConfig:
    try:
        info = get_optimizer_info(optimizer.name.removeprefix("lookahead_"))
    except ValueError:
        return optimizer
    if info.has_momentum:
        return optimizer
    return optimizer.model_copy(update={"momentum": OptimizerConfig().momentum})


def _smallest_ratio(attention: AttentionConfig, stages: list[Place]) -> AttentionConfig:
    inner_width = ATTENTIONS.find(attention.kind).inner_width
    if inner_width is None:
        return attention

    def widths(ratio: int) -> list[int]:
        return [inner_width(stage.channels, ratio) for stage in stages]

    wanted = widths(attention.reduction_ratio)
    ratio = next(ratio for ratio in range(1, 257) if widths(ratio) == wanted)
    return attention.model_copy(update={"reduction_ratio": ratio})
