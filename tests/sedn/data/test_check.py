"""What the check of a data set finds."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from sedn.config import DataConfig
from sedn.data.check import DataCheck, check_data
from sedn.data.check.contact_sheet import SHOWN, choose_rows
from sedn.data.check.duplicates import LIMIT, near_pairs


def check(table: Path, **fields: object) -> DataCheck:
    return check_data(DataConfig(path=str(table), image_size=32, **fields))


def kinds(checked: DataCheck) -> dict[str, tuple[str, ...]]:
    return {finding.kind: finding.where for finding in checked.findings}


def test_good_data_has_no_errors(table: Path) -> None:
    checked = check(table)
    assert checked.trainable
    assert set(kinds(checked)) <= {"few-in-validation", "few-in-test"}
    counts = checked.counts
    assert counts.splits["train"].images == 54
    assert counts.splits["train"].positives.tolist() == [27, 18]
    assert counts.coverage[0].mean == pytest.approx(0.25, abs=0.03)
    assert counts.sizes["width"].median == 40


def photograph(path: Path) -> Image.Image:
    """Something with a structure, which noise has not."""
    from sklearn.datasets import load_sample_images

    image = Image.fromarray(load_sample_images().images[0]).resize((200, 150))
    image.save(path)
    return image


def test_copies_are_found_within_and_across_splits(table: Path) -> None:
    folder = table.parent
    image = photograph(folder / "0.png")
    (folder / "1.png").write_bytes((folder / "0.png").read_bytes())
    ImageEnhance.Brightness(image).enhance(1.1).save(folder / "2.png", "JPEG", quality=80)
    for index in range(3):
        Image.new("L", image.size, 255).save(folder / f"{index}-map.png")
    found = kinds(check(table))
    assert found["duplicates-within-split"] == ("0.png (train) = 1.png (train)",)
    assert any("red" in said for said in found["duplicates-labelled-differently"])
    assert any("2.png (validation)" in said for said in found["near-duplicates"])


def test_unreadable_images_are_all_listed_and_may_be_skipped(table: Path) -> None:
    (table.parent / "3.png").write_bytes(b"")
    (table.parent / "8.png").write_text("hello")
    checked = check(table)
    assert not checked.trainable
    assert [Path(said.split(": ")[0]).name for said in kinds(checked)["unreadable"]] == [
        "3.png",
        "8.png",
    ]
    assert check(table, skip_unreadable=True).trainable


def test_groups_in_two_splits_and_equal_labels(table: Path) -> None:
    lines = table.read_text().splitlines()
    rows = [f"{lines[0]},crimson,group"]
    for index, line in enumerate(lines[1:]):
        rows.append(f"{line},{line.split(',')[2]},{'twins' if index < 4 else ''}")
    table.write_text("\n".join(rows) + "\n")
    found = kinds(check(table))
    assert found["group-leaks"] == ("twins: train, validation",)
    assert found["equal-labels"] == ("red = crimson",)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_near_pairs_are_those_of_brute_force(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    centres = random.integers(0, 2**63, 5, dtype=np.uint64)
    hashes = random.choice(centres, 40)
    for index in range(40):
        for bit in random.integers(0, 64, random.integers(0, 7)):
            hashes[index] ^= np.uint64(1) << np.uint64(bit)
    hashes = np.unique(hashes)
    expected = {
        (a, b)
        for a in range(len(hashes))
        for b in range(a + 1, len(hashes))
        if int(hashes[a] ^ hashes[b]).bit_count() <= LIMIT
    }
    assert set(map(tuple, near_pairs(hashes, LIMIT).tolist())) == expected


def test_every_label_is_on_the_contact_sheet() -> None:
    targets = np.zeros((5000, 20), dtype=np.float32)
    for label in range(20):
        targets[17 * label + 3, label] = 1
    chosen = choose_rows(targets, np.arange(5000))
    assert len(chosen) == SHOWN
    assert (targets[chosen].sum(axis=0) == 1).all()


def test_links_out_of_the_folder_are_followed_and_listed(table: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    moved = table.rename(tmp_path / "data" / "products.csv")
    (tmp_path / "data" / "disk").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "data" / "0.png").symlink_to(tmp_path / "0.png")
    (tmp_path / "data" / "inner.png").symlink_to(tmp_path / "data" / "own.png")
    (tmp_path / "1.png").rename(tmp_path / "data" / "own.png")
    lines = moved.read_text().splitlines()
    rows = [f"disk/{line.replace(',', ',disk/', 1)}" for line in lines[1:]]
    rows[0] = rows[0].removeprefix("disk/")
    rows[1] = rows[1].replace("disk/1.png", "inner.png")
    moved.write_text("\n".join([lines[0], *rows]) + "\n")
    checked = check(moved)
    assert checked.trainable
    assert kinds(checked)["links-outside"] == (
        f"0.png → {tmp_path}/0.png: 1 file",
        f"disk → {tmp_path}: 178 files",
    )
    (tmp_path / "link").symlink_to(tmp_path / "data", target_is_directory=True)
    again = kinds(check(tmp_path / "link" / "products.csv"))
    assert len(again["links-outside"]) == 2, "the folder itself may be a link"


@pytest.mark.parametrize(
    ("inside", "outside", "kind"),
    [(255, 0, None), (255, 255, "implausible-coverage"), (20, 0, "faint-maps")],
)
def test_maps_that_may_mean_something_else(
    table: Path, inside: int, outside: int, kind: str | None
) -> None:
    for index in range(90):
        mask = np.full((40, 40), outside, dtype=np.uint8)
        mask[8:24, 8:24] = inside
        Image.fromarray(mask).save(table.parent / f"{index}-map.png")
    described = table.with_name("data.yaml")
    described.write_text(f"table: {table.name}\nmap_kind: strength\n")
    columns = table.read_text().splitlines()
    rows = [line.split(",") for line in columns[1:]]
    lines = [",".join([row[0], f"{i}-map.png", *row[2:]]) for i, row in enumerate(rows)]
    table.write_text("\n".join([columns[0], *lines]) + "\n")
    found = kinds(check(described))
    assert {"implausible-coverage", "faint-maps"} & set(found) == ({kind} if kind else set())


def test_a_region_of_a_few_pixels_is_implausible(table: Path) -> None:
    mask = np.zeros((40, 40), dtype=np.uint8)
    mask[3, 5:8] = 255
    for path in {line.split(",")[1] for line in table.read_text().splitlines()[1:]}:
        Image.fromarray(mask).save(table.parent / path)
    assert "region: 0.2" in kinds(check(table))["implausible-coverage"][0]
