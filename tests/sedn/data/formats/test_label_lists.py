"""Cells that list labels are read right, or one question is asked; whatever the format."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import Column, make_column, read_flags
from sedn.data.formats.columns.label_lists import LabelLists, read_label_lists
from sedn.data.formats.huggingface.huggingface import HuggingFaceDescription
from sedn.data.formats.table.description import TableDescription
from sedn.errors import UserError

T = TypeVar("T")
LABELS = ("cotton", "red", "striped")
TRUTH = np.array([[i % 5 < 2, i % 2, i % 3 == 0] for i in range(60)], dtype=np.float32)
LISTS = [[label for label, there in zip(LABELS, row, strict=True) if there] for row in TRUTH]


def column_of(name: str, cells: list[Any]) -> Column:
    return make_column(name, cells, "x.csv", lambda row: f"x.csv: row {row + 2}")


def without_faults(read: Callable[[Faults], T]) -> T:
    """What is read; all that is wrong in one error."""
    faults = Faults("x.csv")
    try:
        found = read(faults)
    except UserError as error:
        raise faults.error(error) if faults else error from None
    if faults:
        raise faults.error()
    return found


def read(cells: list[Any], **fields: Any) -> LabelLists:
    description = TableDescription(table="x.csv", **fields)
    column = column_of("labels", cells)
    return without_faults(lambda faults: read_label_lists(column, description, faults))


def read_words(name: str, cells: list[Any]) -> np.ndarray:
    return without_faults(lambda faults: read_flags(column_of(name, cells), {}, faults))


def refused(cells: list[Any], said: str, **fields: Any) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read(cells, **fields)
    assert len(str(caught.value).splitlines()) == 1


WRITTEN: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "array": lambda names: np.array(names, dtype=object),
    "JSON": json.dumps,
    "Label Studio": lambda names: json.dumps({"choices": names}),
    "Python": str,
    "NumPy": lambda names: str(np.array(names)),
    "No Finding": lambda names: "|".join(names) or "No Finding",
    **{
        f"separator {mark!r}": lambda names, mark=mark: mark.join(names)
        for mark in (";", "; ", ",", ", ", "|", " | ", " ", "/", " + ", "\t", "\n")
    },
}


@pytest.mark.parametrize("form", WRITTEN)
def test_lists_are_read_however_they_are_written(form: str) -> None:
    lists = read([WRITTEN[form](names) for names in LISTS])
    assert lists.labels == LABELS
    assert np.array_equal(lists.targets, TRUTH)


@pytest.mark.parametrize("join", [str, " ".join, ",".join, "".join], ids=["list", " ", ",", ""])
def test_a_1_or_0_for_each_label_needs_their_names(join: Callable[..., str]) -> None:
    cells = [join([*map(str, row)]) for row in TRUTH.astype(int).tolist()]
    cells = [cell.replace("'", "") for cell in cells]
    refused(cells, r"labels: \(expected 3 names, got 0\)")
    refused(cells, r"labels: \(expected 3 names, got 2\)", labels=["red", "cotton"])
    lists = read(cells, labels=list(LABELS))
    assert lists.labels == LABELS
    assert np.array_equal(lists.targets, TRUTH)


NULLS: dict[str, Callable[[list[int | None]], Any]] = {
    "list": list,
    "array": lambda row: np.array([np.nan if v is None else v for v in row]),
    "JSON": json.dumps,
    "Python": str,
    "NaN in JSON": lambda row: json.dumps(row).replace("null", "NaN"),
    "NumPy's print": lambda row: str(np.array([np.nan if v is None else v for v in row])),
    "words": lambda row: " ".join("nan" if v is None else str(v) for v in row),
    "words and commas": lambda row: ",".join("?" if v is None else f"{v}.0" for v in row),
}


@pytest.mark.parametrize("form", NULLS)
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.lists(st.sampled_from([0, 1, None]), min_size=3, max_size=3), min_size=1))
def test_a_null_among_1_and_0_is_unknown(form: str, rows: list[list[int | None]]) -> None:
    cells = [NULLS[form](row) for row in [*rows, [1, None, 0], [0, 0, 0]]]
    lists = read(cells, labels=list(LABELS))
    expected = np.array([*rows, [1, None, 0], [0, 0, 0]], dtype=np.float32)
    np.testing.assert_array_equal(lists.targets, expected)
    assert lists.notes == ("a 1 or 0 for each of labels:", "null in a list means unknown")


def test_a_null_among_names_is_a_bad_cell() -> None:
    refused([["red", None], ["striped"]], "None is no name of a label")
    refused(["[3, null]", "[1, 2, 4]", "[1]"], "labels: null is no name of a label")


def test_few_odd_cells_among_those_of_1_and_0_are_bad() -> None:
    for odd in ("1 x 0", "red", "1 0"):
        refused(["1 0 1", "0 0 1", "1 1 0"] * 7 + [odd], "row 23: labels: ", labels=list(LABELS))


def test_names_of_several_words_are_one_name() -> None:
    names = ["long sleeve", "short sleeve", "red, dark", "T-shirt/top"]
    assert read(names[:2] * 20 + names[3:] * 20).labels == ("T-shirt/top", *names[:2])
    cells = ["long sleeve; red, dark", "short sleeve; red, dark", "long sleeve"] * 9
    assert read(cells).labels == ("long sleeve", "red, dark", "short sleeve")


@pytest.mark.parametrize(
    "cells",
    [
        ["dark red", "light red", "dark blue", "light blue"] * 9,
        ["red", "blue", "dark red", "light red", "dark blue", "light blue"] * 9,
        ["Dress, long", "Dress, short", "Shirt, long", "Shirt, short"] * 9,
        ["a;b", "c"] * 9,
        ["a,b;c", "a;b", "b,c", "a", "c,a", "b;c"] * 9,
        ["a|b", "b|c", "a", "c|a", "a;c"] * 9,
    ],
    ids=lambda cells: cells[0],
)
def test_two_readings_are_a_question_that_the_separator_answers(cells: list[str]) -> None:
    refused(cells, r"x\.csv: column 'labels': .* may be .*; say which with separator: ")
    assert read(cells, separator="none").labels == tuple(sorted(set(cells)))
    split = {name for cell in cells for name in cell.split()}
    assert set(read(cells, separator="space").labels) == split


def test_a_blank_cell_has_one_meaning_which_is_said() -> None:
    blank: Any
    for blank in ("", " ", "NaN", None, float("nan")):
        lists = read([blank, "red", "red;striped", "striped"])
        assert lists.targets[0].tolist() == [0, 0]
        assert lists.notes[-1] == (
            "1 blank cell means none ('blank: unknown' in data.yaml reads them so)"
        )
        lists = read([blank, "red", "striped", "No Finding"])
        assert np.isnan(lists.targets[0]).all(), "none has a word of its own"
        assert lists.targets[3].tolist() == [0, 0]
        beside = [blank, [], ["red"], ["red", "striped"], ["striped"]]
        refused(beside, "1 of 5 cells are blank, and 1 hold an empty list; say what blank means")
        assert np.isnan(read(beside, blank="unknown").targets[0]).all()
        assert read(beside, blank="unknown").targets[1].tolist() == [0, 0]
        unknown = read([blank, "red", "striped"], blank="unknown").targets
        assert np.isnan(unknown[0]).all()
        refused([blank, "red", "striped"], "1 of 3 cells are blank", separator="none")
        refused(
            [blank] * 3 + ["red;striped", "red"], "3 of 5 cells are blank; .* blank: none .* unkn"
        )


def test_one_name_in_two_spellings_is_a_question() -> None:
    refused(["Red", "red"], "labels 'Red' and 'red' differ only in how they are written")
    refused(["long_sleeve", "long sleeve"] * 3, "'long sleeve' and 'long_sleeve' differ only")
    assert read(["Red", "red"], labels=["red", "Red"]).labels == ("Red", "red")
    cells = ["Red;striped", "red", "red", "Long-Sleeve;RED", "long  sleeve;red", "Long-Sleeve"]
    refused(cells, "say merge_names: true if they are one, or list both under labels: if")
    merged = read(cells, merge_names=True)
    assert merged.labels == ("Long-Sleeve", "red", "striped")
    assert merged.targets.tolist() == [
        [0, 1, 1], [0, 1, 0], [0, 1, 0], [1, 1, 0], [1, 1, 0], [1, 0, 0]
    ]  # fmt: skip


def test_classes_by_number_are_names_and_a_number_twice_is_a_question() -> None:
    assert read(["16 0", "7 0", "0", "16 7 0", "7", "16"] * 3).labels == ("0", "16", "7")
    assert read([[16, 0], [7], []]).labels == ("0", "16", "7")
    refused([[1, 1], [0]], r"row 2: labels: \[1, 1\] holds a number twice")
    refused([[0.2, 1.8]], "row 2: labels: 0.2 is no name of a label")
    refused([[0.2], [0.8, 0.1]], "2 bad cells: row 2: labels: 0.2 is no name of a label; ")
    refused(["[red, striped]"], r"row 2: labels: '\[red, striped\]' is no list in JSON or Python")
    refused(["['a' 'b', 'c']"], "is no list in JSON or Python")
    refused([None, ""], "lists no label at all")


WORD = st.text("abcé0", min_size=1, max_size=3)
OTHER = st.text("xyz", min_size=1, max_size=2)
NAME = st.one_of(
    WORD,
    st.tuples(WORD, st.sampled_from([" ", "-", "_", "/", " & "]), WORD).map("".join),
    # "red, dark" beside "red" reads as a list to anyone.
    st.tuples(OTHER, st.just(", "), st.text("uvw", min_size=1, max_size=2)).map("".join),
)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_lists_of_any_names_are_read_to_their_truth_or_refused(data: st.DataObject) -> None:
    names = data.draw(st.lists(NAME, min_size=1, max_size=6, unique=True))
    mark = data.draw(st.sampled_from([";", ",", "|", " ", ", ", " / ", "+", None]))
    if mark is not None:
        assume(not any(mark.strip() in name if mark.strip() else " " in name for name in names))
    most = len(names) if mark else 1
    lists = data.draw(
        st.lists(
            st.lists(st.sampled_from(names), unique=True, max_size=most), min_size=20, max_size=50
        )
    )
    assume(any(lists))
    try:
        found = read([(mark or "").join(row) for row in lists])
    except UserError:
        return
    listed = [
        {label for label, there in zip(found.labels, row, strict=True) if there}
        for row in found.targets
    ]
    assert listed == [set(row) for row in lists]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["yes", "no", "Yes", ""], [1, 0, 1, np.nan]),
        (["T", "f", "n/a"], [1, 0, np.nan]),
        (["Y", "N", None], [1, 0, np.nan]),
        (["1.0", "0", "-1"], [1, 0, np.nan]),
        (["1.000", "0.00", "-1.0"], [1, 0, np.nan]),
        ([True, 0.0, None, float("nan")], [1, 0, np.nan, np.nan]),
        (["positive", "Negative", "uncertain"], [1, 0, np.nan]),
    ],
)
def test_words_for_present_absent_and_unknown(cells: list[Any], expected: list[float]) -> None:
    assert np.array_equal(read_words("red", cells), np.float32(expected), equal_nan=True)


def test_letters_are_words_only_beside_their_own_kind() -> None:
    with pytest.raises(UserError, match="3 bad cells: row 2: label 'sex' is 'M'; expected 1, 0"):
        read_words("sex", ["M", "F", "F"])


def test_both_readers_of_columns_take_the_same_fields() -> None:
    fields = {"separator": "|", "blank": "unknown", "label_list": "x", "regions": {"a": 1}}
    table = TableDescription(table="x.csv", **fields)
    saved = HuggingFaceDescription(format="huggingface", **fields)
    assert set(fields) <= set(table.model_dump()) & set(saved.model_dump())
