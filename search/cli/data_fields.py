"""The fields of a data set that several commands take as options."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from search.cli.fields import Flag

if TYPE_CHECKING:
    from sedn.config import DataConfig


class Reading(BaseModel):
    """How a data set is read, beside its own description."""

    labels: tuple[str, ...] | None = Field(
        None, description="Names of the labels to learn: red,striped."
    )
    label_list: str | None = Field(None, description="The column that lists labels.")
    separator: str | None = Field(
        None, description="Separator between listed labels: a character, space, tab or none."
    )
    image_column: str | None = Field(None, description="The column of the images.")
    leave_out: tuple[str, ...] | None = Field(
        None, description="Columns that are no labels: price,reviewed."
    )
    attributes: tuple[str, ...] | None = Field(
        None,
        description="Attributes of COCO's annotations to learn: colour,striped, all, none.",
    )


class Preparation(BaseModel):
    """How the images of a data set are split and decoded for training."""

    image_size: int = Field(
        224, description="Side of the square that images are resized to, in pixels."
    )
    split_seed: int = Field(0, description="Seed of the splits, for data without their own.")
    skip_unreadable: bool = Field(
        False,
        description="Leave out images, rows and annotations that are missing, wrong or cannot be "
        "read.",
    )


def build_data(path: str, fields: Mapping[str, Any], source: str) -> "DataConfig":
    """Build the configuration of a data set from options.

    Args:
        path: the name of an embedded data set, or the path of one.
        fields: of :class:`Reading` and :class:`Preparation`.
        source: begins messages.

    Raises:
        UserError: a value is not one the field takes.
    """
    from sedn.config import DataConfig
    from sedn.config.reading import build_group

    return build_group(DataConfig, {"path": path, **fields}, source)


def split_words(text: str) -> tuple[str, ...]:
    """``red, striped`` as two names."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


READING_FLAGS = {
    name: Flag(read=split_words, is_text=True) for name in ("labels", "leave_out", "attributes")
}
