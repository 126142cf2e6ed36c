"""The fields of ``data.yaml`` that several commands take as options."""

from pydantic import BaseModel, Field

from search.cli.fields import Flag


class Reading(BaseModel):
    """How a data set is read, beside its own description."""

    labels: tuple[str, ...] | None = Field(
        None, description="Names of the labels to learn: red,striped."
    )
    label_list: str | None = Field(None, description="The column that lists labels.")
    separator: str | None = Field(
        None, description="Between listed labels: a character, space, tab or none."
    )
    image_column: str | None = Field(None, description="The column of the images.")
    leave_out: tuple[str, ...] | None = Field(
        None, description="Columns that are no labels: price,reviewed."
    )
    attributes: tuple[str, ...] | None = Field(
        None,
        description="Attributes of COCO's annotations to learn: colour,striped, all, none.",
    )


def split_words(text: str) -> tuple[str, ...]:
    """``red, striped`` as two names."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


READING_FLAGS = {
    name: Flag(read=split_words, is_text=True) for name in ("labels", "leave_out", "attributes")
}
