"""Images of more than 8 bits are as bright as they were meant, or refused; never nearly black."""

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from search.cli.main import main
from sedn import seen
from sedn.config import DataConfig
from sedn.data import loading
from sedn.data.check import check_data
from sedn.data.dataset import SPLITS
from sedn.data.formats import read_listing
from sedn.data.formats.proposal import propose, write_description
from sedn.data.identity import identify
from sedn.data.images.content import FileContent
from sedn.data.images.decoding import decode_sample
from sedn.data.images.levels import FULL, Levels
from sedn.data.kept import open_listing
from sedn.data.kept.listing import KeptListing
from sedn.data.listing import Listing
from sedn.errors import Question, UserError
from tests.sedn.data import fixtures

Pixels = np.ndarray
Case = tuple[Sequence[Pixels], str, float | None]


def ramp(top: float, kind: Any = np.uint16, low: float = 0) -> Pixels:
    """Grey from left to right, to the value ``top``."""
    return np.tile(np.linspace(low, top, 40), (40, 1)).astype(kind)


def data_of(folder: Path, images: Sequence[Pixels], suffix: str = "png") -> Path:
    """A table with two labels and splits that both can be learned in."""
    folder.mkdir(exist_ok=True)
    rows = ["image,red,bright,split"]
    for index, pixels in enumerate(images):
        Image.fromarray(pixels).save(folder / f"{index}.{suffix}")
        split = SPLITS[min(index // 2 % 4, 3) % 3]
        rows.append(f"{index}.{suffix},{index % 2},{index // 2 % 2},{split}")
    (folder / "x.csv").write_text("\n".join(rows) + "\n")
    return folder / "x.csv"


def brightest(listing: Listing) -> list[int]:
    """The greatest value of each image as it is trained on."""
    return [
        int(decode_sample(image, None, 1, 40, listing.levels)[0].max()) for image in listing.images
    ]


TOLD: dict[str, Case] = {
    "12 bits": ([ramp(4095)] * 12, "png", 4095),
    "12 bits, none all white": ([ramp(3600)] * 12, "png", 4095),
    "10 bits": ([ramp(1000)] * 12, "png", 1023),
    "14 bits": ([ramp(16000)] * 12, "png", 16383),
    "8 bits": ([ramp(255)] * 12, "png", 255),
    "one of 12 bits among others of 8": ([ramp(4095), *[ramp(255, np.uint8)] * 11], "png", 4095),
    "16 bits": ([ramp(65535)] * 12, "png", FULL),
    "16 bits, dark ones too": ([*[ramp(65535)] * 7, *[ramp(900)] * 5], "png", FULL),
    "16 bits, black ones too": ([*[ramp(65535)] * 2, *[ramp(0)] * 10], "png", FULL),
    "12 bits in TIFF": ([ramp(4095)] * 12, "tif", 4095),
    "12 bits in 32": ([ramp(4095, np.int32)] * 12, "tif", 4095),
    "floats to 1": ([ramp(1, np.float32)] * 12, "tif", 1),
    "dark floats to 1": ([ramp(0.4, np.float32)] * 12, "tif", 1),
    "floats to 255": ([ramp(250, np.float32)] * 12, "tif", 255),
    "floats a little beyond": ([ramp(1.01, np.float32, -0.01)] * 12, "tif", 1),
    "8 bits alone": ([ramp(255, np.uint8)] * 12, "png", None),
    "black": ([ramp(0)] * 12, "png", None),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_is_white_is_told_from_all_images(name: str, tmp_path: Path) -> None:
    images, suffix, white = TOLD[name]
    path = data_of(tmp_path, images, suffix)
    listing = read_listing(path)
    assert listing.levels == (None if white is None else Levels(white))
    said = [line for line in listing.notes if "is white" in line]
    assert len(said) == (white not in (None, FULL))
    for pixels, found in zip(images, brightest(listing), strict=True):
        top = 255 if pixels.dtype == np.uint8 else white or FULL
        assert found == pytest.approx(255 * min(float(pixels.max()) / top, 1), abs=5)
    # The same is written, and read of what is written.
    write_description(propose(path, {}), tmp_path / "described.yaml")
    assert read_listing(tmp_path / "described.yaml").levels == listing.levels


def captioned(top: int) -> Pixels:
    """An image with a few pixels that are as white as a file can hold."""
    pixels = ramp(top)
    pixels[0, :5] = FULL
    return pixels


REFUSED: dict[str, tuple[Case, str, bool]] = {
    "12 bits with a caption": (
        ([captioned(4095)] * 12, "png", 4095), "values up to 65,535, but nearly all pixels", True,
    ),
    "one bright one among dark ones": (
        ([ramp(65535), *[ramp(900)] * 11], "png", 1023), "'white: 1023'.*'white: 65535'", True,
    ),
    "12 bits or dark": (([ramp(1500)] * 12, "png", 4095), "may use 12 bits .'white: 4095'", True),
    "too few to tell": (([ramp(3600)] * 3, "png", 4095), "of 3 looked at", True),
    "of two scales": (
        ([ramp(4095), ramp(65535)] * 6, "png", FULL),
        "uses 12 bits of 16, as some images do, and others use all", False,
    ),
    "below 0": (
        ([ramp(3000, np.int32, -1000)] * 12, "tif", None), "has values below 0, down to -1,000",
        False,
    ),
    "floats and 16 bits": (
        ([*[ramp(1, np.float32)] * 6, *[ramp(65535)] * 6], "tif", FULL),
        "holds floats, and other images whole numbers", False,
    ),
    "beyond 16 bits": (
        ([ramp(200_000, np.int32)] * 12, "tif", 200_000), "values up to 200,000", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_mean_two_things_is_refused_with_what_settles(name: str, tmp_path: Path) -> None:
    (images, suffix, white), said, is_question = REFUSED[name]
    path = data_of(tmp_path, images, suffix)
    with pytest.raises(UserError, match=said) as caught:
        read_listing(path)
    assert len(str(caught.value).splitlines()) == 1
    if isinstance(caught.value, Question):
        assert {"white": white} in [*caught.value.answers]
    assert isinstance(caught.value, Question) == is_question
    if white is not None:
        listing = read_listing(path, {"white": white})
        assert listing.levels == Levels(white, is_detected=False)
        assert f"images: {listing.levels.describe()}" in listing.notes


def colours(top: int) -> bytes:
    """A TIFF of three colours with 16 bits each, not compressed."""
    pixels = np.stack([ramp(top)] * 3, axis=-1).astype("<u2").tobytes()
    fields = [
        (256, 3, 1, 40), (257, 3, 1, 40), (258, 3, 3, 146), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 152), (277, 3, 1, 3), (278, 3, 1, 40), (279, 4, 1, len(pixels)),
    ]  # fmt: skip
    found = b"II*\0" + (8).to_bytes(4, "little") + len(fields).to_bytes(2, "little")
    for tag, kind, count, value in fields:
        found += b"".join(n.to_bytes(size, "little") for n, size in ((tag, 2), (kind, 2)))
        found += count.to_bytes(4, "little") + value.to_bytes(4, "little")
    found = (found + bytes(4)).ljust(146, b"\0") + (16).to_bytes(2, "little") * 3
    return found + pixels


@pytest.mark.parametrize(("top", "is_read"), [(65535, True), (4095, False)])
def test_colours_of_16_bits_lose_none_that_are_used(
    top: int, is_read: bool, tmp_path: Path
) -> None:
    path = data_of(tmp_path, [ramp(255, np.uint8)] * 12, "tif")
    for file in tmp_path.glob("*.tif"):
        file.write_bytes(colours(top))
    if is_read:
        assert min(brightest(read_listing(path))) > 245
        return
    with pytest.raises(UserError, match="save such images with 8 bits for each colour"):
        read_listing(path)


@settings(max_examples=60, deadline=None)
@given(
    tops=st.lists(st.integers(0, 65535), min_size=1, max_size=12),
    bits=st.sampled_from([8, 10, 12, 14, 16]),
)
def test_no_image_is_darker_than_one_rule_for_all_makes_it(
    tmp_path_factory: pytest.TempPathFactory, tops: list[int], bits: int
) -> None:
    """Whatever values images have, they are read by one white, near which some image is."""
    tops = [top & (1 << bits) - 1 for top in tops]
    path = data_of(tmp_path_factory.mktemp("data"), [ramp(top) for top in tops])
    try:
        listing = read_listing(path, {"labels": ["red"]})
    except Question as question:
        for answer in question.answers:
            assert read_listing(path, {"labels": ["red"], **answer}).levels is not None
        return
    white = listing.levels.white if listing.levels else FULL
    assert max(tops) in (0, white) or max(tops) > 0.7 * white or max(tops) > FULL // 4
    assert max(tops) == 0 or np.median([top for top in tops if top]) > white / 17
    for top, found in zip(tops, brightest(listing), strict=True):
        assert found == pytest.approx(255 * top / white, abs=2)


def test_an_image_that_does_not_fit_is_refused_where_it_is_decoded(tmp_path: Path) -> None:
    path = data_of(tmp_path, [ramp(4095)] * 80)
    levels = read_listing(path).levels
    Image.fromarray(ramp(60_000)).save(tmp_path / "odd.png")
    held = FileContent(str(tmp_path / "odd.png"))
    with pytest.raises(UserError, match=r"odd.png: has the value 60,000, and the other images are"):
        decode_sample(held, None, 1, 40, levels)
    named = decode_sample(held, None, 1, 40, Levels(4095, is_detected=False))[0]
    assert named.max() == 255
    Image.fromarray(ramp(3000)).save(tmp_path / "odd.png")
    with pytest.raises(Question, match="no other image that was looked at has; 'white: 4095' or"):
        decode_sample(held, None, 1, 40, None)


def test_the_fingerprint_changes_only_where_pixels_do(tmp_path: Path) -> None:
    def fingerprint(path: Path, **given: Any) -> str:
        return identify(read_listing(path, given), 0, lambda *_: None).fingerprint

    deep = data_of(tmp_path / "deep", [ramp(4095)] * 24)
    assert fingerprint(deep) == fingerprint(deep, white=4095) != fingerprint(deep, white=FULL)
    plain = data_of(tmp_path / "plain", [ramp(255, np.uint8)] * 24)
    full = data_of(tmp_path / "full", [ramp(65535)] * 24)
    for path in (plain, full):
        assert fingerprint(path) == fingerprint(path, white=FULL)


@pytest.mark.parametrize("limit", [None, "0"])
def test_training_sees_what_was_meant_from_the_cache_and_on_demand(
    limit: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "cache"))
    if limit is not None:
        monkeypatch.setenv("SEDN_CACHE_LIMIT", limit)
    path = data_of(tmp_path / "data", [ramp(4095)] * 24)
    config = DataConfig(path=str(path), image_size=40)
    dataset = loading.prepare_dataset(config)
    assert dataset.levels == Levels(4095)
    assert all(np.asarray(split.images[0]).max() > 250 for split in dataset.splits.values())
    assert not [f for f in check_data(config).findings if f.kind == "dark-images"]


def test_kept_data_know_what_is_white(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(seen, "_TICK", 20 * 10**6)
    path = data_of(tmp_path / "data", [ramp(4095)] * 24)
    time.sleep(0.05)
    for _ in range(2):
        kept = open_listing(path, {}, worth=-1)
        assert isinstance(kept, KeptListing)
        assert kept.levels == Levels(4095)
    for image in path.parent.glob("*.png"):
        Image.fromarray(ramp(65535)).save(image)
    assert open_listing(path, {}, worth=-1).levels == Levels(FULL)


def test_images_in_columns_are_told_too(tmp_path: Path) -> None:
    from datasets import Value

    def encoded(index: int) -> dict[str, Any]:
        buffer = io.BytesIO()
        Image.fromarray(ramp(4095)).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": f"{index}.png"}

    columns = {"image": [encoded(i) for i in range(12)], "red": [i % 2 for i in range(12)]}
    path = fixtures.save_columns(tmp_path, columns, red=Value("int64"))
    listing = read_listing(path)
    assert listing.levels == Levels(4095)
    assert min(brightest(listing)) > 250


def test_data_init_says_and_asks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def init(path: Path, *words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sedn", "data", "init", str(path), "--yes", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    code, said = init(data_of(tmp_path / "deep", [ramp(4095)] * 12))
    assert code == 0
    assert "images: 12 bits in 16-bit files, 4,095 is white" in said
    dark = data_of(tmp_path / "dark", [ramp(1500)] * 12)
    code, said = init(dark)
    assert code == 2
    assert "'white: 4095'" in said
    assert init(dark, "--field", "white=4095")[0] == 0
    assert read_listing(dark.parent).levels == Levels(4095, is_detected=False)
