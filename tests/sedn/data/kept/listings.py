"""Opening data as kept, and comparing the listing with one that is read afresh."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sedn.data.kept import open_listing, opening
from sedn.data.kept.listing import KeptListing
from sedn.data.listing import Listing
from sedn.errors import UserError


def settle() -> None:
    """Until what was written is older than a tick."""
    time.sleep(0.05)


def open_kept(path: Path, given: Mapping[str, Any] | None = None, *, skip: bool = False) -> Listing:
    return open_listing(path, given or {}, skip=skip, worth=-1)


def same(found: Listing, expected: Listing) -> None:
    """Each part of two listings, and all that is made of them."""
    assert isinstance(found, KeptListing), "it was not kept"
    for part in fields(Listing):
        one, other = getattr(found, part.name), getattr(expected, part.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        elif part.name in ("images", "maps"):
            assert len(one) == len(other)
            assert [*one] == [*other] == [one[row] for row in range(len(one))]
            assert repr([*one[:3]]) == repr([*other[:3]])
        else:
            assert repr(one) == repr(other)
    assert [*found.contents()] == [*expected.contents()]
    assert [*found.stamps()] == [*expected.stamps()]
    assert found.tables_digest() == expected.tables_digest()
    assert found.hash_tables().digest() == expected.hash_tables().digest()
    assert found.maps_known().tolist() == expected.maps_known().tolist()
    rows = np.arange(len(found))[::-3]
    assert found.names(rows) == expected.names(rows)


@contextmanager
def no_reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While the tables must not be read."""

    def read(*_: object, **__: object) -> Listing:
        raise AssertionError("the tables are read again")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "read_listing", read)
        yield


def outcome(read: Callable[[], Listing]) -> Listing | str:
    try:
        return read()
    except UserError as error:
        return str(error)


def edit(path: Path, old: str, new: str, *, restore: bool = True) -> None:
    """Change a text in place; where it keeps its length, its time is taken back."""
    before, text = path.stat(), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if restore:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
