"""The page in a browser: on a phone, in the dark, on paper, and on a search of 5,000 trials."""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.page import page_of
from sedn.page.colours import DARK, LIGHT
from tests.browser import Tab, browser_tab

PAPER = 703
"""Pixels between the margins of A4."""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser_tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_of(60, tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_no_page_is_wider_than_its_window(tab: Tab, report: Path, width: int) -> None:
    tab.look(width)
    tab.open(report)
    tab.draw_all()
    assert tab.eval("document.documentElement.scrollWidth") <= width
    assert not tab.complaints


def test_the_ranking_is_whole_on_a_desktop(tab: Tab, report: Path) -> None:
    tab.look(1400)
    tab.open(report)
    table = "document.querySelector('#ranking .scroll')"
    assert tab.eval(f"{table}.scrollWidth <= {table}.clientWidth")


def test_every_figure_and_table_fits_on_paper(tab: Tab, report: Path) -> None:
    tab.look(1400)
    tab.open(report)
    tab.eval("dispatchEvent(new Event('beforeprint'))")
    widths = tab.eval(
        "[...document.querySelectorAll('.main-svg, .scroll > table')]"
        ".map(one => one.getBoundingClientRect().width)"
    )
    figures = tab.eval("document.querySelectorAll('figure').length")
    assert len(widths) > figures > 5
    svgs = tab.eval(
        "[...document.querySelectorAll('.main-svg')].map(o => o.getBoundingClientRect().width)"
    )
    assert max(svgs) <= PAPER
    tab.call("Emulation.setEmulatedMedia", media="print")
    tab.call(
        "Emulation.setDeviceMetricsOverride",
        width=PAPER, height=1000, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    assert tab.eval("document.documentElement.scrollWidth") <= PAPER + 1
    tab.call("Emulation.setEmulatedMedia", media="")


def test_dark_is_dark_on_the_screen_and_light_on_paper(tab: Tab, report: Path) -> None:
    def papers() -> set[str]:
        return set(
            tab.eval(
                "[...document.querySelectorAll('.js-plotly-plot')].map(o => o.layout.paper_bgcolor)"
            )
        )

    tab.look(1400, dark=True)
    tab.open(report)
    tab.draw_all()
    assert papers() == {DARK["surface"]}
    assert tab.eval("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 27)"
    tab.look(1400)
    tab.wait_for(
        "document.querySelector('.js-plotly-plot').layout.paper_bgcolor === 'white'", seconds=5
    )
    assert papers() == {"white"}, "the reader's choice was changed while the page was open"
    tab.look(1400, dark=True)
    tab.eval("dispatchEvent(new Event('beforeprint'))")
    assert papers() == {"white"}
    tab.eval("dispatchEvent(new Event('afterprint'))")
    assert papers() == {DARK["surface"]}


def test_what_is_folded_is_open_on_paper_alone(tab: Tab, report: Path, tmp_path: Path) -> None:
    tab.look(1400)
    tab.open(report)
    states = "[...document.querySelectorAll('details')].map(one => one.open)"
    tab.eval("document.querySelector('#failures details').open = true")
    before = tab.eval(states)
    assert set(before) == {False, True}
    tab.eval(
        "addEventListener('beforeprint', () => { window.printed = "
        "[...document.querySelectorAll('details > pre')].map(one => one.offsetHeight); })"
    )
    tab.print_to(tmp_path / "page.pdf")
    heights = tab.eval("printed")
    assert len(heights) == len(before)
    assert min(heights) > 10
    tab.wait_for(f"String({states}) === '{str(before).lower().replace(' ', '')[1:-1]}'", seconds=5)
    assert not tab.complaints


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_told_from_what_they_stand_on(colours: dict[str, str]) -> None:
    for words in ("ink", "muted", "link", "alarm", "warning"):
        for ground in ("page", "surface", "sunken", "marked", "marked-hover"):
            light, dark = sorted((luminance(colours[words]), luminance(colours[ground])))[::-1]
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (words, ground)


def test_headings_figures_and_tables_are_told_to_who_does_not_see_them(
    tab: Tab, report: Path
) -> None:
    tab.look(390)
    tab.open(report)
    scrolling = (
        "[...document.querySelectorAll('.scroll')].filter(o => o.scrollWidth > o.clientWidth)"
    )
    assert tab.eval(f"{scrolling}.length") > 3
    assert tab.eval(f"{scrolling}.every(one => one.tabIndex === 0)"), "the keyboard scrolls them"
    levels = tab.eval("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    for missing in (
        "figure:not([aria-label])", "th:not([scope])", "svg[role=img]:not([aria-label])",
        ".scroll:has(> table):not([tabindex])", "input:not(label *)", "html:not([lang])",
    ):  # fmt: skip
        assert tab.eval(f"document.querySelectorAll('{missing}').length") == 0, missing


def test_the_data_of_each_figure_are_a_table_of_numbers(tab: Tab, report: Path) -> None:
    tab.open(report)
    names = tab.eval("[...document.querySelectorAll('figure')].map(figure => figure.id)")
    tables = {}
    for name in names:
        lines = list(csv.reader(io.StringIO(tab.eval(f"sedn.figureCsv('{name}')"))))
        assert len({len(line) for line in lines}) == 1, name
        assert len(lines) > 1, name
        tables[name] = lines
    history = tables["figure-history"]
    assert history[0][:3] == ["series", "x", "y"]
    assert {line[0] for line in history[1:]} == {"complete", "stopped early", "failed",
                                                 "best so far"}  # fmt: skip
    assert any("placement" in line[-1] for line in history[1:]), "what each trial is"


@pytest.mark.slow
def test_a_search_of_5000_trials_is_filtered(tab: Tab, tmp_path: Path) -> None:
    path = page_of(5000, tmp_path)
    tab.look(1400)
    tab.open(path)
    shown = tab.eval(
        "['stage1', 'stage1 12', 'no such'].map(words => {"
        " const input = document.getElementById('trials-words');"
        " input.value = words; input.dispatchEvent(new Event('input', { bubbles: true }));"
        " return document.getElementById('trials-count').textContent; })"
    )
    assert shown[-1] == "0 of 5,000 trials"
    some, fewer = (int(text.split()[0].replace(",", "")) for text in shown[:2])
    assert 5000 > some > fewer > 0
    assert not tab.complaints
