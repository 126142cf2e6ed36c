"""From the bytes of an image to pixels, whatever it was saved as."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sedn.data.images.content import Content, FileContent
from sedn.data.images.levels import Depth, Levels, depth_of, to_eight_bits
from sedn.data.images.names import EXPECTED
from sedn.data.listing import Orientation, RegionMap, Size
from sedn.errors import Question, UserError
from sedn.extras import check_extra
from sedn.seen import see_content

# Such an image is decoded; one of twice as many pixels is refused.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition for each value of EXIF's orientation."""
_ORIENTATION = 0x0112
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"heif",
                b"mif1", b"mif2", b"msf1")  # fmt: skip
"""The brands at the beginning of a HEIF file."""


class OtherSize(UserError):
    """A map is not as large as its image.

    Args:
        name: of the map.
        of_map: width and height in pixels.
        of_image: the same of the image.
    """

    def __init__(self, name: str, of_map: Size, of_image: Size) -> None:
        super().__init__(
            f"{name}: map of {of_map[0]} x {of_map[1]} pixels for an image of "
            f"{of_image[0]} x {of_image[1]}; they must be equal"
        )
        self.sizes = (of_map, of_image)


def decode_sample(
    content: Content,
    region_map: RegionMap | None,
    regions: int,
    size: int,
    levels: Levels | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image ``(size, size, 3)`` in RGB, and its map ``(regions, size, size)``, 0 to 255.

    The image is turned as its EXIF says, and with it a map that lies on the image as stored.

    Args:
        content: the image.
        region_map: its map; zeros where there is none.
        regions: how many the map has.
        size: pixels a side.
        levels: how images of more than 8 bits are read.

    Raises:
        UserError: one of them cannot be decoded, they do not fit each other, or it is not known how
            the map lies.
    """
    stored = open_image(content, draft=2 * size)
    original = getattr(stored, "original_size", stored.size)
    orientation = stored.getexif().get(_ORIENTATION, 1)
    turn = _TURNS.get(orientation)
    image = to_rgb(stored, levels, content.name)
    # The mirror's number is 0.
    image = image if turn is None else image.transpose(turn)
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))
    if region_map is None:
        return pixels, np.zeros((regions, size, size), dtype=np.uint8)
    return pixels, _draw_on(content.name, original, orientation, region_map, size)


def _draw_on(
    name: str, stored: Size, orientation: int, region_map: RegionMap, size: int
) -> NDArray[np.uint8]:
    """The map of an image ``(regions, size, size)``, turned as the image is.

    Args:
        name: of the image.
        stored: its size in the file.
        orientation: as its EXIF says.
        region_map: the map.
        size: pixels a side.
    """
    turn = _TURNS.get(orientation)
    shown = stored[::-1] if orientation >= 5 else stored
    lies: Orientation | None = "shown"
    if turn is not None:
        lies = region_map.lies(stored, shown) or region_map.orientation
    frame = stored if lies == "stored" else shown
    drawn = region_map.draw(frame)
    height, width = drawn.shape[1:]
    if (width, height) != frame:
        drawn_from = region_map.contents[0].name if region_map.contents else name
        raise OtherSize(drawn_from, (width, height), frame)
    if lies is None and drawn.any():
        raise unclear_orientation(name)
    channels = [Image.fromarray(channel) for channel in drawn]
    if lies == "stored" and turn is not None:
        channels = [channel.transpose(turn) for channel in channels]
    resized = [channel.resize((size, size), Image.Resampling.BOX) for channel in channels]
    return np.stack([np.asarray(channel) for channel in resized])


@dataclass(frozen=True)
class Header:
    """The header of an image file."""

    stored: Size
    """Its size in the file."""
    turned: bool
    """Whether EXIF turns or mirrors it."""
    shown: Size
    """Its size when it is turned."""
    depth: Depth | None
    """The depth of an image of more than 8 bits; ``None`` for another."""


def read_header(content: Content) -> Header:
    """Read the header of an image, without decoding its pixels.

    Raises:
        UserError: the file is no image, or cannot be read.
    """
    _see(content)
    # Of a file no more than its beginning is read.
    source = content.path if isinstance(content, FileContent) else io.BytesIO(content.read())
    try:
        with _open(source, content.name) as image:
            depth = depth_of(image)
            size, orientation = image.size, image.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{content.name}: cannot be decoded as an image: {_reason(error)}"
        ) from None
    shown = size[::-1] if orientation in (5, 6, 7, 8) else size
    return Header(size, orientation in _TURNS, shown, depth)


def open_image(content: Content, draft: int | None = None) -> Image.Image:
    """The image as it was stored, all of its pixels read.

    Args:
        content: where its bytes lie.
        draft: a JPEG may be decoded at a fraction of its size, but not below so many pixels a
            side; its attribute ``original_size`` then says how large it is, as ``depth`` does
            what it has more than 8 bits of.

    Raises:
        UserError: the image cannot be decoded.
    """
    _see(content)
    try:
        data = content.read()
        if not data:
            raise UserError(f"{content.name}: cannot be decoded as an image: the file is empty")
        image = _open(io.BytesIO(data), content.name)
        original, depth = image.size, depth_of(image)
        if draft is not None and image.format == "JPEG":
            image.draft(None, (draft, draft))
        image.load()
    except (
        OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise UserError(
            f"{content.name}: cannot be decoded as an image: {_reason(error)}"
        ) from None
    image.original_size = original  # type: ignore[attr-defined]
    image.depth = depth  # type: ignore[attr-defined]
    return image


def _open(source: str | io.BytesIO, name: str) -> Image.Image:
    """The image, its pixels not yet read; of HEIC too, where the package for it is installed."""
    try:
        return Image.open(source)
    except UnidentifiedImageError:
        if not _is_heif(source):
            raise
    check_extra(name, "heif")
    import pillow_heif

    pillow_heif.register_heif_opener()
    return Image.open(source)


def _is_heif(source: str | io.BytesIO) -> bool:
    if isinstance(source, io.BytesIO):
        start = source.getvalue()[:12]
    else:
        with open(source, "rb") as file:  # noqa: PTH123 (as in FileContent)
            start = file.read(12)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS


def unclear_orientation(name: str) -> Question:
    """The question for an image whose map may lie either way."""
    return Question(
        f"{name}: EXIF turns this image, and its map may lie on it as shown or as stored; "
        f"'orientation: shown' or 'orientation: stored' in data.yaml says which",
        [{"orientation": "shown"}, {"orientation": "stored"}],
    )


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF says."""
    return ImageOps.exif_transpose(image)


def to_rgb(image: Image.Image, levels: Levels | None = None, name: str = "image") -> Image.Image:
    """An image of any mode in RGB, of 8 bits; what is transparent becomes white.

    Args:
        image: as :func:`open_image` gives it.
        levels: what is white where it has more than 8 bits.
        name: of the image, for messages.

    Raises:
        UserError: the image has more than 8 bits and does not fit the levels.
    """
    depth = getattr(image, "depth", None) or depth_of(image)
    if depth is not None:
        clear = image.info.get("transparency") if image.mode.startswith("I") else None
        if clear is not None:
            clear = Image.fromarray(np.asarray(image) != clear)
        image = to_eight_bits(image, depth, levels, name)
        if clear is not None:
            image.putalpha(clear.convert("L"))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _see(content: Content) -> None:
    """Of columns the files are seen where they are opened."""
    if isinstance(content, FileContent):
        see_content(content.path, hashed=False)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if "cannot identify image file" in str(error):
        return f"it is of no known format; expected {EXPECTED}"
    if isinstance(error, Image.DecompressionBombError):
        return "it has more pixels than are safe to decode; make it smaller"
    return " ".join(str(error).split()) or type(error).__name__
