import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sedn.config import DataConfig, build_config
from sedn.data import SPLITS, Dataset, count_labels, load_dataset
from sedn.data.formats import read_listing
from sedn.data.identity import identify
from sedn.data.listing import Listing
from sedn.errors import UserError
from sedn.files import cache_folder
from sedn.training.epochs import train_epochs
from tests.sedn.data.kept.listings import open_kept


def load(path: Path, size: int = 20, seed: int = 0) -> Dataset:
    load_dataset.cache_clear()
    return load_dataset(DataConfig(path=str(path), image_size=size, split_seed=seed))


def change(table: Path, old: str, new: str) -> None:
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))


def test_reads_images_maps_labels_and_splits(table: Path) -> None:
    dataset = load(table)
    assert dataset.labels == ("red", "bright")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 54,
        "validation": 18,
        "test": 18,
    }
    train = dataset.splits["train"]
    inside = train.images[:, 6:14, 6:14, 0].mean(axis=(1, 2))
    assert ((inside > 200) == (train.targets[:, 0] == 1)).all()
    assert (train.maps[:, 0, 6:14, 6:14] == 255).all()
    assert (train.maps[:, 0, :4] == 0).all()
    assert count_labels(dataset, "test")["bright"] == (6, 18)


def test_the_second_time_it_is_mapped_not_decoded(table: Path) -> None:
    first = load(table)
    (entry,) = cache_folder().glob(f"{first.fingerprint}-20-v*[0-9]")
    before = (entry / "images.npy").stat().st_mtime_ns
    again = load(table)
    assert (entry / "images.npy").stat().st_mtime_ns == before
    assert isinstance(again.splits["train"].images, np.memmap)
    assert np.array_equal(first.splits["train"].images, again.splits["train"].images)
    assert not list(cache_folder().glob(".*.part"))


@pytest.mark.parametrize("changed", ["image", "map", "label", "split", "name"])
def test_the_fingerprint_changes_with_what_is_trained_on(table: Path, changed: str) -> None:
    before = load(table).fingerprint
    if changed in ("image", "map"):
        path = table.parent / ("0.png" if changed == "image" else "0-map.png")
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    elif changed == "name":
        (table.parent / "0.png").rename(table.parent / "shirt.png")
        change(table, "\n0.png,", "\nshirt.png,")
    elif changed == "label":
        change(table, "1.png,1-map.png,1,0", "1.png,1-map.png,0,0")
    else:
        change(table, "1,0,train", "1,0,test")
    after = load(table)
    assert after.fingerprint != before
    if changed == "name":
        assert "shirt.png" in after.splits["train"].names


@pytest.mark.parametrize("reading", [read_listing, open_kept])
def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(
    table: Path, reading: Callable[[Path], Listing]
) -> None:
    """As ``cp -p``, ``rsync --times`` and archives leave them."""
    before = identify(reading(table), 0, lambda *_: None).fingerprint
    image = table.parent / "0.png"
    status, copy = image.stat(), image.with_name("copy")
    copy.write_bytes(image.read_bytes()[::-1])
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
    copy.replace(image)
    assert identify(reading(table), 0, lambda *_: None).fingerprint != before


def test_the_fingerprint_stays_where_the_folder_moves(table: Path) -> None:
    before = load(table).fingerprint
    moved = table.parent.rename(table.parent.with_name("elsewhere"))
    assert load(moved / table.name).fingerprint == before


def test_an_unknown_label_is_nan_and_a_missing_map_is_said(table: Path) -> None:
    change(table, "0.png,0-map.png,0,1,train", "0.png,,,1,train")
    dataset = load(table)
    train = dataset.splits["train"]
    assert np.isnan(train.targets[0, 0])
    assert not train.map_known[0]
    assert train.map_known[1:].all()
    assert (train.maps[0] == 0).all()
    assert dataset.has_indicator
    assert count_labels(dataset, "train")["red"][1] == 53


def test_splits_are_drawn_by_group_and_seed(table: Path) -> None:
    lines = [line.rsplit(",", 1)[0] for line in table.read_text().splitlines()]
    grouped = [f"{line},g{index // 3}" for index, line in enumerate(lines[1:])]
    table.write_text("\n".join([lines[0] + ",group", *grouped]) + "\n")
    dataset = load(table)
    sizes = [len(split) for split in dataset.splits.values()]
    assert sum(sizes) == 90
    assert all(size % 3 == 0 for size in sizes), "no group is parted"
    assert load(table).fingerprint == dataset.fingerprint
    assert load(table, seed=1).fingerprint != dataset.fingerprint


def test_a_photograph_is_turned_as_its_exif_says(table: Path) -> None:
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[:, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(table.parent / "0.jpg", exif=exif, quality=95)
    change(table, "0.png,0-map.png", "0.jpg,")
    image = load(table).splits["train"].images[0]
    assert image[:8].mean() > 200
    assert image[12:].mean() < 50


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


WRONG = {
    "no image column": (
        lambda t: t.write_text("imge,red\nnowhere,1\n"),
        "no column 'image'.*did you mean 'imge'",
    ),
    "value": (lambda t: change(t, "map.png,1,0", "map.png,yess,0"), "row 3: label 'red' is 'yess'"),
    "missing image": (lambda t: change(t, "2.png,", "nowhere.png,"), "row 4.*image.*'nowhere.png'"),
    "missing map": (lambda t: change(t, "2-map.png", "no-map.png"), "row 4.*map.*'no-map.png'"),
    "unknown split": (lambda t: change(t, "1,0,train", "1,0,trian"), "did you mean 'train'"),
    "empty split": (
        lambda t: t.write_text(t.read_text().replace("train", "test")),
        "no image in split 'train'",
    ),
    "image twice": (lambda t: change(t, "3.png,3-map", "1.png,3-map"), "'1.png' is there twice"),
    "no rows": (lambda t: t.write_text("image,red\n"), "holds no rows"),
    "no labels": (lambda t: t.write_text("image\n0.png\n"), "no label column"),
    "not UTF-8": (lambda t: t.write_bytes(b"image,red\n\xff\xfe,1\n"), "not UTF-8"),
    "a NUL": (lambda t: t.write_bytes(b'image,red\n"0.png,1\n'), "cannot be read as CSV"),
    "truncated image": (lambda t: truncate(t.parent / "5.png"), r"5\.png: cannot be decoded"),
    "empty image": (lambda t: (t.parent / "5.png").write_bytes(b""), r"5\.png: cannot be decoded"),
    "no picture": (lambda t: (t.parent / "5.png").write_text("hello"), r"5\.png: cannot be decod"),
    "map of another size": (
        lambda t: Image.new("L", (10, 10)).save(t.parent / "5-map.png"),
        r"5-map\.png: map of 10 x 10 pixels for an image of 40 x 40",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_tables_are_one_line_and_leave_nothing(table: Path, case: str) -> None:
    spoil, said = WRONG[case]
    spoil(table)
    with pytest.raises(UserError, match=said) as caught:
        load(table)
    assert len(str(caught.value).splitlines()) == 1
    assert not list(cache_folder().rglob("*.part"))


def test_a_cache_that_cannot_be_written_is_named(table: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"the image cache cannot be written.*SEDN_CACHE"):
        load(table)


@pytest.mark.parametrize("limit", ["nan", "-1", "much", ""])
def test_a_limit_of_the_cache_that_is_none_is_named(table: Path, monkeypatch, limit: str) -> None:
    monkeypatch.setenv("SEDN_CACHE_LIMIT", limit)
    with pytest.raises(UserError, match=f"SEDN_CACHE_LIMIT is '{limit}'; expected gigabytes"):
        load(table, size=23)


def test_without_room_in_the_cache_images_are_decoded_on_demand(table: Path, monkeypatch) -> None:
    cached = load(table, size=22)
    monkeypatch.setenv("SEDN_CACHE_LIMIT", "0")
    assert isinstance(load(table, size=22).splits["train"].images, np.memmap), "it is there already"
    monkeypatch.setenv("SEDN_CACHE", str(table.parent / "cache"))
    demanded = load(table, size=22)
    assert not list(cache_folder().glob(f"{demanded.fingerprint}-22-*"))
    assert demanded.fingerprint == cached.fingerprint
    for name in SPLITS:
        rows = np.arange(0, len(cached.splits[name]), 7)
        for part in ("images", "maps"):
            ours, theirs = (getattr(data.splits[name], part) for data in (demanded, cached))
            assert ours.shape == theirs.shape
            assert np.array_equal(ours[rows], theirs[rows])


def test_training_on_images_decoded_on_demand_is_the_same(
    table: Path, tmp_path: Path, monkeypatch
) -> None:
    config = build_config(
        {
            "data": {"path": str(table), "image_size": 24},
            "backbone": {"name": "test_resnet", "pretrained": False},
            "embedding": {"placement": "stage1"},
            "semantic_map": {"control": "shuffled"},
            "epochs": 2,
        },
        "test",
    )
    load_dataset.cache_clear()
    cached = [result.mean_auc for result in train_epochs(config, str(tmp_path / "cached"))]
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEDN_CACHE_LIMIT", "0")
    load_dataset.cache_clear()
    assert [r.mean_auc for r in train_epochs(config, str(tmp_path / "demand"))] == cached
    assert not list((tmp_path / "cache").glob("*-24-*"))


def test_what_cannot_be_read_is_left_out_if_that_is_asked_for(table: Path) -> None:
    truncate(table.parent / "5.png")
    (table.parent / "7.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 unreadable files: .*5\.png.*7\.png.*`skip_unr"):
        load(table, size=21)
    load_dataset.cache_clear()
    config = DataConfig(path=str(table), image_size=21, skip_unreadable=True)
    dataset = load_dataset(config)
    assert dataset.skipped == 2
    assert sum(len(split) for split in dataset.splits.values()) == 88
    # What is left has moved to the front, each image still with its own labels.
    train = dataset.splits["train"]
    inside = train.images[:, 6:14, 6:14, 0].mean(axis=(1, 2))
    assert ((inside > 180) == (train.targets[:, 0] == 1)).all()


SCRIPT = """
import sys
from sedn.config import DataConfig
from sedn.data.loading import prepare_dataset
show = lambda what, done, all: print(what, done, flush=True)
dataset = prepare_dataset(DataConfig(path=sys.argv[1], image_size=200), show)
print(dataset.fingerprint, dataset.splits["train"].images[:].sum())
"""


def test_decoding_goes_on_where_it_was_killed_and_two_processes_decode_once(
    table: Path, tmp_path: Path
) -> None:
    rows = table.read_text().splitlines()
    lines = [rows[0]]
    for copy in range(20):
        for index, row in enumerate(rows[1:]):
            name = f"{index}-{copy}.png"
            shutil.copy(table.parent / f"{index}.png", table.parent / name)
            lines.append(row.replace(f"{index}.png", name, 1))
    table.write_text("\n".join(lines) + "\n")

    def start(cache: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(table)],
            env=os.environ | {"SEDN_CACHE": str(tmp_path / cache)},
            stdout=subprocess.PIPE,
            text=True,
        )

    whole, _ = start("whole").communicate(timeout=120)
    assert whole.count("decoding") == 4

    killed = start("killed")
    while "decoding" not in killed.stdout.readline():
        pass
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    both = [start("killed"), start("killed")]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    decoded = "".join(outputs).count("decoding")
    assert 1 <= decoded < 4, "one of them decodes, and not what is there already"
    assert {output.splitlines()[-1] for output in outputs} == {whole.splitlines()[-1]}
