"""The recipes of docs/recipes.md, on small data sets in the folders that they name."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from sedn.config import DataConfig
from sedn.data import load_dataset

PAGE = Path(__file__).parents[3] / "docs" / "recipes.md"
NAMES = ("person", "dress", "hat")
SIZE = (40, 30)


def recipe(name: str) -> str:
    """The ``data.yaml`` of a recipe: the block that begins with its name."""
    blocks = PAGE.read_text().split("```yaml\n")[1:]
    (found,) = (block for block in blocks if block.startswith(f"# {name}\n"))
    return found.split("```")[0]


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    Image.fromarray(random.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)).save(path)


def has(number: int, label: int) -> bool:
    return (number + label) % 3 == 0 or number % 5 == label


def instances(numbers: range, attributes: bool) -> dict:
    """As ``instances_train2017.json``, a crowd among them, or with attributes as Fashionpedia's."""
    there = [(i, k) for i in numbers for k in range(3) if has(i, k)]
    polygon = [[2, 2, 20, 2, 20, 20, 2, 20]]
    crowd = {"counts": [100, 200, 900], "size": [SIZE[1], SIZE[0]]}
    annotations = [
        {"id": n + 1, "image_id": i, "category_id": 3 * k + 1, "iscrowd": int(n % 7 == 0),
         "bbox": [2, 2, 18, 18], "area": 324,
         "segmentation": crowd if n % 7 == 0 else polygon,
         **({"attribute_ids": [10 + k]} if attributes else {})}
        for n, (i, k) in enumerate(there)
    ]  # fmt: skip
    return {
        "info": {}, "licenses": [],
        "images": [{"id": i, "file_name": f"{i:012d}.jpg", "width": SIZE[0], "height": SIZE[1],
                    "license": 1, "coco_url": ""} for i in numbers],
        "categories": [{"id": 3 * k + 1, "name": name, "supercategory": "thing"}
                       for k, name in enumerate(NAMES)],
        "annotations": annotations,
        **({"attributes": [{"id": 10 + k, "name": f"{name} style", "supercategory": "x", "level": 1}
                           for k, name in enumerate(NAMES)]} if attributes else {}),
    }  # fmt: skip


def write_instances(folder: Path, jsons: dict[str, str], images: dict[str, str], attributes: bool
                    ) -> None:  # fmt: skip
    for split, numbers in (("train", range(1, 281)), ("test", range(300, 400))):
        for number in numbers:
            picture(folder / images[split] / f"{number:012d}.jpg", number)
        path = folder / jsons[split]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(instances(numbers, attributes)))


def coco(folder: Path) -> None:
    jsons = {"train": "annotations/instances_train2017.json",
             "test": "annotations/instances_val2017.json"}  # fmt: skip
    write_instances(folder, jsons, {"train": "train2017", "test": "val2017"}, False)


def fashionpedia(folder: Path) -> None:
    jsons = {name: f"instances_attributes_{split}2020.json"
             for name, split in (("train", "train"), ("test", "val"))}  # fmt: skip
    write_instances(folder, jsons, {"train": "train", "test": "test"}, True)


def voc(folder: Path) -> None:
    root = folder / "VOCdevkit" / "VOC2007"
    for name in ("Annotations", "ImageSets/Main", "ImageSets/Segmentation", "SegmentationClass",
                 "SegmentationObject"):  # fmt: skip
        (root / name).mkdir(parents=True)
    numbers = {"train": range(1, 41), "val": range(41, 61), "test": range(61, 81)}
    for split, images in numbers.items():
        for number in images:
            name = f"{number:06d}"
            picture(root / "JPEGImages" / f"{name}.jpg", number)
            box = "<bndbox><xmin>3</xmin><ymin>3</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
            objects = "".join(
                f"<object><name>{label}</name><pose>Left</pose><truncated>0</truncated>"
                f"<difficult>{int(number % 10 == 0)}</difficult>{box}</object>"
                for k, label in enumerate(NAMES) if has(number, k)
            )  # fmt: skip
            (root / "Annotations" / f"{name}.xml").write_text(
                f"<annotation><folder>VOC2007</folder><filename>{name}.jpg</filename>"
                f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
                f"<segmented>{int(number % 8 == 0)}</segmented>{objects}</annotation>"
            )
            if number % 8 == 0:
                mask = np.zeros((SIZE[1], SIZE[0]), dtype=np.uint8)
                mask[3:20, 3:20] = 1 + number % 3
                mask[3, 3:20] = 255
                image = Image.fromarray(mask, mode="P")
                image.putpalette([v for k in range(256) for v in (k, 50 * k % 256, 7)])
                for kind in ("SegmentationClass", "SegmentationObject"):
                    image.save(root / kind / f"{name}.png")
        lines = "".join(f"{number:06d}\n" for number in images)
        (root / "ImageSets/Main" / f"{split}.txt").write_text(lines)
        for k, label in enumerate(NAMES):
            flags = "".join(f"{n:06d} {1 if has(n, k) else -1:2d}\n" for n in images)
            (root / "ImageSets/Main" / f"{label}_{split}.txt").write_text(flags)
    trainval = "".join(f"{number:06d}\n" for number in range(1, 61))
    (root / "ImageSets/Main/trainval.txt").write_text(trainval)


def open_images(folder: Path) -> None:
    ids = {"Person": "/m/01g317", "Dress": "/m/01d40f", "Hat": "/m/02dl1y"}
    text = "".join(f"{code},{name}\n" for name, code in ids.items())
    (folder / "class-descriptions-boxable.csv").write_text(text)
    splits = {"train": range(60), "validation": range(60, 80), "test": range(80, 110)}
    for split, numbers in splits.items():
        labels = [["ImageID", "Source", "LabelName", "Confidence"]]
        masks = [["MaskPath", "ImageID", "LabelName", "BoxID", "BoxXMin", "BoxXMax", "BoxYMin",
                  "BoxYMax", "PredictedIoU", "Clicks"]]  # fmt: skip
        (folder / f"{split}-masks").mkdir()
        for number in numbers:
            name = f"{number:016x}"
            picture(folder / split / f"{name}.jpg", number)
            for k, code in enumerate(ids.values()):
                if (number + k) % 4:
                    labels.append([name, "verification", code, str(int(has(number, k)))])
                if has(number, k) and k:
                    path = f"{name}_{code[3:]}_{number:08x}.png"
                    # Smaller than the image, as the published ones often are.
                    mask = np.zeros((15, 20), dtype=np.uint8)
                    mask[3:9, 4:12] = 1
                    Image.fromarray(mask * 255).convert("1").save(folder / f"{split}-masks" / path)
                    masks.append([path, name, code, "x", "0.1", "0.6", "0.1", "0.6", "0.9", ""])
        files = ("human-imagelabels-boxable", labels), ("object-segmentation", masks)
        for kind, rows in files:
            with (folder / f"{split}-annotations-{kind}.csv").open("w", newline="") as file:
                csv.writer(file).writerows(rows)


CASES: dict[str, tuple[Callable[[Path], None], tuple[str, ...], dict[str, int], bool]] = {
    "coco2017": (coco, NAMES, {"train": 239, "validation": 41, "test": 100}, True),
    "fashionpedia": (
        fashionpedia, tuple(f"{name} style" for name in NAMES),
        {"train": 239, "validation": 41, "test": 100}, True,
    ),
    "voc2007": (voc, tuple(sorted(NAMES)), {"train": 40, "validation": 20, "test": 20}, False),
    "open-images": (
        open_images, ("Dress", "Hat"), {"train": 60, "validation": 20, "test": 30}, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_recipe_reads_data_of_the_published_form(name: str, tmp_path: Path) -> None:
    write, labels, counts, all_have_maps = CASES[name]
    write(tmp_path)
    (tmp_path / "data.yaml").write_text(recipe(name))
    dataset = load_dataset(DataConfig(path=str(tmp_path / "data.yaml"), image_size=32))
    assert sorted(dataset.labels) == sorted(labels)
    assert {split: len(part) for split, part in dataset.splits.items()} == counts
    assert dataset.has_indicator is not all_have_maps
    test = dataset.splits["test"]
    for k in range(len(labels)):
        known = test.truth[:, k][~np.isnan(test.truth[:, k])]
        assert 0 < known.sum() < len(known)


def test_every_recipe_of_the_page_is_tested() -> None:
    blocks = PAGE.read_text().split("```yaml\n")[1:]
    assert {block.splitlines()[0].removeprefix("# ") for block in blocks} == set(CASES)
    for block in blocks:
        assert "format" in yaml.safe_load(block.split("```")[0])
