"""To be read."""

from pathlib import Path

from sedn.data.description import CocoDescription
from sedn.data.listing import Listing


def read_coco(description: CocoDescription, folder: Path) -> Listing:
    """Read."""
    raise NotImplementedError
