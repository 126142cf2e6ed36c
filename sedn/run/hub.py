"""A run's folder in the layout that timm and the Hugging Face hub understand."""

import json
import tempfile
from pathlib import Path
from typing import Any

import safetensors.torch
from timm.models._hub import save_config_for_hf
from torch import nn

from sedn.files import make_folder, write_bytes, write_text
from sedn.network import SemanticNetwork
from sedn.network.backbone import create_backbone, pixel_statistics
from sedn.run.model_file import BACKBONE, MODEL, ModelHeader, weights_of

HUB_CONFIG = "config.json"


def write_hub_config(network: SemanticNetwork, header: ModelHeader, folder: Path) -> None:
    """Write ``config.json``: what the model is, in timm's words where timm has them."""
    config = header.config
    described = {
        "architecture": "sedn.SemanticNetwork",
        "backbone": config.backbone.name,
        "num_classes": len(header.labels),
        "label_names": list(header.labels),
        "problem_type": "multi_label_classification",
        "temperature": header.calibration.temperature,
        "thresholds": list(header.calibration.thresholds),
        "map_source": config.map_source,
        "regions": list(header.regions),
        "has_indicator": header.has_indicator,
        "white": header.levels and header.levels.white,
        "pretrained_cfg": _preprocessing(network, header),
        "training_config": config.model_dump(mode="json"),
    }
    write_text(folder / HUB_CONFIG, json.dumps(described, indent=1) + "\n")


def write_backbone(network: SemanticNetwork, header: ModelHeader, folder: Path) -> None:
    """Write the backbone alone into ``backbone/``, for
    ``timm.create_model("local-dir:…/backbone", pretrained=True)``.

    The backbone's classifier has a logit for each label. Where another head took its place, the
    backbone has none, and what only the backbone's own pooling needs is as it was initialised.
    """
    config = header.config
    n_labels = len(header.labels) if network.head is None else 0
    whole = create_backbone(config.from_scratch().backbone, n_labels, config.data.image_size)
    weights = whole.state_dict() | weights_of(network.backbone)
    unknown = weights.keys() - whole.state_dict().keys()
    assert not unknown, f"timm's model has no {', '.join(sorted(unknown))}"
    make_folder(folder / BACKBONE)
    content = safetensors.torch.save(weights, metadata={"format": "pt"})
    write_bytes(folder / BACKBONE / MODEL, content)
    labels = {"label_names": list(header.labels)} if n_labels else {}
    described = _timm_config(whole, labels, _preprocessing(network, header))
    write_text(folder / BACKBONE / HUB_CONFIG, described)


def _preprocessing(network: SemanticNetwork, header: ModelHeader) -> dict[str, Any]:
    """The preprocessing of images, in the names of :mod:`timm.data`."""
    size = header.config.data.image_size
    mean, deviation = pixel_statistics(network.backbone)
    return {
        "input_size": [3, size, size],
        "mean": list(mean),
        "std": list(deviation),
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "crop_mode": "squash",
    }


def _timm_config(model: nn.Module, described: dict[str, Any], data: dict[str, Any]) -> str:
    """The description of the backbone in timm's format."""
    with tempfile.TemporaryDirectory() as part:
        path = Path(part) / HUB_CONFIG
        save_config_for_hf(model, str(path), model_config=described, data_config=data)
        return path.read_text(encoding="utf-8")
