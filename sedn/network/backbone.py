"""The backbone: any image model that timm builds."""

from collections.abc import Iterable
from typing import Any

import timm
from torch import nn

from sedn.config import BackboneConfig, TrainingConfig
from sedn.errors import UserError
from sedn.network.pretrained import check_available, stored_weights
from sedn.network.sources import BackboneSource, find_backbone
from sedn.network.weights_file import check_weights_file, weights_options

WITHOUT = "name a file of them (backbone.weights), or set backbone.pretrained to false"
"""How to train a backbone whose pretrained weights cannot be had."""


def check_backbone(name: str) -> None:
    """Check that there is such a model, and its tag of weights if it names one; as
    :func:`~sedn.network.sources.find_backbone`.
    """
    find_backbone(name)


def check_weights(config: BackboneConfig) -> None:
    """Check that there are pretrained weights if they are asked for.

    Raises:
        UserError: ``config.pretrained`` is set and there are none for the model.
    """
    source = find_backbone(config.name)
    if config.pretrained and not config.weights and not source.has_weights:
        raise UserError(
            f"backbone '{config.name}' has no pretrained weights: set backbone.pretrained to false "
            f"or backbone.weights to a file of them"
        )


def check_pretrained_available(configs: Iterable[TrainingConfig]) -> None:
    """Check that the weights of pretrained backbones are on this machine or can be fetched;
    and that those in a file are the model's.

    Raises:
        UserError: some cannot be had, or are another model's.
    """
    pretrained = [config for config in configs if config.backbone.pretrained]
    for config in pretrained:
        if config.backbone.weights:
            check_weights_file(config.backbone, config.data.image_size)
    fetched = [config.backbone.name for config in pretrained if not config.backbone.weights]
    check_available(fetched, WITHOUT)


def create_backbone(config: BackboneConfig, n_labels: int, image_size: int) -> nn.Module:
    """Build the model with one logit for each label.

    Models with position tables of a fixed size are built for ``image_size``; their pretrained
    tables are resampled by timm.

    Raises:
        UserError: the model is unknown, takes no drop path, cannot be built for the image size,
            or its pretrained weights cannot be had.
    """
    check_weights(config)
    source = find_backbone(config.name)
    options: dict[str, Any] = {}
    # A folder may say with which drop path its model was trained; the configuration decides.
    if config.drop_path > 0 or "drop_path_rate" in source.arguments:
        options["drop_path_rate"] = config.drop_path
    if source.described.fixed_input_size:
        options["img_size"] = image_size
    if config.weights:
        check_weights_file(config, image_size)
        options |= weights_options(config)
    elif config.pretrained:
        check_available([config.name], WITHOUT)
        options |= _from_cache(config.name, source)
    try:
        model: nn.Module = timm.create_model(
            config.name,
            pretrained=config.pretrained,
            num_classes=n_labels,
            in_chans=3,
            **options,
        )
    except Exception as error:
        raise UserError(_reason(config, image_size, error)) from error
    if "pretrained_cfg_overlay" in options:
        # A path of this machine, or the weights themselves, are no property of the model.
        for name in ("file", "state_dict"):
            getattr(model, "pretrained_cfg", {}).pop(name, None)
    return model


def _from_cache(name: str, source: BackboneSource) -> dict[str, Any]:
    """Options that let timm read weights that are on this machine without asking the hub whether
    they are new.
    """
    file = stored_weights(name)
    named = not source.is_timm or source.described.hf_hub_filename
    if file is None or file.suffix != ".safetensors" or named:
        return {}
    # What the hub has is in timm's own names; a custom load is for the file at the URL.
    return {"pretrained_cfg_overlay": {"file": str(file), "custom_load": False}}


def first_convolution(model: nn.Module) -> str | None:
    """Name of the convolution that sees the image; the first of them where branches run side
    by side; None where the model has none.
    """
    named: str | tuple[str, ...] | None = getattr(model, "pretrained_cfg", {}).get("first_conv")
    name = next(iter(named), None) if isinstance(named, list | tuple) else named
    if not name or not isinstance(dict(model.named_modules()).get(name), nn.Conv2d):
        return None
    return name


def pixel_statistics(model: nn.Module) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the pixels, 0 to 1, by channel, that the model was made for."""
    described = getattr(model, "pretrained_cfg", {})
    mean, deviation = (tuple(described.get(name, (0.5, 0.5, 0.5))) for name in ("mean", "std"))
    return mean, deviation


def _reason(config: BackboneConfig, image_size: int, error: Exception) -> str:
    """Why a model that timm knows could not be built, in one line."""
    text = " ".join(str(error).split())
    if "drop_path_rate" in text:
        return f"backbone '{config.name}' takes no drop path: set backbone.drop_path to 0"
    if config.pretrained:
        return (
            f"backbone '{config.name}': its pretrained weights cannot be loaded ({text}); "
            "fetch them once where there is a network, or set backbone.pretrained to false"
        )
    return f"backbone '{config.name}' cannot be built for images of {image_size} px: {text}"
