"""Files that are images by their names are those that are decoded, wherever folders are read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.data.content import FileContent
from sedn.data.decoding import decode_sample
from sedn.data.image_files import SUFFIXES, ImageFolder, is_image
from sedn.errors import UserError
from sedn.prediction.images import find_images


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_is_found_and_decoded(suffix: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (32, 32), (200, 30, 30))
    if suffix in (".pgm", ".pbm"):
        picture = picture.convert("L" if suffix == ".pgm" else "1")
    path = tmp_path / f"photo{suffix.upper()}"
    # Of such files Pillow knows what they are by their content.
    named = {".jfif": "JPEG", ".jpe": "JPEG", ".j2k": "JPEG2000", ".jpx": "JPEG2000"}
    picture.save(path, format=named.get(suffix))
    assert list(find_images([tmp_path])) == [path]
    found = ImageFolder(tmp_path).find("photo", "table: row 2")
    pixels, _ = decode_sample(found, None, 1, 16)
    assert pixels.shape == (16, 16, 3)
    assert suffix == ".pbm" or np.ptp(pixels[..., 1].astype(int)) <= 4


def test_images_are_found_by_stem(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.1.png", "._a.png", "a.xml", "c.png", "c.jpg", "sub/d.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    folder = ImageFolder(tmp_path)
    for asked, found in {
        "a": "a.JPG",
        "b.1": "b.1.png",
        "c.png": "c.png",
        "sub/d": "sub/d.tif",
    }.items():
        assert folder.find(asked, "x") == FileContent(str(tmp_path / found))
    with pytest.raises(UserError, match=r"x 'c' may be c\.jpg or c\.png"):
        folder.find("c", "x")
    with pytest.raises(UserError, match=r"x 'e\.jpg': no such file"):
        folder.find("e", "x")
    with pytest.raises(UserError, match="lies outside"):
        folder.find("../e", "x")
    assert not is_image("._a.png")
