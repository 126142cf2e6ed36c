"""The maps of a table's rows, from the masks that it names and what its description says."""

from collections.abc import Sequence

from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.images.content import Content
from sedn.data.listing import RegionMap
from sedn.data.maps.mask_recognition import check_palettes, tell_kind
from sedn.data.maps.masks import MaskImage, RegionsImage, parse_regions, parse_values
from sedn.errors import UserError


def read_maps(
    masks: Sequence[Content | None], description: ColumnsDescription, where: str
) -> tuple[tuple[str, ...], tuple[RegionMap | None, ...], str]:
    """The names of the regions, the map of each row, and how masks are read.

    Args:
        masks: of each row; ``None`` where there is none.
        description: names regions by value, or says what kind of masks these are.
        where: names the data in messages.

    Raises:
        UserError: a value is wrong, or the meaning of the masks is not clear.
    """
    there = [mask for mask in masks if mask is not None]
    regions = parse_regions(description.regions, where)
    ignored = () if description.ignore is None else parse_values(
        description.ignore, f"{where}: ignore"
    )  # fmt: skip
    if not there:
        return tuple(description.regions) or ("region",), (None,) * len(masks), ""
    if not regions:
        kind = tell_kind(there, where, description.map_kind, ignored)
        maps = tuple(None if mask is None else MaskImage(mask, kind) for mask in masks)
        return ("region",), maps, kind.describe()
    if description.map_kind is not None:
        raise UserError(f"{where}: map_kind is of masks of one region; leave it out with 'regions'")
    for name, marks in zip(description.regions, regions, strict=True):
        if set(marks) & set(ignored):
            raise UserError(f"{where}: region '{name}' has a value that is under 'ignore' too")
    if any(isinstance(value, int) for marks in regions for value in marks):
        check_palettes(there, where)
    named = tuple(None if mask is None else RegionsImage(mask, regions) for mask in masks)
    return tuple(description.regions), named, f"{len(regions)} regions by value"
