"""Formats that are known and not read are named, with what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sedn.data.formats import read_listing
from sedn.errors import UserError
from tests.sedn.data.fixtures import draw_picture, save_columns


def images(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(3):
        draw_picture(i).save(folder / f"{i}.jpg")


def cvat(folder: Path) -> None:
    images(folder / "images")
    (folder / "annotations.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        '  <image id="0" name="0.jpg" width="48" height="36"></image>\n</annotations>\n'
    )


def labelme(folder: Path) -> None:
    images(folder)
    for i in range(3):
        document: dict[str, Any] = {"version": "5.4", "shapes": [], "imagePath": f"{i}.jpg"}
        (folder / f"{i}.json").write_text(json.dumps(document))


def via(folder: Path) -> None:
    images(folder)
    document = {"_via_settings": {}, "_via_img_metadata": {"0.jpg1234": {"regions": []}}}
    (folder / "via_project.json").write_text(json.dumps(document))


def label_studio(folder: Path) -> None:
    images(folder / "images")
    tasks = [{"id": 1, "annotations": [{"result": []}], "data": {"image": "images/0.jpg"}}]
    (folder / "project-1.json").write_text(json.dumps(tasks))


def classes(folder: Path) -> None:
    for name in ("cat", "dog", "owl"):
        images(folder / name)


def classes_by_split(folder: Path) -> None:
    for split in ("train", "val"):
        classes(folder / split)


FOREIGN: dict[str, tuple[Callable[[Path], None], str]] = {
    "CVAT's XML": (cvat, r"annotations\.xml is CVAT's own XML; export the task as COCO 1\.0"),
    "LabelMe": (labelme, r"0\.json is LabelMe's; convert it to COCO with labelme2coco"),
    "VIA": (via, r"via_project\.json is of the VGG Image Annotator; export it as COCO"),
    "Label Studio": (label_studio, r"project-1\.json is Label Studio's own JSON; export the pro"),
    "classes": (classes, r"folders of images \(cat, dog, owl, …\), as for one class each, are not"),
    "classes by split": (classes_by_split, r"folders of images \(cat, dog, owl, …\)"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_format_that_is_not_read_is_named(name: str, tmp_path: Path) -> None:
    write, said = FOREIGN[name]
    write(tmp_path)
    with pytest.raises(UserError, match=f"its format cannot be read: {said}") as caught:
        read_listing(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    for path in (*tmp_path.glob("*.json"), *tmp_path.glob("*.xml")):
        with pytest.raises(UserError, match=said[2:] if path.stem in "012" else said):
            read_listing(path)


def test_what_is_not_known_is_told_what_is_expected(tmp_path: Path) -> None:
    images(tmp_path / "images")
    images(tmp_path / "masks")
    with pytest.raises(UserError, match="its format is not recognised; expected a table"):
        read_listing(tmp_path)


@pytest.mark.parametrize("name", ["state.json", "dataset_info.json"])
def test_a_file_of_a_saved_data_set_is_told_from_its_folder(name: str, tmp_path: Path) -> None:
    from datasets import Value

    folder = save_columns(tmp_path, {"red": [1, 0]}, red=Value("int64"))
    with pytest.raises(UserError, match="saved data set of Hugging Face's; give the path of its"):
        read_listing(folder / name)
