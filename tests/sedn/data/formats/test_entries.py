"""The entries of formats: each is whole, documented, and told by nothing but its own data."""

from pathlib import Path
from typing import get_args

import pytest

from sedn.data.formats.description import BySplit
from sedn.data.formats.reading import read_description
from sedn.data.formats.registry import FORMATS
from sedn.errors import UserError
from tests.sedn.data import fixtures

DOCS = Path(__file__).parents[4] / "docs" / "data.md"


@pytest.mark.parametrize("name", FORMATS)
def test_an_entry_is_whole(name: str) -> None:
    entry = FORMATS[name]
    fields = entry.description.model_fields
    assert name in get_args(fields["format"].annotation)
    assert {*entry.paths} <= {*fields}
    assert "splits" in entry.paths
    by_split = {n for n, f in fields.items() if f.annotation in (BySplit, BySplit | None)}
    assert by_split <= {*entry.paths}, "a field that holds a path for each split"
    assert {*entry.yields_to} <= {*FORMATS} - {name}
    assert f"\n| `{name}` |" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [n for n in fixtures.WRITERS if n != "open images"])
def test_what_a_path_tells_is_of_an_entry_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = fixtures.WRITERS[name](tmp_path / "data")
    entry, description, folder = read_description(path, {})
    assert isinstance(description, entry.description)
    assert folder.is_dir()
    told = [
        title
        for title, other in FORMATS.items()
        if path.is_dir() and (other.of_folder(path) or other.may_be(path))
    ]
    assert len(told) <= 1


def test_an_unknown_format_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("format: coca\n")
    with pytest.raises(UserError, match=r"unknown format 'coca'; did you mean 'coco'\?"):
        read_description(tmp_path, {})
    (tmp_path / "data.yaml").write_text("format: zzz\n")
    with pytest.raises(UserError, match=f"expected one of {', '.join(FORMATS)}"):
        read_description(tmp_path, {})
