"""To be read."""

from pathlib import Path

from sedn.data.description import VocDescription
from sedn.data.listing import Listing


def read_voc(description: VocDescription, folder: Path) -> Listing:
    """Read."""
    raise NotImplementedError
