"""Write ``objects-in-scenes``: photographs of one or two objects that count, before a photograph.

The objects of interest are in focus; the objects that do not count are smaller, darker and out of
focus, and lie behind. The map is the alpha of the objects of interest. Labels are the rooms and
kinds of the objects of interest, and three that need what is around them as well:

- ``outdoors``: where the scene was photographed;
- ``on_block``: an object of interest stands on a block, and not beside it;
- ``accompanied``: an object that does not count touches one that does.

No object and no scene is in two splits. The same options write the same images. Needs the Debian
packages of :data:`benchmarks.scene_sources.PACKAGES`, installed or unpacked
(``dpkg-deb -x FILE FOLDER``).

    python -m benchmarks.objects_in_scenes FOLDER [--debian /] [--images 6000] [--size 144]
"""

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from benchmarks.scene_sources import KINDS, ROOMS, Sources, Stamp, split_sources

LABELS = (*ROOMS, *KINDS, "outdoors", "on_block", "accompanied")
SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}
"""Of the images, by split."""
OF_INTEREST, WITHOUT = (0.40, 0.58), (0.22, 0.36)
"""Longest side of objects that count, and of others, as a share of the image's."""
Box = tuple[int, int, int, int]


@dataclass
class Scene:
    """An image while it is composed."""

    picture: Image.Image
    size: int
    rng: np.random.Generator
    boxes: list[Box] = field(default_factory=list)
    """Of the objects of interest."""
    labels: set[str] = field(default_factory=set)

    def chance(self, share: float = 0.5) -> bool:
        """True in this share of calls."""
        return bool(self.rng.random() < share)

    def side(self, between: tuple[float, float]) -> int:
        """A length in pixels, between two shares of the image's side."""
        return round(self.rng.uniform(*between) * self.size)

    def place(self, width: int, height: int, is_good: Callable[[Box], bool]) -> Box | None:
        """A random box of this size within the image of which ``is_good`` holds; ``None`` where
        none was found.
        """
        for _ in range(60):
            left = int(self.rng.integers(0, max(1, self.size - width)))
            top = int(self.rng.integers(0, max(1, self.size - height)))
            box = (left, top, left + width, top + height)
            if is_good(box):
                return box
        return None

    def gap(self, box: Box) -> int:
        """Pixels between a box and the nearest object of interest; below 0 they overlap."""
        return min((max(box[0] - b[2], b[0] - box[2], box[1] - b[3], b[1] - box[3])
                    for b in self.boxes), default=self.size)  # fmt: skip


def compose(sources: Sources, size: int, rng: np.random.Generator) -> tuple[Scene, Image.Image]:
    """An image of ``size`` pixels with its labels, and its map."""
    is_outdoors = rng.random() < 0.5
    picture = _cropped(_pick(sources.outdoors if is_outdoors else sources.indoors, rng), size, rng)
    scene = Scene(picture, size, rng, labels={"outdoors"} if is_outdoors else set())
    objects = [_object_of_interest(sources, scene) for _ in range(1 + scene.chance())]
    blocks = _blocks(scene, sources)
    _others(scene, sources)
    for block, box in blocks:
        scene.picture.paste(block, box[:2])
    mask = Image.new("L", (size, size))
    for cut_out, box in zip(objects, scene.boxes, strict=False):
        if cut_out is not None:
            scene.picture.paste(cut_out, box[:2], cut_out)
            mask.paste(255, box[:2], cut_out.getchannel("A").point(lambda a: 255 * (a > 127)))
    return scene, mask


def _object_of_interest(sources: Sources, scene: Scene) -> Image.Image | None:
    """A cut-out of a random room, for which a box is taken; ``None`` where there is no room."""
    room = list(ROOMS)[scene.rng.integers(len(ROOMS))]
    stamp = _pick(sources.of_room(room), scene.rng)
    cut_out = _cut_out(stamp, scene.side(OF_INTEREST), scene.rng)
    box = scene.place(*cut_out.size, lambda box: scene.gap(box) > scene.size // 20)
    if box is None:
        return None
    scene.boxes.append(box)
    scene.labels |= stamp.labels
    return cut_out


def _blocks(scene: Scene, sources: Sources) -> list[tuple[Image.Image, Box]]:
    """A block below an object of interest, or beside all of them, as often."""
    width, height = scene.side((0.28, 0.45)), scene.side((0.12, 0.25))
    on = [box for box in scene.boxes if box[3] < scene.size - scene.size // 12]
    if scene.chance() and on:
        left, _, right, bottom = on[scene.rng.integers(len(on))]
        start = (left + right - width) // 2
        box = (start, bottom - 2, start + width, bottom - 2 + height)
        scene.labels.add("on_block")
    else:
        found = scene.place(width, height, lambda box: scene.gap(box) > scene.size // 16)
        if found is None:
            return []
        box = found
    surface = _cropped(_pick(sources.ground, scene.rng), max(width, height), scene.rng)
    shade = ImageEnhance.Brightness(surface).enhance(scene.rng.uniform(0.7, 1.2))
    return [(shade.crop((0, 0, width, height)), box)]


def _others(scene: Scene, sources: Sources) -> None:
    """Paste objects that do not count: one beside one that counts, or all away from them."""
    touching = scene.chance()
    for index in range(int(scene.rng.integers(2, 5))):
        cut_out = _cut_out(_pick(sources.stamps, scene.rng), scene.side(WITHOUT), scene.rng)
        near = touching and index == 0
        far = scene.size // 10
        box = scene.place(*cut_out.size, lambda box, near=near, far=far: (
            -scene.size // 10 < scene.gap(box) <= 0 if near else scene.gap(box) > far
        ))  # fmt: skip
        if box is None:
            continue
        if near:
            scene.labels.add("accompanied")
        blurred = cut_out.filter(ImageFilter.GaussianBlur(scene.size / 110))
        dark = ImageEnhance.Brightness(blurred).enhance(scene.rng.uniform(0.6, 0.9))
        scene.picture.paste(dark, box[:2], dark)


def _pick(things: list | tuple, rng: np.random.Generator):  # noqa: ANN202 (any of them)
    return things[rng.integers(len(things))]


def _cut_out(stamp: Stamp, side: int, rng: np.random.Generator) -> Image.Image:
    """The object, turned a little, with ``side`` pixels on its longer side."""
    picture = _read_stamp(stamp.path)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = picture.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC, expand=True)
    picture = picture.crop(picture.getchannel("A").getbbox())
    scale = side / max(picture.size)
    width, height = (max(4, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


@cache
def _read_stamp(path: Path) -> Image.Image:
    picture = Image.open(path).convert("RGBA")
    picture = picture.crop(picture.getchannel("A").getbbox())
    picture.thumbnail((256, 256), Image.Resampling.LANCZOS)
    return picture


@cache
def _read_photograph(path: Path) -> Image.Image:
    picture = Image.open(path)
    picture.draft("RGB", (1200, 1200))
    picture = picture.convert("RGB")
    picture.thumbnail((1000, 1000), Image.Resampling.LANCZOS)
    return picture


def _cropped(path: Path, size: int, rng: np.random.Generator) -> Image.Image:
    """A random square of a photograph."""
    picture = _read_photograph(path)
    side = int(rng.uniform(0.5, 1.0) * min(picture.size))
    left, top = (int(rng.integers(0, length - side + 1)) for length in picture.size)
    square = picture.crop((left, top, left + side, top + side))
    if rng.random() < 0.5:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return square.resize((size, size), Image.Resampling.LANCZOS)


def write(folder: Path, debian: Path, images: int, size: int, seed: int) -> None:
    """Write images, maps and the table ``table.csv`` that lists them, and a contact sheet."""
    (folder / "images").mkdir(parents=True)
    (folder / "maps").mkdir()
    rows, shown = [], []
    for number, (split, sources) in enumerate(split_sources(debian, seed).items()):
        for index in range(round(SHARES[split] * images)):
            rng = np.random.default_rng([seed, number, index])
            scene, mask = compose(sources, size, rng)
            name = f"{split}-{index:05d}"
            scene.picture.save(folder / "images" / f"{name}.jpg", quality=92)
            mask.save(folder / "maps" / f"{name}.png")
            held = [int(label in scene.labels) for label in LABELS]
            rows.append([f"images/{name}.jpg", f"maps/{name}.png", split, *held])
            if index < 16:
                shown.append((scene.picture, mask))
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "map", "split", *LABELS], *rows])
    _sheet(shown, size).save(folder / "sheet.png")


def _sheet(shown: list[tuple[Image.Image, Image.Image]], size: int) -> Image.Image:
    """Images with their maps below, sixteen a row."""
    sheet = Image.new("RGB", (16 * size, 2 * size * -(-len(shown) // 16)))
    for index, pair in enumerate(shown):
        for below, picture in enumerate(pair):
            sheet.paste(picture, (index % 16 * size, (index // 16 * 2 + below) * size))
    return sheet


def main() -> None:
    """Write the data set, and say how many images have each label."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--debian", type=Path, default=Path("/"))
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--size", type=int, default=144)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write(options.folder, options.debian, options.images, options.size, options.seed)
    for split, sources in split_sources(options.debian, options.seed).items():
        counts = {room: len(sources.of_room(room)) for room in (*ROOMS, *KINDS)}
        scenes = f"{len(sources.outdoors)} outdoors, {len(sources.indoors)} indoors"
        print(f"{split}: {len(sources.stamps)} objects {counts}, scenes: {scenes}")


if __name__ == "__main__":
    main()
