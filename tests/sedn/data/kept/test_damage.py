"""However the files of the cache are damaged, or cannot be written, the data is opened."""

import logging
import multiprocessing
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from sedn import seen
from sedn.data.formats import read_listing
from sedn.data.kept.listing import KeptListing
from sedn.files import cache_folder
from tests.sedn.data import fixtures
from tests.sedn.data.kept.listings import edit, no_reading, open_kept, same, settle


def entry() -> Path:
    (found,) = (p for p in (cache_folder() / "listings").iterdir() if p.is_dir())
    return found


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "one bit":
        content[len(content) * 2 // 3] ^= 4
    elif kind == "truncated":
        del content[len(content) // 2 :]
    elif kind == "empty":
        content.clear()
    path.unlink()
    if kind != "removed":
        path.write_bytes(content)


@pytest.mark.parametrize("kind", ["one bit", "truncated", "empty", "removed"])
def test_damage_is_seen_in_each_file_and_made_good(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    expected = read_listing(path)
    open_kept(path)
    names = sorted(file.name for file in entry().iterdir())
    pointer = entry().with_name(entry().name.partition("-")[0]).with_suffix(".npz")
    assert "points.bin" in names and pointer.is_file()
    for file in (*(entry() / name for name in names), pointer):
        damage(file, kind)
        with pytest.raises(AssertionError, match="read again"), no_reading(monkeypatch):
            open_kept(path)
        same(open_kept(path), expected)
        with no_reading(monkeypatch):
            same(open_kept(path), expected)


def test_a_listing_that_changed_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    settle()
    old = open_kept(path)
    targets = np.array(old.targets)
    first = entry()
    edit(path, "train", " test")
    same(open_kept(path), read_listing(path))
    assert entry() != first
    # Who has mapped the old one keeps it.
    assert np.array_equal(old.targets, targets)
    assert [image.name for image in old.images] == [i.name for i in read_listing(path).images]


def test_without_a_cache_that_can_be_written_the_data_is_read_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert open_kept(path).labels == fixtures.CLASSES
    (record,) = caplog.records
    assert "set SEDN_CACHE" in record.getMessage()
    assert len(record.getMessage().splitlines()) == 1


def test_on_a_full_disk_the_data_is_read_and_nothing_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
        listings = [open_kept(path) for _ in range(2)]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert all(listing.labels == fixtures.CLASSES for listing in listings)
    assert not any(p.is_dir() for p in (cache_folder() / "listings").iterdir())
    assert len(caplog.records) == 1


def test_a_limit_of_the_cache_holds_for_listings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    monkeypatch.setenv("SEDN_CACHE_LIMIT", "0.00001")
    assert not isinstance(open_kept(path), KeptListing)


def _open_in_process(path: str) -> tuple[str, str]:
    seen._TICK = 20 * 10**6
    listing = open_kept(Path(path))
    return type(listing).__name__, listing.tables_digest()


def test_of_several_processes_at_once_each_has_the_same_listing(tmp_path: Path) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    expected = read_listing(path).tables_digest()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(_open_in_process, [str(path)] * 9, chunksize=1)
    assert found == [("KeptListing", expected)] * 9
