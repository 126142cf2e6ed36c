"""The mask of an image is found by name in the layouts that people have, or refused."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedn.data.maps.mask_files import MaskFiles
from sedn.errors import UserError


def touch(root: Path, *names: str) -> list[Path]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return [root / name for name in names]


def found(masks: MaskFiles, image: Path, *roots: Path) -> str | None:
    path = masks.find(image, roots)
    return None if path is None else str(path.relative_to(masks.folder))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("im/1.jpg", "1.png"),
        ("im/1.jpg", "1_mask.png"),
        ("im/1.jpg", "1-Map.PNG"),
        ("im/1.jpg", "1.seg.png"),
        ("im/1.jpg", "1.jpg.png"),
        ("im/a/1.jpg", "a/1.png"),
        ("im/train/a/1.jpg", "train/a/1_mask.png"),
        ("im/a/1.jpg", "1.png"),
        ("im/1.v2.jpg", "1.v2.png"),
    ],
)
def test_a_mask_is_found_in_usual_layouts(image: str, mask: str, tmp_path: Path) -> None:
    (path,) = touch(tmp_path, image)
    touch(tmp_path / "maps", mask)
    masks = MaskFiles(tmp_path / "maps")
    assert found(masks, path) == found(masks, path, tmp_path / "im") == mask


def test_folders_of_masks_mirror_those_of_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("1.png", "a/1.png", "b/1.png", "a/b/1.png", "b/2.png")
    images = touch(tmp_path / "im", *names)
    touch(tmp_path / "maps", *names)
    masks = MaskFiles(tmp_path / "maps")
    root = tmp_path / "im"
    assert [found(masks, image, root) for image in images] == [*names]
    # By the folder of one part, and by single files, as far as these say which folder is meant.
    assert found(masks, images[2], root / "b") == "b/1.png"
    assert [found(masks, image) for image in images[1:]] == [*names[1:]]
    with pytest.raises(UserError, match=r"im/1.png: is .*maps/1.png its mask\? The masks lie in"):
        masks.find(images[0])
    monkeypatch.chdir(root / "b")
    assert found(masks, Path("2.png")) == "b/2.png"
    monkeypatch.chdir(tmp_path / "maps")
    assert found(MaskFiles(Path()), images[4], root) == "b/2.png"


def test_the_mask_of_an_image_elsewhere_is_not_taken(tmp_path: Path) -> None:
    images = touch(tmp_path / "im", "a/1.png", "b/1.png", "c/3.png")
    touch(tmp_path / "maps", "a/1.png", "1.png", "3.png", "d/4.png")
    masks = MaskFiles(tmp_path / "maps")
    assert found(masks, images[0], tmp_path / "im") == "a/1.png"
    with pytest.raises(UserError, match=r"b/1.png: is .*keep the mask in .*maps/b, or name"):
        masks.find(images[1], [tmp_path / "im"])
    with pytest.raises(UserError, match=r"b/1.png: is .*maps/1.png its mask"):
        masks.find(images[1])
    with pytest.raises(UserError, match=r"c/3.png: is .*maps/3.png its mask"):
        masks.find(images[2], [tmp_path / "im"])
    (other,) = touch(tmp_path / "im", "c/4.png")
    assert found(masks, other, tmp_path / "im") is None


def test_photographs_and_masks_may_lie_side_by_side(tmp_path: Path) -> None:
    images = touch(tmp_path, "1.jpg", "2.png", "3.jpg")
    touch(tmp_path, "1_mask.png", "2_mask.png")
    masks = MaskFiles(tmp_path)
    assert [found(masks, image) for image in images] == ["1_mask.png", "2_mask.png", None]
    assert [path.name for path in masks.paths()] == ["1_mask.png", "2_mask.png"]
    with pytest.raises(UserError, match=r"2_mask.png: is a mask in .*; name the photographs alone"):
        masks.find(tmp_path / "2_mask.png")


def test_two_masks_of_an_image_are_refused(tmp_path: Path) -> None:
    (image,) = touch(tmp_path / "im", "1.jpg")
    touch(tmp_path / "maps", "1.png", "1_mask.png")
    with pytest.raises(UserError, match=r"1.jpg: its mask may be .*/1.png or .*/1_mask.png; keep"):
        MaskFiles(tmp_path / "maps").find(image)
    touch(tmp_path / "maps", "a/1.png", "a/1.webp")
    with pytest.raises(UserError, match=r"1.webp: and 1.png are masks of one name; keep one"):
        MaskFiles(tmp_path / "maps")
    with pytest.raises(UserError, match=re.escape("none: cannot be read as a folder of masks")):
        MaskFiles(tmp_path / "none")


FOLDERS = st.lists(st.sampled_from(["", "a", "b", "a/b", "b/a"]), min_size=1, max_size=5)


@given(FOLDERS, FOLDERS, st.sampled_from(["", "_mask"]), st.booleans())
def test_a_mask_that_is_found_is_the_mirrored_one_or_the_only_one(
    tmp_path_factory: pytest.TempPathFactory,
    of_images: list[str],
    of_masks: list[str],
    ending: str,
    with_root: bool,
) -> None:
    folder = tmp_path_factory.mktemp("trees")
    touch(folder / "maps", *(f"{where}/1{ending}.png".lstrip("/") for where in of_masks))
    masks = MaskFiles(folder / "maps")
    for where in of_images:
        (image,) = touch(folder / "im", f"{where}/1.jpg".lstrip("/"))
        try:
            mask = masks.find(image, [folder / "im"] if with_root else [])
        except UserError:
            continue
        if where in of_masks:
            assert mask == folder / "maps" / where / f"1{ending}.png"
        elif mask is not None:
            # Of its folder's end, or of masks in one folder alone.
            there = str(mask.parent.relative_to(folder / "maps"))
            assert where.endswith(f"/{there}") or set(of_masks) == {""}
