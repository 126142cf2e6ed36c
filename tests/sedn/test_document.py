"""YAML that people write: what is lost or explodes in silence elsewhere is refused, everywhere."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sedn.config import load_config
from sedn.data.formats.reading import read_description
from sedn.document import MOST_VALUES, parse_document, parse_value
from sedn.errors import UserError
from sedn.segmentation.segmenter import CARD, read_card
from spaces.loading import load_space

ROOT = Path(__file__).parents[2]


def read_segmenter(path: Path) -> object:
    return read_card(path.rename(path.parent / CARD).parent)


READERS: dict[str, Callable[[Path], object]] = {
    "configuration": load_config,
    "space": lambda path: load_space(str(path)),
    "data": lambda path: read_description(path, {}),
    "segmenter": read_segmenter,
}


def bomb(first: str, item: str) -> str:
    """Nine lines, each of which holds the one before nine times."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, 9):
        inner = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {item.format(inner)}")
    return "\n".join(lines)


WRONG = {
    "key twice": ("seed: 1\nepochs: 2\nseed: 1", r"line 3: 'seed' is there twice, first in line 1"),
    "inner key twice": ("a:\n  b: 1\n  c: 2\n  b: 3", r"line 4: 'b' is there twice, first in line"),
    "equal key": ("1: a\n1.0: b", r"line 2: '1\.0' is there twice, first in line 1"),
    "lists of aliases": (bomb("[x, x]", "[{}]"), r"its aliases .* more than 10,000 values"),
    "mappings of aliases": (bomb("{x: 1}", "{{<<: [{}]}}"), r"its aliases .* more than 10,000"),
    "alias of itself": ("a: &a [1, *a]", r"line 1: holds an alias .* of itself"),
    "many documents": ("a: 1\n---\nb: 1", "not YAML: expected a single document"),
    "an object of Python's": ("a: !!python/object/apply:os.getcwd []", "not YAML: could not"),
    "no date": ("a: 2024-13-45", "not YAML: month must be in"),
    "no number": ("a: !!int x", "not YAML"),
    "too deep": ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "a list": ("- a", "expected "),
    "nothing": ("", "expected "),
    "control character": ("a: \x07", "not YAML: unacceptable character"),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", WRONG)
def test_every_document_is_read_as_strictly(kind: str, reader: str, tmp_path: Path) -> None:
    text, said = WRONG[kind]
    path = tmp_path / "document.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        READERS[reader](path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path))
    assert len(message.splitlines()) == 1
    assert len(message) < 1000


def test_aliases_that_stay_small_are_taken() -> None:
    text = "base: &base {a: 1, b: [1, 2]}\nother: {<<: *base, a: 2}\nlist: [*base, *base]"
    base = {"a": 1, "b": [1, 2]}
    expected = {"base": base, "other": {"b": [1, 2], "a": 2}, "list": [base, base]}
    assert parse_document(text, "x", "fields") == expected


def test_a_document_may_hold_as_much_as_is_written() -> None:
    numbers = list(range(MOST_VALUES + 1))
    assert parse_value(str(numbers), "x") == numbers


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(values)
def test_what_yaml_writes_is_read_as_it_was(value: Any) -> None:
    assert parse_value(yaml.safe_dump([value, value]), "x") == [value, value]


@given(st.text("ab:-&*[]{}<,? \n!|>'\"#%@1.", max_size=40))
def test_any_text_is_a_value_or_one_line(text: str) -> None:
    try:
        found = parse_value(text, "x")
    except UserError as error:
        assert str(error).startswith("x: ")
        return
    assert found == yaml.safe_load(text)


def test_nothing_else_reads_yaml() -> None:
    reads = re.compile(r"yaml\.(\w*load\w*|parse|compose|scan)")
    found = [
        str(path.relative_to(ROOT))
        for package in ("sedn", "spaces", "results", "search", "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if reads.search(path.read_text())
    ]
    assert found == ["sedn/document.py"]
