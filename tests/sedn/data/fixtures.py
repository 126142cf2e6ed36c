"""One small data set with a known truth, written in every format that is read.

Sixty pictures of 48 x 36 pixels, each cut in three columns: a red rectangle in the first is a bird,
a green disc in the second a car, two blue bars in the third a dog. Every writer gives the path that
a command is given; ``WRITERS`` has them all by name.
"""

import csv
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImagePalette

CLASSES = ("bird", "car", "dog")
COLOURS = ("red", "green", "blue")
COUNT, WIDTH, HEIGHT = 60, 48, 36
SPLITS = tuple(
    ("train", "train", "validation", "train", "test")[index // 2 % 5] for index in range(COUNT)
)
_SHORT = {"train": "train", "validation": "val", "test": "test"}

_random = np.random.default_rng(7)
TARGETS = (_random.random((COUNT, 3)) < 0.5).astype(np.float32)
TARGETS[5] = 0
Box = tuple[int, int, int, int]
"""First and last column, first and last row, the last ones excluded."""


def boxes_of(index: int, label: int) -> list[Box]:
    """Where the parts of an object lie."""
    random = np.random.default_rng([index, label])
    left, top = 16 * label + int(random.integers(1, 4)), int(random.integers(2, 8))
    if label == 2:
        return [(left, left + 4, top, top + 24), (left + 6, left + 11, top + 3, top + 20)]
    return [(left, left + 11, top, top + 20 + int(random.integers(0, 6)))]


def _draw(index: int, label: int) -> np.ndarray:
    region = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for left, right, top, bottom in boxes_of(index, label):
        region[top:bottom, left:right] = 255
    if label == 1:
        ((left, right, top, bottom),) = boxes_of(index, label)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        across = (columns - (left + right - 1) / 2) / ((right - left) / 2)
        down = (rows - (top + bottom - 1) / 2) / ((bottom - top) / 2)
        region[across**2 + down**2 > 1] = 0
    return region


MAPS = np.stack(
    [
        [_draw(index, label) * int(TARGETS[index, label]) for label in range(3)]
        for index in range(COUNT)
    ]
).astype(np.uint8)
"""``(images, 3, height, width)``, 0 or 255."""


def draw_picture(index: int) -> Image.Image:
    pixels = np.random.default_rng(index).integers(0, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for label in range(3):
        pixels[MAPS[index, label] > 0, label] = 235
    return Image.fromarray(pixels)


@cache
def picture_file(index: int, suffix: str = "jpg") -> bytes:
    """The file of a picture, drawn once: hundreds of tests write it."""
    buffer = io.BytesIO()
    kind = {"jpg": "JPEG"}.get(suffix, suffix.upper())
    draw_picture(index).save(buffer, kind, quality=95)
    return buffer.getvalue()


def _any(index: int) -> Image.Image:
    return Image.fromarray(MAPS[index].max(axis=0))


@cache
def _any_file(index: int) -> bytes:
    return encode(_any(index))


def _index_mask(index: int) -> np.ndarray:
    return sum((MAPS[index, label] > 0) * (label + 1) for label in range(3)).astype(np.uint8)


def _save_pictures(folder: Path, rows: list[int] | None = None, suffix: str = "jpg") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(COUNT) if rows is None else rows:
        (folder / f"{index:03d}.{suffix}").write_bytes(picture_file(index, suffix))


def _rows(split: str) -> list[int]:
    return [index for index in range(COUNT) if SPLITS[index] == split]


def _dump(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _write_rows(path: Path, rows: list[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


# Tables


def _table(folder: Path) -> dict[str, list[Any]]:
    _save_pictures(folder / "photos", suffix="webp")
    (folder / "masks").mkdir()
    for index in range(COUNT):
        (folder / "masks" / f"{index:03d}.png").write_bytes(_any_file(index))
    return {
        "image": [f"photos/{index:03d}.webp" for index in range(COUNT)],
        "mask": [f"masks/{index:03d}.png" for index in range(COUNT)],
        "split": list(SPLITS),
        "group": [f"g{index // 2}" for index in range(COUNT)],
    }


def _label_columns() -> dict[str, list[int]]:
    return {name: TARGETS[:, label].astype(int).tolist() for label, name in enumerate(CLASSES)}


def _label_lists() -> list[list[str]]:
    return [[CLASSES[label] for label in np.flatnonzero(row)] for row in TARGETS]


def write_csv(folder: Path) -> Path:
    columns = _table(folder) | _label_columns()
    rows = zip(*columns.values(), strict=True)
    _write_rows(folder / "animals.csv", [list(columns), *map(list, rows)])
    return folder / "animals.csv"


def write_parquet(folder: Path) -> Path:
    import pandas as pd

    pd.DataFrame(_table(folder) | _label_columns()).to_parquet(folder / "animals.parquet")
    return folder / "animals.parquet"


def write_list_table(folder: Path) -> Path:
    import pandas as pd

    columns = _table(folder) | {"labels": _label_lists()}
    pd.DataFrame(columns).to_parquet(folder / "animals.parquet")
    return folder / "animals.parquet"


def write_nih(folder: Path) -> Path:
    """As the table of NIH's chest X-rays: findings split at ``|``, images in several folders."""
    for part in range(3):
        _save_pictures(folder / f"images_{part}" / "images", list(range(part, COUNT, 3)), "png")
    header = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender", ""]
    rows = [
        [f"{i:03d}.png", "|".join(names) or "No Finding", i // 2, 40 + i % 30, "MF"[i % 2], ""]
        for i, names in enumerate(_label_lists())
    ]
    _write_rows(folder / "Data_Entry_2017.csv", [header, *rows])
    return folder / "Data_Entry_2017.csv"


def write_chexpert(folder: Path) -> Path:
    """As CheXpert's table: paths of another folder, 1, 0, blank, and -1 for an uncertain one."""
    header = ["Path", "Sex", "Age", "AP/PA", "No Finding", *CLASSES]
    rows = []
    for i, row in enumerate(TARGETS):
        path = f"train/patient{i // 2:05d}/study1/{i:03d}.jpg"
        _save_pictures((folder / path).parent, [i])
        values = ["" if (i + k) % 20 == 3 else f"{value:.1f}" for k, value in enumerate(row)]
        values[i % 3] = "-1.0" if i % 10 == 7 else values[i % 3]
        rows.append([f"CheXpert-v1.0-small/{path}", ("Male", "Female")[i % 2], 40 + i, "AP",
                     "" if row.any() else "1.0", *values])  # fmt: skip
    _write_rows(folder / "train.csv", [header, *rows])
    return folder / "train.csv"


def write_roboflow_classes(folder: Path) -> Path:
    """As Roboflow exports labels of whole images: ``_classes.csv`` beside the images."""
    for split, short in {"train": "train", "validation": "valid", "test": "test"}.items():
        _save_pictures(folder / short, _rows(split))
        rows = [[f"{i:03d}.jpg", *(f" {int(v)}" for v in TARGETS[i])] for i in _rows(split)]
        header = ["filename", *(f" {name}" for name in CLASSES)]
        _write_rows(folder / short / "_classes.csv", [header, *rows])
    return folder


def write_image_folder(folder: Path) -> Path:
    """As an image folder of Hugging Face's: ``metadata.jsonl`` beside the images."""
    _save_pictures(folder / "train")
    lines = [
        json.dumps({"file_name": f"{i:03d}.jpg", "labels": names})
        for i, names in enumerate(_label_lists())
    ]
    (folder / "train" / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


# COCO and Fashionpedia


def is_crowd(index: int, label: int) -> bool:
    return label == 2 and index % 4 == 0


def _segmentation(index: int, label: int) -> Any:
    """Polygons, compressed and plain run lengths in turn, by pycocotools."""
    from pycocotools import mask

    if label != 1 and not is_crowd(index, label):
        return [
            [left, top, right, top, right, bottom, left, bottom]
            for left, right, top, bottom in boxes_of(index, label)
        ]
    region = np.asfortranarray(MAPS[index, label] > 0, dtype=np.uint8)
    if is_crowd(index, label) or index % 3 == 0:
        pixels = region.flatten(order="F")
        changes = np.flatnonzero(np.diff(pixels, prepend=0))
        counts = np.diff([0, *changes, pixels.size]).tolist()
        return {"size": [HEIGHT, WIDTH], "counts": counts}
    encoded = mask.encode(region)
    return {"size": [HEIGHT, WIDTH], "counts": encoded["counts"].decode()}


def coco_document(rows: list[int], fashion: bool = False) -> dict[str, Any]:
    annotations = []
    for index in rows:
        for label in np.flatnonzero(TARGETS[index]).tolist():
            left, right, top, bottom = boxes_of(index, label)[0]
            annotation = {
                "id": 1000 + 3 * index + label,
                "image_id": 500 + index,
                "category_id": 10 + label,
                "bbox": [left, top, right - left, bottom - top],
                "area": int((MAPS[index, label] > 0).sum()),
                "iscrowd": int(is_crowd(index, label)),
                "segmentation": _segmentation(index, label),
            }
            annotations.append(annotation | ({"attribute_ids": [70 + label]} if fashion else {}))
    document = {
        "info": {},
        "licenses": [],
        "images": [
            {"id": 500 + i, "file_name": f"{i:03d}.jpg", "width": WIDTH, "height": HEIGHT}
            for i in rows
        ],
        "annotations": annotations,
        # Of the last one there is no object.
        "categories": [
            {"id": 10 + label, "name": name, "supercategory": ""}
            for label, name in enumerate((*CLASSES, "zebra"))
        ],
    }
    if fashion:
        attributes = [{"id": 70 + label, "name": name} for label, name in enumerate(COLOURS)]
        document["attributes"] = [*attributes, {"id": 99, "name": "striped"}]
    return document


def write_coco(folder: Path) -> Path:
    for split, short in _SHORT.items():
        _save_pictures(folder / f"{short}2017", _rows(split))
        path = folder / "annotations" / f"instances_{short}2017.json"
        _dump(path, coco_document(_rows(split)))
    return folder


def write_coco_file(folder: Path) -> Path:
    """One JSON beside the folder of its images, without splits."""
    _save_pictures(folder / "images")
    _dump(folder / "animals.json", coco_document(list(range(COUNT))))
    return folder / "animals.json"


def write_fashionpedia(folder: Path) -> Path:
    for split, short in _SHORT.items():
        _save_pictures(folder / ("train" if split == "train" else "test"), _rows(split))
        path = folder / "annotations" / f"instances_attributes_{short}2020.json"
        _dump(path, coco_document(_rows(split), fashion=True))
    return folder


# Pascal VOC

VOC_INDEX = (3, 7, 12)
VOC_WITHOUT_MASK = (3, 4)


def is_difficult(index: int, label: int) -> bool:
    return label == 0 and index % 6 == 1


def voc_targets() -> np.ndarray:
    """An object that is difficult is neither there nor not there."""
    difficult = [[is_difficult(index, label) for label in range(3)] for index in range(COUNT)]
    return np.where(np.array(difficult) & (TARGETS == 1), np.nan, TARGETS)


def _voc_xml(index: int) -> str:
    objects = "".join(
        f"<object><name>{CLASSES[label]}</name><difficult>{int(is_difficult(index, label))}"
        f"</difficult></object>"
        for label in np.flatnonzero(TARGETS[index]).tolist()
    )
    return (
        f"<annotation><filename>{index:03d}.jpg</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size>{objects}</annotation>"
    )


def write_voc(folder: Path) -> Path:
    _save_pictures(folder / "JPEGImages")
    for name in ("Annotations", "SegmentationClass", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    palette = ImagePalette.ImagePalette("RGB", bytes(range(256)) * 3)
    for index in range(COUNT):
        (folder / "Annotations" / f"{index:03d}.xml").write_text(_voc_xml(index))
        if index in VOC_WITHOUT_MASK:
            continue
        pixels = np.array((0, *VOC_INDEX), dtype=np.uint8)[_index_mask(index)]
        # A border that belongs to nothing.
        pixels[0] = 255
        mask = Image.fromarray(pixels)
        mask.putpalette(palette)
        mask.save(folder / "SegmentationClass" / f"{index:03d}.png")
    for split, short in _SHORT.items():
        lines = "".join(f"{index:03d}\n" for index in _rows(split))
        (folder / "ImageSets" / "Main" / f"{short}.txt").write_text(lines)
    return folder


# YOLO


def _yolo_lines(index: int, label: int) -> list[str]:
    """The runs of each row of pixels, each a polygon."""
    lines = []
    for row, pixels in enumerate(MAPS[index, label] > 0):
        edges = np.flatnonzero(np.diff(pixels, prepend=False, append=False)).tolist()
        for left, right in zip(edges[::2], edges[1::2], strict=True):
            points = ((left, row), (right, row), (right, row + 1), (left, row + 1))
            shares = " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in points)
            lines.append(f"{label} {shares}\n")
    return lines


def write_yolo(folder: Path) -> Path:
    for split, short in _SHORT.items():
        _save_pictures(folder / "images" / short, _rows(split))
        (folder / "labels" / short).mkdir(parents=True)
        for index in _rows(split):
            labels = np.flatnonzero(TARGETS[index]).tolist()
            lines = [line for label in labels for line in _yolo_lines(index, label)]
            (folder / "labels" / short / f"{index:03d}.txt").write_text("".join(lines))
    images = {short: f"images/{short}" for short in _SHORT.values()}
    names = dict(enumerate((*CLASSES, "zebra")))
    text = yaml.safe_dump({"path": ".", **images, "names": names}, sort_keys=False)
    (folder / "data.yaml").write_text(text)
    return folder


# Open Images

OPEN_IMAGES_IDS = ("/m/015p6", "/m/0k4j", "/m/0bt9lr")


def open_images_targets() -> np.ndarray:
    """Of one image in five nobody was asked for the label."""
    image, label = np.mgrid[:COUNT, :3]
    return np.where((image + label) % 5 == 4, np.nan, TARGETS)


def write_open_images(folder: Path) -> Path:
    targets = open_images_targets()
    _write_rows(
        folder / "classes.csv",
        [*map(list, zip(OPEN_IMAGES_IDS, CLASSES, strict=True)), ["/m/0898b", "zebra"]],
    )
    for split in _SHORT:
        rows = _rows(split)
        _save_pictures(folder / split, rows, suffix="png" if split == "test" else "jpg")
        (folder / f"{split}-masks").mkdir()
        labels = [["ImageID", "Source", "LabelName", "Confidence"]]
        masks = [["MaskPath", "ImageID", "LabelName", "BoxID"]]
        for index in rows:
            for label, name in enumerate(OPEN_IMAGES_IDS):
                if not np.isnan(targets[index, label]):
                    there = int(targets[index, label])
                    labels.append([f"{index:03d}", "verification", name, str(there)])
                if TARGETS[index, label]:
                    masks += _open_images_masks(folder / f"{split}-masks", index, label)
        _write_rows(folder / f"{split}-labels.csv", labels)
        _write_rows(folder / f"{split}-segmentations.csv", masks)
    by_split = {
        "images": {split: split for split in _SHORT},
        "image_labels": {split: f"{split}-labels.csv" for split in _SHORT},
        "segmentations": {split: f"{split}-segmentations.csv" for split in _SHORT},
        "masks": {split: f"{split}-masks" for split in _SHORT},
    }
    description = {"format": "open-images", "classes": "classes.csv", **by_split}
    # JSON is YAML.
    _dump(folder / "data.yaml", description)
    return folder


def _open_images_masks(folder: Path, index: int, label: int) -> list[list[str]]:
    """One mask for each part of the object, twice as large as the image."""
    rows = []
    for part, (left, right, top, bottom) in enumerate(boxes_of(index, label)):
        region = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        region[top:bottom, left:right] = MAPS[index, label, top:bottom, left:right]
        large = Image.fromarray(region).resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.NEAREST)
        name = f"{index:03d}_{label}_{part}.png"
        large.convert("1").save(folder / name)
        rows.append([name, f"{index:03d}", OPEN_IMAGES_IDS[label], f"box{part}"])
    return rows


# Hugging Face


def encode(picture: Image.Image) -> bytes:
    """The picture as a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def _encoded(file: bytes) -> dict[str, Any]:
    return {"bytes": file, "path": None}


def hugging_face_dataset(rows: list[int], labels: str = "classes") -> Any:
    """A ``Dataset``; ``labels`` says how it holds them: ``classes``, ``names`` or ``columns``."""
    import datasets

    columns: dict[str, Any] = {
        "image": [_encoded(picture_file(index, "png")) for index in rows],
        "mask": [_encoded(_any_file(index)) for index in rows],
        "group": [f"g{index // 2}" for index in rows],
    }
    features = {
        "image": datasets.Image(),
        "mask": datasets.Image(),
        "group": datasets.Value("string"),
    }
    if labels == "columns":
        for label, name in enumerate(CLASSES):
            columns[name] = [bool(TARGETS[index, label]) for index in rows]
            features[name] = datasets.Value("bool")
    elif labels == "names":
        columns["tags"] = [_label_lists()[index] for index in rows]
        features["tags"] = datasets.List(datasets.Value("string"))
    else:
        columns["labels"] = [np.flatnonzero(TARGETS[index]).tolist() for index in rows]
        names = [*CLASSES, "zebra"]
        features["labels"] = datasets.List(datasets.ClassLabel(names=names))
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def write_hugging_face(folder: Path, labels: str = "classes") -> Path:
    import datasets

    datasets.disable_progress_bars()
    parts = {split: hugging_face_dataset(_rows(split), labels) for split in _SHORT}
    datasets.DatasetDict(parts).save_to_disk(str(folder))
    return folder


def save_columns(folder: Path, columns: dict[str, list[Any]], **features: Any) -> Path:
    """A ``Dataset`` of two black images with other columns beside them."""
    import datasets

    columns = {"image": [_encoded(encode(Image.new("RGB", (8, 8))))] * 2} | columns
    features = {"image": datasets.Image()} | features
    dataset = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    dataset.save_to_disk(str(folder / "saved"))
    return folder / "saved"


# data.yaml


def describe(folder: Path, **fields: Any) -> Path:
    """A ``data.yaml``, which gives its paths relative to where it lies."""
    path = folder / "described.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    return path


def describe_format(format: str) -> dict[str, Any]:
    """The fields of a ``data.yaml`` for what a writer wrote, with a path for each split."""
    shorts = {"train": "train", "val": "val", "test": "test"}
    if format == "coco":
        names = {key: f"annotations/instances_{short}2017.json" for key, short in shorts.items()}
        folders = {key: f"{short}2017" for key, short in shorts.items()}
        return {"format": "coco", "annotations": names, "images": folders}
    if format == "fashionpedia":
        names = {
            key: f"annotations/instances_attributes_{short}2020.json"
            for key, short in shorts.items()
        }
        folders = {"train": "train", "valid": "test", "test": "test"}
        return {"format": "fashionpedia", "annotations": names, "images": folders}
    if format == "yolo":
        images = {key: f"images/{short}" for key, short in shorts.items()}
        return {"format": "yolo", "images": images, "names": [*CLASSES, "zebra"]}
    return {"format": "voc"}


WITHOUT_MAPS: dict[str, Callable[[Path], Path]] = {
    "NIH": write_nih,
    "CheXpert": write_chexpert,
    "Roboflow's classes": write_roboflow_classes,
    "image folder": write_image_folder,
}
WRITERS: dict[str, Callable[[Path], Path]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "list table": write_list_table,
    "coco": write_coco,
    "fashionpedia": write_fashionpedia,
    "voc": write_voc,
    "yolo": write_yolo,
    "open images": write_open_images,
    "hugging face": write_hugging_face,
}
