"""Pretrained weights in a file of the user's: found, compared with the model, and read."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import load_state_dict
from torch import Tensor

from sedn.config import BackboneConfig
from sedn.errors import UserError
from sedn.files import cache_folder, file_digest, make_folder, write_bytes
from sedn.network.sources import BackboneSource, find_backbone

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")
FIELD = "backbone.weights"
NAMED = 3
"""Tensors that a message names, at most."""


def find_weights(config: BackboneConfig) -> Path:
    """Find the file of weights on this machine: the file that the configuration names, or among
    those that a search has sent here.

    Raises:
        UserError: the file is nowhere, or is another than the configuration means.
    """
    path, sent = Path(config.weights), _sent(config.weights_digest, config.weights)
    try:
        digest = file_digest(path)
    except OSError as error:
        if config.weights_digest and sent.is_file():
            return sent
        raise UserError(f"{FIELD}: {path}: {error.strerror}; {_remedy(config.name)}") from None
    if not config.weights_digest or digest == config.weights_digest:
        return path
    if sent.is_file():
        return sent
    raise UserError(
        f"{FIELD}: {path} is another file (digest {digest}) than the configuration was made with "
        f"({config.weights_digest}); put that one back, or leave out backbone.weights_digest"
    )


def check_weights_file(config: BackboneConfig, image_size: int, field: str = FIELD) -> None:
    """Check that the file exists and has all weights of the model and no others.

    Raises:
        UserError: the file is not there, cannot be read, or has other weights; the message begins
            with ``field``.
    """
    try:
        _compare(config.name, str(find_weights(config)), config.weights_digest, image_size)
    except UserError as error:
        raise UserError(str(error).replace(FIELD, field)) from None


def weights_options(config: BackboneConfig) -> dict[str, Any]:
    """Options with which :func:`timm.create_model` reads the weights from the file.

    The classifier's are taken where there are as many labels as in the file.
    """
    weights = _read(find_weights(config))
    return _options(find_backbone(config.name), weights)


def read_contents(files: Iterable[str]) -> dict[str, bytes]:
    """The content of files by what :func:`keep_sent` is to call them, to be sent to other nodes.

    A file that is not here is left out, as the nodes may have the file.
    """
    paths = [Path(file) for file in files if file]
    return {
        _sent(file_digest(path), path.name).name: path.read_bytes()
        for path in paths
        if path.is_file()
    }


def keep_sent(contents: Mapping[str, bytes]) -> None:
    """Keep what another node has sent, where :func:`find_weights` looks for it."""
    for name, content in contents.items():
        path = _kept_here() / name
        if not path.is_file():
            make_folder(path.parent)
            write_bytes(path, content)


def _sent(digest: str, file: str) -> Path:
    return _kept_here() / f"{digest}{Path(file).suffix}"


def _kept_here() -> Path:
    return cache_folder() / "weights"


def _remedy(name: str) -> str:
    """Advice on which file to fetch, and where to put the file."""
    described = find_backbone(name).described
    if described.hf_hub_id:
        fetched = f"`hf download {described.hf_hub_id} model.safetensors` where there is a network"
        return f"fetch it by {fetched}, and put it there"
    return "put it there"


@lru_cache(maxsize=64)
def _compare(name: str, file: str, digest: str, image_size: int) -> None:
    """Load the weights into a model of as many classes as they have; each must fit."""
    source = find_backbone(name)
    if not source.is_timm:
        raise UserError(
            f"{FIELD}: '{name}' comes with weights of its own; leave {FIELD} out, or name the "
            f"backbone as timm does: {source.architecture}"
        )
    weights = _read(Path(file))
    options = _options(source, weights)
    if source.described.fixed_input_size:
        options["img_size"] = image_size
    classes = options["pretrained_cfg_overlay"]["num_classes"]
    try:
        # The random weights that are replaced here are not those of the network that is trained.
        with torch.random.fork_rng():
            timm.create_model(name, pretrained=True, num_classes=classes, in_chans=3, **options)
    except Exception as error:
        raise UserError(f"{FIELD}: {file} {_misfit(name, weights, error)}") from None


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix not in SUFFIXES:
        raise UserError(f"{FIELD}: {path}: expected a file that ends in {', '.join(SUFFIXES)}")
    try:
        weights = load_state_dict(str(path), device="cpu", weights_only=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{FIELD}: {path}: its weights cannot be read: {reason}") from None
    if not weights or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise UserError(f"{FIELD}: {path}: holds no weights by name")
    return dict(weights)


def _options(source: BackboneSource, weights: dict[str, Tensor]) -> dict[str, Any]:
    overlay = {
        "state_dict": weights,
        "num_classes": _classes(source, weights),
        "label_offset": 0,
        "custom_load": False,
    }
    return {"pretrained_cfg_overlay": overlay}


def _classes(source: BackboneSource, weights: Mapping[str, Tensor]) -> int:
    """The number of classes of the classifier in the file; 0 where the file has none."""
    named = source.described.classifier or ()
    for name in (named,) if isinstance(named, str) else named:
        with suppress(KeyError):
            return len(weights[f"{name}.weight"])
    return 0


def _misfit(name: str, weights: Mapping[str, Tensor], error: Exception) -> str:
    """Describe in one line why the weights do not fit the model."""
    wanted = timm.create_model(name, num_classes=0).state_dict()
    missing = [key for key in wanted if key not in weights]
    other = [
        f"{key} {tuple(weights[key].shape)} for {tuple(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in weights and weights[key].shape != tensor.shape
    ]
    if len(missing) == len(wanted):
        first = ", ".join(list(weights)[:NAMED])
        return (
            f"has none of the {len(wanted)} tensors of '{name}': it has {first} …, and the model "
            f"{', '.join(list(wanted)[:NAMED])} …"
        )
    if missing:
        return f"lacks {len(missing)} of the tensors of '{name}': {_first(missing)}"
    if other:
        return f"has {len(other)} tensors of other shapes than '{name}': {_first(other)}"
    return f"does not fit '{name}': {' '.join(str(error).split())[:200]}"


def _first(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
