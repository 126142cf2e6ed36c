"""To be read."""

from pathlib import Path

from sedn.data.description import HuggingFaceDescription
from sedn.data.listing import Listing


def read_hugging_face(description: HuggingFaceDescription, folder: Path) -> Listing:
    """Read."""
    raise NotImplementedError
