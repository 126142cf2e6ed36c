"""The one configuration object: what a trial trains, an export holds and ``sedn train`` reads."""

from sedn.config.fields import field_paths, suggest_field
from sedn.config.groups import (
    AttentionConfig,
    AugmentationConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    HeadConfig,
    LossConfig,
    MapConfig,
    OptimizerConfig,
    ScheduleConfig,
)
from sedn.config.reading import (
    build_config,
    describe_error,
    flatten,
    load_config,
)
from sedn.config.training import DECIDED_WITH, TrainingConfig, config_hash

__all__ = [
    "DECIDED_WITH",
    "AttentionConfig",
    "AugmentationConfig",
    "BackboneConfig",
    "DataConfig",
    "EmbeddingConfig",
    "HeadConfig",
    "LossConfig",
    "MapConfig",
    "OptimizerConfig",
    "ScheduleConfig",
    "TrainingConfig",
    "build_config",
    "config_hash",
    "describe_error",
    "field_paths",
    "flatten",
    "load_config",
    "suggest_field",
]
