"""Masks of a table's images are found in a folder of their own, by name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.data.formats import read_listing
from sedn.errors import UserError

NAMES = ("1.jpg", "a/1.jpg", "a/2.jpg", "b/1.jpg", "b/c/1.jpg", "b/3.jpg")
SPLITS = ("train", "train", "val", "val", "test", "test")


def shade(name: str) -> int:
    """The rows that the mask of an image covers."""
    return NAMES.index(name) + 1


def write(
    folder: Path, mask_of: Callable[[str], str], yaml: str = "maps: masks", images: str = "photos"
) -> Path:
    """Images of a table, and masks where ``mask_of`` says."""
    rows = ["image,red,striped,split"]
    for index, name in enumerate(NAMES):
        path = folder / images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (index, 0, 0)).save(path)
        rows.append(f"{images}/{name},{index % 2},{index // 2 % 2},{SPLITS[index]}")
        mask = np.zeros((8, 8), dtype=np.uint8)
        mask[: shade(name)] = 255
        if to := mask_of(name):
            (folder / to).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(folder / to)
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    (folder / "data.yaml").write_text(f"table: table.csv\n{yaml}\n")
    return folder / "data.yaml"


def covered(described: Path) -> list[int | None]:
    """The rows that each image's map covers; ``None`` where it has none."""
    listing = read_listing(described)
    return [
        None if one is None else int(one.draw((8, 8))[0, :, 0].sum()) // 255 for one in listing.maps
    ]


@pytest.mark.parametrize(
    "pattern",
    ["masks/{0}.png", "masks/{0}_mask.png", "masks/{0}.jpg.png", "masks/photos/{0}.tif"],
)
def test_a_tree_of_masks_mirrors_that_of_the_images(pattern: str, tmp_path: Path) -> None:
    described = write(tmp_path, lambda name: pattern.format(name[:-4]))
    assert covered(described) == [*map(shade, NAMES)]
    notes = read_listing(described).notes
    assert "maps: in 'masks', by name, of 6 of 6 images, masks of 0 and 255" in notes


def test_masks_lie_beside_their_images(tmp_path: Path) -> None:
    described = write(tmp_path, lambda name: f"photos/{name[:-4]}-mask.png", "maps: photos")
    assert covered(described) == [*map(shade, NAMES)]


def test_a_folder_for_each_split(tmp_path: Path) -> None:
    def mask_of(name: str) -> str:
        return f"{SPLITS[NAMES.index(name)]}/masks/{name[:-4]}.png"

    described = write(tmp_path, mask_of, "maps: {val: val/masks, test: test/masks}")
    with pytest.raises(UserError, match="maps: no path for split 'train'"):
        read_listing(described)
    by_split = "maps: {train: train/masks, val: val/masks, test: test/masks}"
    described.write_text(f"table: table.csv\n{by_split}\n")
    assert covered(described) == [*map(shade, NAMES)]


def test_a_mask_that_is_missing_is_no_map_and_is_not_anothers(tmp_path: Path) -> None:
    described = write(
        tmp_path, lambda name: "" if name == "b/c/1.jpg" else f"masks/{name[:-4]}.png"
    )
    expected = [None if name == "b/c/1.jpg" else shade(name) for name in NAMES]
    with pytest.raises(UserError, match=r"b/c/1.jpg: is .*masks/1.png its mask"):
        covered(described)
    (tmp_path / "masks" / "1.png").rename(tmp_path / "masks" / "0.png")
    assert covered(described) == [None, *expected[1:]]


def test_a_flat_folder_is_refused_where_images_of_one_name_lie_apart(tmp_path: Path) -> None:
    described = write(tmp_path, lambda name: f"masks/{Path(name).stem}.png")
    with pytest.raises(
        UserError, match=r"masks/1.png may be the mask of .*photos/1.jpg or of .*photos/a/1.jpg; k"
    ):
        read_listing(described)


def test_a_folder_of_masks_that_nothing_names_is_told(tmp_path: Path) -> None:
    described = write(tmp_path, lambda name: f"masks/{name[:-4]}.png", yaml="")
    note = "maps: none; 'masks' is not read, which 'maps: masks' in data.yaml does"
    assert note in read_listing(described).notes
    assert covered(described) == [None] * 6
    assert covered(write(tmp_path, lambda name: "")) == [*map(shade, NAMES)]
    shutil.rmtree(tmp_path / "masks")
    with pytest.raises(UserError, match="masks: cannot be read as a folder of masks: No such file"):
        read_listing(described)
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError, match="maps: no image has a mask in 'masks'; expected masks tha"):
        read_listing(described)


def test_a_folder_beside_a_column_of_masks_is_refused(tmp_path: Path) -> None:
    described = write(tmp_path, lambda name: f"masks/{name[:-4]}.png")
    table = tmp_path / "table.csv"
    header, *rows = table.read_text().replace("image,red", "image,map,red").splitlines()
    masked = (
        row.replace(",", f",masks/{name[:-4]}.png,", 1)
        for row, name in zip(rows, NAMES, strict=True)
    )
    table.write_text("\n".join([header, *masked]) + "\n")
    with pytest.raises(UserError, match="maps: names a folder, and column 'map' does masks"):
        read_listing(described)
    described.write_text("table: table.csv\n")
    assert covered(described) == [*map(shade, NAMES)]
