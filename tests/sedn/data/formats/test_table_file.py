"""The files of tables as programs write them, and headers that are not clear."""

import csv
import gzip
import io
import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedn.data.faults import Faults
from sedn.data.formats.columns.cells import make_column
from sedn.data.formats.table_file import TableFile, read_frame, read_table_file
from sedn.errors import UserError


def write(folder: Path, content: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_whole(path: Path) -> TableFile:
    """A table of which no row is wrong."""
    faults = Faults(str(path))
    try:
        table = read_table_file(path, faults)
    except UserError as error:
        raise faults.error(error) if faults else error from None
    if faults:
        raise faults.error()
    return table


def tidy(values: list[Any]) -> list[Any]:
    return make_column("", values, "", str).rows()


def rows(path: Path) -> dict[str, list[Any]]:
    table = read_whole(path)
    return {name: tidy(table.values(name)) for name in table.cells}


TEXT = 'image,red,title\na.png,1,"x, y"\nb.png,0,"6"" wide"\n'
EXPECTED = {"image": ["a.png", "b.png"], "red": ["1", "0"], "title": ["x, y", '6" wide']}


def _with(delimiter: str) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(csv.reader(io.StringIO(TEXT)))
    return written.getvalue()


USUAL = {
    "commas": ("x.csv", TEXT),
    "line ends of Windows": ("x.csv", TEXT.replace("\n", "\r\n")),
    "line ends of old Macs": ("x.csv", TEXT.replace("\n", "\r")),
    "byte order mark": ("x.csv", b"\xef\xbb\xbf" + TEXT.encode()),
    "semicolons": ("x.csv", _with(";")),
    "Excel's first line": ("x.csv", "sep=;\r\n" + _with(";")),
    "tabs": ("x.tsv", _with("\t")),
    "Excel's Unicode text": ("x.txt", _with("\t").encode("utf-16")),
    "pipes": ("x.csv", _with("|")),
    "compressed": ("x.csv.gz", gzip.compress(TEXT.encode())),
    "padded names": ("x.csv", TEXT.replace("image,red,title", " image, red , title")),
    "blank rows": ("x.csv", TEXT + ",,\n\n , ,\n"),
    "a separator at every end": ("x.csv", TEXT.replace("\n", ",\n")),
    "a separator at every end but the header's": (
        "x.csv",
        TEXT.replace("\n", ",\n").replace("title,", "title", 1),
    ),
    "an index without a name": (
        "x.csv",
        ",image,red,title\n"
        + "".join(f"{i},{row}\n" for i, row in enumerate(TEXT.split("\n")[1:3])),
    ),
    "lines of JSON": (
        "x.jsonl",
        "\n".join(
            json.dumps(dict(zip(EXPECTED, row, strict=True)))
            for row in zip(*EXPECTED.values(), strict=True)
        ),
    ),
}


@pytest.mark.parametrize("kind", USUAL)
def test_tables_are_read_as_programs_write_them(tmp_path: Path, kind: str) -> None:
    name, content = USUAL[kind]
    assert rows(write(tmp_path, content, name)) == EXPECTED


def test_what_is_left_out_is_said_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    table = read_whole(write(tmp_path, ",image,\n0,a,\n,,\n2,b,\n,,\n"))
    assert table.notes == (
        "2 blank rows left out",
        "column 1 left out: it has no name and numbers the rows",
        "column 3 left out: it has no name and no values",
    )
    assert [table.where(row)[-5:] for row in range(2)] == ["row 2", "row 4"]
    path = write(tmp_path, "image,red\n,\n" + "a,1\n" * 3)
    assert read_frame(path, Faults(""))["red"].tolist() == ["1"] * 3


WRONG = {
    "name twice": ("image,red,striped,red\na,1,1,0\n", "columns 2 and 4 are both named 'red'; ren"),
    "padded name twice": ("image,red, red\na,1,0\n", "columns 2 and 3 are both named 'red'; ren"),
    "no name": ("image,,red\na,x,1\n", "column 2 has no name in the header; name it"),
    "numbers twice": (",image\n1,a\n1,b\n", "column 1 has no name in the header; name it"),
    "longer row": (
        "image,red\na,1\nb,1,0\n",
        "row 3 has 3 cells, but the header names 2 columns; ",
    ),
    "longer rows": (
        "image,red\na,1,1\nb,1,0\n",
        "each row has 3 cells, but the header names 2 col",
    ),
    "rows of two lengths": (
        "image,red\n" + "a,1,2\nb\n" * 4,
        "8 bad rows: row 2 has 3 cells, .*; row 3 has 1 cell, .*; row 6 has .*; and 3 more .*",
    ),
    "shorter row": ("image,red\na,1\nb\n", "row 3 has 1 cell, but the header names 2 columns"),
    "open quote": ('image,red\na,1\n"b,1\nc,1\n', "row 3 opens a quote that is not closed"),
    "nothing": ("", "holds no rows"),
    "blank rows alone": ("image,red\n,\n", "holds no rows"),
    "another encoding": ("image,naïve\na,1\n".encode("latin-1"), "not UTF-8 at byte 8; save it as"),
    "half of UTF-16": ("image,red\na,1".encode("utf-16")[:-1], "not UTF-16 at byte"),
}


@pytest.mark.parametrize("case", WRONG)
def test_headers_and_rows_that_are_unclear_are_one_line(tmp_path: Path, case: str) -> None:
    content, said = WRONG[case]
    path = write(tmp_path, content)
    with pytest.raises(UserError, match=said) as caught:
        read_whole(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv.gz", b"image,red\n", "cannot be decompressed"),
        ("x.csv.gz", gzip.compress(b"image,red\na,1\n", mtime=0)[:-9], "cannot be decompressed"),
        ("x.jsonl", b'{"image": "a"}\n{"image"\n', "line 2: cannot be read as JSON"),
        ("x.jsonl", b"[1]\n", "line 1: .*expected an object"),
        ("x.parquet", b"PAR1", "cannot be read as Parquet"),
    ],
)
def test_files_that_are_damaged_are_one_line(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        read_whole(write(tmp_path, content, name))
    assert len(str(caught.value).splitlines()) == 1


CELL = st.text(string.ascii_letters + " ,;|\t\n\"'é", max_size=5)


@given(
    st.lists(st.text("abc", min_size=1), min_size=2, max_size=4, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.tuples(*[CELL] * len(names)), min_size=1, max_size=9)
        )
    ),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_whatever_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, table: Any, delimiter: str
) -> None:
    names, body = table
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows([names, *body])
    body = [row for row in body if any(cell.strip() for cell in row)]
    path = write(tmp_path_factory.getbasetemp(), written.getvalue(), "any.csv")
    try:
        found = read_whole(path)
    except UserError as error:
        assert not body, error
        return
    frame = np.array([tidy(found.values(name)) for name in found.cells]).T
    assert frame.tolist() == [[cell.strip() or None for cell in row] for row in body]
