"""Fields of the ``data.yaml`` of Pascal VOC's folders."""

from typing import Literal

from sedn.data.formats.description import BySplit, Description, Regions


class VocDescription(Description):
    """Folders in the layout of Pascal VOC."""

    format: Literal["voc"]
    root: BySplit = "."
    """The folder to which the folders below are relative."""
    annotations: str = "Annotations"
    """Folder of the XML."""
    images: str = "JPEGImages"
    masks: str = "SegmentationClass"
    boxes: bool = False
    """Draw the box of an object without a polygon, in images without a mask; it holds background
    too."""
    regions: Regions = "any"
