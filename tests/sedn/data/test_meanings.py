"""What the check of a data set says that data may mean otherwise."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.cli.main import main
from sedn.config import DataConfig
from sedn.data.check import DataCheck, check_data
from sedn.data.check.findings import Finding
from sedn.data.check.meanings import similar_names
from tests.sedn.data import fixtures

pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")


def check(path: Path, **fields: Any) -> DataCheck:
    return check_data(DataConfig(path=str(path), image_size=32, **fields))


def finding(path: Path, kind: str, **fields: Any) -> Finding | None:
    found = [finding for finding in check(path, **fields).findings if finding.kind == kind]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("labels", "pairs"),
    [
        (("dress", "dresses", "Dress shoe"), [("dress", "dresses")]),
        (("coat", "coats", "cat"), [("coat", "coats")]),
        (("colour=red", "color=red"), [("colour=red", "color=red")]),
        (("striped", "stripped", "stirped"), [("striped", "stripped"), ("striped", "stirped")]),
        (("long sleeve", "long_sleeves"), [("long sleeve", "long_sleeves")]),
        # Different things, or the same name that the reading has settled.
        (("shirt", "skirt", "T-shirt", "male", "female", "plaid", "plain", "cap", "cape"), []),
        (tuple(f"digit_{i}" for i in range(120)), []),
        (("bag", "big", "bug", "b", "c"), []),
    ],
)
def test_names_that_are_nearly_the_same(labels: tuple[str, ...], pairs: list[Any]) -> None:
    assert similar_names(labels) == pairs


def test_many_names_are_compared_in_little_time() -> None:
    names = [f"{word} of {colour}" for word in map(chr, range(97, 123)) for colour in range(100)]
    assert similar_names(names) == []


def spoil_coco(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    path = fixtures.write_coco_file(folder)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def stretch(document: dict[str, Any], factor: int) -> None:
    """As annotated on images of another size than the files have now."""
    for image in document["images"]:
        image["width"] *= factor
        image["height"] *= factor
    for annotation in document["annotations"]:
        segmentation = annotation["segmentation"]
        if isinstance(segmentation, list):
            polygons = [[factor * x for x in polygon] for polygon in segmentation]
            annotation["segmentation"] = polygons
        else:
            annotation["segmentation"] = []


def test_stated_sizes_that_differ_from_the_files_are_told_with_their_ratio(
    tmp_path: Path,
) -> None:
    path = spoil_coco(tmp_path, lambda document: stretch(document, 2))
    checked = check(path)
    (found,) = [finding for finding in checked.findings if finding.kind == "other-sizes"]
    assert found.level == "error"
    assert "each map is 2 times as wide and high, so images were scaled after" in found.message
    assert re.search(r"000\.jpg: map of 96 x 72 pixels for an image of 48 x 36", found.where[0])
    assert not [finding for finding in checked.findings if finding.kind == "unreadable"]
    assert len(checked.to_json()["unreadable"]) == len(found.where)
    skipped = finding(path, "other-sizes", skip_unreadable=True)
    assert skipped is not None
    assert skipped.level == "warning"


def test_polygons_that_leave_the_image_are_told(tmp_path: Path) -> None:
    def move(document: dict[str, Any]) -> None:
        polygons = [a for a in document["annotations"] if isinstance(a["segmentation"], list)]
        for annotation in polygons[:2]:
            annotation["segmentation"][0][0] = 60.0

    assert finding(fixtures.write_coco_file(tmp_path / "whole"), "polygons-outside") is None
    found = finding(spoil_coco(tmp_path, move), "polygons-outside")
    assert found is not None
    assert found.level == "warning"
    assert all(place.endswith("by 25% of a side") for place in found.where)


@pytest.mark.parametrize("dark", [0, 1])
def test_images_of_12_bits_among_others_of_16_are_told(table: Path, dark: int) -> None:
    for index in range(20):
        top = 4095 if index < dark else 65535
        ramp = np.tile(np.linspace(0, top, 40), (40, 1)).astype(np.uint16)
        Image.fromarray(ramp).save(table.parent / f"{index}.png")
    found = finding(table, "dark-images")
    assert (found is not None) == bool(dark)
    if found is not None:
        assert (
            "1 image of 16 bits with no value above 4,095 of 65,535, as of 12 bits" in found.message
        )
        assert found.where == ("0.png: at most 4,095",)


def test_images_of_several_frames_are_told(table: Path) -> None:
    assert finding(table, "several-frames") is None
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue", "white")]
    frames[0].save(table.parent / "3.tif", save_all=True, append_images=frames[1:])
    table.write_text(table.read_text().replace("\n3.png", "\n3.tif"))
    found = finding(table, "several-frames")
    assert found is not None
    assert found.message == "1 image of several frames, of which the first is read"
    assert found.where == ("3.tif: 3 frames",)


@pytest.mark.parametrize("place", [2, 4])
def test_inverted_maps_of_a_split_are_told(table: Path, place: int) -> None:
    assert finding(table, "maps-unlike-train") is None
    for index in range(place, 90, 5):
        path = table.parent / f"{index}-map.png"
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    found = finding(table, "maps-unlike-train")
    assert found is not None
    assert found.message == "maps of 1 split unlike those of train"
    (said,) = found.where
    assert said.startswith(f"{'validation' if place == 2 else 'test'}: they cover 100% of the im")


def shown(monkeypatch, capsys, *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["sedn", *words])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main()
    return capsys.readouterr().out


def test_a_terminal_shows_words_unknown_truth_and_what_is_left_out(
    table: Path, monkeypatch, capsys
) -> None:
    words = {"1": "yes", "0": "no"}
    header, *rows = table.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    for index, row in enumerate(cells):
        row[2] = "unsure" if index < 6 else words[row[2]]
        row.append(f"https://example.org/{index}")
    table.write_text("\n".join([f"{header},url", *map(",".join, cells)]) + "\n")
    said = shown(monkeypatch, capsys, "data", "check", str(table))
    assert "'yes' means 1, 'no' means 0, 'unsure' means unknown" in said
    assert "left out: 'url' (another in each row)" in said
    assert re.search(r"label .* unknown", said)
    assert re.search(r"red .* 6 ?\n", said)
    assert "90 images, 2 labels, 1 region; splits of its own: 54 train, 18 validation" in said
    assert "sizes: width 40; height 40; aspect 1" in said


def test_no_place_of_a_finding_is_longer_than_three_lines(table: Path, monkeypatch, capsys) -> None:
    for index in range(40):
        name = f"{'x' * 240}{index}.png"
        table.write_text(table.read_text().replace(f"\n{index}.png,", f"\nno/{name},"))
    said = shown(monkeypatch, capsys, "data", "check", str(table))
    assert "error: 40 missing files; --skip-unreadable leaves out what is wrong" in said
    places = [line for line in said.splitlines() if "no such file" in line]
    assert len(places) == 12
    assert max(map(len, places)) <= 250
    assert "    and 28 more" in said
