"""``objects-in-scenes``, composed of drawings in the folders of the Debian packages."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.objects_in_scenes import LABELS, write
from benchmarks.scene_sources import GROUND, INDOORS, OUTDOORS, PLASMA, STAMPS, split_sources
from sedn.config import DataConfig
from sedn.data import load_dataset

FOLDERS = ("animals/birds", "animals/mammals/bovines", "animals/fish", "food/fruit",
           "food/vegetables", "plants/flowers", "household/tools", "vehicles/auto",
           "space/planets", "clothes/hats", "animals/birds/cartoon")  # fmt: skip


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine stamps in each folder, one colour to a folder, and a photograph for each name."""
    root = tmp_path_factory.mktemp("debian")
    share = root / "usr" / "share"
    rng = np.random.default_rng(0)
    for number, folder in enumerate(FOLDERS):
        (share / STAMPS / folder).mkdir(parents=True)
        for index in range(9):
            stamp = Image.new("RGBA", (60, 80))
            colour = (25 * number, 255 - 25 * number, 20 * index, 255)
            ImageDraw.Draw(stamp).ellipse((10, 5, 50, 70 - index), fill=colour)
            stamp.save(share / STAMPS / folder / f"{'abcdefghi'[index]}-1.png")
    for names in (OUTDOORS, INDOORS, GROUND):
        for folder, stems in names.items():
            for stem in stems.split() if folder not in ("skimage", "sklearn") else ():
                inner = "/contents/images/2560x1600" if folder == PLASMA else ""
                path = share / folder / f"{stem.replace('*', 'x')}{inner}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path)
    return root


def read(folder: Path) -> list[dict[str, str]]:
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_data_set_is_read_and_its_parts_agree(debian: Path, tmp_path: Path) -> None:
    write(tmp_path / "scenes", debian, images=120, size=64, seed=0)
    dataset = load_dataset(DataConfig(path=str(tmp_path / "scenes" / "table.csv"), image_size=64))
    assert dataset.labels == LABELS
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 72, "validation": 18, "test": 30,
    }  # fmt: skip
    rows = read(tmp_path / "scenes")
    assert all(row["animal"] == "1" for row in rows if "1" in (row["bird"], row["mammal"]))
    assert all(row["mammal"] == "1" for row in rows if row["hoofed"] == "1")
    for label in LABELS:
        held = sum(int(row[label]) for row in rows)
        assert 0 < held < len(rows), label
    for row in rows[:20]:
        share = (np.asarray(Image.open(tmp_path / "scenes" / row["map"])) > 0).mean()
        assert 0.02 < share < 0.6
    assert (tmp_path / "scenes" / "sheet.png").is_file()


def test_the_same_seed_writes_the_same_images(debian: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        write(tmp_path / name, debian, images=10, size=48, seed=seed)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 22
    contents = [[(tmp_path / name / file).read_bytes() for file in files]
                for name in ("one", "again", "other")]  # fmt: skip
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_no_object_and_no_scene_is_in_two_splits(debian: Path) -> None:
    splits = split_sources(debian, 0)
    used = {
        name: {stamp.path for stamp in part.stamps} | {*part.outdoors, *part.indoors, *part.ground}
        for name, part in splits.items()
    }
    everything = set().union(*used.values())
    assert len(everything) == sum(map(len, used.values()))
    # Drawings are left out; what is in no room is an object that does not count.
    stamps = [stamp for part in splits.values() for stamp in part.stamps]
    assert len(stamps) == 9 * (len(FOLDERS) - 2)
    assert {stamp.path.parent.name for stamp in stamps if not stamp.labels} == {"planets"}
    assert all(part.of_room(room) for part in splits.values() for room in ("bird", "street"))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="install tuxpaint-stamps-default"):
        split_sources(tmp_path, 0)
