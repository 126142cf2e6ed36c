"""The names of images depend on the data alone, not on how its path is spelled."""

from pathlib import Path

import numpy as np
import pytest

from sedn.data.formats import read_listing
from sedn.data.image_names import relative_names
from sedn.data.listing import Listing
from sedn.files import absolute_path
from tests.sedn.data import fixtures
from tests.sedn.data.test_shapes import EVERY

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")


def identity(listing: Listing) -> tuple[str, tuple[str, ...]]:
    names = listing.names(np.arange(len(listing)))
    return listing.hash_tables().hexdigest(), names


def check_spellings(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data at ``path`` inside of ``folder``, spelled in several ways and moved."""
    (folder.parent / "beside").mkdir()
    expected = identity(read_listing(path))
    assert not any(Path(name).is_absolute() for name in expected[1])
    inside = path.relative_to(folder.parent)
    monkeypatch.chdir(folder.parent / "beside")
    for spelled in (folder.parent / "beside" / ".." / inside, Path("..") / inside):
        assert identity(read_listing(spelled)) == expected
    monkeypatch.chdir(folder.parent)
    assert identity(read_listing(inside)) == expected
    moved = folder.rename(folder.with_name("moved"))
    assert identity(read_listing(moved / path.relative_to(folder))) == expected


@pytest.mark.parametrize("name", EVERY)
def test_a_shape_has_one_identity_however_its_path_is_spelled(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if EVERY[name].refused:
        return
    (tmp_path / "home").mkdir()
    EVERY[name].write(tmp_path / "home")
    check_spellings(tmp_path / "home" / EVERY[name].read, tmp_path / "home", monkeypatch)


@pytest.mark.parametrize("name", fixtures.WRITERS)
def test_a_format_has_one_identity_however_its_path_is_spelled(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    check_spellings(fixtures.WRITERS[name](tmp_path / "home"), tmp_path / "home", monkeypatch)


def test_images_beside_the_data_are_named_from_it_and_those_elsewhere_by_their_place() -> None:
    paths = ["/d/sets/photos/a b.jpg", "/d/photos/1.jpg", "/d/sets/2.jpg", "/mnt/3.jpg"]
    names = "photos/a b.jpg", "../photos/1.jpg", "2.jpg", "/mnt/3.jpg"
    assert relative_names(paths, Path("/d/sets")) == names
    assert relative_names(paths[:3], Path("/d/x/../sets")) == names[:3]


def test_splits_are_found_by_the_names_of_images_beside_the_data(tmp_path: Path) -> None:
    (tmp_path / "sets").mkdir()
    fixtures.write_csv(tmp_path).rename(tmp_path / "sets" / "table.csv")
    description = tmp_path / "sets" / "data.yaml"
    description.write_text("table: table.csv\nimages: ..\n")
    listing = read_listing(description)
    names = listing.names(np.arange(len(listing)))
    assert names[0] == "../photos/000.webp"
    turned = {"train": "test", "validation": "train", "test": "validation"}
    splits = tuple(turned[split] for split in listing.splits)
    rows = [f"{name},{split}" for name, split in zip(names, splits, strict=True)]
    (tmp_path / "sets" / "splits.csv").write_text("\n".join(["image,split", *rows]) + "\n")
    description.write_text("table: table.csv\nimages: ..\nsplits: splits.csv\n")
    assert read_listing(description).splits == splits


def test_a_path_is_free_of_parents_but_for_those_that_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "a" / "file").write_text("another")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    assert absolute_path(f"{tmp_path}/a/../file") == f"{tmp_path}/file"
    assert absolute_path(f"{tmp_path}/link/../file") == f"{tmp_path}/a/file"
    assert absolute_path("digits-in-clutter") == "digits-in-clutter"
    assert absolute_path("no\0path") == "no\0path"
