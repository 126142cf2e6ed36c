"""What the columns of a table mean: one reading stands out, or a question is asked."""

from typing import Any

import numpy as np
import pytest

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import Column, make_column
from sedn.data.formats.columns.columns import Reading, read_columns
from sedn.data.formats.columns.labels import read_labels, read_roles
from sedn.data.formats.table.description import TableDescription
from sedn.errors import UserError

ROWS = 60
RED = [i % 2 for i in range(ROWS)]
STRIPED = [int(i % 3 == 0) for i in range(ROWS)]
LABELS: dict[str, list[Any]] = {"red": RED, "striped": STRIPED}
LISTS = [
    ";".join(n for n, there in (("red", r), ("striped", s)) if there) or "none"
    for r, s in zip(RED, STRIPED, strict=True)
]


def columns(**cells: list[Any]) -> dict[str, Column]:
    return {
        name: make_column(name, values, "x.csv", lambda row: f"x.csv: row {row + 2}")
        for name, values in cells.items()
    }


def read(cells: dict[str, list[Any]], **fields: Any) -> Reading:
    return read_columns(
        columns(**cells), TableDescription(table="x.csv", **fields), "x.csv", Faults("x.csv")
    )


def refused(cells: dict[str, list[Any]], said: str, **fields: Any) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read(cells, **fields)
    assert len(str(caught.value).splitlines()) == 1


NO_LABELS: dict[str, list[Any]] = {
    "url": [f"http://x/{i}" for i in range(ROWS)],
    "price": [9.5 + i % 7 for i in range(ROWS)],
    "id": list(range(ROWS)),
    "fold": RED,
    "index": [*range(2), *[0] * (ROWS - 2)],
    "sex": ["MF"[i % 2] for i in range(ROWS)],
    "View Position": ["PA", "AP", "AP"] * 20,
    "title": [f"shirt {i}" for i in range(ROWS)],
    "reviewed": [1] * ROWS,
    "is_crowd": RED,
    "No Finding": [1, None, None] * 20,
    "comment": [None] * ROWS,
    "boxes": [[1, 2, 3, 4]] * ROWS,
}


@pytest.mark.parametrize("name", NO_LABELS)
@pytest.mark.parametrize("kind", ["columns", "list"])
def test_columns_that_are_no_labels_are_left_out_and_it_is_said(name: str, kind: str) -> None:
    labels: dict[str, list[Any]] = LABELS if kind == "columns" else {"labels": LISTS}
    found = read({name: NO_LABELS[name], **labels})
    assert found.labels == (("red", "striped") if kind == "columns" else ())
    assert found.listed == (None if kind == "columns" else "labels")
    (said,) = found.notes()
    assert said.startswith(f"left out: '{name}' (")
    assert set(read(NO_LABELS | labels).left_out) == set(NO_LABELS)
    if all(value in (0, 1) for value in NO_LABELS[name]):
        assert read({name: RED, **LABELS}, labels=["red", name]).labels == ("red", name)


THIRDS = dict.fromkeys(("train", "test", "validation"), 20)


def one_in(step: int, start: int = 0) -> list[bool]:
    return [i % step == start for i in range(ROWS)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"is_valid": [str(flag) for flag in one_in(4)]}, {"validation": 15, "train": 45}),
        ({"is_train": [int(i < 50) for i in range(ROWS)]}, {"train": 50, "test": 10}),
        ({"IsTest": one_in(6)}, {"test": 10, "train": 50}),
        ({"is_val": one_in(3), "is_test": one_in(3, 1)}, THIRDS),
        ({"train": one_in(2), "test": one_in(2, 1)}, {"train": 30, "test": 30}),
        ({"split": ["training", "testing", "validating"] * 20}, THIRDS),
        ({"Set": ["train2017", "val2017", "TEST "] * 20}, THIRDS),
        ({"what": ["dev", "train"] * 30}, {"train": 30, "validation": 30}),
        ({"fold": list(range(5)) * 12}, {"": 60}),
    ],
)  # fmt: skip
def test_splits_are_told_by_words_and_flags(
    cells: dict[str, list[Any]], expected: dict[str, int]
) -> None:
    found = read(cells | LABELS)
    assert found.labels == ("red", "striped")
    splits, _, said = read_roles(columns(**cells, **LABELS), found, ROWS, Faults("x.csv"))
    assert {name: splits.count(name) for name in set(splits)} == expected
    assert bool(said) == ("" not in expected)
    if "is_valid" in cells:
        assert said == ("splits: column 'is_valid' means validation; the others are train",)


def test_flags_that_contradict_each_other_are_told_by_their_row() -> None:
    cells = {"is_val": [0, 1, 1] * 20, "is_test": [0, 0, 1] * 20, **LABELS}
    faults = Faults("x.csv")
    read_roles(columns(**cells), read(cells), ROWS, faults)
    assert len(faults.rows) == 20
    with pytest.raises(
        UserError, match="20 bad cells: row 4: is_val 1, is_test 1: that is no spli"
    ):
        raise faults.error()


def test_groups_are_columns_whose_values_recur() -> None:
    patients = {"Patient ID": [i // 3 for i in range(ROWS)], **LABELS}
    assert read(patients).group == "Patient ID"
    _, groups, said = read_roles(columns(**patients), read(patients), ROWS, Faults("x.csv"))
    assert groups[:4] == ("0", "0", "0", "1")
    assert said == ("groups: column 'Patient ID'",)
    cases = {"case_id": [i // 2 for i in range(ROWS)], "patient": [i // 6 for i in range(ROWS)]}
    assert read(cases | LABELS).group == "patient", "the coarser of two that nest"
    odd = {"sku": [i % 10 for i in range(ROWS)], "patient": [i // 6 for i in range(ROWS)]}
    refused(odd | LABELS, "'(sku|patient)' and '(sku|patient)' may both hold .* group_column:")
    assert read(odd | LABELS, group_column="sku").group == "sku"
    assert read({"patient": list(range(ROWS)), **LABELS}).group is None
    assert read({"product": ["shirt", "dress"] * 30, **LABELS}).group is None
    marked = {"group": ["NA", "None", "", "a"] * 15, **LABELS}
    _, groups, said = read_roles(columns(**marked), read(marked), ROWS, Faults("x.csv"))
    assert groups[:4] == ("", "", "", "a")
    assert said == ("groups: column 'group', 'NA' means none, 'None' means none",)


def test_text_beside_columns_of_1_and_0_is_a_question_with_its_answers() -> None:
    both = {"tags": ["new", "sale"] * 30, **LABELS}
    refused(both, r"column 'tags', or be the 2 columns of 1 and 0 \(red, striped\); say which with")
    assert read(both, leave_out=["tags"]).labels == ("red", "striped")
    assert read(both, labels=["red", "striped"]).labels == ("red", "striped")
    assert read(both, label_list="tags").listed == "tags"
    assert read(both, labels=["new", "sale"]).listed == "tags"
    two = {"labels": LISTS, "tags": ["new", "sale"] * 30}
    refused(two, "'labels' and 'tags' both may list the labels; say which with label_list:")
    assert read(two, label_list="labels").listed == "labels"
    named = {"class_id": [0, 1, 2] * 20, "class_name": ["a", "b", "c"] * 20}
    assert read({"class": named["class_id"], "class_name": named["class_name"]}).listed == (
        "class_name"
    )


def test_the_only_text_that_recurs_lists_the_labels() -> None:
    alone = {"id": list(range(ROWS)), "colour": ["red", "blue"] * 30, "price": [1.5, 2, 3] * 20}
    assert read(alone).listed == "colour"
    refused(alone | {"cut": ["long", "short"] * 30}, "listed in 'colour' or 'cut'; say where with")
    refused({"id": list(range(ROWS))}, "no label column")
    refused({"title": [f"shirt {i}" for i in range(ROWS)]}, "no label column")


def test_columns_that_are_nearly_1_and_0_are_told_by_their_row() -> None:
    refused({"red": [*RED[:-1], "maybe"]}, "row 61: label 'red' is 'maybe'; expected 1, 0, or .*le")
    refused(
        {"soft": [0.2, 1, 0] * 20, **LABELS}, r"row 2: 'soft' is 0.2: column 'soft' may hold so"
    )
    assert read({"soft": [0.2, 1, 0] * 20, **LABELS}, leave_out=["soft"]).labels == tuple(LABELS)
    refused({"train": RED, **LABELS}, r"'train' may be a label, or .* leave_out: \[train\]")
    assert read({"train": RED, **LABELS}, labels=["train"]).labels == ("train",)
    assert read({"train": RED, **LABELS}, split_column="train").splits == ("train",)
    refused({"is_val": RED, "split": ["train", "test"] * 30, **LABELS}, "'split' and 'is_val' both")


@pytest.mark.parametrize("field", ["split_column", "group_column", "label_list", "leave_out"])
def test_a_column_that_is_named_has_to_be_there(field: str) -> None:
    named: Any = ["rde"] if field == "leave_out" else "rde"
    refused(LABELS, "no column 'rde'.*did you mean 'red'", **{field: named})


def test_values_of_labels_by_column_and_by_list_are_the_same() -> None:
    listing = {}
    for cells in (LABELS, {"labels": LISTS}):
        description = TableDescription(table="x.csv")
        found = columns(**cells)
        reading = read_columns(found, description, "x.csv", Faults("x.csv"))
        listing[len(cells)] = read_labels(found, reading, description, "x.csv", Faults("x.csv"))
    assert listing[1][0] == listing[2][0]
    assert np.array_equal(listing[1][1], listing[2][1])
    assert listing[2][2] == ("labels: 2 columns of 1 and 0",)
    assert listing[1][2] == ("labels: column 'labels', split at ';', 'none' means none",)


@pytest.mark.parametrize(
    ("cells", "fields", "expected", "noted"),
    [
        (["1", "-1"], {}, [1, 0], ", -1 means 0"),
        ([1.0, -1.0], {}, [1, 0], ", -1 means 0"),
        (["1", "-1", "0"], {}, [1, np.nan, 0], ", -1 means unknown"),
        (["x", ""], {"values": {"": 0}}, [1, 0], ", 'x' means 1"),
        (["1.0", "-1.0", "0"], {"values": {-1: 1}}, [1, 1, 0], ", -1 means 1"),
        (["1", "", "0"], {"values": {"": 0}}, [1, 0, 0], ""),
        (
            ["ja", "nein", "?"],
            {"values": {"Ja": 1, "nein": 0}},
            [1, 0, np.nan],
            ", 'ja' means 1, 'nein' means 0, '?' means unknown",
        ),
    ],
)
def test_words_mean_what_the_others_and_the_description_say(
    cells: list[Any], fields: dict[str, Any], expected: list[float], noted: str
) -> None:
    description = TableDescription(table="x.csv", **fields)
    found = columns(red=cells * 4)
    reading = read_columns(found, description, "x.csv", Faults("x.csv"))
    labels, targets, said, _ = read_labels(found, reading, description, "x.csv", Faults("x.csv"))
    assert labels == ("red",)
    assert np.array_equal(targets[: len(cells), 0], np.float32(expected), equal_nan=True)
    assert said == (f"labels: 1 column of 1 and 0{noted}",)


def test_columns_without_a_0_are_a_question() -> None:
    found = columns(red=["1", ""] * 9, striped=["", "x"] * 9)
    description = TableDescription(table="x.csv")
    reading = read_columns(found, description, "x.csv", Faults("x.csv"))
    with pytest.raises(
        UserError, match=r"'red', … hold 1 and nothing, but no 0; .*values: {'': 0}"
    ):
        read_labels(found, reading, description, "x.csv", Faults("x.csv"))
