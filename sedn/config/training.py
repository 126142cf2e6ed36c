"""Everything that decides a training run, in the one form that equal networks share."""

import hashlib
import json
from typing import Self

import yaml
from pydantic import Field, model_validator

from sedn.config.groups import (
    LARGEST_SEED,
    AttentionConfig,
    AugmentationConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    Group,
    HeadConfig,
    LossConfig,
    MapConfig,
    OptimizerConfig,
    ScheduleConfig,
)
from sedn.registry import ATTENTIONS, FUSIONS, LOSSES, SEMANTIC_SOURCES

DECIDED_WITH: dict[str, tuple[str, ...]] = {
    "attention": ("embedding",),
    "embedding": ("attention",),
    "semantic_map": ("embedding",),
    "optimizer": ("embedding",),
    "micro_batch_size": ("batch_size",),
}
"""What else decides whether a field has an effect, by the field or the group that has the field.
All other fields and groups stand for themselves."""


class TrainingConfig(Group):
    """All fields that decide a training run. Equal configurations train equal networks."""

    data: DataConfig = DataConfig()
    backbone: BackboneConfig = BackboneConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    attention: AttentionConfig = AttentionConfig()
    semantic_map: MapConfig = MapConfig()
    head: HeadConfig = HeadConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    epochs: int = Field(40, ge=1, le=10_000)
    folds: int | None = Field(None, ge=2, le=100)
    """Train as many networks one after another, each without one fold of the images of train and
    validation, on which it is valued. ``sedn train`` then trains one more, on all of these images,
    which is the model. ``None``: one network, on train."""
    batch_size: int = Field(64, ge=1, le=65_536)
    """Images between two steps of the optimiser."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Images that go through the network at once; their gradients are summed to those of a batch.
    ``None``: the whole batch. Halved where the memory does not suffice."""
    ema_decay: float = Field(0.0, ge=0.0, lt=1.0)
    """Decay of a moving average of the weights, which is validated and kept in their place; 0
    averages nothing. The decay rises from 0 to this value over the first steps."""
    compile: bool = False
    """Compile the network by ``torch.compile``: minutes at the start for faster steps."""
    threads: int | None = Field(None, ge=1, le=1024)
    """Threads that torch computes with on a CPU; ``None``: as many as the process finds. Sums are
    rounded in another order with another number, so a trial is repeated to the last digit with its
    own number alone."""
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        """Reset what has no effect, so that equal networks have equal configurations."""
        embedding = _canonical_embedding(self.embedding, self.attention)
        canonical = {
            "embedding": embedding,
            "attention": _canonical_attention(self.attention, embedding),
            "semantic_map": _canonical_map(self.semantic_map, embedding),
            "loss": _canonical_loss(self.loss),
            "optimizer": _canonical_optimizer(self.optimizer, embedding),
            "augmentation": _canonical_augmentation(self.augmentation),
            "micro_batch_size": _canonical_micro_batch(self.micro_batch_size, self.batch_size),
        }
        for name, value in canonical.items():
            object.__setattr__(self, name, value)
        return self

    @property
    def total_epochs(self) -> int:
        """Epochs of all networks together: of each fold, or of the only one."""
        return self.epochs * (self.folds or 1)

    def without_folds(self) -> "TrainingConfig":
        """This configuration for one network, trained on train and valued on validation."""
        return self.model_copy(update={"folds": None})

    @property
    def map_source(self) -> str:
        """Who supplies the maps that the network sees, for a reader of its results."""
        if not self.embedding.uses_map:
            return "none"
        control = self.semantic_map.control
        return self.semantic_map.source if control == "none" else control

    def to_yaml(self) -> str:
        """The configuration as a YAML document with every field written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def from_scratch(self) -> "TrainingConfig":
        """A copy without pretrained weights, for where all weights are replaced."""
        return self.model_copy(update={"backbone": self.backbone.from_scratch()})

    def plain(self) -> "TrainingConfig":
        """A copy for the plain backbone: no map, no attention."""
        plain = EmbeddingConfig()
        return self.model_copy(
            update={
                "embedding": plain,
                "attention": AttentionConfig(),
                "semantic_map": MapConfig(),
                "optimizer": _canonical_optimizer(self.optimizer, plain),
            }
        )


def config_hash(config: TrainingConfig) -> str:
    """Sixteen hex digits that name the configuration; replicates (other seeds, or other numbers of
    threads) share them. Of a file of weights its content counts, and not where it lies; the
    fingerprint of the data does not count.
    """
    fields = config.model_dump(mode="json", exclude={"seed", "threads"})
    del fields["data"]["fingerprint"]
    # Configurations of versions that knew no such file, and no folds, keep their names.
    if not fields["backbone"].pop("weights"):
        del fields["backbone"]["weights_digest"]
    if fields["folds"] is None:
        del fields["folds"]
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def _canonical_embedding(embedding: EmbeddingConfig, attention: AttentionConfig) -> EmbeddingConfig:
    if not embedding.stages:
        plain = EmbeddingConfig(placement=embedding.placement)
        return plain.model_copy(update={"width": embedding.width} if plain.has_head else {})
    fusion = FUSIONS.find(embedding.fusion)
    if fusion.build is None and ATTENTIONS.find(attention.kind).build is None:
        rest = "+".join(part for part in embedding.parts if part not in embedding.stages)
        return _canonical_embedding(
            embedding.model_copy(update={"placement": rest or "none"}), attention
        )
    names = {"placement", "fusion", *fusion.fields, *(("width",) if embedding.has_head else ())}
    return EmbeddingConfig(**embedding.model_dump(include=names))


def _canonical_attention(attention: AttentionConfig, embedding: EmbeddingConfig) -> AttentionConfig:
    if not embedding.stages:
        return AttentionConfig()
    names = ("kind", *ATTENTIONS.find(attention.kind).fields)
    return AttentionConfig(**{name: getattr(attention, name) for name in names})


def _canonical_map(semantic_map: MapConfig, embedding: EmbeddingConfig) -> MapConfig:
    if not embedding.uses_map:
        return MapConfig()
    if semantic_map.control == "constant":
        return MapConfig(control="constant")
    names = {"source", "control", *SEMANTIC_SOURCES.find(semantic_map.source).fields}
    return MapConfig(**semantic_map.model_dump(include=names))


def _canonical_loss(loss: LossConfig) -> LossConfig:
    names = ("kind", "label_smoothing", *LOSSES.find(loss.kind).fields)
    return LossConfig(**{name: getattr(loss, name) for name in names}, **(loss.model_extra or {}))


def _canonical_optimizer(optimizer: OptimizerConfig, embedding: EmbeddingConfig) -> OptimizerConfig:
    return (
        optimizer if embedding.is_trained else optimizer.model_copy(update={"embedding_rate": 1.0})
    )


def _canonical_micro_batch(micro_batch_size: int | None, batch_size: int) -> int | None:
    return None if micro_batch_size is None or micro_batch_size >= batch_size else micro_batch_size


def _canonical_augmentation(augmentation: AugmentationConfig) -> AugmentationConfig:
    if augmentation.policy == "rand":
        return augmentation
    without_effect = {"policy_ops", "policy_magnitude"}
    return AugmentationConfig(**augmentation.model_dump(exclude=without_effect))
