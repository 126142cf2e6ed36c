"""COCO's JSON as annotation tools export it, read by its path alone to the truth of each image."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedn.config import DataConfig
from sedn.data.check import check_data
from sedn.data.formats import read_listing
from sedn.data.listing import Listing
from sedn.data.splits.cutting import assign_splits
from sedn.errors import UserError
from tests.sedn.data.fixtures import (
    CLASSES,
    COUNT,
    HEIGHT,
    MAPS,
    SPLITS,
    TARGETS,
    WIDTH,
    coco_document,
    picture_file,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
ALL = list(range(COUNT))
ROBOFLOW = {"train": "train", "validation": "valid", "test": "test"}


def save(folder: Path, rows: list[int] = ALL, name: str = "{:03d}.jpg") -> None:
    for index in rows:
        path = folder / name.format(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture_file(index))


def dump(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def named(document: dict[str, Any], name: str) -> dict[str, Any]:
    for image in document["images"]:
        image["file_name"] = name.format(int(image["file_name"].removesuffix(".jpg")))
    return document


def cvat(folder: Path) -> None:
    save(folder / "images")
    document = coco_document(ALL)
    for annotation in document["annotations"]:
        annotation["attributes"] = {"occluded": False, "rotation": 0.0}
    dump(folder / "annotations/instances_default.json", document)


def cvat_subsets(folder: Path) -> None:
    for subset in ("train", "validation", "test"):
        rows = [index for index in ALL if SPLITS[index] == subset]
        save(folder / "images" / subset, rows)
        dump(folder / f"annotations/instances_{subset}.json", coco_document(rows))


def roboflow(folder: Path) -> None:
    for split, short in ROBOFLOW.items():
        rows = [index for index in ALL if SPLITS[index] == split]
        save(folder / short, rows, "{:03d}_jpg.rf.0a1b2c.jpg")
        document = named(coco_document(rows), "{:03d}_jpg.rf.0a1b2c.jpg")
        document["categories"].insert(0, {"id": 0, "name": "animals", "supercategory": "none"})
        dump(folder / short / "_annotations.coco.json", document)


def fiftyone(folder: Path) -> None:
    save(folder / "data")
    dump(folder / "labels.json", coco_document(ALL))


def label_studio(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        save(folder / "images", name="0f3c9a1b-{:03d}.jpg")
        (folder / "notes.json").write_text("{}")
        dump(folder / "result.json", named(coco_document(ALL), name))

    return write


def flat(folder: Path) -> None:
    """Files for each split beside one folder of images."""
    save(folder / "photos")
    for split in set(SPLITS):
        rows = [index for index in ALL if SPLITS[index] == split]
        dump(folder / f"{split}.json", coco_document(rows))


def paths_of_another_machine(folder: Path) -> None:
    save(folder / "photos")
    dump(folder / "export.json", named(coco_document(ALL), "C:\\Users\\me\\photos\\{:03d}.jpg"))


EXPORTS: dict[str, tuple[Callable[[Path], None], bool]] = {
    "CVAT": (cvat, False),
    "CVAT with subsets": (cvat_subsets, True),
    "Roboflow": (roboflow, True),
    "FiftyOne": (fiftyone, False),
    "Label Studio": (label_studio("images/0f3c9a1b-{:03d}.jpg"), False),
    "Label Studio on Windows": (label_studio("images\\0f3c9a1b-{:03d}.jpg"), False),
    "Label Studio, uploaded": (label_studio("../../media/upload/4/0f3c9a1b-{:03d}.jpg"), False),
    "Label Studio, local files": (
        label_studio("/data/local-files/?d=images%2F0f3c9a1b-{:03d}.jpg"),
        False,
    ),
    "a file for each split": (flat, True),
    "paths of another machine": (paths_of_another_machine, False),
}
"""By name, the writer and whether the splits are the data's own."""


def number(name: str) -> int:
    """Which picture an image is."""
    return int(Path(name).name.split("_jpg")[0].split("-")[-1].removesuffix(".jpg"))


def assert_true(listing: Listing, splits_given: bool = False) -> None:
    rows = [number(image.name) for image in listing.images]
    assert sorted(rows) == ALL
    assert listing.labels == CLASSES
    assert np.array_equal(listing.targets, TARGETS[rows])
    if splits_given:
        assert listing.splits == tuple(SPLITS[row] for row in rows)
    for row, region_map in zip(rows, listing.maps, strict=True):
        assert region_map is not None
        drawn = region_map.draw((WIDTH, HEIGHT))
        assert np.array_equal(drawn, MAPS[row].max(axis=0, keepdims=True)), row


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_by_its_path_alone(name: str, tmp_path: Path) -> None:
    write, splits_given = EXPORTS[name]
    write(tmp_path)
    listing = read_listing(tmp_path)
    assert_true(listing, splits_given)
    assert set(assign_splits(listing, 0)) == {"train", "validation", "test"}


@pytest.mark.parametrize("name", ["CVAT", "FiftyOne", "Label Studio"])
def test_a_single_file_of_an_export_is_read_by_its_own_path(name: str, tmp_path: Path) -> None:
    EXPORTS[name][0](tmp_path)
    (path,) = (p for p in tmp_path.rglob("*.json") if p.stat().st_size > 100)
    assert_true(read_listing(path))


def test_the_check_of_an_export_says_how_it_was_read(tmp_path: Path) -> None:
    cvat(tmp_path)
    checked = check_data(DataConfig(path=str(tmp_path), image_size=24))
    assert checked.trainable
    said = "\n".join(checked.subject.notes)
    assert "labels: 3 by category" in said
    assert "maps: polygons and run lengths of all objects, of 60 of 60 images" in said


Change = Callable[[dict[str, Any]], None]


def _each(key: str, change: Callable[[dict[str, Any]], None]) -> Change:
    def apply(document: dict[str, Any]) -> None:
        for item in document[key]:
            change(item)

    return apply


def _floats(document: dict[str, Any]) -> None:
    for item in document["annotations"]:
        item["image_id"], item["category_id"] = float(item["image_id"]), float(item["category_id"])


def _clicks(item: dict[str, Any]) -> None:
    if isinstance(item["segmentation"], list):
        item["segmentation"] += [[3.0, 4.0], [1, 2, 3, 4], []]


def _float_runs(item: dict[str, Any]) -> None:
    if isinstance(item["segmentation"], dict):
        segmentation = item["segmentation"]
        segmentation["size"] = [float(side) for side in segmentation["size"]]
        if isinstance(segmentation["counts"], list):
            segmentation["counts"] = [float(count) for count in segmentation["counts"]]


STYLES: dict[str, Change] = {
    "ids of floats": _floats,
    "sizes of floats": _each("images", lambda i: i.update(width=48.0, height=36.0)),
    "sizes of text": _each("images", lambda i: i.update(width="48", height="36")),
    "sizes of nothing": _each("images", lambda i: i.update(width=None, height=None)),
    "no sizes": _each("images", lambda i: [i.pop("width"), i.pop("height")]),
    "clicks": _each("annotations", _clicks),
    "run lengths of floats": _each("annotations", _float_runs),
    "ids of text": lambda document: [
        _each("images", lambda i: i.update(id=str(i["id"])))(document),
        _each("annotations", lambda a: a.update(image_id=str(int(a["image_id"]))))(document),
    ],  # type: ignore[return-value, dict-item]
}


@settings(deadline=None, max_examples=30)
@given(st.sets(st.sampled_from(sorted(STYLES))))
def test_what_tools_write_otherwise_is_read_alike(
    tmp_path_factory: pytest.TempPathFactory, names: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("style")
    save(folder / "images")
    document = coco_document(ALL)
    for name in sorted(names):
        STYLES[name](document)
    dump(folder / "a.json", document)
    assert_true(read_listing(folder / "a.json"))


def test_objects_of_boxes_alone_have_no_maps(tmp_path: Path) -> None:
    """An empty map of the images without objects would tell their labels."""
    save(tmp_path / "images")
    document = coco_document(ALL)
    _each("annotations", lambda a: a.update(segmentation=[]))(document)
    dump(tmp_path / "a.json", document)
    listing = read_listing(tmp_path)
    assert set(listing.maps) == {None}
    assert any(
        line.startswith("maps: none, since no object has polygons") for line in listing.notes
    )


def test_an_object_of_clicks_alone_has_no_place(tmp_path: Path) -> None:
    save(tmp_path / "images")
    document = coco_document(ALL)
    document["annotations"][0]["segmentation"] = [[3.0, 4.0]]
    dump(tmp_path / "a.json", document)
    listing = read_listing(tmp_path)
    assert [region_map is None for region_map in listing.maps].count(True) == 1


def _without_images(folder: Path) -> None:
    cvat(folder)
    for name in ("003", "017", "040"):
        (folder / f"images/{name}.jpg").unlink()


def _two_files(folder: Path) -> None:
    fiftyone(folder)
    (folder / "labels.json").rename(folder / "old.json")
    (folder / "new.json").write_bytes((folder / "old.json").read_bytes())


def _copies(folder: Path) -> None:
    fiftyone(folder)
    save(folder / "more")
    (folder / "data").rename(folder / "some")


def _a_split_twice(folder: Path) -> None:
    roboflow(folder)
    shutil.copytree(folder / "valid", folder / "val")


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing images": (
        _without_images,
        r"3 missing files: .*003\.jpg': no such file; .*'017\.jpg'",
    ),
    "a split twice": (_a_split_twice, "val and valid are both of split 'validation'; make one"),
    "two files": (_two_files, r"several of COCO's JSON \(new\.json, old\.json\); give the path"),
    "two folders": (_copies, r"may be the file more/0\d\d\.jpg or some/0\d\d\.jpg.*images:"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_export_that_cannot_be_told_is_refused(name: str, tmp_path: Path) -> None:
    spoil, said = REFUSED[name]
    spoil(tmp_path)
    with pytest.raises(UserError, match=said):
        read_listing(tmp_path)
