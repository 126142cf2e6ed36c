"""A random table is read to its truth, or refused in one line; never otherwise."""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sedn.data.formats import read_listing
from sedn.errors import UserError

ROWS = 30
FILES = [f"images/p{i:02d}.png" for i in range(ROWS)]
ONE, TWO = st.text("abc", min_size=1, max_size=3), st.text("xyz", min_size=1, max_size=3)
LABEL = st.one_of(
    ONE,
    st.tuples(ONE, st.sampled_from([" ", "-", "_", "/"]), TWO).map("".join),
    st.sampled_from(["Red", "red", "long sleeve", "short sleeve", "tags", "set", "valid"]),
)
WORDS = (("1", "0"), ("1.0", "0.0"), ("True", "False"), ("yes", "no"), ("T", "F"), ("Y", "N"))
PATHS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "Windows": lambda path: path.replace("/", "\\"),
    "absolute": lambda path: f"/home/me/{path}",
    "name": lambda path: path.partition("/")[2],
    "stem": lambda path: path.partition("/")[2][:-4],
}
# None of these is a label, and none says anything of one.
OTHERS: dict[str, Callable[[int], Any]] = {
    "url": lambda i: f"https://x.org/{i}",
    "price": lambda i: 9.5 + i % 7,
    "product_id": lambda i: 1000 + i,
    "title": lambda i: f"shirt no. {i}",
    "Sex": lambda i: "MF"[i % 2],
    "season": lambda i: ("summer", "winter", "")[i % 3],
    "reviewed": lambda i: 1,
    "fold": lambda i: i % 5,
    "": lambda i: i,
    "comment": lambda i: "",
    "width": lambda i: 640,
    "Patient ID": lambda i: i // 2,
}
SPLIT = ("train", "train", "train", "validation", "test")
SPLITS: dict[str, Callable[[str], Any]] = {
    "split": lambda split: {"validation": "val"}.get(split, split).upper(),
    "subset": str,
    "is_train": lambda split: int(split == "train"),
    "is_valid": lambda split: split == "validation",
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    labels = draw(st.lists(LABEL, min_size=2, max_size=5, unique=True))
    seed = draw(st.integers(0, 2**16))
    truth = np.random.default_rng(seed).random((ROWS, len(labels))) < draw(
        st.sampled_from([0.2, 0.5, 0.8])
    )
    return {
        "labels": labels,
        "truth": truth,
        "form": draw(st.sampled_from(["columns", "list", "JSON", "rows"])),
        "words": draw(st.sampled_from(WORDS)),
        "mark": draw(st.sampled_from([";", "|", ",", ", ", " ", "/"])),
        "path": draw(st.sampled_from(list(PATHS))),
        "image": draw(st.sampled_from(["image", "Image", "filename", "img path", "photo of it"])),
        "others": draw(st.lists(st.sampled_from(list(OTHERS)), max_size=4, unique=True)),
        "split": draw(st.none() | st.sampled_from(list(SPLITS))),
        "delimiter": draw(st.sampled_from([",", ";", "\t"])),
        "blank": draw(st.booleans()),
        "file": draw(st.sampled_from(["x.csv", "x.tsv", "x.csv.gz"])),
        "order": draw(st.randoms(use_true_random=False)),
    }


def rows_of(table: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """The header and the rows that say the truth."""
    labels, mark = table["labels"], table["mark"]
    columns: list[tuple[str, Callable[[int], Any]]] = [
        (table["image"], lambda i: PATHS[table["path"]](FILES[i]))
    ]
    listed = [[n for n, there in zip(labels, row, strict=True) if there] for row in table["truth"]]
    if table["form"] == "columns":
        for k, label in enumerate(labels):
            columns.append((label, lambda i, k=k: table["words"][int(not table["truth"][i, k])]))
    elif table["form"] == "JSON":
        columns.append(("labels", lambda i: str(listed[i]).replace("'", '"')))
    elif table["form"] == "list":
        columns.append(("tags", lambda i: mark.join(listed[i])))
    columns += [(name, OTHERS[name]) for name in table["others"]]
    if table["split"]:
        columns.append((table["split"], lambda i: SPLITS[table["split"]](SPLIT[i % len(SPLIT)])))
    table["order"].shuffle(columns)
    names = [name for name, _ in columns]
    rows = [[cell(i) for _, cell in columns] for i in range(ROWS)]
    if table["form"] == "rows":
        names.append("class")
        rows = [[*row, name] for i, row in enumerate(rows) for name in listed[i] or ["none"]]
    if table["blank"]:
        rows.insert(len(rows) // 2, [""] * len(names))
    return names, rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("any")
    for path in (*FILES, *(path.replace("images", "masks") for path in FILES)):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).touch()
    return folder


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Counter[str]]:
    """How many tables were read, and how many refused: to refuse all would be of no use."""
    counts: Counter[str] = Counter()
    yield counts
    assert counts["read"] > counts["refused"]


@given(table=tables())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_table_is_read_to_its_truth_or_refused(
    folder: Path, outcomes: Counter[str], table: dict[str, Any]
) -> None:
    names, rows = rows_of(table)
    # Such a table says something else than its truth.
    assume(table["form"] != "list" or not any(table["mark"].strip() in n for n in table["labels"])
           if table["mark"].strip() else not any(" " in n for n in table["labels"]))  # fmt: skip
    written = io.StringIO()
    csv.writer(written, delimiter=table["delimiter"]).writerows([names, *rows])
    data = written.getvalue().encode()
    path = folder / table["file"]
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    try:
        listing = read_listing(path)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 600
        outcomes["refused"] += 1
        return
    outcomes["read"] += 1
    index = [int(image.name[-6:-4]) for image in listing.images]
    assert all("/images/" in image.name for image in listing.images)
    assert sorted(index) == list(range(ROWS))
    found = {label: listing.targets[:, k] for k, label in enumerate(listing.labels)}
    for k, label in enumerate(table["labels"]):
        truth = table["truth"][index, k]
        if table["form"] != "columns" and not truth.any():
            assert label not in found
        else:
            assert np.array_equal(found.pop(label), truth), label
    assert not found, "labels that are none"
    for row, i in enumerate(index):
        split = SPLIT[i % len(SPLIT)]
        told = {"is_train": "train" if split == "train" else "test",
                "is_valid": "validation" if split == "validation" else "train",
                None: ""}.get(table["split"], split)  # fmt: skip
        assert listing.splits[row] == told
    assert listing.groups == (
        tuple(str(i // 2) for i in index) if "Patient ID" in table["others"] else ()
    )
