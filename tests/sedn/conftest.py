"""Small pictures on disk and in memory, and a cache of their own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.data.loading import load_dataset


@pytest.fixture(scope="session", autouse=True)
def image_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh cache, so that no test reads what an older version of the code decoded."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEDN_CACHE", str(folder))
        load_dataset.cache_clear()
        yield folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Ninety pictures, red in a square where the label says so, with a mask of the square."""
    return write_table(tmp_path)


def write_table(folder: Path, images: int = 90, side: int = 40) -> Path:
    random = np.random.default_rng(0)
    rows = ["image,map,red,bright,split"]
    for index in range(images):
        red, bright = index % 2, int(index % 3 == 0)
        pixels = random.integers(0, 80 + 60 * bright, (side, side, 3), dtype=np.uint8)
        region = np.zeros((side, side), dtype=np.uint8)
        region[10:30, 10:30] = 255
        if red:
            pixels[10:30, 10:30, 0] = 220
        Image.fromarray(pixels).save(folder / f"{index}.png")
        Image.fromarray(region).save(folder / f"{index}-map.png")
        split = ("train", "train", "validation", "train", "test")[index % 5]
        rows.append(f"{index}.png,{index}-map.png,{red},{bright},{split}")
    path = folder / "products.csv"
    path.write_text("\n".join(rows) + "\n")
    return path
