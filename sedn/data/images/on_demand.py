"""Images that are decoded each time they are asked for: data too large for the cache's disk."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedn.data.cache.decoded import split_order
from sedn.data.dataset import SPLITS, Dataset, Pixels, Split
from sedn.data.identity import Identity
from sedn.data.images.decoding import decode_sample
from sedn.data.images.picked import PickedPixels
from sedn.data.listing import Listing

Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass
class Decoder:
    """Decodes images of a split with their maps, and remembers the last that it was asked for."""

    listing: Listing
    rows: NDArray[np.int64]
    """The row in the listing of each image of the split."""
    size: int
    _last: tuple[bytes, Sample] | None = field(default=None, repr=False)

    def decode(self, which: Any) -> Sample:
        """Images ``(n, size, size, 3)`` and maps ``(n, regions, size, size)``."""
        rows = np.atleast_1d(self.rows[which])
        key = rows.tobytes()
        if self._last is None or self._last[0] != key:
            listing = self.listing
            samples = [
                decode_sample(
                    listing.images[r],
                    listing.maps[r],
                    len(listing.regions),
                    self.size,
                    listing.levels,
                )
                for r in rows
            ]
            images, maps = (np.stack(arrays) for arrays in zip(*samples, strict=True))
            self._last = key, (images, maps)
        images, maps = self._last[1]
        return (images[0], maps[0]) if np.ndim(self.rows[which]) == 0 else (images, maps)


@dataclass(frozen=True)
class DecodedImages:
    """The images of a split, as an array that is decoded where it is read."""

    decoder: Decoder

    @property
    def shape(self) -> tuple[int, ...]:
        """``(images, size, size, 3)``."""
        return (len(self), self.decoder.size, self.decoder.size, 3)

    def __len__(self) -> int:
        return len(self.decoder.rows)

    def __getitem__(self, which: Any, /) -> NDArray[np.uint8]:
        return self.decoder.decode(which)[0]


@dataclass(frozen=True)
class DecodedMaps:
    """The maps of a split, as an array that is drawn where it is read."""

    decoder: Decoder

    @property
    def shape(self) -> tuple[int, ...]:
        """``(images, regions, size, size)``."""
        regions = len(self.decoder.listing.regions)
        return (len(self), regions, self.decoder.size, self.decoder.size)

    def __len__(self) -> int:
        return len(self.decoder.rows)

    def __getitem__(self, which: Any, /) -> NDArray[np.uint8]:
        return self.decoder.decode(which)[1]


def is_decoded_on_demand(images: Pixels) -> bool:
    """Tell whether images are decoded where they are read, and not held ready."""
    parts = images.parts if isinstance(images, PickedPixels) else (images,)
    return any(isinstance(part, DecodedImages) for part in parts)


def decode_on_demand(
    listing: Listing, identity: Identity, size: int, broken: dict[int, str]
) -> Dataset:
    """The data set without the images at the positions ``broken`` of the order by split."""
    order, map_known = split_order(identity), listing.maps_known()
    rows = order[np.setdiff1d(np.arange(len(order)), list(broken))]
    splits = {}
    for name in SPLITS:
        mine = rows[identity.splits[rows] == name]
        decoder = Decoder(listing, mine, size)
        splits[name] = Split(
            DecodedImages(decoder),
            DecodedMaps(decoder),
            map_known[mine],
            listing.targets[mine],
            listing.names(mine),
        )
    return Dataset(
        listing.source.stem,
        listing.labels,
        listing.regions,
        identity.fingerprint,
        splits,
        listing.skipped + len(broken),
    )
