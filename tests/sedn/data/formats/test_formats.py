import json
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sedn.config import DataConfig
from sedn.data.formats import read_listing
from sedn.data.images.content import Content
from sedn.data.images.decoding import open_image
from sedn.data.listing import Listing
from sedn.data.loading import prepare_dataset
from sedn.data.maps.shapes import run_lengths
from sedn.errors import UserError
from tests.sedn.data import fixtures
from tests.sedn.data.fixtures import (
    CLASSES,
    COLOURS,
    COUNT,
    HEIGHT,
    MAPS,
    SPLITS,
    TARGETS,
    WIDTH,
    describe,
    describe_format,
    save_columns,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The data in every format, only to be read."""
    return {
        name: write(tmp_path_factory.mktemp(name.replace(" ", "-")))
        for name, write in fixtures.WRITERS.items()
    }


def pictures(listing: Listing) -> list[int]:
    """Which picture each image is, told by its pixels."""
    known = np.stack([np.asarray(fixtures.draw_picture(i), dtype=np.int16) for i in range(COUNT)])
    found = []
    for content in listing.images:
        pixels = np.asarray(open_image(content).convert("RGB"), dtype=np.int16)
        found.append(int(np.abs(known - pixels).mean(axis=(1, 2, 3)).argmin()))
    return found


def drawn(listing: Listing, row: int) -> np.ndarray | None:
    region_map = listing.maps[row]
    return None if region_map is None else region_map.draw((WIDTH, HEIGHT))


EXPECTED_TARGETS = {"voc": fixtures.voc_targets(), "open images": fixtures.open_images_targets()}


@pytest.mark.parametrize("format", fixtures.WRITERS)
def test_every_format_is_read_by_its_path_alone(folders: dict[str, Path], format: str) -> None:
    listing = read_listing(folders[format])
    index = pictures(listing)
    assert sorted(index) == list(range(COUNT))
    assert listing.labels == (COLOURS if format == "fashionpedia" else CLASSES)
    assert listing.splits == tuple(SPLITS[i] for i in index)
    expected = EXPECTED_TARGETS.get(format, TARGETS)
    assert np.array_equal(listing.targets, expected[index].astype(np.float32), equal_nan=True)
    assert listing.targets.dtype == np.float32
    assert listing.regions == ("region",)
    for row, i in enumerate(index):
        found = drawn(listing, row)
        unknown = (format == "voc" and i in fixtures.VOC_WITHOUT_MASK) or (
            format == "open images" and not TARGETS[i].any()
        )
        assert (found is None) == unknown
        if found is not None:
            assert np.array_equal(found, MAPS[i].max(axis=0, keepdims=True)), i


@pytest.mark.parametrize("format", fixtures.WRITERS)
def test_every_format_is_decoded_into_a_data_set(folders: dict[str, Path], format: str) -> None:
    dataset = prepare_dataset(DataConfig(path=str(folders[format]), image_size=24))
    train = dataset.splits["train"]
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        name: SPLITS.count(name) for name in ("train", "validation", "test")
    }
    red = train.images[..., 0].max(axis=(1, 2)) > 190
    clear = ~np.isnan(train.targets[:, 0])
    assert np.array_equal(red[clear], train.targets[clear, 0] == 1)


@pytest.mark.parametrize("format", ["coco", "fashionpedia", "voc", "yolo", "open images"])
@pytest.mark.parametrize(
    ("regions", "channels"), [("each", [0, 1, 2]), (["dog", "bird"], [2, 0])], ids=["each", "list"]
)
def test_regions_are_drawn_one_by_one(
    folders: dict[str, Path], format: str, regions: Any, channels: list[int]
) -> None:
    folder = folders[format]
    if format == "open images":
        fields = yaml.safe_load((folder / "data.yaml").read_text())
    else:
        fields = describe_format(format)
    listing = read_listing(describe(folder, **fields, regions=regions))
    assert listing.regions == tuple(CLASSES[channel] for channel in channels)
    assert listing.labels == (COLOURS if format == "fashionpedia" else CLASSES)
    for row, index in enumerate(pictures(listing)):
        found = drawn(listing, row)
        if found is not None:
            assert np.array_equal(found, MAPS[index][channels]), index


def test_maps_are_what_pycocotools_draws_itself(folders: dict[str, Path]) -> None:
    from pycocotools.coco import COCO

    folder = folders["coco"]
    listing = read_listing(describe(folder, **describe_format("coco"), regions="each"))
    of_name = dict(zip((Path(c.name).name for c in listing.images), listing.maps, strict=True))
    kinds = set()
    for split in ("train", "val", "test"):
        coco = COCO(str(folder / "annotations" / f"instances_{split}2017.json"))
        for image in coco.loadImgs(coco.getImgIds()):
            expected = np.zeros((3, HEIGHT, WIDTH), dtype=np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                expected[annotation["category_id"] - 10] |= coco.annToMask(annotation) * 255
                shape = annotation["segmentation"]
                kinds.add(type(shape["counts"]) if isinstance(shape, dict) else len(shape))
            region_map = of_name[image["file_name"]]
            assert region_map is not None
            assert np.array_equal(region_map.draw((1, 1)), expected)
    assert kinds == {str, list, 1, 2}, "polygons in one and two parts, compressed and plain runs"


def test_a_single_coco_file_has_no_splits(tmp_path: Path) -> None:
    listing = read_listing(fixtures.write_coco_file(tmp_path))
    assert set(listing.splits) == {""}
    assert np.array_equal(listing.targets, TARGETS)
    assert listing.names(np.array([7])) == ("images/007.jpg",)


def test_a_crowd_alone_is_a_positive_and_without_annotations_nothing_is(
    folders: dict[str, Path],
) -> None:
    listing = read_listing(folders["coco"])
    for row, index in enumerate(pictures(listing)):
        if fixtures.is_crowd(index, 2) and TARGETS[index, 2]:
            assert listing.targets[row, 2] == 1
            break
    else:
        pytest.fail("no crowd in the data")
    empty = [row for row, i in enumerate(pictures(listing)) if not TARGETS[i].any()]
    assert empty
    for row in empty:
        assert not listing.targets[row].any()
        assert not listing.maps[row].draw((WIDTH, HEIGHT)).any()


def test_an_object_that_is_only_boxed_leaves_the_map_unknown(tmp_path: Path) -> None:
    path = fixtures.write_coco_file(tmp_path)
    document = json.loads(path.read_text())
    boxed = document["annotations"][0]
    del boxed["segmentation"]
    path.write_text(json.dumps(document))
    row = boxed["image_id"] - 500
    listing = read_listing(path)
    assert [i for i, region_map in enumerate(listing.maps) if region_map is None] == [row]
    assert np.array_equal(listing.targets, TARGETS)
    other = CLASSES[(boxed["category_id"] - 9) % 3]
    fields = {"format": "coco", "annotations": path.name, "images": "images"}
    listing = read_listing(describe(tmp_path, **fields, regions=[other]))
    assert None not in listing.maps, "it is in none of the regions"


@pytest.mark.parametrize("change", ["coordinate", "category", "frame"])
def test_maps_are_described_by_all_that_decides_them(tmp_path: Path, change: str) -> None:
    path = fixtures.write_coco_file(tmp_path)
    fields = {"format": "coco", "annotations": path.name, "images": "images"}
    described = describe(tmp_path, **fields, regions="each")

    def descriptions() -> list[str]:
        return [region_map.describe() for region_map in read_listing(described).maps]

    before = descriptions()
    assert descriptions() == before
    document = json.loads(path.read_text())
    first = next(a for a in document["annotations"] if isinstance(a["segmentation"], list))
    row = first["image_id"] - 500
    if change == "coordinate":
        first["segmentation"][0][0] += 1
    elif change == "category":
        first["category_id"] = 11
    else:
        document["images"][row]["width"] += 1
        document["annotations"] = [
            a for a in document["annotations"]
            if a["image_id"] != row + 500 or isinstance(a["segmentation"], list)
        ]  # fmt: skip
    path.write_text(json.dumps(document))
    changed = [
        i for i, pair in enumerate(zip(before, descriptions(), strict=True)) if len({*pair}) > 1
    ]
    assert changed == [row]


def test_the_images_of_a_data_set_are_read_in_other_processes(folders: dict[str, Path]) -> None:
    listing = read_listing(folders["hugging face"])
    contents: list[Content] = [*listing.images[:3], listing.maps[3].contents[0]]
    assert pickle.loads(pickle.dumps(contents)) == contents
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = list(pool.map(methodcaller("read"), contents))
    assert elsewhere == [content.read() for content in contents]
    assert len({content.stamp() for content in contents}) == len(contents)


@pytest.mark.parametrize("labels", ["names", "columns"])
def test_hugging_face_labels_by_name_or_in_columns(tmp_path: Path, labels: str) -> None:
    listing = read_listing(fixtures.write_hugging_face(tmp_path / "saved", labels))
    index = pictures(listing)
    assert listing.labels == CLASSES
    assert np.array_equal(listing.targets, TARGETS[index])
    assert listing.groups == tuple(f"g{i // 2}" for i in index)


def test_a_hugging_face_dataset_without_splits_that_is_saved_again(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    fixtures.hugging_face_dataset(list(range(20))).with_format("numpy").save_to_disk(str(folder))
    listing = read_listing(folder)
    assert set(listing.splits) == {""}
    assert pictures(listing) == list(range(20))
    assert listing.names(np.array([4])) == ("image 4",)
    stamp, read = listing.images[0].stamp(), listing.images[0].read()
    fixtures.hugging_face_dataset(list(range(20, 40))).save_to_disk(str(folder))
    assert listing.images[0].stamp() != stamp
    assert listing.images[0].read() != read


@pytest.mark.parametrize("place", ["one file", "data", "folders", "shards"])
def test_parquet_as_the_hub_keeps_it(tmp_path: Path, place: str) -> None:
    rows = {name: [i for i in range(COUNT) if SPLITS[i] == name] for name in set(SPLITS)}
    names = {
        "data": "data/{}-00000-of-00001.parquet",
        "folders": "{}/0000.parquet",
        "shards": "{}-00000-of-00002.parquet",
    }
    if place == "one file":
        path = tmp_path / "animals.parquet"
        fixtures.hugging_face_dataset(list(range(COUNT))).to_parquet(path, batch_size=7)
    else:
        for split, whole in rows.items():
            path = tmp_path / names[place].format(split)
            path.parent.mkdir(exist_ok=True)
            halves = [whole[:5], whole[5:]] if place == "shards" else [whole]
            for number, half in enumerate(halves):
                shard = path.with_name(path.name.replace("-00000", f"-0000{number}"))
                fixtures.hugging_face_dataset(half).to_parquet(shard, batch_size=7)
    listing = read_listing(path if place == "one file" else tmp_path)
    index = pictures(listing)
    assert sorted(index) == list(range(COUNT))
    assert listing.labels == CLASSES
    assert np.array_equal(listing.targets, TARGETS[index])
    assert listing.groups == tuple(f"g{i // 2}" for i in index)
    assert listing.splits == tuple("" if place == "one file" else SPLITS[i] for i in index)
    for row in (0, 9, 33):
        assert np.array_equal(drawn(listing, row), MAPS[index[row]].max(axis=0, keepdims=True))
    contents: list[Content] = [*listing.images[:3], listing.maps[3].contents[0]]
    assert pickle.loads(pickle.dumps(contents)) == contents
    assert len({content.stamp() for content in contents}) == 4


def test_missing_images_in_parquet_are_told_by_their_row(tmp_path: Path) -> None:
    import pandas as pd

    image = {"bytes": fixtures.encode(fixtures.draw_picture(0)), "path": "0.png"}
    rows = [image] * 4 + [{"bytes": None, "path": "4.png"}]
    path = tmp_path / "x.parquet"
    pd.DataFrame({"photo": rows, "red": [1, 0, 1, 0, 1]}).to_parquet(path)
    with pytest.raises(UserError, match=r"x\.parquet: row 4 has no image in column 'photo'"):
        read_listing(path)
    pd.DataFrame({"photo": rows[:4], "red": [1, 0, 1, 0]}).to_parquet(path)
    listing = read_listing(path)
    assert np.array_equal(listing.targets, [[1], [0], [1], [0]])
    assert listing.images[2].read() == image["bytes"]
    assert listing.notes[0] == "images: column 'photo'"


def test_without_the_package_it_is_said_how_to_get_it(folders: dict[str, Path]) -> None:
    script = (
        "import sys; sys.modules['datasets'] = None\n"
        "from pathlib import Path\n"
        "from sedn.data.formats import read_listing\n"
        "from sedn.errors import UserError\n"
        "try: read_listing(Path(sys.argv[1]))\n"
        "except UserError as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(folders["hugging face"])]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "pip install 'sedn-search[huggingface]'" in said
    assert len(said.splitlines()) == 1


def test_voc_images_in_no_list_are_left_out(tmp_path: Path) -> None:
    folder = fixtures.write_voc(tmp_path)
    (folder / "ImageSets/Main/test.txt").unlink()
    listing = read_listing(folder)
    assert len(listing) == COUNT - SPLITS.count("test")
    for name in ("train", "val"):
        (folder / f"ImageSets/Main/{name}.txt").unlink()
    listing = read_listing(folder)
    assert len(listing) == COUNT
    assert set(listing.splits) == {""}


def test_people_who_disagree_leave_a_label_unknown(tmp_path: Path) -> None:
    folder = fixtures.write_open_images(tmp_path)
    path = folder / "train-labels.csv"
    first = path.read_text().splitlines()[1]
    image, source, name, there = first.split(",")
    with path.open("a") as file:
        file.write(f"{image},{source},{name},{1 - int(there)}\n")
    row = int(image)
    column = fixtures.OPEN_IMAGES_IDS.index(name)
    listing = read_listing(folder)
    at = pictures(listing).index(row)
    assert np.isnan(listing.targets[at, column])
    assert np.isnan(listing.targets).sum() == np.isnan(fixtures.open_images_targets()).sum() + 1


def test_hugging_face_values_that_are_not_known(tmp_path: Path) -> None:
    from datasets import ClassLabel, List, Value

    columns = {"tags": [["b", "a"], None], "mask": [None, None]}
    import datasets

    listing = read_listing(
        save_columns(tmp_path / "lists", columns, tags=List(Value("string")), mask=datasets.Image())
    )
    assert listing.labels == ("a", "b")
    assert np.array_equal(listing.targets, [[1, 1], [0, 0]])
    assert listing.maps == (None, None)
    numbers = {"red": [None, 1.0], "blue": [float("nan"), False]}
    listing = read_listing(
        save_columns(tmp_path / "columns", numbers, red=Value("float32"), blue=Value("float64"))
    )
    assert np.array_equal(listing.targets, [[np.nan, np.nan], [1, 0]], equal_nan=True)
    single = save_columns(tmp_path / "single", {"kind": [1, -1]}, kind=ClassLabel(names=["a", "b"]))
    fields = {"format": "huggingface", "root": single.name, "label_list": "kind"}
    listing = read_listing(describe(single.parent, **fields))
    assert listing.labels == ("b",)
    assert np.array_equal(listing.targets, [[1], [np.nan]], equal_nan=True)


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1))
)
def test_run_lengths_are_those_that_pycocotools_packs(region: np.ndarray) -> None:
    from pycocotools import mask

    counts = mask.encode(np.asfortranarray(region))["counts"].decode()
    pixels = region.flatten(order="F")
    changes = np.flatnonzero(np.diff(pixels, prepend=0))
    assert run_lengths(counts).tolist() == np.diff([0, *changes, pixels.size]).tolist()


@given(st.text(max_size=20))
def test_run_lengths_of_anything_are_there_or_not(counts: str) -> None:
    runs = run_lengths(counts)
    assert runs is None or runs.min() >= 0
