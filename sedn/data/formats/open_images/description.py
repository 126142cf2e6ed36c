"""Fields of the ``data.yaml`` of Open Images."""

from typing import Literal

from sedn.data.formats.description import BySplit, Description, Regions


class OpenImagesDescription(Description):
    """CSVs of Open Images."""

    format: Literal["open-images"]
    images: BySplit
    image_labels: BySplit
    """Labels that people verified: ``ImageID``, ``LabelName``, ``Confidence``."""
    classes: str
    """``class-descriptions…csv``: an identifier and a name in each row."""
    segmentations: BySplit | None = None
    """``…-annotations-object-segmentation.csv``: ``MaskPath``, ``ImageID``, ``LabelName``."""
    masks: BySplit | None = None
    """Folders of the masks."""
    boxes: BySplit | None = None
    """``…-annotations-bbox.csv``: ``ImageID``, ``LabelName``, ``XMin``, ``XMax``, ``YMin``,
    ``YMax``. The map of an image without masks; boxes hold background too."""
    regions: Regions = "any"
