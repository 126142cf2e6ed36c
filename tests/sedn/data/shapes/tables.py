"""Tables, as spreadsheets, scripts and annotation tools write them."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.sedn.data.shapes.truth import (
    FLAGS,
    LABELS,
    LISTED,
    NAMES,
    PATHS,
    ROWS,
    TARGETS,
    Shape,
    in_thirds,
    save,
    two_thirds,
)


def table(header: list[str], row: Callable[[int], list[Any]], file: str = "data.csv",
          more: list[list[Any]] | None = None, **style: Any) -> Callable[[Path], None]:  # fmt: skip
    """A table beside the folder ``images``."""

    def write(folder: Path) -> None:
        save(folder / "images")
        text = io.StringIO()
        csv.writer(text, **style).writerows([header, *(row(i) for i in ROWS), *(more or [])])
        data = text.getvalue().encode("utf-16" if "utf16" in file else "utf-8")
        (folder / file).write_bytes(gzip.compress(data) if file.endswith(".gz") else data)

    return write


def flags(i: int) -> list[Any]:
    return [PATHS[i], *FLAGS[i]]


def listed(separator: str, blank: str = "") -> Callable[[Path], None]:
    return table(["image", "labels"], lambda i: [PATHS[i], separator.join(LISTED[i]) or blank])


def with_column(name: str, cell: Callable[[int], Any]) -> Callable[[Path], None]:
    return table(["image", *LABELS, name], lambda i: [*flags(i), cell(i)])


def long_rows(folder: Path) -> None:
    save(folder / "images")
    rows = [["image", "label"], *([PATHS[i], name] for i in ROWS for name in LISTED[i])]
    with (folder / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def fastai(folder: Path) -> None:
    """Names split by blanks, images without their folder, and a flag of validation."""
    table(["fname", "labels", "is_valid"],
          lambda i: [NAMES[i], " ".join(LISTED[i]), str(i % 4 == 0)])(folder)  # fmt: skip


def in_parquet(cell: Callable[[int], Any]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        import pandas as pd

        save(folder / "images")
        frame = pd.DataFrame({"image": PATHS, "labels": [cell(i) for i in ROWS]})
        frame.to_parquet(folder / "data.parquet")

    return write


def roboflow_classes(folder: Path) -> None:
    for short, rows in (("train", ROWS[:20]), ("valid", ROWS[20:25]), ("test", ROWS[25:])):
        save(folder / short, rows, "jpg")
        lines = [f"img_{i:03d}.jpg, " + ", ".join(map(str, FLAGS[i])) for i in rows]
        text = "\n".join([f"filename, {', '.join(LABELS)}", *lines])
        (folder / short / "_classes.csv").write_text(text + "\n")


def group_of(i: int) -> str:
    return "" if i < 20 else f"g{i // 2}"


def _one_label(folder: Path) -> None:
    table(["image", "label"], lambda i: [PATHS[i], LABELS[i % 3]])(folder)


ONE_LABEL = np.eye(3, dtype=np.float32)[[i % 3 for i in ROWS]]
NAMED = {"labels": list(LABELS)}
MULTI_HOT = "holds 3 values of 1 and 0 without names; name them in order with labels:"

SHAPES: dict[str, Shape] = {
    "plain": Shape(table(["image", *LABELS], flags)),
    "blank rows": Shape(table(["image", *LABELS], flags, more=[["", "", "", ""]] * 3)),
    "a comma behind": Shape(table(["image", *LABELS, ""], lambda i: [*flags(i), ""])),
    "rows longer than the header": Shape(table(["image", *LABELS], lambda i: [*flags(i), ""])),
    "tabs": Shape(table(["image", *LABELS], flags, "data.tsv", delimiter="\t")),
    "semicolons": Shape(table(["image", *LABELS], flags, delimiter=";")),
    "compressed": Shape(table(["image", *LABELS], flags, "data.csv.gz")),
    "UTF-16": Shape(table(["image", *LABELS], flags, "utf16.csv", delimiter="\t")),
    "absolute paths": Shape(
        table(["image", *LABELS], lambda i: [f"/home/u/ds/{PATHS[i]}", *FLAGS[i]])
    ),
    "backslashes": Shape(
        table(["image", *LABELS], lambda i: [PATHS[i].replace("/", "\\"), *FLAGS[i]])
    ),
    "a capital Image": Shape(table(["Image", *LABELS], flags)),
    "a column twice": Shape(
        table(["image", "red", "striped", "red"], flags),
        refused="columns 2 and 4 are both named 'red'; rename one",
    ),
    "odd names": Shape(
        table(["image", "T-shirt/top", '👗 dress: long, "maxi"', "x" * 240], flags),
        labels=("T-shirt/top", '👗 dress: long, "maxi"', "x" * 240),
    ),
    "url and price": Shape(
        table(["image", "url", "price", *LABELS], lambda i: [PATHS[i], "http://x", 9.5, *FLAGS[i]])
    ),
    "reviewed and is_train": Shape(
        table(["image", "is_train", "reviewed", *LABELS],
              lambda i: [PATHS[i], int(i < 20), 1, *FLAGS[i]]),
        split=two_thirds,
    ),
    "is_valid": Shape(
        with_column("is_valid", lambda i: i % 4 == 0),
        split=lambda i: "train" if i % 4 else "validation",
    ),
    "words of splits": Shape(
        with_column("split", lambda i: ("TRAIN", "Test ", "valid", "train")[i % 4]),
        split=lambda i: ("train", "test", "validation", "train")[i % 4],
    ),
    "testing": Shape(
        with_column("split", lambda i: ("training", "testing", "validating")[i % 3]),
        split=lambda i: ("train", "test", "validation")[i % 3],
    ),
    **{
        f"groups of {word}": Shape(
            with_column("group", lambda i, word=word: group_of(i) or word), group=group_of
        )
        for word in ("nan", "NA", "None")
    },
    "tags beside columns": Shape(
        with_column("tags", lambda i: ("sale", "new-season sale")[i % 2]),
        refused=r"say which with label_list: tags, or with leave_out: \[tags\]",
        settled={"leave_out": ["tags"]},
    ),
    **{
        f"lists by {mark!r}": Shape(listed(mark)) for mark in (";", ",", ", ", "|", " ")
    },
    "lists of Python": Shape(table(["image", "labels"], lambda i: [PATHS[i], str(LISTED[i])])),
    "lists of JSON": Shape(table(["image", "labels"], lambda i: [PATHS[i], json.dumps(LISTED[i])])),
    "lists of Label Studio": Shape(
        table(["image", "labels"], lambda i: [PATHS[i], json.dumps({"choices": LISTED[i]})])
    ),
    "No Finding": Shape(listed("|", "No Finding")),
    "fastai": Shape(fastai, split=lambda i: "train" if i % 4 else "validation"),
    "lists in Parquet": Shape(in_parquet(lambda i: LISTED[i])),
    "no list in Parquet": Shape(in_parquet(lambda i: LISTED[i] or None)),
    "a name in two spellings": Shape(
        table(["image", "labels"], lambda i: [
            PATHS[i], ";".join(name.title() if i % 4 == 0 else name for name in LISTED[i])
        ]),
        refused="differ only in how they are written; say merge_names: true",
        settled={"merge_names": True},
    ),
    "1 and 0 in a list": Shape(
        table(["image", "labels"], lambda i: [PATHS[i], str(FLAGS[i])]),
        refused=MULTI_HOT, settled=NAMED,
    ),
    "1 and 0 by blanks": Shape(
        table(["image", "labels"], lambda i: [PATHS[i], " ".join(map(str, FLAGS[i]))]),
        refused=MULTI_HOT, settled=NAMED,
    ),
    "a row for each label": Shape(long_rows, rows=[i for i in ROWS if TARGETS[i].any()]),
    "one label each": Shape(_one_label, targets=ONE_LABEL),
    "Roboflow's _classes.csv": Shape(roboflow_classes, split=in_thirds),
}  # fmt: skip
