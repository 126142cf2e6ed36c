"""Whether maps lie on images as they are shown, turned as EXIF says, or as they are stored.

An image that is turned by a quarter has other sides shown than stored, so the size of its mask, or
points of polygons beyond a side, tell it. A half turn, a mirror and a square tell nothing: there
the other images of the data set do, or the description.
"""

from dataclasses import replace
from typing import Any, cast

import numpy as np

from sedn.data.images.decoding import read_header, unclear_orientation
from sedn.data.listing import Listing, Orientation, RegionMap
from sedn.data.maps.relative_shapes import RelativeMap
from sedn.data.maps.shapes import ShapeMap
from sedn.errors import UserError

_LOOKS = 400


def settle_orientation(listing: Listing, named: Orientation | None) -> Listing:
    """The listing whose maps know how they lie, as far as it is named or some of the images tell.

    Args:
        listing: of the data set.
        named: by the description; overrides what the images show.

    Raises:
        UserError: EXIF turns some of the images, and nothing tells how their maps lie.
    """
    settled = named or _tell(listing)
    if settled is None:
        return listing
    # Every map is a dataclass.
    maps = [m if m is None else replace(cast(Any, m), orientation=settled) for m in listing.maps]
    return replace(listing, maps=tuple(maps))


def _tell(listing: Listing) -> Orientation | None:
    """The orientation on which all images agree that show one."""
    rows = [
        row
        for row, region_map in enumerate(listing.maps)
        if region_map is not None
        and not (isinstance(region_map, ShapeMap | RelativeMap) and region_map.is_empty)
    ]
    chosen = np.random.default_rng(0).permutation(len(rows))[:_LOOKS]
    orientations: set[Orientation] = set()
    unclear = ""
    for row in (rows[index] for index in sorted(chosen.tolist())):
        region_map = cast(RegionMap, listing.maps[row])
        try:
            header = read_header(listing.images[row])
            lies = region_map.lies(header.stored, header.shown) if header.turned else None
        except (UserError, OSError):
            # A file that cannot be read is reported where it is decoded.
            continue
        if lies is not None:
            orientations.add(lies)
        elif header.turned:
            unclear = listing.images[row].name
    if unclear and not orientations:
        raise unclear_orientation(unclear)
    return orientations.pop() if len(orientations) == 1 else None
