"""Files that are images by their names are those that are decoded, wherever folders are read."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.data.images.content import FileContent
from sedn.data.images.decoding import decode_sample, open_image, read_header
from sedn.data.images.names import SUFFIXES, ImageFolder, is_image
from sedn.errors import UserError
from sedn.prediction.images import find_images


def write_heif(picture: Image.Image, path: Path) -> None:
    """As Pillow cannot yet; that the package is registered with Pillow is not for a test to do."""
    if find_spec("pillow_heif") is None:
        reason = "no pillow-heif: pip install 'sedn-search[heif]'"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    import pillow_heif

    pillow_heif.from_pillow(picture).save(path, quality=90)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_is_found_and_decoded(suffix: str, tmp_path: Path) -> None:
    picture = Image.new("RGB", (32, 32), (200, 30, 30))
    if suffix in (".pgm", ".pbm"):
        picture = picture.convert("L" if suffix == ".pgm" else "1")
    path = tmp_path / f"photo{suffix.upper()}"
    # Of such files Pillow knows what they are by their content.
    named = {".jfif": "JPEG", ".jpe": "JPEG", ".j2k": "JPEG2000", ".jpx": "JPEG2000"}
    if suffix in (".heic", ".heif", ".hif"):
        write_heif(picture, path)
    else:
        picture.save(path, format=named.get(suffix))
    assert list(find_images([tmp_path])) == [path]
    found = ImageFolder(tmp_path).find("photo", "table: row 2")
    pixels, _ = decode_sample(found, None, 1, 16)
    assert pixels.shape == (16, 16, 3)
    assert suffix == ".pbm" or np.ptp(pixels[..., 1].astype(int)) <= 4


@pytest.mark.parametrize("damage", [0.3, 0.6, 0.95])
def test_a_heif_that_is_cut_off_is_refused_in_a_line(damage: float, tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    write_heif(Image.fromarray(noise), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * damage)])
    with pytest.raises(UserError, match=r"photo\.heic: cannot be decoded as an image: ") as caught:
        decode_sample(FileContent(str(path)), None, 1, 16)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevx"])
def test_without_the_package_a_heif_names_it(brand: bytes, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\x00\x00\x00\x18ftyp" + brand + b"\x00" * 200)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    said = r"photo\.heic: pillow_heif is not installed; `pip install 'sedn-search\[heif\]'`"
    for read in (open_image, read_header):
        with pytest.raises(UserError, match=said):
            read(FileContent(str(path)))


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
