"""Masks of every kind that people have: read to their truth, or refused."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from sedn.data.formats import read_listing
from sedn.data.identity import identify
from sedn.data.listing import Listing
from sedn.errors import Question, UserError

WIDE, HIGH, COUNT = 48, 36, 6
Classes = np.ndarray
"""``(height, width)``: the class of each pixel, 0 where there is none, -1 on a border."""
Write = Callable[[Classes, np.random.Generator], Image.Image]


def _photograph(random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 256, (HIGH, WIDE, 3), dtype=np.uint8)


def grey(*values: int, mode: str = "L") -> Write:
    """Each class by its value, the border by the last one."""

    def write(classes: Classes, random: np.random.Generator) -> Image.Image:
        pixels = np.array(values)[classes].astype(np.uint16 if mode == "I;16" else np.uint8)
        return Image.fromarray(pixels).convert("1") if mode == "1" else Image.fromarray(pixels)

    return write


def coloured(*colours: str, mode: str = "RGB") -> Write:
    def write(classes: Classes, random: np.random.Generator) -> Image.Image:
        table = np.array([list(bytes.fromhex(colour)) for colour in colours], dtype=np.uint8)
        return Image.fromarray(table[classes]).convert(mode)

    return write


def palette(*colours: str) -> Write:
    """Indices 0, 1, … with these colours; 255, with the last one, on the border."""

    def write(classes: Classes, random: np.random.Generator) -> Image.Image:
        image = Image.fromarray((classes & 0xFF).astype(np.uint8))
        table = [bytes.fromhex(colour) for colour in colours]
        table += [table[-1]] * (256 - len(table))
        image = image.convert("P")
        image.putpalette(b"".join(table))
        return image

    return write


def opacity(below: str) -> Write:
    def write(classes: Classes, random: np.random.Generator) -> Image.Image:
        alpha = Image.fromarray(np.where(classes > 0, 255, 0).astype(np.uint8))
        if below in ("white", "black"):
            plain = Image.new("L", alpha.size, below)
            return Image.merge("LA", (plain, alpha))
        pixels = _photograph(random)
        if below == "cut out":
            pixels[classes <= 0] = 0
        image = Image.fromarray(pixels)
        image.putalpha(alpha)
        return image

    return write


def as_jpeg(write: Write) -> Write:
    def lossy(classes: Classes, random: np.random.Generator) -> Image.Image:
        buffer = io.BytesIO()
        write(classes, random).save(buffer, "JPEG", quality=85)
        return Image.open(buffer)

    return lossy


def blurred(classes: Classes, random: np.random.Generator) -> Image.Image:
    return grey(0, 255)(np.minimum(classes, 1), random).filter(ImageFilter.GaussianBlur(1))


def by_turns(*writers: Write) -> Write:
    """What several people made."""

    def write(classes: Classes, random: np.random.Generator) -> Image.Image:
        return writers[random.integers(len(writers))](classes, random)

    return write


def quantised(classes: Classes, random: np.random.Generator) -> Image.Image:
    """A palette of its own for each file."""
    return coloured("000000", "ff0000", "00ff00", "0000ff")(classes, random).quantize(8)


# By name: how many classes, whether there is a border, the writer, and whether it must be read.
KINDS: dict[str, tuple[int, bool, Write, bool]] = {
    "0 and 255": (1, False, grey(0, 255), True),
    "0 and 1": (1, False, grey(0, 1), True),
    "0 and 128": (1, False, grey(0, 128), True),
    "bits": (1, False, grey(0, 255, mode="1"), True),
    "0 and 65535": (1, False, grey(0, 65535, mode="I;16"), True),
    "0 and 700 in 16 bits": (1, False, grey(0, 700, mode="I;16"), True),
    "0 and 1, 255 ignored": (1, True, grey(0, 1, 255), True),
    "indices": (3, False, grey(0, 1, 2, 3), True),
    "many indices": (40, False, grey(*range(41)), True),
    "sparse indices": (3, False, grey(0, 7, 26, 33), True),
    "indices, 255 ignored": (3, True, grey(0, 1, 2, 3, 255), True),
    "indices in 16 bits": (40, False, grey(*range(0, 41 * 11, 11), mode="I;16"), True),
    "black and white in RGB": (1, False, coloured("000000", "ffffff"), True),
    "black and white in RGBA": (1, False, coloured("000000", "ffffff", mode="RGBA"), True),
    "black and colours": (3, False, coloured("000000", "ff0000", "003300", "0000ff"), True),
    "Pascal VOC's palette": (2, True, palette("000000", "800000", "008000", "e0e0c0"), True),
    "Pascal VOC's colours": (2, True, coloured("000000", "800000", "008000", "e0e0c0"), True),
    "palette, black first": (1, False, palette("000000", "ffffff"), True),
    "palette of greys": (3, False, palette("000000", "010101", "020202", "030303"), True),
    "photograph and opacity": (1, False, opacity("photograph"), True),
    "cut out": (1, False, opacity("cut out"), True),
    "white and opacity": (1, False, opacity("white"), True),
    "black and opacity": (1, False, opacity("black"), True),
    "soft edges": (1, False, blurred, True),
    "JPEG of 0 and 255": (1, False, as_jpeg(grey(0, 255)), True),
    "quantised": (3, False, quantised, True),
    # Whoever reads these guesses.
    "levels of classes": (3, False, grey(0, 85, 170, 255), False),
    "three levels": (2, False, grey(0, 128, 255), False),
    "no zero": (1, False, grey(2, 1), False),
    "white and colours": (2, False, coloured("ffffff", "ff0000", "00ff00"), False),
    "palette, white and colours": (2, False, palette("ffffff", "ff0000", "00ff00"), False),
    "0 and 1, or 0 and 255": (1, False, by_turns(grey(0, 1), grey(0, 255)), False),
    "0 and 255, or opacity": (1, False, by_turns(grey(0, 255), opacity("photograph")), False),
    "JPEG of indices": (3, False, as_jpeg(grey(0, 1, 2, 3)), False),
    "JPEG of colours": (2, False, as_jpeg(coloured("000000", "ff0000", "00ff00")), False),
    "photographs": (1, False, lambda _, random: Image.fromarray(_photograph(random)), False),
}


def draw_classes(classes: int, border: bool, random: np.random.Generator) -> Classes:
    """Rectangles of some of the classes."""
    drawn = np.zeros((HIGH, WIDE), dtype=np.int64)
    for _ in range(int(random.integers(1, 4))):
        top, left = random.integers(2, HIGH - 14), random.integers(2, WIDE - 14)
        high, wide = random.integers(8, 13, 2)
        place = drawn[top - border : top + high + border, left - border : left + wide + border]
        place[...] = -1 if border else place
        drawn[top : top + high, left : left + wide] = random.integers(1, classes + 1)
    return drawn


def write_table(
    folder: Path, classes: list[Classes], write: Write, random: np.random.Generator
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [["image", "mask", "red"]]
    for index, of_image in enumerate(classes):
        Image.fromarray(_photograph(random)).save(folder / f"{index}.png")
        mask = write(of_image, random)
        suffix = "jpg" if mask.format == "JPEG" else "png"
        # The file that was written in JPEG, not a second one.
        if suffix == "jpg":
            (folder / f"m{index}.jpg").write_bytes(mask.fp.getvalue())  # type: ignore[union-attr]
        else:
            mask.save(folder / f"m{index}.png")
        rows.append([f"{index}.png", f"m{index}.{suffix}", str(index % 2)])
    with (folder / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "data.csv"


def regions_of(listing: Listing) -> list[np.ndarray]:
    return [region_map.draw((WIDE, HIGH))[0] for region_map in listing.maps if region_map]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max((one | other).sum(), 1))


QUESTIONS = ("levels of classes", "three levels", "no zero", "white and colours",
             "palette, white and colours", "0 and 1, or 0 and 255")  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_answer_to_a_question_is_read(name: str, tmp_path: Path) -> None:
    count, border, write, _ = KINDS[name]
    random = np.random.default_rng(3)
    classes = [draw_classes(count, border, random) for _ in range(20)]
    path = write_table(tmp_path, classes, write, random)
    with pytest.raises(Question) as asked:
        read_listing(path)
    assert len(asked.value.answers) > 1
    drawn = [regions_of(read_listing(describe(path, **a))) for a in asked.value.answers]
    assert len({np.stack(regions).tobytes() for regions in drawn}) == len(drawn), "all differ"


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 1000))
def test_masks_are_read_to_their_truth_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    count, border, write, must_be_read = KINDS[name]
    random = np.random.default_rng(seed)
    classes = [draw_classes(count, border, random) for _ in range(COUNT)]
    path = write_table(tmp_path_factory.mktemp("masks"), classes, write, random)
    try:
        drawn = regions_of(read_listing(path))
    except UserError as error:
        assert not must_be_read, error
        assert "\n" not in str(error)
        return
    for region, of_image in zip(drawn, classes, strict=True):
        assert overlap(region > 127, of_image > 0) > 0.9


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_mask(name: str, tmp_path: Path) -> None:
    count, border, write, must_be_read = KINDS[name]
    random = np.random.default_rng(3)
    classes = [draw_classes(count, border, random) for _ in range(20)]
    path = write_table(tmp_path, classes, write, random)
    if not must_be_read:
        with pytest.raises(UserError):
            regions_of(read_listing(path))
        return
    listing = read_listing(path)
    for region, of_image in zip(regions_of(listing), classes, strict=True):
        assert overlap(region > 127, of_image > 0) > 0.9
    assert any(line.startswith("maps: column 'mask'") and "masks" in line for line in listing.notes)


def describe(path: Path, **fields: object) -> Path:
    described = path.with_name("data.yaml")
    described.write_text(json.dumps({"table": path.name, **fields}))
    return described


# What a question is answered by, and which classes are then the region.
ANSWERS = {
    "three levels as classes": ("three levels", {"map_kind": "index"}, {1, 2}),
    "one of three levels": ("three levels", {"regions": {"a": 128}}, {1}),
    "no zero": ("no zero", {"regions": {"a": 2}}, {0}),
    "white and colours": ("white and colours", {"regions": {"a": ["#ff0000", "#00ff00"]}}, {1, 2}),
    "several indices": ("many indices", {"regions": {"a": [3, 4, 5, 20]}}, {3, 4, 5, 20}),
    "an ignored index": ("indices", {"ignore": 2}, {1, 3}),
    "ignored colours": ("black and colours", {"ignore": ["#003300", "#0000ff"]}, {1}),
    "a palette by colour": ("Pascal VOC's palette", {"regions": {"a": "#008000"}}, {2}),
    "a palette by index": ("Pascal VOC's palette", {"regions": {"a": 2}}, {2}),
    "white first": ("palette, white and colours", {"map_kind": "index"}, {1, 2}),
    "annotators who differ": ("0 and 1, or 0 and 255", {"map_kind": "index"}, {1}),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_description_settles_what_cannot_be_told(name: str, tmp_path: Path) -> None:
    kind, fields, region_classes = ANSWERS[name]
    count, border, write, _ = KINDS[kind]
    random = np.random.default_rng(4)
    classes = [draw_classes(count, border, random) for _ in range(12)]
    path = describe(write_table(tmp_path, classes, write, random), **fields)
    for region, of_image in zip(regions_of(read_listing(path)), classes, strict=True):
        assert ((region > 127) == np.isin(of_image, list(region_classes))).all()


WRONG = {
    "a colour as three numbers": ({"regions": {"a": [0, 255, 0]}}, "is empty or has a value twice"),
    "no colour": ({"regions": {"a": "red"}}, "neither an index such as 3 nor a colour"),
    "one value, two regions": ({"regions": {"a": 1, "b": [2, 1]}}, "'a' and 'b' have one value"),
    "region and ignored": ({"regions": {"a": 1}, "ignore": 1}, "under 'ignore' too"),
    "a kind with regions": ({"regions": {"a": 1}, "map_kind": "index"}, "leave it out"),
    "ignored strengths": ({"map_kind": "strength", "ignore": 1}, "but these are masks of strength"),
    "no such kind": ({"map_kind": "indices"}, "map_kind"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_description_cannot_say(name: str, tmp_path: Path) -> None:
    fields, message = WRONG[name]
    random = np.random.default_rng(5)
    classes = [draw_classes(2, False, random) for _ in range(4)]
    path = describe(write_table(tmp_path, classes, grey(0, 1, 2), random), **fields)
    with pytest.raises(UserError, match=message):
        read_listing(path)


def test_regions_by_index_of_palettes_that_differ_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    classes = [draw_classes(3, False, random) for _ in range(12)]
    path = describe(write_table(tmp_path, classes, quantised, random), regions={"a": 1})
    with pytest.raises(UserError, match="palettes of the masks differ"):
        read_listing(path)


def test_one_mask_of_another_kind_among_many_is_refused(tmp_path: Path) -> None:
    """It may be one that was not looked at."""
    random = np.random.default_rng(7)
    classes = [draw_classes(1, False, random) for _ in range(60)]
    path = write_table(tmp_path, classes, grey(0, 1), random)
    listing = read_listing(path)
    for index in range(60):
        kept = (tmp_path / f"m{index}.png").read_bytes()
        grey(0, 255)(classes[index], random).save(tmp_path / f"m{index}.png")
        with pytest.raises(UserError, match=f"m{index}.png: has the value 255, and the others"):
            regions_of(listing)
        (tmp_path / f"m{index}.png").write_bytes(kept)


def test_regions_in_few_of_many_masks_are_found(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    nothing = np.zeros((HIGH, WIDE), dtype=np.int64)
    classes = [draw_classes(1, False, random) if i % 50 == 7 else nothing for i in range(150)]
    listing = read_listing(write_table(tmp_path, classes, grey(0, 3), random))
    for region, of_image in zip(regions_of(listing), classes, strict=True):
        assert ((region > 127) == (of_image > 0)).all()


def test_the_kind_of_masks_is_part_of_what_a_data_set_is(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    classes = [draw_classes(2, False, random) for _ in range(8)]
    path = write_table(tmp_path, classes, grey(0, 1, 2), random)
    prints = set()
    for fields in ({}, {"map_kind": "strength"}, {"ignore": 2}, {"regions": {"region": 2}}):
        listing = read_listing(describe(path, **fields))
        prints.add(identify(listing, 0, lambda *_: None).fingerprint)
    assert len(prints) == 4
