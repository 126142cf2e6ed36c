"""A CSV of splits gives each image the row that means the image, and no row two images."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.listing import Listing
from sedn.errors import UserError

NAMES = ("1.png", "a/1.png", "b/1.png", "b/c/1.png", "b/2.png", "3.png")


def write(folder: Path, rows: list[str]) -> Path:
    """Images in several folders, some of one name, with a CSV of these rows."""
    for name in NAMES:
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            Image.new("RGB", (8, 8)).save(path)
    table = [f"photos/{name},{i % 2},{i // 2 % 2}" for i, name in enumerate(NAMES)]
    (folder / "table.csv").write_text("\n".join(["image,red,striped", *table]) + "\n")
    (folder / "splits.csv").write_text("\n".join(["image,split", *rows]) + "\n")
    (folder / "data.yaml").write_text("table: table.csv\nsplits: splits.csv\n")
    return folder / "data.yaml"


def splits_of(listing: Listing, folder: Path) -> dict[str, str]:
    names = [str(Path(image.name).relative_to(folder / "photos")) for image in listing.images]
    return dict(zip(names, listing.splits, strict=True))


def test_a_base_name_of_two_images_is_refused_with_both_paths(tmp_path: Path) -> None:
    described = write(tmp_path, ["1.png,train", "2.png,val", "3.png,test"])
    with pytest.raises(UserError) as caught:
        read_listing(described)
    said = str(caught.value)
    one, other = (tmp_path / "photos" / name for name in NAMES[:2])
    assert f"splits.csv: image '1.png' may be {one} or {other}; write a row for each" in said
    left = read_listing(described, skip=True)
    assert splits_of(left, tmp_path) == {"b/2.png": "validation", "3.png": "test"}
    assert left.skipped == 4


def test_the_row_of_one_image_is_not_that_of_another_of_its_name(tmp_path: Path) -> None:
    rows = [f"photos/{name},train" for name in NAMES if name != "b/1.png"]
    described = write(tmp_path, rows)
    with pytest.raises(UserError, match=r"no row for image '.*photos/b/1.png'"):
        read_listing(described)
    # What is left of a name means the only image that has no row of its own.
    described = write(tmp_path, ["1.png,val", *rows, "photos/3.png,test"])
    with pytest.raises(UserError, match=r"image 'photos/3.png' is there twice, with two splits"):
        read_listing(described)
    described = write(tmp_path, ["1.png,val", *rows])
    assert splits_of(read_listing(described), tmp_path)["b/1.png"] == "validation"


@given(st.lists(st.sampled_from(["train", "val", "test"]), min_size=6, max_size=6), st.data())
def test_an_image_has_the_split_of_a_row_that_means_the_image_alone(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("splits")
    rows: dict[str, str] = {}
    for name, split in zip(NAMES, wanted, strict=True):
        parts = ("photos", *name.split("/"))
        start = data.draw(st.integers(0, len(parts) - 1))
        rows.setdefault("/".join(parts[start:]), split)
    described = write(folder, [f"{name},{split}" for name, split in rows.items()])
    try:
        found = splits_of(read_listing(described), folder)
    except UserError:
        return
    used = []
    for name, split in found.items():
        whole = f"photos/{name}"
        mine = [whole] if whole in rows else [row for row in rows if whole.endswith(f"/{row}")]
        used.append(max(mine, key=len))
        assert {"val": "validation"}.get(rows[used[-1]], rows[used[-1]]) == split
    assert len(set(used)) == len(used)
