"""The identity of a data set: a fingerprint of all that is trained on, and the split of each
image."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sedn.data.cache.folder import build_once
from sedn.data.images.content import Content
from sedn.data.listing import Listing
from sedn.data.splits.cutting import Splits, assign_splits
from sedn.errors import UserError
from sedn.files import cache_folder, write_bytes

_PIECE = 1024

Progress = Callable[[str, int, int], None]
"""``show(what, done, all)``, called now and then while images are worked through."""


@dataclass(frozen=True)
class Identity:
    """The fingerprint and splits that identify a data set in the cache, the store and every
    result.
    """

    fingerprint: str
    """A hash of the labels, the splits, and the name and bytes of every image and map."""
    splits: Splits
    """``(images,)``."""


def identify(listing: Listing, split_seed: int, show: Progress) -> Identity:
    """The identity of a data set.

    Every file is read at the first call on this machine, and again only when the size or a time of
    a file has changed.

    Raises:
        UserError: a file cannot be read, or the data cannot be cut into splits.
    """
    path = cache_folder() / "identities" / f"{_stamp(listing, split_seed)}.npz"

    def build() -> None:
        splits = assign_splits(listing, split_seed)
        buffer = io.BytesIO()
        np.savez(buffer, splits=splits, fingerprint=_fingerprint(listing, splits, show))
        write_bytes(path, buffer.getvalue())

    build_once(path, build, "the image cache")
    try:
        return _load_identity(path)
    # An archive of arrays tells damaged bytes by its own checksums.
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        path.unlink(missing_ok=True)
    build_once(path, build, "the image cache")
    return _load_identity(path)


def _load_identity(path: Path) -> Identity:
    with np.load(path) as arrays:
        return Identity(str(arrays["fingerprint"]), arrays["splits"])


def _stamp(listing: Listing, split_seed: int) -> str:
    """A hash of what the tables say, and of size and time of every file."""
    digest = hashlib.sha256(f"{listing.tables_digest()} {split_seed}".encode())
    for stamp in listing.stamps():
        digest.update(stamp.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def _fingerprint(listing: Listing, splits: Splits, show: Progress) -> str:
    digest = listing.hash_tables()
    digest.update(repr(splits.tolist()).encode())
    contents = list(listing.contents())
    with ThreadPoolExecutor() as pool:
        # Piece by piece: the executor keeps all that it is given.
        for start in range(0, len(contents), _PIECE):
            for content_hash in pool.map(_content_hash, contents[start : start + _PIECE]):
                digest.update(content_hash)
            show("reading", min(start + _PIECE, len(contents)), len(contents))
    return digest.hexdigest()[:16]


def _content_hash(content: Content) -> bytes:
    try:
        return hashlib.sha256(content.read()).digest()
    except OSError as error:
        raise UserError(f"{content.name}: cannot be read: {error.strerror or error}") from None
