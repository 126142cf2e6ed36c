"""Fields of the ``data.yaml`` of tables and of data sets in columns."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from sedn.data.formats.description import Description

Share = Annotated[float, Field(ge=0, le=1)]


class ColumnsDescription(Description):
    """The fields that descriptions of tables and of data sets in columns share."""

    image_column: str | None = None
    map_column: str | None = None
    """by default ``map`` or ``mask``, where the data has one of them."""
    group_column: str | None = None
    """Images of one group are never parted; by default ``group``, ``patient_id`` and the like."""
    label_list: str | None = None
    """A column that lists the labels of an image, instead of one column for each label; by
    default detected from the columns."""
    merge_names: bool = False
    """Listed names that differ only in case, blanks, ``-`` and ``_`` are one label, called as most
    cells call it."""
    values: Mapping[str | int | float | bool, Share | None] = Field(default_factory=dict)
    """The meaning of words in columns of 1 and 0, besides the usual words: ``{maybe: null, -1:
    0}``; a number between 0 and 1 is a soft label.
    """
    leave_out: list[str] = Field(default_factory=list)
    """Columns that are no labels."""
    separator: str | None = None
    """At what the lists are split: a character, ``space``, ``tab``, ``newline``, or ``none`` where
    each cell is one name; by default detected from the cells."""
    blank: Literal["none", "unknown"] | None = None
    """The meaning of a list without a value: no label applies, or the labels are unknown."""
    regions: Mapping[str, int | str | list[int | str]] = Field(default_factory=dict)
    """By region, the index or the colour that marks it in a mask, or several; one region by
    default."""
    map_kind: Literal["index", "strength", "colour", "alpha"] | None = None
    """How masks of one region are read: all but index 0, how bright, all but black, or how opaque;
    by default detected from the masks."""
    ignore: int | str | list[int | str] | None = None
    """Indices or colours that belong to no region, such as 255 of a border."""
