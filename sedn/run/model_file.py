"""A trained network in one file: its weights as safetensors, and in the header how to use them.

The file of an ensemble holds what its members' scores are averaged by; each member has a folder
with a file of its own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from sedn.config import TrainingConfig, build_config
from sedn.config.groups import LOCAL
from sedn.data.images.levels import FULL, Levels
from sedn.errors import UserError
from sedn.files import write_bytes
from sedn.network import SemanticNetwork, build_network
from sedn.run.calibration import Calibration
from sedn.run.rank_average import RankAverage
from sedn.run.trained_maps import TrainedMaps
from sedn.weights import read_weights, weights_checksum

MODEL = "model.safetensors"
BACKBONE = "backbone"
"""Folder of a run in which timm finds its backbone."""
MEMBERS = "members"
"""Folder of an ensemble in which its networks have a folder each."""
_CHECKSUM = "crc32"
_ALL_BITS = Levels(FULL, is_detected=False).to_json()


@dataclass(frozen=True)
class ModelHeader:
    """All fields that a network needs besides its weights."""

    config: TrainingConfig
    labels: tuple[str, ...]
    regions: tuple[str, ...]
    """Names of the channels of its maps."""
    has_indicator: bool
    """Whether the network has an input that says which images have a map, as some of its data set
    have none.
    """
    calibration: Calibration
    """From its logits to probabilities and labels."""
    levels: Levels | None = None
    """The white value of its training images of more than 8 bits; ``None`` where there were
    none."""
    members: tuple[str, ...] = ()
    """The folders of an ensemble's networks, below its own; empty for a single network. The
    configuration is then that of a member that sees given maps, if any does, or of the first."""
    maps: TrainedMaps | None = None
    """The given maps of the training; ``None`` where the network sees none, and of a model of
    before they were kept."""


def save_model(network: SemanticNetwork | RankAverage, header: ModelHeader, path: Path) -> None:
    """Write weights and header, whole or not at all.

    Raises:
        UserError: the file cannot be written.
    """
    fields = asdict(header) | {
        "config": header.config.model_dump(mode="json"),
        "levels": None if header.levels is None else header.levels.to_json(),
        "maps": None if header.maps is None else header.maps.to_json(),
    }
    weights = weights_of(network)
    for name in ("members", "maps"):
        if not fields[name]:
            del fields[name]
    metadata = {"format": "pt"} | {name: json.dumps(value) for name, value in fields.items()}
    metadata[_CHECKSUM] = weights_checksum(weights, _described(metadata))
    write_bytes(path, safetensors.torch.save(weights, metadata=metadata))


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """The weights as safetensors takes them."""
    return {name: value.cpu().contiguous() for name, value in module.state_dict().items()}


def read_header(path: Path) -> ModelHeader:
    """The header alone, without the weights.

    Raises:
        UserError: the file is missing, damaged, or no model of this program.
    """
    try:
        metadata = _read_metadata(path)
        fields = {
            name: json.loads(metadata[name])
            for name in ModelHeader.__dataclass_fields__
            if name not in ("levels", "members", "maps")
        }
        # The first models have no levels: they saw all 16 bits.
        levels = json.loads(metadata["levels"]) if "levels" in metadata else _ALL_BITS
        members = json.loads(metadata.get("members", "[]"))
        maps = json.loads(metadata.get("maps", "null"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such model; `sedn train` makes one") from None
    except KeyError as error:
        raise UserError(
            f"{path}: its header lacks {error}, so it is no model of `sedn train`, or one of an "
            f"older version; train it again"
        ) from None
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: cannot be read as a model: {_reason(error)}") from None
    return ModelHeader(
        config=build_config(fields["config"], str(path)),
        labels=tuple(fields["labels"]),
        regions=tuple(fields["regions"]),
        has_indicator=fields["has_indicator"],
        calibration=_read_calibration(fields["calibration"]),
        levels=None if levels is None else Levels.from_json(levels),
        members=tuple(members),
        maps=None if maps is None else TrainedMaps.from_json(maps),
    )


def load_network(path: Path, header: ModelHeader, device: torch.device) -> SemanticNetwork:
    """The network in evaluation mode on the device; nothing but the file is read.

    Raises:
        UserError: the file is damaged, or the installed timm builds another network.
    """
    config = _built_here(header.config.from_scratch(), path.parent)
    network = build_network(config, len(header.labels), len(header.regions), header.has_indicator)
    weights = _read_checked(path)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: not the weights of this network: {_reason(error)}") from None
    network.to(device).to(memory_format=torch.channels_last)
    return network.eval()


def load_rank_average(path: Path, header: ModelHeader) -> RankAverage:
    """Load what averages the scores of an ensemble's members.

    Raises:
        UserError: the file is damaged, or not of such an ensemble.
    """
    weights = _read_checked(path)
    shape = weights["values"].shape if "values" in weights else torch.Size()
    if len(shape) != 3 or shape[:2] != (len(header.members), len(header.labels)):
        raise UserError(f"{path}: not the file of an ensemble of {len(header.members)} networks")
    average = RankAverage(*shape)
    try:
        average.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: not the file of an ensemble: {_reason(error)}") from None
    return average.eval()


def _read_checked(path: Path) -> dict[str, Tensor]:
    metadata = _read_metadata(path)
    return read_weights(path, metadata.get(_CHECKSUM), _described(metadata))


def _read_metadata(path: Path) -> Mapping[str, str]:
    with safetensors.safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def _described(metadata: Mapping[str, str]) -> str:
    """The part of the header that the checksum covers besides the weights."""
    names = ModelHeader.__dataclass_fields__
    return json.dumps([metadata[name] for name in names if name in metadata])


def _built_here(config: TrainingConfig, folder: Path) -> TrainingConfig:
    """The configuration, whose backbone is described in the run's ``folder`` and not where its
    weights came from, which may be gone.
    """
    described = folder.absolute() / BACKBONE
    if ":" not in config.backbone.name or not described.is_dir():
        return config
    backbone = config.backbone.model_copy(update={"name": f"{LOCAL}{described}"})
    return config.model_copy(update={"backbone": backbone})


def _read_calibration(fields: Mapping[str, Any]) -> Calibration:
    return Calibration(
        fields["temperature"], tuple(fields["thresholds"]), tuple(fields["undecided"])
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())
