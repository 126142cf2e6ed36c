"""What operating systems leave in folders is passed over, whatever the format."""

from pathlib import Path

import numpy as np
import pytest

from sedn.data.folders import is_stray
from sedn.data.formats import read_listing
from tests.sedn.data.fixtures import WITHOUT_MAPS, WRITERS

LEFT = (".DS_Store", "Thumbs.db", "desktop.ini")
ALL = WRITERS | WITHOUT_MAPS


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "list table"])
def test_strays_change_nothing(kind: str, tmp_path: Path) -> None:
    path = ALL[kind](tmp_path)
    before = read_listing(path)
    for file in [file for file in tmp_path.rglob("*") if file.is_file()]:
        (file.parent / f"._{file.name}").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    for folder in [tmp_path, *(found for found in tmp_path.rglob("*") if found.is_dir())]:
        for name in LEFT:
            (folder / name).write_bytes(b"\x00\x01")
        archived = folder / "__MACOSX" / folder.name
        archived.mkdir(parents=True)
        for file in folder.glob("._*"):
            (archived / file.name.removeprefix("._")).write_bytes(b"\x00\x05")
    after = read_listing(path)
    assert after.images == before.images
    assert after.maps == before.maps or kind in ("coco", "fashionpedia", "yolo")
    assert after.splits == before.splits
    assert np.array_equal(after.targets, before.targets, equal_nan=True)
    assert after.notes == before.notes


@pytest.mark.parametrize("name", ["._a.png", ".DS_Store", "THUMBS.DB", "__MACOSX", "desktop.ini"])
def test_a_stray_is_known_by_its_name(name: str) -> None:
    assert is_stray(name)


@pytest.mark.parametrize("name", ["a.png", "_a.png", "thumbs", "macosx", "_classes.csv"])
def test_what_people_name_is_no_stray(name: str) -> None:
    assert not is_stray(name)
