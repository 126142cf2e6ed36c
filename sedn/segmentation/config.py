"""The configuration of a segmenter."""

from typing import Literal

from pydantic import Field, field_validator

from sedn.config import AugmentationConfig, DataConfig
from sedn.config.groups import LARGEST_SEED, Group, absolute


class SegmenterConfig(Group):
    """A network of segmentation-models-pytorch with an encoder of timm, and how it is trained."""

    architecture: Literal["unet", "fpn"] = "unet"
    """U-Net (Ronneberger et al., arXiv 1505.04597) or feature pyramid (Kirillov et al.,
    arXiv 1901.02446)."""
    encoder: str = "resnet18"
    """A timm model with features down to stride 32."""
    pretrained: bool = True
    weights: str = ""
    """A file with the encoder's pretrained weights, as ``backbone.weights``; timm's if there is
    none."""
    folds: int = Field(2, ge=2, le=10)
    """Parts of the training images; each is predicted by a network that has not seen it."""
    epochs: int = Field(30, ge=1, le=10_000)
    """Epochs at most."""
    patience: int = Field(5, ge=1, le=10_000)
    """Epochs without a better map of the validation images after which training stops."""
    batch_size: int = Field(32, ge=2, le=65_536)
    learning_rate: float = Field(1e-3, gt=0.0, le=1.0)
    """The learning rate of AdamW at the start; the rate falls along half a cosine."""
    weight_decay: float = Field(0.01, ge=0.0, le=1.0)
    augmentation: AugmentationConfig = AugmentationConfig(horizontal_flip=True, shift=0.1)
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    @field_validator("weights")
    @classmethod
    def _is_the_same_everywhere(cls, weights: str) -> str:
        return absolute(weights)

    @field_validator("augmentation")
    @classmethod
    def _mixes_no_images(cls, augmentation: AugmentationConfig) -> AugmentationConfig:
        if augmentation.mixup or augmentation.cutmix:
            raise ValueError("mixup and cutmix are for classifiers; a segmenter takes neither")
        return augmentation


class SegmenterCard(Group):
    """The description of a folder's segmenter, and of the data that trained the segmenter."""

    segmenter: SegmenterConfig
    data: DataConfig
    fingerprint: str
    """The data set's."""
    regions: list[str]
