"""Damaged files of the cache are seen, and made again; what is trained on is what was decoded."""

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from search.cli.main import app
from sedn.config import DataConfig
from sedn.data import Dataset, prepare_dataset
from sedn.data.cache import checksums
from sedn.data.cache.checksums import CHECKSUMS, find_damage, write_checksums
from sedn.data.loading import find_cache_damage
from sedn.files import cache_folder

FILES = ["images.npy", "maps.npy", "targets.npy", "map_known.npy", "names.json", "dataset.json"]


def damage(path: Path, kind: str) -> None:
    content = bytearray(path.read_bytes())
    if kind == "inverted":
        # Behind the header of an array, so that the file can be opened.
        for index in range(min(128, len(content) // 2), len(content)):
            content[index] ^= 0xFF
    elif kind == "truncated":
        del content[len(content) // 2 :]
    else:
        content.clear()
    path.write_bytes(content)


def entry_of(dataset: Dataset, size: int) -> Path:
    (entry,) = cache_folder().glob(f"{dataset.fingerprint}-{size}-v*[0-9]")
    return entry


def pixels(dataset: Dataset) -> list[np.ndarray]:
    return [np.array(split.images[:]) for split in dataset.splits.values()]


@pytest.mark.parametrize("kind", ["inverted", "truncated", "empty"])
@pytest.mark.parametrize("name", [*FILES, CHECKSUMS])
def test_a_damaged_entry_is_named_and_decoded_again(
    table: Path, caplog: pytest.LogCaptureFixture, name: str, kind: str
) -> None:
    config = DataConfig(path=str(table), image_size=20)
    dataset = prepare_dataset(config)
    before = pixels(dataset)
    damage(entry_of(dataset, 20) / name, kind)
    with caplog.at_level(logging.WARNING):
        again = prepare_dataset(config)
    assert all(np.array_equal(a, b) for a, b in zip(before, pixels(again), strict=True))
    assert caplog.text.count(f"{name}: ") == 1
    assert find_cache_damage(config) is None


def test_a_removed_file_of_an_entry_is_made_again(table: Path) -> None:
    config = DataConfig(path=str(table), image_size=20)
    before = prepare_dataset(config)
    (entry_of(before, 20) / "maps.npy").unlink()
    again = prepare_dataset(config)
    assert np.array_equal(again.splits["train"].maps[:], before.splits["train"].maps[:])


def test_a_damaged_identity_is_made_again(table: Path) -> None:
    config = DataConfig(path=str(table), image_size=20)
    before = prepare_dataset(config)
    for path in (cache_folder() / "identities").glob("*.npz"):
        damage(path, "truncated")
    assert prepare_dataset(config).fingerprint == before.fingerprint


@settings(max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=300), place=st.floats(0, 1, exclude_max=True))
def test_no_changed_byte_goes_unseen_by_a_full_comparison(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, place: float
) -> None:
    folder, block = tmp_path_factory.mktemp("entry"), 2**12
    # More blocks than a sample has, most of them of zeros.
    large = bytes(block) * 20 + content
    (folder / "small").write_bytes(content)
    (folder / "large").write_bytes(large)
    with pytest.MonkeyPatch.context() as patch:
        # Small ones are quickly written.
        patch.setattr(checksums, "_BLOCK", block)
        write_checksums(folder)
        assert find_damage(folder) is None
        assert find_damage(folder, sample=None) is None
        for name, size in (("small", len(content)), ("large", len(large))):
            with (folder / name).open("r+b") as file:
                file.seek(int(place * size))
                byte = file.read(1)[0]
                file.seek(int(place * size))
                file.write(bytes([byte ^ 1]))
            said = find_damage(folder, sample=None)
            assert said is not None and name in said
            with (folder / name).open("r+b") as file:
                file.seek(int(place * size))
                file.write(bytes([byte]))
        assert find_damage(folder, sample=None) is None


def test_the_check_of_the_data_compares_the_cache(table: Path) -> None:
    words = ["data", "check", str(table), "--image-size", "20", "--cache"]
    dataset = prepare_dataset(DataConfig(path=str(table), image_size=20))
    assert "cache: no byte is damaged" in CliRunner().invoke(app, words).stderr
    damage(entry_of(dataset, 20) / "images.npy", "inverted")
    said = " ".join(CliRunner().invoke(app, words).stderr.split())
    assert "images.npy: other bytes than were written" in said
    assert "removed, the next use decodes again" in said
