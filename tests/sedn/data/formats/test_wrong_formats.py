import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.images.decoding import decode_sample
from sedn.errors import UserError
from tests.sedn.data import fixtures
from tests.sedn.data.fixtures import HEIGHT, WIDTH, describe, describe_format, save_columns

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")

Change = Callable[[dict[str, Any]], Any]


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """An annotation with polygons."""
    return next(a for a in document["annotations"] if isinstance(a["segmentation"], list))


def encoded(document: dict[str, Any], kind: type = str) -> dict[str, Any]:
    """The run lengths of an annotation, compressed or plain."""
    segmentations = (a["segmentation"] for a in document["annotations"])
    return next(s for s in segmentations if isinstance(s, dict) and isinstance(s["counts"], kind))


def packed(height: int) -> str:
    """The compressed run lengths of an object in an image of that height."""
    from pycocotools import mask

    region = np.zeros((height, WIDTH), dtype=np.uint8, order="F")
    region[3:9, 3:9] = 1
    return mask.encode(region)["counts"].decode()


WRONG_COCO: dict[str, tuple[Change, str]] = {
    "category": (
        lambda d: d["annotations"][0].update(category_id=77),
        r"annotation \d+: there is no category 77",
    ),
    "image": (
        lambda d: d["annotations"][0].update(image_id=9999),
        r"annotation \d+: there is no image 9999",
    ),
    "image without a file": (
        lambda d: d["images"][3].update(file_name="nowhere.jpg"),
        r"image 503: file_name 'nowhere\.jpg': no such file",
    ),
    "image outside": (
        lambda d: d["images"][3].update(file_name="../../passwd"),
        r"image 503: file_name '\.\./\.\./passwd' lies outside",
    ),
    "image id twice": (lambda d: d["images"][3].update(id=502), "image 502: the id is there twice"),
    "file name twice": (
        lambda d: d["images"][3].update(file_name="002.jpg"),
        r"002\.jpg' is there twice",
    ),
    "id of no kind": (lambda d: d["images"][3].update(id=[1]), r"image \[1\]: id is \[1\]; expec"),
    "no file name": (lambda d: d["images"][3].pop("file_name"), "image 503: no 'file_name' in it"),
    "no width": (lambda d: d["images"][3].pop("width"), "image 503: no 'width' in it"),
    "width": (lambda d: d["images"][3].update(width=48.5), "width is 48.5; expected a whole numb"),
    "size": (lambda d: d["images"][3].update(width=10**9), "image 503: no image has 1000000000 x"),
    "no image id": (lambda d: d["annotations"][0].pop("image_id"), r"annotation \d+: no 'image_id"),
    "no category id": (lambda d: d["annotations"][0].pop("category_id"), "no 'category_id' in it"),
    "no name": (lambda d: d["categories"][1].pop("name"), "categories 11: no 'name' in it"),
    "category twice": (lambda d: d["categories"][1].update(id=10), "categories 10: the id is ther"),
    "no annotations": (lambda d: d.pop("annotations"), "no list 'annotations' in it"),
    "no categories": (lambda d: d.pop("categories"), "no list 'categories' in it"),
    "annotations of no kind": (lambda d: d.update(annotations=[3]), "no list 'annotations' in it"),
    "nothing annotated": (lambda d: d.update(annotations=[]), "no image has a label"),
    "no images": (lambda d: d.update(images=[], annotations=[]), "holds no images"),
    "odd polygon": (
        lambda d: plain(d)["segmentation"][0].pop(),
        r"annotation \d+: a polygon of 7 coordinates",
    ),
    "flat polygon": (
        lambda d: plain(d).update(segmentation=[1, 2, 3, 4, 5, 6]),
        "a polygon is no list of numbers",
    ),
    "text in a polygon": (
        lambda d: plain(d).update(segmentation=[["1", "2", "3", "4", "5", "6"]]),
        "a polygon is no list of numbers",
    ),
    "polygon without end": (
        lambda d: plain(d)["segmentation"][0].__setitem__(1, float("nan")),
        "coordinate nan, far outside",
    ),
    "polygon far away": (
        lambda d: plain(d)["segmentation"][0].__setitem__(1, 1e9),
        r"coordinate 1000000000\.0, far outside of the image of 48 x 36",
    ),
    "segmentation of no kind": (
        lambda d: plain(d).update(segmentation="polygon"),
        "neither polygons nor run lengths",
    ),
    "long RLE": (
        lambda d: encoded(d, list)["counts"].append(5),
        r"annotation \d+: RLE over 1733 pixels for an image of 1728 \(48 x 36\)",
    ),
    "short compressed RLE": (
        lambda d: encoded(d).update(counts=packed(HEIGHT - 6)),
        r"annotation \d+: RLE over 1440 pixels for an image of 1728 \(48 x 36\)",
    ),
    "malformed RLE": (lambda d: encoded(d).update(counts="~~"), "counts of its RLE are malformed"),
    "unended RLE": (lambda d: encoded(d).update(counts="o"), "counts of its RLE are malformed"),
    "negative RLE": (lambda d: encoded(d).update(counts=[-1, 1729]), "counts of its RLE are malf"),
    "text in RLE": (lambda d: encoded(d).update(counts=["1728"]), "counts of its RLE are malform"),
    "RLE without counts": (lambda d: encoded(d).pop("counts"), "RLE without 'counts'"),
    "RLE of another size": (
        lambda d: encoded(d).update(size=[WIDTH, HEIGHT]),
        r"RLE of size \[48, 36\] for an image of \[36, 48\]",
    ),
}


def refused(path: Path, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read_listing(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture(scope="module")
def coco_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixtures.write_coco_file(tmp_path_factory.mktemp("coco-file"))


@pytest.fixture(scope="module")
def coco_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fixtures.write_coco(tmp_path_factory.mktemp("coco"))


@pytest.mark.parametrize("case", WRONG_COCO)
def test_what_is_wrong_in_coco_is_said_when_it_is_read(coco_file: Path, case: str) -> None:
    spoil, said = WRONG_COCO[case]
    document = json.loads(coco_file.read_text())
    spoil(document)
    spoiled = coco_file.parent / "spoiled.json"
    spoiled.write_text(json.dumps(document))
    refused(spoiled, f"^{re.escape(str(spoiled))}: .*{said}")


def test_a_frame_that_is_not_that_of_the_image(coco_file: Path) -> None:
    document = json.loads(coco_file.read_text())
    # The first of them has no objects with run lengths, which would not fit the frame themselves.
    shapes = {a["image_id"]: [] for a in document["annotations"]}
    for annotation in document["annotations"]:
        shapes[annotation["image_id"]].append(type(annotation["segmentation"]))
    row = next(image for image, kinds in shapes.items() if set(kinds) == {list}) - 500
    document["images"][row]["width"] = 60
    spoiled = coco_file.parent / "frame.json"
    spoiled.write_text(json.dumps(document))
    listing = read_listing(spoiled)
    with pytest.raises(
        UserError, match=rf"{row:03d}\.jpg: map of 60 x 36 pixels for an image of 48"
    ):
        decode_sample(listing.images[row], listing.maps[row], 1, 20)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"images": [', "cannot be read as JSON: Expecting value"),
        (b"", "not COCO's JSON: no 'images'"),
        (b'["images"]', "not COCO's JSON; expected 'images', 'annotations'"),
        (b'{"images": "\xff"}', "cannot be read as JSON: 'utf-8' codec"),
        (b"[" * 100_000 + b'"images"', "cannot be read as JSON: maximum recursion"),
    ],
)
def test_what_is_not_json_is_refused(coco_file: Path, content: bytes, said: str) -> None:
    spoiled = coco_file.parent / "no.json"
    spoiled.write_bytes(content)
    refused(spoiled, f"no.json: {said}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"regions": ["brid"]}, "regions: no category 'brid'; did you mean 'bird'"),
        ({"regions": []}, "regions: there is none; expected any, each or categories"),
        ({"annotations": "no.json", "images": "."}, r"no\.json: no such file"),
        ({"annotations": "a.json"}, "images: a path for each split, but these images have none"),
        ({"annotations": {}}, "annotations: no path is given"),
        ({"annotations": {"trian": "a.json"}}, "unknown split 'trian'; did you mean 'train'"),
        ({"annotations": {"val": "a", "valid": "b"}}, "split 'valid' is empty or there twice"),
        ({"images": {"train": "train2017"}}, "images: no path for split 'validation'"),
        (
            {"annotations": dict.fromkeys(("val", "test"), "annotations/instances_val2017.json"),
             "images": "val2017"},
            r"\.jpg' is there twice \(splits validation, test\)",
        ),
        ({"format": "fashionpedia"}, "no list 'attributes' in it"),
    ],
)  # fmt: skip
def test_wrong_descriptions_of_coco(coco_folder: Path, change: dict[str, Any], said: str) -> None:
    refused(describe(coco_folder, **describe_format("coco") | change), said)


@pytest.mark.parametrize(
    ("ids", "said"),
    [([5], r"annotation \d+: there is no attribute 5"), (70, "attribute_ids is no list of ids")],
)
def test_wrong_attributes(tmp_path: Path, ids: Any, said: str) -> None:
    folder = fixtures.write_fashionpedia(tmp_path)
    path = folder / "annotations/instances_attributes_train2020.json"
    document = json.loads(path.read_text())
    document["annotations"][2]["attribute_ids"] = ids
    path.write_text(json.dumps(document))
    refused(folder, said)


BILLION_LAUGHS = (
    '<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b '
    '"&a;&a;&a;&a;">]><annotation><object><name>&b;</name></object></annotation>'
)


def _edit(name: str, old: str, new: str) -> Callable[[Path], Any]:
    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return edit


def _write(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


_XML = "Annotations/001.xml"

WRONG_VOC: dict[str, tuple[Callable[[Path], Any], str]] = {
    "image": (
        lambda f: (f / "JPEGImages/001.jpg").unlink(),
        r"001\.xml: its image '001\.jpg': no such file",
    ),
    "no XML": (_write(_XML, b"bird"), r"001\.xml: cannot be read as XML: syntax error"),
    "empty XML": (_write(_XML, b""), r"001\.xml: cannot be read as XML: no element found"),
    "encoding": (
        _write(_XML, b'<?xml version="1.0" encoding="klingon"?><a/>'),
        r"001\.xml: cannot be read as XML: .*(klingon|encoding)",
    ),
    "entities": (
        _write(_XML, BILLION_LAUGHS.format(encoding="utf-8").encode()),
        r"001\.xml: cannot be read as XML: it has a DOCTYPE",
    ),
    "entities in UTF-16": (
        _write(_XML, BILLION_LAUGHS.format(encoding="utf-16").encode("utf-16")),
        r"001\.xml: cannot be read as XML: it has a DOCTYPE",
    ),
    "object without a name": (
        _write(_XML, b"<annotation><object><name> </name></object></annotation>"),
        r"001\.xml: object 1 has no name",
    ),
    "difficult": (
        _write(_XML, b"<a><object><name>dog</name><difficult>very</difficult></object></a>"),
        r"001\.xml: object 1: difficult is 'very'; expected 0 or 1",
    ),
    "listed without XML": (
        _edit("ImageSets/Main/val.txt", "004", "x04"),
        r"val\.txt: line 1: no Annotations/x04\.xml",
    ),
    "listed twice": (
        _edit("ImageSets/Main/val.txt", "004", "000"),
        r"val\.txt: line 1: image '000' is listed twice",
    ),
    "list in another encoding": (
        _write("ImageSets/Main/val.txt", b"\xff\xfe"),
        r"val\.txt: cannot be read: 'utf-8' codec",
    ),
    "no XML at all": (
        lambda f: [p.unlink() for p in (f / "Annotations").glob("*")],
        "no XML in Annotations",
    ),
}


@pytest.mark.parametrize("case", WRONG_VOC)
def test_wrong_voc_folders(tmp_path: Path, case: str) -> None:
    spoil, said = WRONG_VOC[case]
    folder = fixtures.write_voc(tmp_path)
    spoil(folder)
    refused(folder, said)


def test_classes_that_are_none_of_voc_have_no_index(tmp_path: Path) -> None:
    folder = fixtures.write_voc(tmp_path)
    for path in (folder / "Annotations").glob("*.xml"):
        path.write_text(path.read_text().replace(">dog<", ">widget<"))
    assert read_listing(folder).labels == ("bird", "car", "widget")
    refused(describe(folder, format="voc", regions="each"), "class 'widget' is none of Pascal VOC")
    refused(describe(folder, format="voc", regions=["dgo"]), "no category 'dgo'; did you mean 'dog")


def _without(path: Path, field: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(path.read_text()).items() if key != field}


WRONG_OPEN_IMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "class": (
        _edit("train-labels.csv", ",/m/0k4j,", ",/m/0,"),
        r"train-labels\.csv: row \d+: LabelName '/m/0' is none of the classes",
    ),
    "confidence": (
        _edit("train-labels.csv", ",0\n", ",0.7\n"),
        r"train-labels\.csv: row \d+: Confidence is '0\.7'; expected 1 or 0",
    ),
    "column": (
        _edit("train-labels.csv", "Confidence", "Confidance"),
        r"train-labels\.csv: no column 'Confidence'; did you mean 'Confidance'",
    ),
    "image": (
        lambda f: (f / "validation/004.jpg").unlink(),
        r"validation-labels\.csv: row 2: ImageID '004\.jpg': no such file",
    ),
    "image in two splits": (
        lambda f: (_edit("test-labels.csv", "008,", "000,")(f),
                   (f / "train/000.jpg").rename(f / "test/000.jpg"),
                   Image.new("RGB", (9, 9)).save(f / "train/000.jpg")),
        r"test-labels\.csv: image '000' is in split train too",
    ),
    "mask": (
        lambda f: next((f / "test-masks").iterdir()).unlink(),
        r"test-segmentations\.csv: row \d+: MaskPath '.*png': no such file",
    ),
    "mask outside": (
        _edit("train-segmentations.csv", "\n0", "\n../../0"),
        r"train-segmentations\.csv: row 2: MaskPath '\.\./\.\./0.*png' lies outside",
    ),
    "class of a mask": (
        _edit("train-segmentations.csv", ",/m/0k4j,", ",/m/0,"),
        r"train-segmentations\.csv: row \d+: LabelName '/m/0' is none",
    ),
    "classes": (_write("classes.csv", b"/m/0k4j\n"), r"classes\.csv: line 1: 1 fields; expected"),
    "no classes": (lambda f: (f / "classes.csv").unlink(), r"classes\.csv: no such file"),
    "encoding": (_write("classes.csv", b"\xff,a\n"), r"classes\.csv: cannot be read as CSV"),
    "no masks": (
        lambda f: describe(f, **_without(f / "data.yaml", "masks")).rename(f / "data.yaml"),
        "segmentations without masks",
    ),
    "masks of some splits": (
        _edit("data.yaml", '"test": "test-masks"', '"val": "test-masks"'),
        "masks: split 'val' is empty or there twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_OPEN_IMAGES)
def test_wrong_open_images(tmp_path: Path, case: str) -> None:
    spoil, said = WRONG_OPEN_IMAGES[case]
    folder = fixtures.write_open_images(tmp_path)
    spoil(folder)
    refused(folder, said)


def test_wrong_hugging_face_data(tmp_path: Path) -> None:
    from datasets import ClassLabel, List, Value

    def saved(name: str, columns: dict[str, list[Any]], **features: Any) -> Path:
        return save_columns(tmp_path / name, columns, **features)

    number, text = Value("int64"), Value("string")
    refused(saved("value", {"red": [1, 2]}, red=number), "row 1: label 'red' is '2'; expected")
    refused(saved("text", {"red": ["1", "maybe"]}, red=text), "row 1: label 'red' is 'maybe'; exp")
    refused(saved("none", {}), "no label column")
    refused(saved("empty", {"tags": [[], []]}, tags=List(text)), "'tags' lists no label at all")
    refused(
        saved("mask", {"mask": ["a", "b"], "red": [1, 0]}, mask=text, red=number),
        r"column 'mask' is no Image but Value; cast it with cast_column\('mask', Image\(\)\)",
    )
    refused(
        saved("missing", {"image": [None, None], "red": [1, 0]}, red=number), "row 0 has no image"
    )
    both = {"labels": [[0], [0]], "tags": [["a"], ["b"]]}
    classes = List(ClassLabel(names=["a", "b"]))
    refused(
        saved("both", both, labels=classes, tags=List(text)), "'labels' and 'tags' both may list"
    )
    picture = saved("picture", {"red": [1, 0]}, red=number)
    fields = {"format": "huggingface", "root": picture.name}
    refused(describe(picture.parent, **fields, image_column="imag"), "no column 'imag' .*'image'")
    refused(
        describe(picture.parent, **fields, label_list="rde"), "no column 'rde', .*you mean 'red"
    )
    refused(
        describe(picture.parent, **fields, labels=["rd"]), "no column for label 'rd'; did .*red"
    )
    refused(describe(tmp_path, format="huggingface"), "no saved data set")
    (arrow,) = picture.glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:100])
    refused(picture, "saved: cannot be read as a saved data set: ")
    (picture / "state.json").write_text("{")
    refused(picture, "saved: cannot be read as a saved data set: ")
