"""Whether pretrained weights are on this machine, or can be fetched."""

from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import constants
from timm.models import PretrainedCfg

from sedn.errors import UserError
from sedn.network.fetching import Remote, faults
from sedn.network.sources import find_backbone

_NAMES = ("model.safetensors", "pytorch_model.bin")
"""The file names that timm looks for at the hub, in this order."""


def stored_weights(name: str) -> Path | None:
    """The place of a backbone's pretrained weights on this machine; ``None`` if they are not here.

    Raises:
        UserError: there is no such backbone.
    """
    described = find_backbone(name).described
    return Path(described.file) if described.file else _remote(described).stored()


def check_available(names: Iterable[str], without: str) -> None:
    """Check that the pretrained weights of backbones are on this machine or can be fetched.

    One that has none anywhere is passed over.

    Args:
        names: of the backbones.
        without: how to do without pretrained weights, for the message.

    Raises:
        UserError: some cannot be had, the message says which, why, and what to do; or there is no
            such backbone.
    """
    known = [name for name in dict.fromkeys(names) if find_backbone(name).has_weights]
    stored = [name for name in known if stored_weights(name)]
    remotes = {name: _remote(find_backbone(name).described) for name in known if name not in stored}
    if not remotes or not (missing := faults(remotes)):
        return
    here = f"; on this machine are those of {', '.join(stored)}" if stored else ""
    first, reason = next(iter(missing.items()))
    fetch = remotes[first].repository or remotes[first].url
    raise UserError(
        f"pretrained weights of {', '.join(missing)} are neither on this machine nor can they be "
        f"fetched ({reason}){here}. Fetch them where there is a network, by `hf download {fetch}`, "
        f"and copy the cache here (HF_HOME is '{constants.HF_HOME}'), name a folder that holds "
        f"them as the backbone (local-dir:…), or {without}"
    )


def _remote(described: PretrainedCfg) -> Remote:
    if described.hf_hub_id:
        names = (described.hf_hub_filename,) if described.hf_hub_filename else _NAMES
        return Remote(described.hf_hub_id, names)
    url = described.url if isinstance(described.url, str) else next(iter(described.url or ()), "")
    return Remote(url=url)
