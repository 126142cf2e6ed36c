"""Files at the Hugging Face hub or at a URL: whether they can be fetched, found out in seconds.

The hub's client tries for minutes where there is no network.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError
from torch.hub import get_dir

SECONDS = 8.0
"""How long a server may take to say whether it has a file."""


@dataclass(frozen=True)
class Remote:
    """The address that a file is fetched from, and the names of the file there."""

    repository: str = ""
    """At the hub, ``owner/name`` or ``owner/name@revision``; if there is none, the URL counts."""
    files: tuple[str, ...] = ()
    """Names in the repository; the first that is there is taken."""
    url: str = ""

    def stored(self) -> Path | None:
        """The file in the caches of this machine, those of the hub (``HF_HOME``) and of torch
        (``TORCH_HOME``), if it is there.
        """
        if not self.repository:
            file = Path(get_dir()) / "checkpoints" / Path(urlsplit(self.url).path).name
            return file if self.url and file.is_file() else None
        repository, _, revision = self.repository.partition("@")
        for name in self.files:
            cached = try_to_load_from_cache(repository, name, revision=revision or None)
            if isinstance(cached, str):
                return Path(cached)
        return None

    @property
    def server(self) -> str:
        """The server that has the weights."""
        return "hub" if self.repository else urlsplit(self.url).netloc

    def refusal(self) -> str | None:
        """Why a server that answers does not give the file; ``None`` where it does."""
        if not self.repository:
            with urlopen(Request(self.url, method="HEAD"), timeout=SECONDS):
                return None
        if constants.is_offline_mode():
            return "HF_HUB_OFFLINE is set"
        repository, _, revision = self.repository.partition("@")
        for name in self.files:
            url = hf_hub_url(repository, name, revision=revision or None)
            try:
                get_hf_file_metadata(url, timeout=SECONDS)
            except RemoteEntryNotFoundError:
                continue
            except HfHubHTTPError as error:
                return _words(error)
            return None
        return f"'{repository}' has none"


def faults(remotes: Mapping[str, Remote]) -> dict[str, str]:
    """Why files cannot be fetched, by name; a server that did not answer is not asked again."""
    fault_of: dict[str, str | None] = {}

    def ask() -> None:
        silent: dict[str, str] = {}
        for name, remote in remotes.items():
            try:
                fault_of[name] = silent.get(remote.server) or remote.refusal()
            except Exception as error:
                fault_of[name] = silent[remote.server] = _words(error)

    # A look-up of a name by the system has no time limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    answered, since = 0, time.monotonic()
    while asking.is_alive() and time.monotonic() - since < SECONDS + 2:
        asking.join(0.1)
        if len(fault_of) > answered:
            answered, since = len(fault_of), time.monotonic()
    reasons = {name: fault_of.get(name, f"no answer in {SECONDS:g} s") for name in remotes}
    return {name: fault for name, fault in reasons.items() if fault}


def _words(error: Exception) -> str:
    words = " ".join(str(error).split())[:160]
    return words or type(error).__name__
