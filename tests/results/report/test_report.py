"""The page holds what is known, needs nothing but itself, and draws without an error."""

import json
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from results.database.models import TrialState
from results.database.store import Store
from results.report.contents import read_findings
from results.report.page import render_report, write_report
from sedn.errors import UserError
from sedn.metrics import mean_interval
from tests.browser import Tab, browser_tab
from tests.pages import figures_of
from tests.results.rows import add_trial, new_experiment

HOSTILE = "<script>document.title = 'taken'</script>"
FIGURES = ("history", "curves", "parameters", "placement", "labels", "cost")
VOID = {"meta", "link", "line", "circle", "br", "input"}


class Page(HTMLParser):
    """A page's elements and text; every element must be closed in the right order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.html = html
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        fields = dict(attrs)
        self.ids += [fields["id"]] if fields.get("id") else []
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action") and v]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def searched(store: Store) -> str:
    """All states, a conditional parameter, a label without an AUC, replicates, hostile names."""
    labels = ["red", "striped", HOSTILE]
    experiment = new_experiment(store, "rows", labels)

    def values(auc: float) -> dict[str, tuple[float | None, float | None]]:
        return {"red": (auc + 0.05, 0.02), "striped": (None, None), HOSTILE: (auc - 0.05, None)}

    stem = {"placement": "stem", "fusion": "gate"}
    add_trial(store, experiment, 0, 0.70, role="baseline", labels=values(0.70))
    add_trial(store, experiment, 1, 0.80, labels=values(0.80), embedding={"placement": "input"})
    add_trial(
        store, experiment, 2, 0.82, labels=values(0.82), embedding={"placement": "input"}, seed=1
    )
    add_trial(store, experiment, 3, 0.75, labels=values(0.75), embedding=stem)
    add_trial(store, experiment, 4, 0.6, state=TrialState.PRUNED, optimizer={"learning_rate": 0.1})
    for number, auc in ((5, 0.5), (6, None)):
        reason = f"ValueError: {HOSTILE}\nTraceback (most recent call last):\n  line {number}"
        add_trial(store, experiment, number, auc, state=TrialState.FAILED, reason=reason)
    add_trial(store, experiment, 7, None, state=TrialState.FAILED, reason=None)
    add_trial(store, experiment, 8, 0.65, state=TrialState.RUNNING, batch_size=8)
    return "rows"


def only_baseline(store: Store) -> str:
    experiment = new_experiment(store, "rows", ["red"])
    add_trial(store, experiment, 0, 0.7, role="baseline", labels={"red": (0.7, 0.01)})
    return "rows"


def no_trial(store: Store) -> str:
    new_experiment(store, "rows")
    return "rows"


def none_complete(store: Store) -> str:
    experiment = new_experiment(store, "rows")
    state = TrialState.PRUNED
    add_trial(store, experiment, 0, 0.6, role="baseline", state=state)
    add_trial(store, experiment, 1, 0.5, state=state, embedding={"placement": "input"})
    add_trial(store, experiment, 2, None, state=TrialState.RUNNING)
    return "rows"


def all_failed_at_once(store: Store) -> str:
    experiment = new_experiment(store, "rows")
    for number in range(12):
        add_trial(store, experiment, number, None, state=TrialState.FAILED, reason="OSError: no")
    return "rows"


def no_label_defined(store: Store) -> str:
    """Numbers alone vary, one of them over decades, and no label has an AUC."""
    experiment = new_experiment(store, "rows", ["red"])
    for number in range(12):
        rate = 10.0 ** -(1 + number / 3)
        add_trial(
            store, experiment, number, 0.7, labels={"red": (None, None)}, stderr=float("nan"),
            optimizer={"learning_rate": rate},
        )  # fmt: skip
    return "rows"


WITH_FIGURES = [searched, only_baseline, none_complete, no_label_defined]
WITHOUT = [no_trial, all_failed_at_once]


def situations(*fills: Callable[[Store], str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fill", fills, ids=lambda fill: fill.__name__)


@situations(*WITH_FIGURES, *WITHOUT)
def test_every_situation_gives_a_whole_page(store: Store, fill: Callable[[Store], str]) -> None:
    page = Page(render_report(read_findings(store, fill(store))))
    for anchor in (
        "ranking",
        "history",
        "curves",
        "parameters",
        "labels",
        "cost",
        "failures",
        "trials",
    ):
        assert page.ids.count(anchor) == 1
    assert len(page.ids) == len(set(page.ids))
    assert "nan" not in page.text.lower().split()
    assert "None" not in page.text.split()


def test_the_page_needs_nothing_but_itself(store: Store) -> None:
    page = Page(render_report(read_findings(store, searched(store))))
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert sum(script.startswith("/**\n* plotly.js") for script in page.scripts) == 1
    assert set(figures_of(page.html)) == set(FIGURES)
    assert sum("showSendToCloud: false" in script for script in page.scripts) == 1


def test_the_page_holds_what_was_found(store: Store) -> None:
    page = Page(render_report(read_findings(store, searched(store))))
    assert "0.8100 trial 1, 95 %:" in page.text
    low, high = mean_interval(0.7, 0.01, [8], [32])
    assert f"0.7000 trial 0, 95 %: [{low:.3f}, {high:.3f}]" in page.text
    assert "+15.7% +0.1100 in mean AUC, on validation" in page.text
    assert "8 of 9 4 complete, 1 stopped early, 3 failed, 1 running" in page.text
    assert "3 1 without an AUC" in page.text
    assert "1 1 (2 seeds) 0.810" in page.text, "the first of the ranking"
    assert "The best of many is optimistic" in page.text
    assert "striped 20.0% 8 – no AUC – –" in page.text
    assert "3 of 9 trials failed" in page.text
    assert "2 5, 6 ValueError" in page.text, "the same reason is told once"
    assert "no reason was recorded" in page.text


def test_the_figures_hold_what_was_found(store: Store) -> None:
    figures = figures_of(render_report(read_findings(store, searched(store))))
    history = {trace["name"]: trace for trace in figures["history"]}
    assert history["complete"]["y"] == [0.7, 0.8, 0.82, 0.75]
    assert history["failed"]["x"] == [5, 6, 7]
    assert history["best so far"]["y"] == [0.7, 0.8, 0.82, 0.82]
    curves = {trace["name"]: trace for trace in figures["curves"]}
    assert curves["baseline"]["y"] == [0.35, 0.7]
    assert curves["stopped early"]["x"] == [1, None]
    heat = figures["labels"][0]
    assert heat["z"][0] == pytest.approx([0.75, 0.86, 0.8])
    assert heat["z"][1] == [None, None, None]
    assert "+0.1100 to the baseline (+14.7%)" in heat["customdata"][0][1]
    points = figures["parameters"][-1]["customdata"]
    assert points.count(3) == 5, "four parameters, the mean AUC"
    fronts = [trace for trace in figures["cost"] if trace["mode"] == "lines"]
    assert [front["y"] for front in fronts] == [[0.81], [0.7, 0.81]], "by time, by parameters"


def test_names_are_never_markup(store: Store) -> None:
    html = render_report(read_findings(store, searched(store)))
    page = Page(html)
    assert HOSTILE in page.text
    assert HOSTILE not in html
    for traces in figures_of(html).values():
        assert "<script" not in json.dumps(traces)


def test_a_folder_that_is_missing_is_one_line(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"report\.html: cannot be written: there is no folder"):
        write_report(store, only_baseline(store), tmp_path / "none" / "report.html")
    with pytest.raises(UserError, match="no experiment 'other'"):
        write_report(store, "other", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser_tab(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@situations(*WITH_FIGURES)
def test_a_browser_draws_it_without_complaint(
    tab: Tab, store: Store, fill: Callable[[Store], str], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    write_report(store, fill(store), path)
    tab.requests.clear()
    tab.open(path)
    tab.draw_all()
    assert not tab.complaints
    asked = {address for address in tab.requests if not address.startswith("data:")}
    assert asked == {path.as_uri()}, "no request leaves the page"
    assert tab.eval("document.title") == "rows – sedn", "no name became a script"
    wanted = len(figures_of(path.read_text()))
    assert wanted == len(FIGURES) if fill is searched else wanted > 0
    assert tab.eval("document.querySelectorAll('.js-plotly-plot .main-svg').length") >= wanted


def test_a_complaint_would_be_heard(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "broken.html"
    path.write_text("<!DOCTYPE html><script>noSuchFunction()</script>")
    tab.open(path)
    assert "noSuchFunction is not defined" in tab.complaints.pop()
