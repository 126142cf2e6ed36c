"""``data.yaml``: which format a data set has, and where its parts lie.

Paths are relative to the folder of the file. Where the path of the data tells all of this, no
``data.yaml`` is needed.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from sedn.config.groups import Group

Regions = Literal["any", "each"] | list[str]
"""Channels of a map: ``any``, one for all objects together; ``each``, one for each category; or
the categories that get one. Where labels are categories, ``each`` tells the network the labels."""
BySplit = str | dict[str, str]
"""One path for all images, or one for each split."""


Share = Annotated[float, Field(ge=0, le=1)]


class Description(Group):
    """What all formats share."""

    labels: list[str] | None = None
    """The labels to learn; all that the data has if not said."""
    min_positives: int = Field(0, ge=0)
    """Labels that fewer images have are left out."""
    splits: str | None = None
    """A CSV with the columns ``image`` and ``split``, instead of the data's own splits."""
    orientation: Literal["shown", "stored"] | None = None
    """Where EXIF turns an image and nothing tells: whether maps lie on it as shown or as stored."""
    white: float | None = Field(None, gt=0)
    """The value of images of more than 8 bits that is white, such as 4095 where they use 12 bits;
    told from the images if not said."""


class ColumnsDescription(Description):
    """What tables and data sets in columns share."""

    image_column: str | None = None
    map_column: str | None = None
    """``map`` or ``mask`` if not said, where the data has one of them."""
    group_column: str | None = None
    """Images of one group are never parted; ``group``, ``patient_id`` and the like if not said."""
    label_list: str | None = None
    """A column that lists the labels of an image, instead of one column for each label; told from
    the columns if not said."""
    merge_names: bool = False
    """Listed names that differ only in case, blanks, ``-`` and ``_`` are one label, called as most
    cells call it."""
    values: Mapping[str | int | float | bool, Share | None] = Field(default_factory=dict)
    """What words in columns of 1 and 0 mean, beside the usual ones: ``{maybe: null, -1: 0}``; a
    number between 0 and 1 is a soft label."""
    leave_out: list[str] = Field(default_factory=list)
    """Columns that are no labels."""
    separator: str | None = None
    """At what the lists are split: a character, ``space``, ``tab``, ``newline``, or ``none`` where
    each cell is one name; told from the cells if not said."""
    blank: Literal["none", "unknown"] | None = None
    """What a list without a value means: that no label applies, or that nobody knows."""
    regions: Mapping[str, int | str | list[int | str]] = Field(default_factory=dict)
    """By region, the index or the colour that marks it in a mask, or several; one region if not
    said."""
    map_kind: Literal["index", "strength", "colour", "alpha"] | None = None
    """How masks of one region are read: all but index 0, how bright, all but black, or how opaque;
    told from the masks if not said."""
    ignore: int | str | list[int | str] | None = None
    """Indices or colours that belong to no region, such as 255 of a border."""


class TableDescription(ColumnsDescription):
    """A table with a row for each image, or for each label of an image."""

    format: Literal["table"] = "table"
    table: BySplit
    """With a table for each split, paths in it are relative to its own folder."""
    images: str = "."
    """The folder that the paths of images and masks are relative to."""
    split_column: str | None = None
    """``split``, ``is_valid`` and the like if not said."""


class CocoDescription(Description):
    """Instances as COCO keeps them; ``fashionpedia`` has attributes, which become the labels."""

    format: Literal["coco", "fashionpedia"]
    annotations: BySplit
    images: BySplit = "."
    attributes: Literal["all", "none"] | list[str] | None = None
    """The attributes of annotations that become the labels instead of the categories, as CVAT has
    them; told from the annotations if not said."""
    regions: Regions = "any"


class VocDescription(Description):
    """Folders as those of Pascal VOC."""

    format: Literal["voc"]
    root: BySplit = "."
    """What the folders below are relative to."""
    annotations: str = "Annotations"
    """Folder of the XML."""
    images: str = "JPEGImages"
    masks: str = "SegmentationClass"
    regions: Regions = "any"


class YoloDescription(Description):
    """Images with a label file each, as YOLO has them."""

    format: Literal["yolo"]
    images: str | list[str] | dict[str, str | list[str]]
    """Folders of images, or text files that list images, for all images or for each split. Label
    files lie in ``labels`` where images lie in ``images``, or beside the images."""
    names: list[str] | dict[int, str] | None = None
    """Of the classes, in order or by number."""
    only_boxes: bool = False
    """What follows the box of a line is something else, such as keypoints."""
    regions: Regions = "any"


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
    regions: Regions = "any"


class HuggingFaceDescription(ColumnsDescription):
    """A folder that ``save_to_disk`` of Hugging Face's ``datasets`` wrote."""

    format: Literal["huggingface"]
    root: str = "."


DESCRIPTIONS: dict[str, type[Description]] = {
    "table": TableDescription,
    "coco": CocoDescription,
    "fashionpedia": CocoDescription,
    "voc": VocDescription,
    "yolo": YoloDescription,
    "open-images": OpenImagesDescription,
    "huggingface": HuggingFaceDescription,
}
"""By format."""
