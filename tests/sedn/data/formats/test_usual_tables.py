"""Tables in the shapes that well-known data sets and tools have, read by their path alone."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from sedn.data.formats import read_listing
from sedn.data.listing import Listing
from sedn.errors import UserError
from tests.sedn.data.fixtures import describe

COUNT = 24
LABELS = ("cotton", "red", "striped")
TRUTH = np.array([[i % 5 < 2, i % 2, i % 3 == 0] for i in range(COUNT)], dtype=np.float32)
LISTS = [[name for name, there in zip(LABELS, row, strict=True) if there] for row in TRUTH]
NAMES = [f"img_{i:03d}" for i in range(COUNT)]


def touch(root: Path, names: Sequence[str]) -> None:
    """Files that stand for images: no table is read with a look into them."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], **form: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **form).writerows([header, *rows])
    return path


def by_image(listing: Listing) -> dict[str, list[float]]:
    return {
        Path(image.name).name: row.tolist()
        for image, row in zip(listing.images, listing.targets, strict=True)
    }


def right(listing: Listing, extension: str = ".png") -> None:
    """Every label of every image is the true one, and the images are those of the names."""
    assert listing.labels == LABELS
    assert by_image(listing) == {
        name + extension: row.tolist() for name, row in zip(NAMES, TRUTH, strict=True)
    }


def flags(paths: Sequence[str]) -> list[list[Any]]:
    return [[path, *row] for path, row in zip(paths, TRUTH.astype(int).tolist(), strict=True)]


PATHS = {
    "relative": ("images/{}.png", "images/{}.png", ""),
    "with a dot": ("./images/{}.png", "images/{}.png", ""),
    "of Windows": ("images\\{}.png", "images/{}.png", ""),
    "of another disk": (r"C:\data\x\images\{}.png", "images/{}.png", "without the first 3 parts"),
    "of another machine": ("/home/me/x/images/{}.png", "images/{}.png", "without the first 3"),
    "name alone": ("{}.png", "images/{}.png", "in 'images'"),
    "name alone, beside masks": ("{}.png", "photos/{}.png", "in 'photos'"),
    "without extension": ("{}", "train-jpg/{}.png", "in 'train-jpg', with '.png'"),
    "below another folder": ("x/{}.png", "images/x/{}.png", "in 'images'"),
    "in another folder": ("/x/old/{}.png", "new/{}.png", "without the first 2 parts"),
}


@pytest.mark.parametrize("kind", PATHS)
def test_paths_are_found_by_one_rule_for_all(tmp_path: Path, kind: str) -> None:
    cell, file, said = PATHS[kind]
    touch(tmp_path, [file.format(name) for name in NAMES])
    if "masks" in kind:
        touch(
            tmp_path, [f"{folder}/{name}.png" for folder in ("masks", "thumbs") for name in NAMES]
        )
    rows = flags([cell.format(name) for name in NAMES])
    listing = read_listing(write(tmp_path / "x.csv", ["image", *LABELS], rows))
    right(listing)
    assert listing.notes[0].startswith(f"images: column 'image'{', ' if said else ''}{said}")


def test_images_in_two_folders_of_one_name_are_a_question(tmp_path: Path) -> None:
    touch(tmp_path, [f"{folder}/{name}.png" for folder in ("small", "large") for name in NAMES])
    rows = flags([f"{name}.png" for name in NAMES])
    table = write(tmp_path / "x.csv", ["image", *LABELS], rows)
    with pytest.raises(UserError, match=r"may be the file large/img_000\.png or small/.* images:"):
        read_listing(table)
    right(read_listing(describe(tmp_path, table="x.csv", images="large")))


def test_missing_images_are_counted_and_near_names_are_said(tmp_path: Path) -> None:
    touch(tmp_path, [f"images/{name}.png" for name in NAMES[:-8]] + ["images/IMG_016.PNG"])
    rows = flags([f"images/{name}.png" for name in NAMES])
    with pytest.raises(UserError) as caught:
        read_listing(write(tmp_path / "x.csv", ["image", *LABELS], rows))
    said = str(caught.value)
    assert said.startswith(
        f"{tmp_path}/x.csv: 8 missing files: row 18: image 'images/img_016.png': no such file; "
        f"there is 'images/IMG_016.PNG', which differs in upper and lower case; row 19: image"
    )
    assert said.endswith(
        "'images/img_020.png': no such file; and 3 more (`sedn data check "
        f"{tmp_path}/x.csv` lists all); correct them, or leave them out with `skip_unreadable`"
    )


def test_no_file_outside_of_the_folder_is_found(tmp_path: Path) -> None:
    touch(tmp_path, [f"images/{name}.png" for name in NAMES])
    for path in ("../images/{}.png", str(tmp_path / "images/{}.png")):
        rows = flags([path.format(name) for name in NAMES])
        table = write(tmp_path / "tables/x.csv", ["image", *LABELS], rows)
        with pytest.raises(UserError, match="lies outside "):
            read_listing(table)


@pytest.mark.parametrize("name", ["Image", "filename", "img_path", "Path", "what"])
def test_the_column_of_images_is_told_by_name_and_files(tmp_path: Path, name: str) -> None:
    touch(tmp_path, [f"images/{name}.png" for name in NAMES])
    paths = [f"images/{name}.png" for name in NAMES]
    rows = [[i, *row, f"shirt {i}"] for i, row in enumerate(flags(paths))]
    right(read_listing(write(tmp_path / "x.csv", ["id", name, *LABELS, "title"], rows)))


def test_two_columns_of_files_are_a_question(tmp_path: Path) -> None:
    touch(tmp_path, [f"{folder}/{name}.png" for folder in ("a", "b") for name in NAMES])
    rows = [[f"a/{row[0]}", f"b/{row[0]}", *row[1:]] for row in flags([f"{n}.png" for n in NAMES])]
    table = write(tmp_path / "x.csv", ["front", "back", *LABELS], rows)
    with pytest.raises(UserError, match=r"columns 'front' and 'back' name files; .*image_column:"):
        read_listing(table)
    right(read_listing(describe(tmp_path, table="x.csv", image_column="front")))


def test_a_table_without_a_header_is_told(tmp_path: Path) -> None:
    touch(tmp_path, [f"{name}.png" for name in NAMES])
    rows = flags([f"{name}.png" for name in NAMES])
    with pytest.raises(UserError, match=r"the first row holds 'img_000\.png'; expected the names"):
        read_listing(write(tmp_path / "x.csv", ["img_000.png", "1", "0", "2"], rows[1:]))


def test_nih_chest_x_rays(tmp_path: Path) -> None:
    """Images in a dozen folders, findings split at ``|``, patients, a separator at every end."""
    touch(tmp_path, [f"images_{i % 4 + 1:03d}/images/{n}.png" for i, n in enumerate(NAMES)])
    header = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age",
              "Patient Gender", "View Position", "OriginalImage[Width", "Height]",
              "OriginalImagePixelSpacing[x", "y]", ""]  # fmt: skip
    rows = [
        [f"{n}.png", "|".join(LISTS[i]) or "No Finding", i % 5, i // 2, 40 + i, "MF"[i % 2], "PA",
         2500 + i, 2048, 0.143, 0.143, ""]
        for i, n in enumerate(NAMES)
    ]  # fmt: skip
    listing = read_listing(write(tmp_path / "Data_Entry_2017.csv", header, rows))
    right(listing)
    assert listing.groups == tuple(str(i // 2) for i in range(COUNT))
    assert listing.notes[:3] == (
        "images: column 'Image Index', in several folders, by name",
        "labels: column 'Finding Labels', split at '|', 'No Finding' means none",
        "groups: column 'Patient ID'",
    )


def test_chexpert(tmp_path: Path) -> None:
    """1, 0, blank and -1, which is uncertain; a finding that says that there is none."""
    root = "CheXpert-v1.0-small/train/patient{:05d}/study1/{}.png"
    paths = [root.format(i // 2, name) for i, name in enumerate(NAMES)]
    touch(tmp_path, [path.partition("/")[2] for path in paths])
    header = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", "No Finding", *LABELS]
    words = {0.0: "0.0", 1.0: "1.0"}
    rows = [
        [path, "MF"[i % 2], 40 + i, "Frontal", "AP", "" if row.any() else "1.0",
         *(words[value] for value in row)]
        for i, (path, row) in enumerate(zip(paths, TRUTH, strict=True))
    ]  # fmt: skip
    rows[3][6], rows[4][7], rows[5][8] = "-1.0", "", "-1.0"
    listing = read_listing(write(tmp_path / "train.csv", header, rows))
    assert listing.labels == LABELS
    expected = TRUTH.copy()
    expected[3, 0] = expected[4, 1] = expected[5, 2] = np.nan
    assert np.array_equal(listing.targets, expected, equal_nan=True)
    assert listing.notes[0] == "images: column 'Path', without the first 1 parts of their paths"


def test_planet(tmp_path: Path) -> None:
    """Names without extension and folder; tags split at spaces."""
    touch(tmp_path, [f"train-jpg/{name}.jpg" for name in NAMES])
    rows = [[name, " ".join(LISTS[i]) or "none"] for i, name in enumerate(NAMES)]
    right(read_listing(write(tmp_path / "train_v2.csv", ["image_name", "tags"], rows)), ".jpg")


def test_one_row_for_each_label(tmp_path: Path) -> None:
    touch(tmp_path, [f"train/{name}.png" for name in NAMES])
    header = ["image_id", "class_name", "class_id", "rad_id", "x_min"]
    rows = [
        [name, label, LABELS.index(label) if label in LABELS else 14, f"R{k}", 7.5 * k]
        for i, name in enumerate(NAMES)
        for label in LISTS[i] or ["No finding"]
        for k in range(1 + i % 2)
    ]
    listing = read_listing(write(tmp_path / "train.csv", header, rows))
    right(listing)
    assert f"rows: {len(rows)} rows of one label each make {COUNT} images" in listing.notes
    split = [[*row, "train" if i % 2 else "test"] for i, row in enumerate(rows)]
    with pytest.raises(UserError, match=r"row 3: image 'img_000' has another 'split'"):
        read_listing(write(tmp_path / "train.csv", [*header, "split"], split))
    two = [["img_000", "red;cotton"], ["img_001", "red"], ["img_000", "cotton"]]
    with pytest.raises(UserError, match="row 4: image 'img_000' is there twice"):
        read_listing(write(tmp_path / "train.csv", ["image_id", "labels"], two))


def parts() -> dict[str, range]:
    return {"train": range(14), "valid": range(14, 19), "test": range(19, COUNT)}


def in_splits(listing: Listing) -> None:
    right(listing)
    assert listing.splits == ("train",) * 14 + ("validation",) * 5 + ("test",) * 5


@pytest.mark.parametrize("kind", ["Roboflow", "imagefolder", "one for each", "one for all"])
def test_folders_of_tables(tmp_path: Path, kind: str) -> None:
    for split, rows in parts().items():
        names = [f"{NAMES[i]}.png" for i in rows]
        touch(tmp_path / split, names)
        if kind == "Roboflow":
            flat = [[name, *(f" {value}" for value in row[1:])] for name, row in
                    zip(names, (flags(NAMES)[i] for i in rows), strict=True)]  # fmt: skip
            write(tmp_path / split / "_classes.csv", ["filename", *(f" {n}" for n in LABELS)], flat)
        elif kind == "imagefolder":
            lines = [{"file_name": n, "labels": LISTS[i]} for n, i in zip(names, rows, strict=True)]
            text = "\n".join(map(json.dumps, lines))
            (tmp_path / split / "metadata.jsonl").write_text(text)
        elif kind == "one for each":
            path = tmp_path / f"{split}.csv"
            write(path, ["id", *LABELS], [flags(NAMES)[i] for i in rows])
    if kind == "one for all":
        splits = [split for split, rows in parts().items() for _ in rows]
        rows = [[split, *row] for split, row in zip(splits, flags(NAMES), strict=True)]
        write(tmp_path / "data.csv", ["split", "image", *LABELS], rows)
    in_splits(read_listing(tmp_path))


def test_tables_of_splits_that_do_not_fit(tmp_path: Path) -> None:
    touch(tmp_path, [f"{name}.png" for name in NAMES])
    rows = flags([f"{name}.png" for name in NAMES])
    write(tmp_path / "train.csv", ["image", *LABELS], rows[:14])
    write(tmp_path / "test.csv", ["image", *LABELS[:2]], [row[:3] for row in rows[14:]])
    with pytest.raises(UserError, match=r"test\.csv: no column 'striped', which .*train\.csv has"):
        read_listing(tmp_path)
    write(tmp_path / "test.csv", ["image", *LABELS], rows[13:])
    with pytest.raises(UserError, match=r"test\.csv: row 2: image 'img_013\.png' is there twice"):
        read_listing(tmp_path)
    for name in ("train", "test"):
        split = [[*row, "test"] for row in (rows[14:] if name == "test" else rows[:14])]
        write(tmp_path / f"{name}.csv", ["image", *LABELS, "split"], split)
    with pytest.raises(
        UserError, match=r"train\.csv: row 2: split 'test' in a table of split 'tra"
    ):
        read_listing(tmp_path)
    write(tmp_path / "testing.csv", ["image", *LABELS], rows)
    with pytest.raises(UserError, match=r"test\.csv and testing\.csv are both of split 'test'"):
        read_listing(tmp_path)
    write(tmp_path / "sample_submission.csv", ["image", *LABELS], rows)
    with pytest.raises(UserError, match=r"holds several tables \(sample_submission\.csv, test"):
        read_listing(tmp_path)
    write(tmp_path / "labels.csv", ["image", *LABELS], rows)
    right(read_listing(tmp_path))


def test_a_folder_of_one_split_has_no_splits(tmp_path: Path) -> None:
    touch(tmp_path / "train", [f"{name}.png" for name in NAMES])
    lines = [{"file_name": f"{n}.png", "labels": row} for n, row in zip(NAMES, LISTS, strict=True)]
    (tmp_path / "train/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    listing = read_listing(tmp_path)
    right(listing)
    assert set(listing.splits) == {""}


def test_a_label_may_be_called_as_a_column_of_images_is(tmp_path: Path) -> None:
    """There is a file 1.png, and a column ``photo`` of 1 and 0."""
    names = [f"images/{i}.png" for i in range(COUNT)]
    touch(tmp_path, names)
    rows = [[i % 2, *row] for i, row in enumerate(flags(names))]
    listing = read_listing(write(tmp_path / "x.csv", ["photo", "what", *LABELS], rows))
    assert listing.labels == ("photo", *LABELS)
    assert [image.name for image in listing.images] == [str(tmp_path / name) for name in names]


def test_a_workbook_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match="a workbook; save its sheet as CSV"):
        read_listing(tmp_path / "x.xlsx")


@pytest.mark.parametrize("form", ["flags", "words", "lists", "joined"])
def test_a_table_says_the_same_in_every_format(tmp_path: Path, form: str) -> None:
    import pandas as pd

    paths = [f"images/{name}.png" for name in NAMES]
    touch(tmp_path, paths)
    unknown: Any = {3: 0, 4: 1}
    columns: dict[str, list[Any]] = {"image": paths, "price": [9.5 + i % 7 for i in range(COUNT)]}
    for k, label in enumerate(LABELS):
        known = [None if unknown.get(i) == k else bool(row[k]) for i, row in enumerate(TRUTH)]
        if form == "flags":
            columns[label] = known
        elif form == "words":
            columns[label] = [None if v is None else ("no", "yes")[v] for v in known]
    if form == "lists":
        columns["labels"] = LISTS
    elif form == "joined":
        columns["labels"] = [", ".join(names) or None for names in LISTS]
    frame = pd.DataFrame(columns)
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_csv(tmp_path / "x.tsv", sep="\t")
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    listings = [read_listing(tmp_path / f"x.{end}") for end in ("csv", "tsv", "parquet", "jsonl")]
    expected = TRUTH.copy()
    if form in ("flags", "words"):
        expected[list(unknown), list(unknown.values())] = np.nan
    for listing in listings:
        assert listing.labels == LABELS
        assert np.array_equal(listing.targets, expected, equal_nan=True)
        assert listing.notes[:2] == listings[0].notes[:2]


LISTED = st.lists(
    st.none() | st.lists(st.sampled_from(LABELS), unique=True, max_size=3), min_size=12, max_size=12
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lists=LISTED, blank=st.sampled_from([None, "none", "unknown"]))
def test_blank_and_empty_lists_mean_the_same_in_every_format(
    tmp_path: Path, lists: list[list[str] | None], blank: str | None
) -> None:
    assume(any(lists))
    paths = [f"images/{name}.png" for name in NAMES[: len(lists)]]
    touch(tmp_path, paths)
    names = [None if names is None else ";".join(names) for names in lists]
    joined = pd.DataFrame({"image": paths, "labels": names})
    native = pd.DataFrame({"image": paths, "labels": lists})
    text = native.assign(labels=[None if names is None else json.dumps(names) for names in lists])
    joined.to_csv(tmp_path / "joined.csv", index=False)
    joined.to_csv(tmp_path / "joined.tsv.gz", sep="\t", index=False)
    joined.to_parquet(tmp_path / "joined.parquet")
    joined.to_json(tmp_path / "joined.jsonl", orient="records", lines=True)
    text.to_csv(tmp_path / "text.csv", index=False)
    text.to_parquet(tmp_path / "text.parquet")
    native.to_parquet(tmp_path / "native.parquet")
    native.to_json(tmp_path / "native.jsonl", orient="records", lines=True)
    fields = {"label_list": "labels"} | ({} if blank is None else {"blank": blank})
    found = {}
    for path in [*tmp_path.glob("joined.*"), *tmp_path.glob("text.*"), *tmp_path.glob("native.*")]:
        try:
            separator = {"separator": ";"} if "joined" in path.name else {}
            found[path.name] = read_listing(path, fields | separator)
        except UserError as error:
            assert "say what blank means with blank: none" in str(error)
    if blank is None:
        # Where texts are joined, [] is blank too; elsewhere blank beside [] is a question.
        expected = [[name in (names or ()) for name in LABELS] for names in lists]
        assert len([name for name in found if name[:6] == "joined"]) in (0, 4)
        assert len([name for name in found if name[:6] != "joined"]) in (0, 4)
        assert not (None in lists and [] in lists) or {name[:6] for name in found} <= {"joined"}
    for name, listing in found.items():
        columns = [LABELS.index(label) for label in listing.labels]
        if blank is None:
            assert np.array_equal(listing.targets, np.array(expected)[:, columns]), name
        for row, names in enumerate(lists):
            unknown = blank == "unknown" and (names is None or (name[:6] == "joined" and not names))
            assert np.isnan(listing.targets[row]).all() == unknown
    assert blank is None or len(found) == 8


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "huggingface"])
def test_a_null_in_a_list_of_1_and_0_is_unknown_in_every_format(kind: str, tmp_path: Path) -> None:
    rows = [[1, None, 0], [0, 1, None], [0, 0, 1], [1, 1, 0]]
    names = [f"{i}.png" for i in range(4)]
    for name in names:
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    path = tmp_path / f"x.{kind}"
    if kind == "csv":
        lines = [f'{n},"{json.dumps(row)}"' for n, row in zip(names, rows, strict=True)]
        path.write_text("\n".join(["image,labels", *lines]))
    elif kind == "jsonl":
        lines = [json.dumps({"image": n, "labels": r}) for n, r in zip(names, rows, strict=True)]
        path.write_text("\n".join(lines))
    elif kind == "parquet":
        pd.DataFrame({"image": names, "labels": rows}).to_parquet(path)
    else:
        import datasets

        kinds = datasets.Features(
            {"image": datasets.Image(), "labels": datasets.Sequence(datasets.Value("int64"))}
        )
        images = [{"path": name, "bytes": (tmp_path / name).read_bytes()} for name in names]
        saved = datasets.Dataset.from_dict({"image": images, "labels": rows}, features=kinds)
        saved.save_to_disk(str(path))
    listing = read_listing(path, {"labels": ["red", "striped", "cotton"]})
    np.testing.assert_array_equal(listing.targets, np.array(rows, dtype=np.float32))
