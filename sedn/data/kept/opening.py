"""Opening a listing: the one that is kept, or one that is read and then kept.

The cache holds, for each path and what is given beside it, ``KEY.npz`` with what the reading saw,
and ``KEY-FINGERPRINT`` with the listing that was made of this. Both are believed only as long as
all of that is still so.
"""

import hashlib
import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from sedn.data.cache.checksums import find_damage
from sedn.data.cache.folder import (
    build_folder,
    has_room,
    remove_damaged,
    remove_entry,
)
from sedn.data.formats import read_listing
from sedn.data.images.content import FileContent
from sedn.data.kept.columns import NotKeepable
from sedn.data.kept.listing import KeptListing, load_listing, save_listing
from sedn.data.kept.sightings import Reading
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.files import cache_folder
from sedn.seen import Seen, watching

WORTH = 1.0
"""Seconds; a reading that took no longer is not kept."""
_ROOM = 1000
"""Bytes for each image, about."""
_log = logging.getLogger(__name__)


def open_listing(
    path: Path, given: Mapping[str, Any], *, skip: bool = False, worth: float = WORTH
) -> Listing:
    """Open the listing of the data set at ``path``, as :func:`~sedn.data.formats.read_listing`; a
    listing that took long to read is kept in the cache, and read again only after a change of the
    data.

    Args:
        path: of the data.
        given: fields of a description that win over those of the ``data.yaml``.
        skip: leave out what is wrong. Data without a fault is read as if this were False, so
            that what the check has read serves the training.
        worth: seconds; a reading that took no longer is not kept.

    Raises:
        UserError: there is none, or something in it is wrong.
    """
    if skip:
        with suppress(UserError):
            return open_listing(path, given, worth=worth)
    place = _place(path, given, skip=skip)
    kept = find_kept(place)
    if kept is not None:
        return kept
    started = time.perf_counter()
    with watching() as seen:
        listing = read_listing(path, given, skip=skip)
    if time.perf_counter() - started < worth:
        return listing
    # The kept one takes less memory.
    return _keep(place, listing, seen) or listing


def find_kept(place: Path) -> KeptListing | None:
    """The listing that is kept at a place of the cache, if there is a valid one."""
    reading = Reading.load(place.with_suffix(".npz"))
    renewed = reading.renewed() if reading is not None else None
    if renewed is None:
        return None
    entry = _entry(place, renewed)
    if not entry.exists():
        return None
    try:
        if damage := find_damage(entry, sample=None):
            remove_damaged(entry, damage)
            return None
        listing = load_listing(entry)
    except (OSError, UserError) as error:
        # Another process may have replaced it just now.
        _log.debug("%s: %s", entry, error)
        return None
    if listing is not None and renewed != reading:
        # Else the content would be compared each time.
        with suppress(UserError):
            renewed.save(place.with_suffix(".npz"))
    return listing


def _keep(place: Path, listing: Listing, seen: Seen) -> KeptListing | None:
    """Write a listing and map what was written; ``None`` where that cannot be."""
    files = {c.path for c in listing.contents() if isinstance(c, FileContent)}
    sightings = seen.sightings(files)
    if sightings is None:
        return None
    reading = Reading.of(sightings)
    entry = _entry(place, reading)
    try:
        if not has_room(listing.targets.nbytes + _ROOM * len(listing)):
            return None
        build_folder(entry, lambda draft: save_listing(draft, listing), "the listing of the data")
        reading.save(place.with_suffix(".npz"))
    except UserError as error:
        _say_once(str(error))
        return None
    except NotKeepable as error:
        _log.debug("%s: not kept: %s", listing.source, error)
        return None
    for other in place.parent.glob(f"{place.name}-*"):
        if other.is_dir() and other != entry:
            with suppress(OSError):
                remove_entry(other)
    return find_kept(place)


def _place(path: Path, given: Mapping[str, Any], *, skip: bool) -> Path:
    """The place in the cache of the listing of a path; relative names in the listing are of this
    folder.
    """
    key = repr((os.path.abspath(path), str(path), sorted(given.items()), skip))  # noqa: PTH100
    return cache_folder() / "listings" / hashlib.sha256(key.encode()).hexdigest()[:16]


def _entry(place: Path, reading: Reading) -> Path:
    return place.with_name(f"{place.name}-{reading.fingerprint}")


@lru_cache(maxsize=1)
def _say_once(reason: str) -> None:
    _log.warning("%s; until then each process reads the tables of the data again", reason)
