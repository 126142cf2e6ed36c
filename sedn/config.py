"""The one configuration object: what a trial trains, an export holds and ``sedn train`` reads."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sedn.errors import UserError, did_you_mean

AttentionKind = Literal["none", "se", "ese", "eca", "ceca", "cbam", "lcbam", "gc", "gca", "ge"]
REDUCING_ATTENTION: frozenset[str] = frozenset({"se", "cbam", "lcbam", "gc", "gca"})
"""Kinds of attention whose inner width is the stage's width over the reduction ratio."""

_PLACEMENT_PART = re.compile(r"none|input|stem|stage[1-9][0-9]*|last2|all")


class Group(BaseModel):
    """A group of fields: immutable, unknown names refused, no value silently converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataConfig(Group):
    """Which images, and how they are cut into splits."""

    path: str = "digits-in-clutter"
    """The name of an embedded data set, or the path of a table (CSV)."""
    image_size: int = Field(224, ge=16, le=4096)
    """Side of the square that images and maps are resized to, in pixels."""
    split_seed: int = Field(0, ge=0)


class BackboneConfig(Group):
    """A timm model and how it is built."""

    name: str = "resnet50"
    pretrained: bool = True
    drop_path: float = Field(0.0, ge=0.0, lt=1.0)


class EmbeddingConfig(Group):
    """Where and how the semantic map enters the backbone."""

    placement: str = "none"
    """``none``, or one or several of ``input``, ``stem`` (stride 2), ``stage1`` (stride 4),
    ``stage2`` (stride 8) …, ``last2``, ``all`` (every stage), joined by ``+``."""
    fusion: Literal["scale_shift", "concat", "add", "gate"] = "scale_shift"
    width: int = Field(16, ge=1, le=1024)
    """Channels of the encoded map before it is fused."""

    @field_validator("placement")
    @classmethod
    def _known_parts(cls, placement: str) -> str:
        parts = placement.split("+")
        for part in parts:
            if not _PLACEMENT_PART.fullmatch(part):
                names = ["none", "input", "stem", "stage1", "stage2", "stage3", "stage4", "last2"]
                hint = did_you_mean(part, [*names, "all"])
                raise ValueError(
                    f"'{part}' is not a placement: none, input, stem, stage1, stage2, …, last2 "
                    f"or all, joined by '+'{hint}"
                )
        if "none" in parts and len(parts) > 1:
            raise ValueError("'none' cannot be joined with another placement")
        if len(set(parts)) < len(parts):
            raise ValueError(f"'{placement}' names a place twice")
        return placement


class AttentionConfig(Group):
    """Channel attention after each fusion (Hu et al., arXiv 1709.01507, and its kin in timm)."""

    kind: AttentionKind = "none"
    reduction_ratio: int = Field(16, ge=1, le=256)


class OptimizerConfig(Group):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101)."""

    learning_rate: float = Field(1e-3, gt=0.0, le=1.0)
    weight_decay: float = Field(0.01, ge=0.0, le=1.0)


class ScheduleConfig(Group):
    """The learning rate over the steps of a run: linear warm-up, then down to nearly zero."""

    kind: Literal["one_cycle", "cosine"] = "one_cycle"
    warmup: float = Field(0.25, ge=0.0, lt=1.0)
    """Share of all steps in which the learning rate rises."""


class AugmentationConfig(Group):
    """Random changes of the training images; image and map move together."""

    horizontal_flip: bool = False
    shift: float = Field(0.0, ge=0.0, le=0.5)
    """Largest displacement along each axis, as a share of the image's side."""


class TrainingConfig(Group):
    """Everything that decides a training run. Equal configurations train equal networks."""

    data: DataConfig = DataConfig()
    backbone: BackboneConfig = BackboneConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    attention: AttentionConfig = AttentionConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    epochs: int = Field(40, ge=1, le=10_000)
    batch_size: int = Field(64, ge=1, le=65_536)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        """Reset what has no effect, so that equal networks have equal configurations."""
        stages = [p for p in self.embedding.placement.split("+") if p not in ("none", "input")]
        if not stages:
            placement = self.embedding.placement
            object.__setattr__(self, "embedding", EmbeddingConfig(placement=placement))
            object.__setattr__(self, "attention", AttentionConfig())
        elif self.attention.kind not in REDUCING_ATTENTION:
            object.__setattr__(self, "attention", AttentionConfig(kind=self.attention.kind))
        return self

    def to_yaml(self) -> str:
        """The configuration as a YAML document with every field written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def plain(self) -> "TrainingConfig":
        """The same training of the plain backbone: no map, no attention."""
        return self.model_copy(
            update={"embedding": EmbeddingConfig(), "attention": AttentionConfig()}
        )


def config_hash(config: TrainingConfig) -> str:
    """Sixteen hex digits that name the configuration; replicates (other seeds) share them."""
    fields = config.model_dump(mode="json", exclude={"seed"})
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def build_config(fields: Mapping[str, Any], source: str) -> TrainingConfig:
    """Build a configuration from nested ``fields``; ``source`` names them in an error.

    Raises:
        UserError: a field is unknown, or a value is not one the field takes.
    """
    try:
        return TrainingConfig.model_validate(fields)
    except ValidationError as error:
        raise UserError(f"{source}: {describe_error(error)}") from None


def describe_error(error: ValidationError) -> str:
    """The first fault of a validation in one line, with the field's path and the nearest name."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"]) or "the whole document"
    if first["type"] == "extra_forbidden":
        return f"unknown field '{path}'{did_you_mean(path, field_paths())}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"field '{path}': {reason[0].lower()}{reason[1:]} (got {first['input']!r})"


def field_paths(group: type[BaseModel] = TrainingConfig, prefix: str = "") -> list[str]:
    """Dotted paths of all fields, groups included: ``optimizer``, ``optimizer.learning_rate`` …"""
    paths = []
    for name, field in group.model_fields.items():
        paths.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            paths += field_paths(field.annotation, f"{prefix}{name}.")
    return paths


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration from a YAML file, as ``sedn export`` writes it.

    Raises:
        UserError: the file cannot be read, is no YAML mapping, or has a wrong field.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `sedn export` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected the fields of a configuration, such as 'backbone:'")
    return build_config(document, str(path))
