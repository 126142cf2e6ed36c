"""A listing in a folder of arrays: written once, then mapped by each process that opens the data.

No image, path or object becomes a Python object before a caller reads it.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sedn.data.faults import Fault
from sedn.data.images.content import Content
from sedn.data.images.levels import Levels
from sedn.data.kept.columns import NotKeepable, Texts, map_array, save_array
from sedn.data.kept.contents import KeptContents, Stats, save_contents
from sedn.data.kept.maps import KeptMaps, as_tuples, save_maps
from sedn.data.listing import Listing

_DESCRIBED = "listing.json"
_APART = ("images", "maps", "targets", "splits", "groups", "source", "faults", "levels")
"""Parts of a listing that are not simply described."""
T = TypeVar("T")


@dataclass(frozen=True)
class _Kept:
    """The parts of a kept listing that are known without reading all of the listing."""

    images: KeptContents
    maps: KeptMaps
    digest: str
    image_stats: Stats
    mask_stats: Stats


@dataclass(frozen=True)
class KeptListing(Listing):
    """A listing whose images and maps are made from arrays on demand."""

    kept: _Kept = field(kw_only=True, repr=False)

    def contents(self) -> Iterator[Content]:
        """Every file of the data set."""
        return self._mixed(self.kept.images, self.kept.maps.contents)

    def stamps(self) -> Iterator[str]:
        """The stamp of each content at the time the listing was opened."""
        kept = self.kept
        return self._mixed(
            kept.images.stamps(kept.image_stats), kept.maps.contents.stamps(kept.mask_stats)
        )

    def maps_known(self) -> NDArray[np.bool_]:
        """``(images,)``: whether it is known where the regions of the image lie."""
        return self.kept.maps.known

    def tables_digest(self) -> str:
        """The digest of the tables at the time they were read."""
        return self.kept.digest

    def keep(self, rows: Sequence[int]) -> Listing:
        """The listing of some of its images; the others count as skipped."""
        parts = {part.name: getattr(self, part.name) for part in fields(Listing)}
        return Listing(**parts).keep(rows)

    def _mixed(self, of_images: Iterable[T], of_masks: Iterable[T]) -> Iterator[T]:
        """Yield the item of each image, followed by the items of its map."""
        if not len(self.kept.maps.contents):
            yield from of_images
            return
        masks = iter(of_masks)
        for item, count in zip(of_images, self.kept.maps.masks_of_rows, strict=True):
            yield item
            yield from islice(masks, count)


def save_listing(folder: Path, listing: Listing) -> None:
    """Write a listing.

    Raises:
        NotKeepable: the listing holds what has no place in the arrays.
        OSError: the folder cannot be written to.
    """
    described: dict[str, Any] = {
        part.name: _plain(getattr(listing, part.name), part.name)
        for part in fields(Listing)
        if part.name not in _APART
    }
    described["source"] = str(listing.source)
    described["levels"] = None if listing.levels is None else listing.levels.to_json()
    described["faults"] = [(fault.kind, fault.places) for fault in listing.faults]
    described["images"] = save_contents(folder, "images", listing.images)
    described["maps"] = save_maps(folder, listing.maps)
    described["digest"] = listing.tables_digest()
    save_array(folder, "targets", listing.targets, np.float32)
    for name in ("splits", "groups"):
        _save_words(folder, name, getattr(listing, name))
    (folder / _DESCRIBED).write_text(json.dumps(described), encoding="utf-8")


def load_listing(folder: Path) -> KeptListing | None:
    """Map a listing; ``None`` if not all of its files are there any more.

    Raises:
        OSError: the listing cannot be read.
    """
    described = json.loads((folder / _DESCRIBED).read_text(encoding="utf-8"))
    images = KeptContents(folder, "images", described["images"])
    maps = KeptMaps(folder, described["maps"])
    image_stats, mask_stats = images.look(), maps.contents.look()
    if image_stats is None or mask_stats is None:
        return None
    plain = {
        part.name: as_tuples(described[part.name])
        for part in fields(Listing)
        if part.name not in _APART
    }
    return KeptListing(
        source=Path(described["source"]),
        images=images,
        maps=maps,
        targets=map_array(folder, "targets"),
        splits=_load_words(folder, "splits"),
        groups=_load_words(folder, "groups"),
        levels=None if described["levels"] is None else Levels.from_json(described["levels"]),
        faults=tuple(Fault(kind, tuple(places)) for kind, places in described["faults"]),
        kept=_Kept(images, maps, described["digest"], image_stats, mask_stats),
        **{**plain, "fields": described["fields"]},
    )


def _plain(value: Any, name: str) -> Any:
    """The value, if JSON restores the value unchanged."""
    try:
        back = json.loads(json.dumps(value))
    except (TypeError, ValueError):
        raise NotKeepable(f"{name} of {value!r:.80}") from None
    if repr(back if name == "fields" else as_tuples(back)) != repr(value):
        raise NotKeepable(f"{name} of {value!r:.80}")
    return value


def _save_words(folder: Path, name: str, words: Sequence[str]) -> None:
    """Write words of which few differ."""
    numbers: dict[str, int] = {}
    column = array("i", (numbers.setdefault(word, len(numbers)) for word in words))
    save_array(folder, name, column, np.int32)
    Texts.save(folder, f"{name}-words", numbers)


def _load_words(folder: Path, name: str) -> tuple[str, ...]:
    words = tuple(Texts(folder, f"{name}-words"))
    return tuple(words[number] for number in map_array(folder, name).tolist())
