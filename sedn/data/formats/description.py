"""Fields of every ``data.yaml``: the name of the format, and fields that all formats share.

Paths are relative to the folder of the file. Where the path of the data tells all of this, no
``data.yaml`` is needed.
"""

from typing import Literal

from pydantic import Field

from sedn.config.groups import Group

Regions = Literal["any", "each"] | list[str]
"""Channels of a map: ``any``, one for all objects together; ``each``, one for each category; or
the categories that get one. Where labels are categories, ``each`` tells the network the labels."""
BySplit = str | dict[str, str]
"""A path for all images, or a path for each split."""


class Description(Group):
    """The fields that the descriptions of all formats share."""

    labels: list[str] | None = None
    """The labels to learn; by default all that the data has."""
    min_positives: int = Field(0, ge=0)
    """Labels that fewer images have are left out."""
    splits: str | None = None
    """A CSV with the columns ``image`` and ``split``, instead of the data's own splits."""
    orientation: Literal["shown", "stored"] | None = None
    """Where EXIF turns an image and nothing tells: whether maps lie on it as shown or as stored."""
    white: float | None = Field(None, gt=0)
    """The value of images of more than 8 bits that is white, such as 4095 where they use 12 bits;
    by default detected from the images."""
