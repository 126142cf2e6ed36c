"""To be read."""

from pathlib import Path

from sedn.data.description import OpenImagesDescription
from sedn.data.listing import Listing


def read_open_images(description: OpenImagesDescription, folder: Path) -> Listing:
    """Read."""
    raise NotImplementedError
