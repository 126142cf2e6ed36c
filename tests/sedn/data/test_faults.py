"""All that is wrong in a data set is said at once, and left out where that is asked for."""

import json
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedn.config import DataConfig
from sedn.data.check import check_data
from sedn.data.faults import SHOWN
from sedn.data.formats import read_listing
from sedn.data.listing import Listing
from sedn.data.loading import load_dataset
from sedn.errors import Question, UserError
from tests.sedn.data import fixtures
from tests.sedn.data.fixtures import CLASSES, COUNT, MAPS, TARGETS, describe
from tests.sedn.data.formats.test_wrong_formats import WRONG_COCO

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
SCREEN = 20 * 80

Row = list[str]
SPOIL: dict[str, Callable[[Row], list[Row]]] = {
    "missing file": lambda row: [[f"gone-{row[0]}", *row[1:]]],
    "missing mask": lambda row: [[row[0], "gone.png", *row[2:]]],
    "bad cell": lambda row: [[*row[:2], "maybe", *row[3:]]],
    "bad split": lambda row: [[*row[:4], "trian"]],
    "no split": lambda row: [[*row[:4], ""]],
    "no image": lambda row: [["", *row[1:]]],
    "longer row": lambda row: [[*row, "1"]],
    "shorter row": lambda row: [row[:3]],
    "twice": lambda row: [row, row],
    "twice with another label": lambda row: [row, [*row[:2], "10"[int(row[2])], *row[3:]]],
}
KIND = {"missing mask": "missing file", "bad split": "bad cell", "no split": "bad cell",
        "no image": "bad cell", "longer row": "bad row", "shorter row": "bad row",
        "twice": "duplicate", "twice with another label": "duplicate"}  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_listing(path)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert len(said) < SCREEN
    return said


@given(st.dictionaries(st.integers(0, 59), st.sampled_from(list(SPOIL)), min_size=2, max_size=7))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_all_faults_of_a_table_are_counted_or_left_out(
    table: Path, spoiled: dict[int, str]
) -> None:
    lines = [line.split(",") for line in table.read_text().splitlines()]
    rows = [SPOIL[spoiled[i]](row) if i in spoiled else [row] for i, row in enumerate(lines[1:])]
    path = table.parent / "spoiled.csv"
    path.write_text("\n".join(",".join(row) for row in [lines[0], *chain(*rows)]) + "\n")
    described = describe(table.parent, table=path.name, labels=["red", "bright"])
    said = refusal(described)
    counts: dict[str, int] = {}
    for how in spoiled.values():
        counts[KIND.get(how, how)] = counts.get(KIND.get(how, how), 0) + 1
    for kind, count in counts.items():
        assert f"{count} {kind}{'s' * (count > 1)}" in said
    assert "`skip_unreadable`" in said
    assert said.count("spoiled.csv: ") == min(len(spoiled), SHOWN)
    listing = read_listing(described, skip=True)
    left = [i for i in range(90) if i not in spoiled or spoiled[i] == "twice"]
    assert [Path(image.name).name for image in listing.images] == [f"{i}.png" for i in left]
    assert listing.targets.tolist() == [[i % 2, i % 3 == 0] for i in left]
    assert {fault.kind: len(fault.places) for fault in listing.faults} == counts
    # An image that is there twice, once left out or with both of its rows, is one image.
    assert listing.skipped == len(spoiled) - list(spoiled.values()).count("twice")


def test_a_message_is_no_longer_than_a_screen_whatever_names_are(table: Path) -> None:
    long = "/".join(["x" * 200] * 6)
    rows = [f"{long}/{i}.png,,1,0,train" for i in range(5000)]
    table.write_text("\n".join([*table.read_text().splitlines(), *rows]) + "\n")
    said = refusal(table)
    assert "5,000 missing files: row 92: image 'xxx" in said
    assert "and 4,995 more" in said


def test_what_is_left_out_is_counted_in_the_data_set_and_changes_its_fingerprint(
    table: Path,
) -> None:
    def load(skip: bool) -> Any:
        load_dataset.cache_clear()
        return load_dataset(DataConfig(path=str(table), image_size=20, skip_unreadable=skip))

    whole = load(False)
    assert load(True).fingerprint == whole.fingerprint, "nothing is left out"
    table.write_text(table.read_text().replace("\n5.png,5-map.png", "\ngone.png,5-map.png"))
    (table.parent / "8.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"row 7: image 'gone\.png': .*; `skip_unreadable` leaves"):
        load(False)
    found = load(True)
    assert found.skipped == 2
    assert sum(map(len, found.splits.values())) == 88
    assert found.fingerprint != whole.fingerprint
    assert found.notes[-1] == "left out by `skip_unreadable`: 1 missing file, 1 image in all"


def test_the_check_lists_all_faults(table: Path) -> None:
    text = table.read_text()
    for index in range(20):
        text = text.replace(f"\n{index}.png,", f"\ngone-{index}.png,")
    table.write_text(text)
    checked = check_data(DataConfig(path=str(table), image_size=20))
    (finding,) = [finding for finding in checked.findings if finding.kind == "missing-files"]
    assert (finding.level, len(finding.where)) == ("error", 20)
    assert not checked.trainable
    config = DataConfig(path=str(table), image_size=20, skip_unreadable=True)
    assert check_data(config).trainable


# Faults of the whole file leave nothing to go on with.
OF_THE_FILE = {"no name", "category twice", "no annotations", "no categories", "no images",
               "annotations of no kind", "nothing annotated", "no image id"}  # fmt: skip


@pytest.fixture(scope="module")
def coco_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixtures.write_coco_file(tmp_path_factory.mktemp("coco-file"))


def true(listing: Listing, row: int) -> bool:
    """Whether an image has its own labels, and its own map or none."""
    index = int(Path(listing.images[row].name).stem)
    region_map = listing.maps[row]
    mine = MAPS[index].max(axis=0, keepdims=True)
    drawn = mine if region_map is None else region_map.draw((fixtures.WIDTH, fixtures.HEIGHT))
    columns = [CLASSES.index(label) for label in listing.labels]
    return bool((listing.targets[row] == TARGETS[index, columns]).all() and (drawn == mine).all())


@pytest.mark.parametrize("case", [case for case in WRONG_COCO if case not in OF_THE_FILE])
def test_what_is_wrong_in_coco_is_left_out_and_the_rest_is_true(coco_file: Path, case: str) -> None:
    document = json.loads(coco_file.read_text())
    WRONG_COCO[case][0](document)
    path = coco_file.parent / "spoiled.json"
    path.write_text(json.dumps(document))
    assert "`skip_unreadable`" in refusal(path)
    listing = read_listing(path, skip=True)
    assert len(listing) + listing.skipped == COUNT
    assert listing.skipped <= 2
    wrong = [row for row in range(len(listing)) if not true(listing, row)]
    # The object itself may be unknown: of its image that label alone.
    assert len(wrong) <= (case in ("category", "image"))
    assert all((listing.targets[row] == 1).sum() < TARGETS.shape[1] for row in wrong)


def test_an_unknown_category_leaves_labels_and_takes_the_map_of_all_objects(
    coco_file: Path,
) -> None:
    document = json.loads(coco_file.read_text())
    annotation = document["annotations"][0]
    document["annotations"].append({**annotation, "id": 10**6, "category_id": 77})
    path = coco_file.parent / "more.json"
    path.write_text(json.dumps(document))
    whole, listing = read_listing(coco_file), read_listing(path, skip=True)
    assert np.array_equal(listing.targets, whole.targets)
    row = [image["id"] for image in document["images"]].index(annotation["image_id"])
    assert listing.maps[row] is None
    assert sum(m is None for m in listing.maps) == 1 + sum(m is None for m in whole.maps)
    fields = {"format": "coco", "annotations": path.name, "images": "images"}
    named = read_listing(describe(coco_file.parent, **fields, regions=[CLASSES[0]]), skip=True)
    assert named.maps[row] is not None


WRITERS = {
    name: write
    for name, write in fixtures.WRITERS.items()
    if name != "yolo" and "hugging" not in name
}


@pytest.mark.parametrize("format", WRITERS)
def test_missing_images_are_counted_and_left_out_in_every_format(
    tmp_path: Path, format: str
) -> None:
    path = WRITERS[format](tmp_path)
    whole = read_listing(path)
    gone = [whole.images[row].name for row in (0, 3, 8)]
    for name in gone:
        Path(name).unlink()
    said = refusal(path)
    assert "3 missing files: " in said
    assert all(Path(name).stem in said for name in gone)
    listing = read_listing(path, skip=True)
    rows = [row for row in range(len(whole)) if row not in (0, 3, 8)]
    assert [c.name for c in listing.images] == [whole.images[row].name for row in rows]
    columns = [whole.labels.index(label) for label in listing.labels]
    expected = whole.targets[np.ix_(rows, columns)]
    assert np.array_equal(listing.targets, expected, equal_nan=True)
    assert listing.splits == tuple(whole.splits[row] for row in rows)
    assert listing.skipped == 3


def test_rows_of_hugging_face_data_are_left_out(tmp_path: Path) -> None:
    from datasets import Value

    columns = {"red": ["1", "maybe"], "split": ["train", "test"]}
    path = fixtures.save_columns(tmp_path, columns, red=Value("string"), split=Value("string"))
    described = describe(tmp_path, format="huggingface", root=path.name, labels=["red"])
    assert "row 1: label 'red' is 'maybe'" in refusal(described)
    listing = read_listing(described, skip=True)
    assert (len(listing), listing.skipped, listing.splits) == (1, 1, ("train",))


def test_a_split_file_that_contradicts_itself_or_lacks_images(table: Path) -> None:
    rows = ["image,split", *(f"{i}.png,{('train', 'val', 'test')[i % 3]}" for i in range(88))]
    (table.parent / "splits.csv").write_text("\n".join([*rows, "4.png,test", "5.png,tset"]) + "\n")
    described = describe(table.parent, table=table.name, splits="splits.csv")
    said = refusal(described)
    assert "1 duplicate, 1 bad cell, 2 bad rows" in said
    listing = read_listing(described, skip=True)
    assert listing.skipped == 4
    assert listing.splits[:4] == ("train", "validation", "test", "train")
    assert not {"4.png", "5.png", "88.png"} & {Path(image.name).name for image in listing.images}


def test_a_few_words_among_1_and_0_are_a_question_unless_rows_are_left_out(table: Path) -> None:
    text = table.read_text().replace("\n3.png,3-map.png,1,", "\n3.png,3-map.png,maybe,")
    table.write_text(text.replace("\n8.png,8-map.png,0,0,", "\n8.png,8-map.png,0,?!,"))
    with pytest.raises(Question) as caught:
        read_listing(table)
    said = str(caught.value)
    assert "row 5: label 'red' is 'maybe'" in said
    assert "row 10 'bright': '?!'" in said
    assert "`skip_unreadable`" in said
    assert caught.value.answers == ({"leave_out": ["red", "bright"]},)
    listing = read_listing(table, skip=True)
    assert listing.labels == ("red", "bright")
    assert listing.skipped == 2


@pytest.mark.parametrize("name", ["csv", "voc", "open images"])
def test_masks_that_cannot_be_read_are_counted_and_left_out(tmp_path: Path, name: str) -> None:
    path = fixtures.WRITERS[name](tmp_path)
    whole = read_listing(path)
    masked = [row for row, m in enumerate(whole.maps) if m is not None and m.contents]
    for row in masked[:7]:
        Path(whole.maps[row].contents[0].name).write_bytes(b"\x89PNG\r\n")
    with pytest.raises(UserError) as caught:
        load_dataset(DataConfig(path=str(path), image_size=20))
    said = str(caught.value)
    assert "7 unreadable files: " in said
    assert "; and 2 more (`sedn data check " in said
    assert "`skip_unreadable`" in said
    found = load_dataset(DataConfig(path=str(path), image_size=20, skip_unreadable=True))
    assert found.skipped == 7


def test_of_very_many_columns_some_are_named(table: Path) -> None:
    header, *rows = table.read_text().splitlines()
    many = [f"price_{k}" for k in range(400)]
    lines = [f"{row},{','.join(str(9.5 + (i + k) % 7) for k in range(400))}"
             for i, row in enumerate(rows)]  # fmt: skip
    table.write_text("\n".join([f"{header},{','.join(many)}", *lines]) + "\n")
    said = read_listing(table).notes
    assert any("'price_11' (numbers), … and 388 more" in line for line in said)
    assert max(map(len, said)) < SCREEN
    table.write_text(re.sub(r",\d+\.5", ",0.125", table.read_text()))
    assert len(refusal(table)) < SCREEN
    lines = table.read_text().splitlines()
    lines[1:] = [line.replace(",0.125", (",maybe" if i % 9 == 0 else f",{i % 2}"))
                 for i, line in enumerate(lines[1:])]  # fmt: skip
    table.write_text("\n".join(lines) + "\n")
    assert "such cells: also row" in refusal(table)


ANNOTATION: dict[str, Callable[[dict[str, Any]], Any]] = {
    "category": lambda a: a.update(category_id=77),
    "image": lambda a: a.update(image_id=9999),
    "shape": lambda a: a.update(segmentation=[[1, 2, 3]]),
    "no category": lambda a: a.pop("category_id"),
}


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(0, 12), st.sampled_from(list(ANNOTATION)), min_size=1, max_size=5),
    st.sets(st.integers(0, 9), max_size=3),
)
def test_any_faults_of_coco_are_counted_and_what_is_left_is_true(
    coco_file: Path, spoiled: dict[int, str], missing: set[int]
) -> None:
    document = json.loads(coco_file.read_text())
    annotations, images = document["annotations"], document["images"]
    for index, how in spoiled.items():
        ANNOTATION[how](annotations[index])
    for index in missing:
        images[index]["file_name"] = f"gone-{index}.jpg"
    path = coco_file.parent / "any.json"
    path.write_text(json.dumps(document))
    gone = {images[index]["id"] for index in missing}
    useless = {a["image_id"] for a in annotations if "category_id" not in a}
    left = [image for image in images if image["id"] not in gone | useless]
    names = {category["id"]: category["name"] for category in document["categories"]}
    listing = read_listing(path, skip=True)
    assert [Path(c.name).name for c in listing.images] == [image["file_name"] for image in left]
    assert listing.skipped == len(images) - len(left)
    for row, image in enumerate(left):
        mine = [a for a in annotations if a["image_id"] == image["id"]]
        labels = {names[a["category_id"]] for a in mine if a["category_id"] in names}
        found = {n for n, t in zip(listing.labels, listing.targets[row], strict=True) if t}
        assert found == labels
        unclear = any(a["category_id"] not in names or a["segmentation"] == [[1, 2, 3]]
                      for a in mine)  # fmt: skip
        assert unclear == (listing.maps[row] is None)
    faults = {fault.kind: len(fault.places) for fault in listing.faults}
    assert faults.get("missing file", 0) == len(missing)
    assert 1 <= faults.get("bad annotation", 1) <= len(spoiled)
    assert f"{path}: " in refusal(path)
