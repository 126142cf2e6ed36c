"""What a message tells to install can be installed."""

import re
import sys
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest

from sedn.errors import UserError
from sedn.extras import EXTRAS, check_extra, imports_of

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"sedn-search\[([\w{},.-]*)\]")


def test_every_extra_is_one_of_the_package() -> None:
    provided = set(metadata("sedn-search").get_all("Provides-Extra") or ())
    assert provided == {*EXTRAS, "dev"}


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_is_imported(extra) -> None:
    required = [line for line in requires("sedn-search") or () if f'extra == "{extra}"' in line]
    brought = {
        re.split(r"[^\w-]", line)[0].removesuffix("-skinny").replace("-", "_") for line in required
    }
    assert set(imports_of(extra)) <= brought


@pytest.mark.parametrize("extra", EXTRAS)
def test_without_its_packages_the_extra_is_named(extra, monkeypatch) -> None:
    for package in imports_of(extra):
        monkeypatch.setitem(sys.modules, package, None)
    said = f"--x: {imports_of(extra)[0]} is not installed; `pip install 'sedn-search[{extra}]'`"
    with pytest.raises(UserError, match=re.escape(said)):
        check_extra("--x", extra)


def test_no_text_names_another_extra() -> None:
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "Makefile"]
    for package in ("sedn", "spaces", "results", "search", "benchmarks"):
        files += (ROOT / package).rglob("*.py")
    found = {(name, path.name) for path in files for name in NAMED.findall(path.read_text())}
    # One place writes the message, from a name that its type checks.
    assert {path for name, path in found if name == "{extra}"} == {"extras.py"}
    assert {name for name, _ in found} <= {*EXTRAS, "{extra}", "dev"}
