"""The groups of fields that a training configuration is made of."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from sedn.files import file_digest
from sedn.registry import ATTENTIONS, FUSIONS, HEADS, LOSSES, SEMANTIC_SOURCES
from sedn.registry.losses import own_fields
from sedn.registry.placements import ALONE, find_placement, unknown_placement

LARGEST_SEED = 2**32 - 1
"""The largest seed that all random generators take: scikit-learn's limit is the lowest."""


LOCAL = "local-dir:"
"""Before the folder of a backbone, as timm has it."""


class Group(BaseModel):
    """A group of fields: immutable, unknown names refused, no value silently converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def entry_fields(cls) -> Mapping[str, type[BaseModel]]:
        """Fields that only some entries of a registry have, each with the model that it is in."""
        return {}


def absolute(folder: str) -> str:
    """The folder, named so that every process means the same by it, wherever it was started."""
    return os.path.abspath(folder) if folder else folder  # noqa: PTH100 (takes out "..")


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda names: tuple(names) if isinstance(names, list) else names),
]
"""A list of names in a document; here it cannot change."""


class DataConfig(Group):
    """The images, and how they are cut into splits."""

    path: str = "digits-in-clutter"
    """The name of an embedded data set, or the path of one: a ``data.yaml``, a table, a folder."""
    image_size: int = Field(224, ge=16, le=4096)
    """Side of the square that images and maps are resized to, in pixels."""
    split_seed: int = Field(0, ge=0, le=LARGEST_SEED)
    """For data without splits of its own."""
    skip_unreadable: bool = False
    """Leave out images that cannot be read, and rows, files and annotations that are missing, wrong
    or there twice, and count such images in every result, instead of refusing the data set."""
    labels: Names | None = None
    """The labels to learn. This and what follows are fields of ``data.yaml``, given beside it."""
    label_list: str | None = None
    """The column that lists the labels of an image."""
    separator: str | None = None
    """The separator between listed labels."""
    image_column: str | None = None
    """The column of the images."""
    leave_out: Names = ()
    """Columns that are no labels."""
    attributes: Names = ()
    """The attributes of COCO's annotations that become the labels; or all, or none."""
    fingerprint: str = ""
    """The fingerprint of the data, as ``sedn export`` writes it: other data are refused. Empty: the
    data as they are."""

    @property
    def source(self) -> Self:
        """What decides on the fingerprint of the data: all but the size of the images."""
        size = type(self).model_fields["image_size"].default
        return self.model_copy(update={"image_size": size, "fingerprint": ""})

    def of_fingerprint(self, fingerprint: str) -> Self:
        """A copy for the data of this fingerprint alone; empty: for the data as they are."""
        return self.model_copy(update={"fingerprint": fingerprint})

    def given(self) -> dict[str, Any]:
        """The fields of ``data.yaml`` that the configuration sets."""
        names = ("label_list", "separator", "image_column")
        lists = {
            name: list(getattr(self, name) or ()) for name in ("labels", "leave_out", "attributes")
        }
        fields = {name: getattr(self, name) for name in names} | lists
        return {name: value for name, value in fields.items() if value}


class BackboneConfig(Group):
    """A timm model and the options that build the model."""

    name: str = "resnet50"
    """A model of timm; ``local-dir:`` and a folder, such as the ``backbone`` of a run; or
    ``hf-hub:`` and the name of a model on the Hugging Face hub.
    """
    pretrained: bool = True
    drop_path: float = Field(0.0, ge=0.0, lt=1.0)
    weights: str = ""
    """A file with the pretrained weights, safetensors or torch's, for a backbone by timm's name;
    where there is none timm fetches them."""
    weights_digest: str = ""
    """The digest of the weights file, computed by the program: training begins with these weights
    or not at all.
    """

    @field_validator("name")
    @classmethod
    def _is_the_same_everywhere(cls, name: str) -> str:
        source, colon, folder = name.partition(":")
        return f"{source}:{absolute(folder)}" if source + colon == LOCAL else name

    @field_validator("weights")
    @classmethod
    def _is_the_same_file_everywhere(cls, weights: str) -> str:
        return absolute(weights)

    @model_validator(mode="after")
    def _knows_its_weights(self) -> Self:
        """Take the digest of the file, where it is here; without pretrained weights there is none.

        A file that is not here may come later, or be another node's: a missing file is
        reported before training.
        """
        if not (self.pretrained and self.weights):
            self._replace(weights="", weights_digest="")
        elif not self.weights_digest:
            with suppress(OSError):
                self._replace(weights_digest=file_digest(Path(self.weights)))
        return self

    def from_scratch(self) -> "BackboneConfig":
        """A copy without pretrained weights."""
        return self.model_copy(update={"pretrained": False, "weights": "", "weights_digest": ""})

    def _replace(self, **values: str) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


class EmbeddingConfig(Group):
    """The places and the method by which the semantic map enters the backbone."""

    placement: str = "none"
    """``none``; or the map on the image itself: ``mask-image`` (image times map) or ``crop`` (to
    the map's extent); or one or several of ``input`` (further channels), ``stem`` (stride 2),
    ``stage1`` (stride 4), ``stage2`` (stride 8) …, ``last2``, ``all`` (every stage) and ``head``
    (pooled map features beside pooled image features), joined by ``+``."""
    fusion: Annotated[str, BeforeValidator(FUSIONS.check)] = "scale_shift"
    """How a stage takes up the map: one of :data:`sedn.registry.FUSIONS`; ``none`` leaves the
    attention alone, a control."""
    width: int = Field(16, ge=1, le=1024)
    """Channels of the encoded map before it is fused."""

    @field_validator("placement")
    @classmethod
    def _known_parts(cls, placement: str) -> str:
        parts = placement.split("+")
        for part in parts:
            if find_placement(part) is None:
                raise ValueError(unknown_placement(part))
        alone = next((part for part in parts if part in ALONE), None)
        if alone and len(parts) > 1:
            raise ValueError(f"'{alone}' cannot be joined with another placement")
        if len(set(parts)) < len(parts):
            raise ValueError(f"'{placement}' names a place twice")
        return placement

    @property
    def parts(self) -> tuple[str, ...]:
        """The places that the placement joins."""
        return tuple(self.placement.split("+"))

    @property
    def stages(self) -> tuple[str, ...]:
        """The parts of the placement that are features of the backbone."""
        placements = {part: find_placement(part) for part in self.parts}
        return tuple(part for part, one in placements.items() if one is not None and one.is_stage)

    @property
    def is_trained(self) -> bool:
        """Whether the map, or attention alone, comes with weights of its own."""
        return any(part not in ALONE for part in self.parts)

    @property
    def has_head(self) -> bool:
        """Whether the map's features join those of the image at the classifier."""
        return "head" in self.parts

    @property
    def fusion_sees_map(self) -> bool:
        """Whether a stage that has a fusion sees the map."""
        return FUSIONS.find(self.fusion).sees_map

    @property
    def uses_map(self) -> bool:
        """Whether the network sees the map at all."""
        by_stages = self.fusion_sees_map and bool(self.stages)
        return by_stages or (self.placement != "none" and len(self.stages) < len(self.parts))


class AttentionConfig(Group):
    """Channel attention after each fusion (Hu et al., arXiv 1709.01507, and its kin in timm)."""

    kind: Annotated[str, BeforeValidator(ATTENTIONS.check)] = "none"
    """A name in :data:`sedn.registry.ATTENTIONS`."""
    reduction_ratio: int = Field(16, ge=1, le=256)


class MapConfig(Group):
    """The source of the semantic map, and the changes that are made before the network sees the
    map.
    """

    source: Annotated[str, BeforeValidator(SEMANTIC_SOURCES.check)] = "given"
    """A name in :data:`sedn.registry.SEMANTIC_SOURCES`."""
    segmenter: str = ""
    """Folder of a segmenter, as ``sedn segment`` writes it; for ``predicted`` alone."""
    auxiliary_weight: float = Field(1.0, gt=0.0, le=100.0)
    """Weight of the segmentation loss beside the classification loss; for ``auxiliary`` alone."""
    control: Literal["none", "shuffled", "constant"] = "none"
    """``shuffled`` gives each image the map of another, ``constant`` the same map to all: what is
    gained even so is not gained from the map."""
    dropout: float = Field(0.0, ge=0.0, le=1.0)
    """Share of training images whose map is set to zero, against over-trust in the map."""
    noise: float = Field(0.0, ge=0.0, le=1.0)
    """Share of training images whose map is dilated, eroded or blurred."""

    @field_validator("segmenter")
    @classmethod
    def _is_the_same_everywhere(cls, segmenter: str) -> str:
        return absolute(segmenter)


class HeadConfig(Group):
    """The head, from the last feature map to one logit for each label."""

    kind: Annotated[str, BeforeValidator(HEADS.check)] = "average"
    """A name in :data:`sedn.registry.HEADS`; ``average`` is the backbone's own head."""


class LossConfig(Group):
    """The loss that training minimises; unknown labels (NaN) take no part.

    A loss may have fields of its own (:attr:`sedn.registry.Loss.options`). They are there with the
    loss alone.
    """

    model_config = ConfigDict(extra="allow")

    kind: Annotated[str, BeforeValidator(LOSSES.check)] = "bce"
    """A name in :data:`sedn.registry.LOSSES`."""
    pos_weight: Literal["none", "sqrt", "inverse"] = "none"
    """Weight of a label's positives: negatives over positives in training, its square root, or 1;
    at most 20. For ``bce`` alone."""
    gamma: float = Field(2.0, ge=0.0, le=8.0)
    """Focusing of ``focal``."""
    gamma_negative: float = Field(4.0, ge=0.0, le=8.0)
    """Focusing of ``asl`` on negatives; its positives have none."""
    clip: float = Field(0.05, ge=0.0, lt=1.0)
    """Shift of ``asl``: negatives scored below it cost nothing."""
    label_smoothing: float = Field(0.0, ge=0.0, lt=0.5)

    @classmethod
    def entry_fields(cls) -> Mapping[str, type[BaseModel]]:
        """The fields that only some losses have."""
        return own_fields()

    @model_validator(mode="after")
    def _with_options_of_the_kind(self) -> Self:
        """Check the fields that losses have of their own; keep, with defaults, those of the kind.

        Those of another loss are checked and left out, as an axis of a space may give them.
        """
        given = self.model_extra or {}
        if not given.keys() <= own_fields().keys():
            LOSSES.names()
        owners = {name: own_fields().get(name, _NoOptions) for name in given}
        for owner in dict.fromkeys(owners.values()):
            own = {name: value for name, value in given.items() if owners[name] is owner}
            owner.model_validate(own, strict=True)
        options = LOSSES.find(self.kind).options or _NoOptions
        kept = {name: value for name, value in given.items() if name in options.model_fields}
        object.__setattr__(self, "__pydantic_extra__", vars(options(**kept)))
        return self


class _NoOptions(Group):
    """The options of a loss without fields of its own."""


class OptimizerConfig(Group):
    """The optimiser. Biases and normalisation are not decayed."""

    name: str = "adamw"
    """Any optimiser of timm's: ``adamw``, ``sgd``, ``lamb``, ``lion``, ``adan``, ``muon`` …"""
    learning_rate: float = Field(1e-3, gt=0.0, le=1.0)
    weight_decay: float = Field(0.01, ge=0.0, le=1.0)
    momentum: float = Field(0.9, ge=0.0, lt=1.0)
    """For optimisers that have one, such as ``sgd``."""
    layer_decay: float = Field(1.0, gt=0.0, le=1.0)
    """Factor of the learning rate from each layer of the backbone to the one before (BEiT, Bao et
    al., arXiv 2106.08254); 1 trains all alike."""
    embedding_rate: float = Field(1.0, gt=0.0, le=100.0)
    """Factor of the learning rate of what takes up the map, which starts untrained."""
    head_rate: float = Field(1.0, gt=0.0, le=100.0)
    """Factor of the learning rate of the classifier."""
    clip_norm: float = Field(0.0, ge=0.0)
    """Greatest norm of all gradients of a step together; 0 clips nothing."""


class ScheduleConfig(Group):
    """The learning rate over the steps of a run: warm-up, then down to nearly zero."""

    kind: Literal["one_cycle", "cosine", "linear", "wsd"] = "one_cycle"
    """``one_cycle`` (Smith and Topin, arXiv 1708.07120); ``cosine`` (Loshchilov and Hutter, arXiv
    1608.03983); ``linear``; ``wsd``: level, then down over the last fifth (Hägele et al., arXiv
    2405.18392)."""
    warmup: float = Field(0.25, ge=0.0, lt=1.0)
    """Share of all steps in which the learning rate rises."""


class AugmentationConfig(Group):
    """Random changes of the training images; image and map move together."""

    horizontal_flip: bool = False
    shift: float = Field(0.0, ge=0.0, le=0.5)
    """Largest displacement along each axis, as a share of the image's side."""
    crop_scale: float = Field(1.0, gt=0.0, le=1.0)
    """Least share of the image's area that a random crop keeps, of aspect ratio 3/4 to 4/3; the
    crop is resized to the whole. 1 crops nothing."""
    rotation: float = Field(0.0, ge=0.0, le=180.0)
    """Largest angle, to either side, in degrees."""
    scale: float = Field(0.0, ge=0.0, le=4.0)
    """Zoom by a factor from ``1 / (1 + scale)`` to ``1 + scale``."""
    shear: float = Field(0.0, ge=0.0, lt=45.0)
    """Largest angle of a shear along each axis, in degrees."""
    brightness: float = Field(0.0, ge=0.0, le=1.0)
    """Factors from ``1 - brightness`` to ``1 + brightness``; contrast and saturation likewise."""
    contrast: float = Field(0.0, ge=0.0, le=1.0)
    saturation: float = Field(0.0, ge=0.0, le=1.0)
    hue: float = Field(0.0, ge=0.0, le=0.5)
    """Largest shift of the hue, to either side, as a share of the circle of colours."""
    policy: Literal["none", "trivial", "rand"] = "none"
    """TrivialAugment (Müller and Hutter, arXiv 2103.10158) or RandAugment (Cubuk et al., arXiv
    1909.13719)."""
    policy_ops: int = Field(2, ge=1, le=14)
    """Operations on each image; for ``rand`` alone."""
    policy_magnitude: int = Field(9, ge=0, le=30)
    """Strength of the operations; for ``rand`` alone."""
    erasing: float = Field(0.0, ge=0.0, le=1.0)
    """Share of images of which a rectangle is erased (Zhong et al., arXiv 1708.04896)."""
    background_swap: float = Field(0.0, ge=0.0, le=1.0)
    """Share of training images that get the background of another, by the data set's masks."""
    mixup: float = Field(0.0, ge=0.0, le=10.0)
    """Alpha of the Beta distribution of the shares in which two images are mixed (Zhang et al.,
    arXiv 1710.09412); 0 mixes none."""
    cutmix: float = Field(0.0, ge=0.0, le=10.0)
    """Alpha of the Beta distribution of the area left of an image that a rectangle of another
    covers (Yun et al., arXiv 1905.04899); 0 covers none."""
