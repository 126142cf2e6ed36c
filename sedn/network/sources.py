"""The source that a backbone's name stands for: timm's own models, a folder, or the Hugging Face
hub.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
from timm.models import PretrainedCfg, get_pretrained_cfg
from timm.models._factory import parse_model_name
from timm.models._hub import load_model_config_from_hf, load_model_config_from_path

from sedn.config.groups import LOCAL
from sedn.errors import UserError, did_you_mean
from sedn.network.fetching import Remote, faults

_WEIGHTS = (".safetensors", ".pth", ".pth.tar", ".bin", ".pt")
_FIELDS = frozenset(field.name for field in fields(PretrainedCfg))


@dataclass(frozen=True)
class BackboneSource:
    """The source of a backbone: timm's name, options and weights."""

    architecture: str
    """The name of the model in timm, without a tag of weights."""
    described: PretrainedCfg
    """How its weights are had and what images they were made for."""
    arguments: Mapping[str, Any]
    """With which the architecture was built, where a folder or the hub says so."""
    is_timm: bool
    """Whether the backbone is timm's own, and not of a folder or of the hub."""
    has_weights: bool


def find_backbone(name: str) -> BackboneSource:
    """Resolve the name of a backbone: ``resnet50``, ``resnet50.a1_in1k``,
    ``local-dir:runs/best/backbone``, ``hf-hub:timm/resnet50.a1_in1k``.

    Raises:
        UserError: timm has no such model or tag, the folder holds none, or the hub's cannot be had;
            the nearest name is suggested.
    """
    try:
        source, where = parse_model_name(name)
    except ValueError as error:
        raise UserError(f"backbone '{name}': {error}") from None
    if source == "local-dir":
        return _of_folder(name, Path(where))
    if source == "hf-hub":
        return _of_hub(name, where)
    return _of_timm(name)


@lru_cache(maxsize=256)
def _of_timm(name: str) -> BackboneSource:
    model, _, tag = name.partition(".")
    if not timm.is_model(model):
        hint = did_you_mean(model, timm.list_models())
        raise UserError(f"backbone '{name}': timm has no such model{hint}")
    tagged = timm.list_pretrained(f"{model}.*")
    if tag and name not in tagged:
        hint = did_you_mean(name, tagged)
        raise UserError(f"backbone '{name}': timm has no weights '{tag}' of it{hint}")
    described = get_pretrained_cfg(name) or PretrainedCfg()
    return BackboneSource(model, described, {}, is_timm=True, has_weights=described.has_weights)


def _of_folder(name: str, folder: Path) -> BackboneSource:
    """The backbone that ``config.json`` of a folder describes, in timm's format."""
    try:
        described, architecture, arguments = load_model_config_from_path(folder)
    except FileNotFoundError:
        inner = folder / "backbone"
        hint = f"; did you mean '{LOCAL}{inner}'?" if (inner / "config.json").is_file() else ""
        raise UserError(
            f"backbone '{name}': no {folder / 'config.json'}, which says what model it is{hint}"
        ) from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"backbone '{name}': {folder / 'config.json'} does not describe a model of timm's: "
            f"{reason or type(error).__name__}"
        ) from None
    if architecture == "sedn.SemanticNetwork":
        raise UserError(
            f"backbone '{name}': the folder is that of a whole run; did you mean "
            f"'{LOCAL}{folder / 'backbone'}'?"
        )
    has_weights = any(path.name.endswith(_WEIGHTS) for path in folder.iterdir())
    return _described(name, architecture, described, arguments, has_weights)


@lru_cache(maxsize=64)
def _of_hub(name: str, model_id: str) -> BackboneSource:
    description = Remote(model_id, ("config.json",))
    try:
        if not description.stored() and (fault := faults({name: description})):
            raise OSError(fault[name])
        described, architecture, arguments = load_model_config_from_hf(model_id)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"backbone '{name}': its description cannot be had from the hub ({reason}); see that "
            f"the name is right and there is a network, or name a folder: {LOCAL}…"
        ) from None
    return _described(name, architecture, described, arguments, has_weights=True)


def _described(
    name: str,
    architecture: object,
    described: Mapping[str, Any],
    arguments: Mapping[str, Any] | None,
    has_weights: bool,
) -> BackboneSource:
    if not isinstance(architecture, str) or not timm.is_model(architecture):
        raise UserError(
            f"backbone '{name}': its config.json names the architecture '{architecture}', of which "
            f"timm {timm.__version__} has none"
        )
    known = {field: value for field, value in described.items() if field in _FIELDS}
    return BackboneSource(
        architecture,
        PretrainedCfg(**known),
        arguments or {},
        is_timm=False,
        has_weights=has_weights,
    )
