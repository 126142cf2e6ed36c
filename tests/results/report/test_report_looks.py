"""The page as a reader meets it: no serious finding of axe, in light, in the dark, on a phone.

Each look leaves a picture, which CI keeps: a change of the page is looked at.
"""

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from benchmarks.store_filling import fill
from results.database.store import open_store
from results.report.page import write_report
from tests.browser import Tab, browser_tab, screenshots
from tests.results.scored import with_files

pytestmark = pytest.mark.slow
LOOKS = {"desktop": (1400, False), "dark": (1400, True), "phone": (390, False)}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe."""
    try:
        return (files("axe_core_python") / "axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        reason = "no axe: pip install axe-core-python"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser_tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page on a search with all figures, beside another one, and one with pictures."""
    folder = tmp_path_factory.mktemp("pages")
    store = open_store(f"sqlite:///{folder}/sedn.db", create=True)
    fill(store, "large", 60, epochs=8, labels=6)
    fill(store, "other", 20, epochs=8, labels=6)
    with_files(store, folder, ("red", "a label with a long name of several words"))
    write_report(store, "large", folder / "report.html", ["other"])
    write_report(store, "rows", folder / "errors.html")
    return {name: folder / f"{name}.html" for name in ("report", "errors")}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ["report", "errors"])
def test_axe_finds_nothing_serious(
    tab: Tab, pages: dict[str, Path], axe: str, name: str, look: str, tmp_path: Path
) -> None:
    width, dark = LOOKS[look]
    tab.look(width, dark=dark)
    tab.open(pages[name])
    tab.draw_all()
    tab.screenshot(screenshots(tmp_path) / f"{name}-{look}.png", whole=True)
    tab.eval(f"{{{axe}; 0}}")
    found: dict[str, Any] = tab.eval("axe.run()")
    told = [
        f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"][:3]
    ]
    assert not told, "\n".join(told)
    assert len(found["passes"]) > 20, "axe has looked at the page"
    assert not tab.complaints
    assert not [one for one in tab.requests if not one.startswith(("file:", "data:"))]


def test_axe_finds_what_is_wrong(tab: Tab, axe: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.html"
    wrong.write_text("<html><body><img src='data:,'><input></body></html>")
    tab.open(wrong)
    tab.eval(f"{{{axe}; 0}}")
    found = {one["id"] for one in tab.eval("axe.run()")["violations"]}
    assert {"image-alt", "label", "html-has-lang"} <= found


def test_the_page_can_be_printed(tab: Tab, pages: dict[str, Path], tmp_path: Path) -> None:
    tab.look(1400)
    for name, page in pages.items():
        tab.open(page)
        written = screenshots(tmp_path) / f"{name}-print.pdf"
        tab.print_to(written)
        assert written.read_bytes().startswith(b"%PDF")
