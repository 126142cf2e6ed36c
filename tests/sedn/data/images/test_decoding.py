"""Pixels of images of every kind, and masks that are turned with them."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.data.images.content import FileContent
from sedn.data.images.decoding import decode_sample
from sedn.data.maps.mask_recognition import tell_kind
from sedn.data.maps.masks import MaskImage
from sedn.errors import UserError

WIDE, HIGH = 40, 20


@dataclass(frozen=True)
class Held:
    """Bytes in memory."""

    data: bytes
    name: str = "image"

    def read(self) -> bytes:
        return self.data

    def stamp(self) -> str:
        return self.name


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> Held:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return Held(buffer.getvalue())


def halves(mode: str, left: object, right: object) -> Image.Image:
    image = Image.new(mode, (WIDE, HIGH), left)
    image.paste(right, (WIDE // 2, 0, WIDE, HIGH))
    return image


def pixels(content: Held, size: int = 20) -> np.ndarray:
    return decode_sample(content, None, 1, size)[0].astype(int)


def palette() -> Image.Image:
    image = halves("P", 3, 7)
    colours = np.zeros((256, 3), dtype=np.uint8)
    colours[3], colours[7] = (255, 0, 0), (0, 0, 255)
    image.putpalette(colours.tobytes())
    return image


KINDS = {
    "RGB": (saved(halves("RGB", (255, 0, 0), (0, 0, 255))), (255, 0, 0), (0, 0, 255)),
    "grey": (saved(halves("L", 10, 200)), (10,) * 3, (200,) * 3),
    "binary": (saved(halves("1", 0, 1)), (0,) * 3, (255,) * 3),
    "16 bit": (saved(halves("I;16", 257 * 10, 257 * 200)), (10,) * 3, (200,) * 3),
    "palette": (saved(palette()), (255, 0, 0), (0, 0, 255)),
    "alpha": (saved(halves("RGBA", (9, 9, 9, 0), (0, 0, 255, 255))), (255,) * 3, (0, 0, 255)),
    "half alpha": (saved(halves("LA", (0, 127), (200, 255))), (128,) * 3, (200,) * 3),
    "16 bits with a transparent value": (
        saved(halves("I;16", 257 * 50, 257 * 200), transparency=257 * 50),
        (255,) * 3, (200,) * 3,
    ),
    "palette with transparency": (saved(palette(), transparency=3), (255,) * 3, (0, 0, 255)),
    "CMYK": (
        saved(halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)), "JPEG", quality=95),
        (254, 0, 0), (0, 0, 254),
    ),
    "WebP": (
        saved(halves("RGB", (255, 0, 0), (0, 0, 255)), "WEBP", lossless=True),
        (255, 0, 0), (0, 0, 255),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_becomes_rgb(kind: str) -> None:
    content, left, right = KINDS[kind]
    seen = pixels(content)
    assert seen.shape == (20, 20, 3)
    assert np.abs(seen[:, :8] - left).max() <= 3
    assert np.abs(seen[:, 12:] - right).max() <= 3


# A mask of the size that the image is stored and shown in is taken as shown.
TURNS = [(o, mask) for o in range(1, 9) for mask in ("as shown", "tagged itself")]
TURNS += [(o, "as stored") for o in (1, 5, 6, 7, 8)]


@pytest.mark.parametrize(("orientation", "mask_is"), TURNS)
def test_image_and_mask_are_turned_together(orientation: int, mask_is: str, tmp_path: Path) -> None:
    """A bright corner lies under the mask of that corner, however both are stored."""
    shown = np.zeros((48, 48 if mask_is == "tagged itself" else 64), dtype=np.uint8)
    shown[:20, :16] = 255
    undo = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: np.transpose, 6: np.rot90, 7: lambda a: np.rot90(a, 2).T, 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    stored = np.ascontiguousarray(undo[orientation](shown))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo, mask = tmp_path / "a.jpg", tmp_path / "a.png"
    Image.fromarray(stored).save(photo, exif=exif, quality=95)
    tagged = {"exif": exif} if mask_is == "tagged itself" else {}
    Image.fromarray(shown if mask_is == "as shown" else stored).save(mask, **tagged)
    content = FileContent(str(mask))
    region = MaskImage(content, tell_kind([content], "masks"), orientation="shown")
    image, drawn = decode_sample(FileContent(str(photo)), region, 1, 24)
    assert image[:7, :4].min() > 200
    assert image[13:].max() < 60
    assert np.abs(image[..., 0].astype(int) - drawn[0]).mean() < 8


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size_alike(tmp_path: Path) -> None:
    from sklearn.datasets import load_sample_images

    photograph = Image.fromarray(load_sample_images().images[0]).resize((1600, 1200))
    photograph.save(tmp_path / "large.jpg", quality=95)
    photograph.save(tmp_path / "large.png")
    jpeg, png = (
        decode_sample(FileContent(str(tmp_path / f"large.{kind}")), None, 1, 96)[0].astype(int)
        for kind in ("jpg", "png")
    )
    assert np.abs(jpeg - png).mean() < 2


def test_an_image_that_promises_more_than_it_holds() -> None:
    whole = saved(halves("RGB", (255, 0, 0), (0, 0, 255)), "JPEG").data
    with pytest.raises(UserError, match="cannot be decoded as an image"):
        pixels(Held(whole[: len(whole) // 2]))
